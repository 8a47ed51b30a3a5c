"""The proxies of deploy/ as they are shipped, with this test's ports and certificate in place of the example's."""

import pathlib
import shutil

from support.nginx import PROGRAM as NGINX
from support.nginx import Certificates
from support.processes import ROOT, Program, answers, free_port

HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"


def shipped(name: str, changes: dict[str, str]) -> str:
    """A file of deploy/ in which each of these texts is replaced; one that is not there is a mistake."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/{name} has no {old!r}"
        text = text.replace(old, new)
    return text


class Balancer(Program):
    """Listens with TLS, in front of two gateways; `authority` is who signed its certificate, `checks` says whether it asks
    gateways how they are, and gives calls to none that it has not asked."""

    def __init__(self, folder: pathlib.Path, *command) -> None:
        self.port = free_port()
        certificates = Certificates(folder)
        certificates.make("server", "localhost")
        self.authority = certificates.authority
        self.url = f"wss://localhost:{self.port}/ws"
        super().__init__(*command)

    async def start(self) -> "Balancer":
        await super().start()
        await answers(self, self.port)
        return self


class NginxBalancer(Balancer):
    checks = False

    def __init__(self, folder: pathlib.Path, one: int, two: int) -> None:
        main = folder / "nginx.conf"
        super().__init__(folder, NGINX, "-e", "stderr", "-p", folder, "-c", main)
        site = shipped("nginx/voicegateway.conf", {
            "127.0.0.1:3001": f"127.0.0.1:{one}", "127.0.0.1:3002": f"127.0.0.1:{two}",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl", "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/private/voicegateway.pem": f"{folder}/server.pem",
            "/etc/ssl/private/voicegateway.key": f"{folder}/server.key"})
        (folder / "site.conf").write_text(site)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        main.write_text(
            f"daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;"
            f"events {{ worker_connections 256; }} http {{ {temporary} include {folder}/site.conf; }}")


class HAProxyBalancer(Balancer):
    checks = True

    def __init__(self, folder: pathlib.Path, one: int, two: int) -> None:
        file = folder / "haproxy.cfg"
        super().__init__(folder, HAPROXY, "-db", "-f", file)
        pair = folder / "pair.pem"
        pair.write_text((folder / "server.pem").read_text() + (folder / "server.key").read_text())
        file.write_text(shipped("haproxy/haproxy.cfg", {
            "127.0.0.1:3001": f"127.0.0.1:{one}", "127.0.0.1:3002": f"127.0.0.1:{two}",
            "bind :443": f"bind 127.0.0.1:{self.port}", "/etc/haproxy/voicegateway.pem": str(pair),
            "    log /dev/log local0\n": "    log stderr format raw local0\n",
            # Whoever runs the tests may not open so many files.
            "maxconn 20000": "maxconn 200",
            "    user haproxy\n    group haproxy\n": ""}))
