"""A room behind TLS: nginx with a certificate of a private authority in front of the room server."""

import asyncio
import shutil
import subprocess

import aiohttp
import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, Program, answers, free_port

# Debian keeps it where only root's PATH looks.
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

CONFIGURATION = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        # Offers HTTP/2 as deployments do; whoever asks for nothing gets HTTP/1.1.
        listen 127.0.0.1:{port} ssl http2;
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

    def make(self, name: str, host: str, days: int = 2) -> None:
        """A key and a certificate for a host."""
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n")
        request = self.folder / f"{name}.csr"
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={host}",
            "-keyout", self.folder / f"{name}.key", "-out", request)
        self._run(
            "x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", self.folder / "authority.key",
            "-CAcreateserial", "-days", days, "-extfile", extensions, "-out", self.folder / f"{name}.pem")


@pytest_asyncio.fixture
async def tls(tmp_path, programs, room_server):
    """Starts nginx with a certificate for a host; returns its port and the authority's file."""
    certificates = Certificates(tmp_path)

    async def start(host: str = "localhost", days: int = 2, protocols: str = "TLSv1.2 TLSv1.3"):
        certificates.make("server", host, days)
        port = free_port()
        file = tmp_path / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(
                folder=tmp_path, port=port, name="server", protocols=protocols, target=room_server.port))
        await programs(Program(NGINX, "-e", "stderr", "-p", tmp_path, "-c", file))
        await answers(port)
        return port, certificates.authority

    return start


def gateway(url: str, authority=None) -> Gateway:
    more = {"LIVEKIT_CA_FILE": authority} if authority else {}
    return Gateway(LIVEKIT_URL=url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, **more)


@pytest.mark.parametrize("scheme, protocols", [("wss", "TLSv1.3"), ("https", "TLSv1.2")])
async def test_a_room_behind_tls_is_joined_and_the_agent_dispatched_and_heard(
    programs, tls, tmp_path, scheme, protocols
):
    port, authority = await tls(protocols=protocols)
    one = await programs(gateway(f"{scheme}://localhost:{port}", authority))
    async with VoiceClient(one.url, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)
        assert not [event for event in alice.events if event["type"] == "error"]
    # The log is written when a request is over, a WebSocket's when it is closed.
    deadline = asyncio.get_running_loop().time() + 5
    while '"GET /rtc/v1?' not in (log := (tmp_path / "access.log").read_text()):
        assert asyncio.get_running_loop().time() < deadline, log
        await asyncio.sleep(0.05)
    assert 'AgentDispatchService/CreateDispatch HTTP/1.1" 200' in log
    assert all(" 101 " in line or " 200 " in line for line in log.splitlines()), log


async def refusal(one: Gateway) -> dict:
    """The one error that a caller of the gateway gets, who is then sent away."""
    async with VoiceClient(one.url, identity="alice") as alice:
        error = await alice.event("error", within=10)
        assert await alice.closed(within=5) == 1011
        assert [event["type"] for event in alice.events] == ["ready", "error", "closing"], alice.events
    return error


async def lives_on(one: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{one.port}/health") as answer:
        assert answer.status == 200
    assert one.process.returncode is None


async def blames_the_certificate(one: Gateway, reason: str) -> None:
    for _ in range(2):
        error = await refusal(one)
        assert error["code"] == "room_unavailable"
        assert (error["blame"], error["retry"]) == ("operator", False)
        assert "certificate" in error["message"] and reason in error["message"], error
        await lives_on(one)


async def test_without_the_authority_the_caller_is_told_that_the_certificate_is_not_trusted(programs, tls):
    port, _ = await tls()
    await blames_the_certificate(await programs(gateway(f"wss://localhost:{port}")), "issuer")


async def test_a_certificate_for_another_name_is_refused(programs, tls):
    port, authority = await tls(host="elsewhere.example")
    one = await programs(gateway(f"wss://localhost:{port}", authority))
    await blames_the_certificate(one, "hostname mismatch")


async def test_a_certificate_for_a_name_is_not_one_for_its_address(programs, tls):
    port, authority = await tls()
    one = await programs(gateway(f"wss://127.0.0.1:{port}", authority))
    await blames_the_certificate(one, "IP address mismatch")


async def test_an_expired_certificate_is_refused(programs, tls):
    port, authority = await tls(days=-1)
    one = await programs(gateway(f"wss://localhost:{port}", authority))
    await blames_the_certificate(one, "expired")


async def test_tls_towards_a_server_that_speaks_none_is_told_apart(programs, room_server):
    one = await programs(gateway(f"wss://127.0.0.1:{room_server.port}"))
    error = await refusal(one)
    assert error["blame"] == "operator" and not error["retry"]
    assert "TLS with 127.0.0.1 failed" in error["message"]
    assert "certificate" not in error["message"]
    await lives_on(one)


async def test_plain_words_towards_a_server_that_wants_tls_are_told_apart(programs, tls):
    port, _ = await tls()
    one = await programs(gateway(f"ws://127.0.0.1:{port}"))
    error = await refusal(one)
    assert error["blame"] == "operator" and not error["retry"]
    assert "HTTPS" in error["message"] and "<" not in error["message"], error
    await lives_on(one)


async def test_a_proxy_without_its_server_is_told_apart(programs, room_server, tls):
    port, authority = await tls()
    one = await programs(gateway(f"wss://localhost:{port}", authority))
    await room_server.stop()
    error = await refusal(one)
    assert error["blame"] == "room" and error["retry"]
    assert "HTTP status 502" in error["message"] and "<" not in error["message"], error


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "no PEM"])
async def test_an_authority_file_that_cannot_be_used_is_said_at_the_start(programs, tmp_path, content):
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)
    one = Program(
        *gateway("wss://localhost:1").command, LIVEKIT_URL="wss://localhost:1", LIVEKIT_API_KEY=KEY,
        LIVEKIT_API_SECRET=SECRET, LIVEKIT_CA_FILE=path)
    await programs(one)
    assert await one.ends() == 2
    assert len(one.lines) == 1 and "LIVEKIT_CA_FILE" in one.lines[0] and str(path) in one.lines[0], one.lines
