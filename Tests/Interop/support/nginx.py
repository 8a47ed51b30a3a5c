"""nginx from Debian as a TLS proxy in front of the room server, with a certificate of a private authority."""

import asyncio
import pathlib
import shutil
import ssl
import subprocess

from support.processes import Program, answers, free_port

# Debian keeps it where only root's PATH looks.
PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"

CONFIGURATION = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    log_format calls '$server_protocol $connection $connection_requests "$request" $status';
    access_log {folder}/access.log calls;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port} ssl {http2};
        {more}
        ssl_certificate {folder}/{name}.pem;
        ssl_certificate_key {folder}/{name}.key;
        ssl_protocols {protocols};
        location / {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


class Certificates:
    """A private authority and what it signs, made by openssl."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.authority = folder / "authority.pem"
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=Test Authority", "-keyout", folder / "authority.key", "-out", self.authority)

    def _run(self, *arguments) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def make(self, name: str, host: str, days: int = 2, subject: str | None = None) -> None:
        """A key and a certificate for a host, a name or an address, which is its subject unless there is another."""
        extensions = self.folder / f"{name}.ext"
        kind = "IP" if host.replace(".", "").isdigit() or ":" in host else "DNS"
        extensions.write_text(f"subjectAltName={kind}:{host}\nextendedKeyUsage=serverAuth,clientAuth\n")
        request = self.folder / f"{name}.csr"
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={subject or host}",
            "-keyout", self.folder / f"{name}.key", "-out", request)
        self._run(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.folder / "authority.key",
            "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", self.folder / f"{name}.pem")

    def trust(self, name: str, subject: str | None = None) -> ssl.SSLContext:
        """What a client uses that trusts the authority and shows a certificate of its own."""
        self.make(name, name, subject=subject)
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


class Call:
    """One line of the access log."""

    def __init__(self, line: str) -> None:
        version, connection, number, rest = line.split(" ", 3)
        self.version, self.connection, self.number = version, int(connection), int(number)
        request, status = rest.rsplit(" ", 1)
        self.method, self.path = request.strip('"').split(" ")[:2]
        self.status = int(status)

    def __repr__(self) -> str:
        return f"{self.version} {self.connection}/{self.number} {self.path.split('?')[0]} {self.status}"


class Nginx(Program):
    """Offers HTTP/2 as deployments do, unless told otherwise; whoever asks for nothing gets HTTP/1.1."""

    def __init__(
        self, folder: pathlib.Path, target: int, *, host: str = "localhost", days: int = 2,
        protocols: str = "TLSv1.2 TLSv1.3", http2: bool = True, more: str = ""
    ) -> None:
        self.folder = folder
        self.port = free_port()
        certificates = Certificates(folder)
        certificates.make("server", host, days)
        self.authority = certificates.authority
        file = folder / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(
                folder=folder, port=self.port, name="server", protocols=protocols, target=target,
                http2="http2" if http2 else "", more=more))
        super().__init__(PROGRAM, "-e", "stderr", "-p", folder, "-c", file)

    async def start(self) -> "Nginx":
        await super().start()
        await answers(self, self.port)
        return self

    @property
    def calls(self) -> list[Call]:
        """What has been asked so far. A request is logged when it is over, a WebSocket when it is closed."""
        path = self.folder / "access.log"
        return [Call(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def logged(self, path: str, count: int = 1, within: float = 10) -> list[Call]:
        """The calls with that in their path, as soon as there are so many."""
        deadline = asyncio.get_running_loop().time() + within
        while len(found := [call for call in self.calls if path in call.path]) < count:
            assert asyncio.get_running_loop().time() < deadline, self.calls
            await asyncio.sleep(0.05)
        return found
