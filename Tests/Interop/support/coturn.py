"""coturn from Debian, a TURN server of other people's making, with one user."""

import asyncio

from support.processes import Program, answers, free_port

USER, PASSWORD = "a-turn-user", "a-turn-password"


class Coturn(Program):
    """Listens at `host` for UDP and TCP, and for TLS with a certificate of `certificates`; relays from there. `arguments` are
    more of its own options."""

    def __init__(self, host: str, *arguments: str, certificates=None, password: str = PASSWORD) -> None:
        self.host, self.port, self.tls_port = host, free_port(), free_port()
        self.certificates = certificates
        tls = ["--no-tls"]
        if certificates:
            certificates.make("turn", host)
            tls = [f"--cert={certificates.folder}/turn.pem", f"--pkey={certificates.folder}/turn.key"]
        super().__init__(
            "turnserver", "-n", "--lt-cred-mech", f"--user={USER}:{password}", "--realm=example.org",
            f"--listening-ip={host}", f"--relay-ip={host}", f"--listening-port={self.port}",
            f"--tls-listening-port={self.tls_port}", *tls, "--no-dtls", "--no-cli", "--log-file=stdout", "--simple-log",
            "--pidfile=/dev/null", *arguments)

    async def start(self) -> "Coturn":
        await Program.start(self)
        await answers(self, self.port, host=self.host)
        return self

    def url(self, way: str) -> str:
        """As the room server announces it: `way` is udp, tcp or tls."""
        scheme, port, transport = ("turns", self.tls_port, "tcp") if way == "tls" else ("turn", self.port, way)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}:{USER}:{PASSWORD}@{host}:{port}?transport={transport}"
