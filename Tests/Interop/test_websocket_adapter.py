"""The WebSocket adapter by itself against aiohttp, server and client each way round, plain and over TLS."""
import asyncio
import datetime
import ipaddress
import json
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / ".build" / "debug" / "WebSocketProbe"
LIMIT = 20


class Probe:
    def __init__(self, process):
        self.process = process
        self.port = 0

    async def line(self):
        async with asyncio.timeout(LIMIT):
            return (await self.process.stdout.readline()).decode().rstrip("\n")

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")


def with_probe(test):
    """Runs an async test with a probe, within a time limit."""

    async def run():
        process = await asyncio.create_subprocess_exec(
            PROBE, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        try:
            probe = Probe(process)
            word, port = (await probe.line()).split()
            assert word == "listening"
            probe.port = int(port)
            async with asyncio.timeout(LIMIT * 2):
                await test(probe)
        finally:
            process.kill()
            await process.wait()

    def wrapper():
        asyncio.run(run())

    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


SIZES = [0, 1, 125, 126, 65535, 65536, 300_000]


@with_probe
async def test_an_aiohttp_client_gets_its_messages_back(probe):
    # aiohttp offers permessage-deflate when asked to; we decline it.
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"ws://127.0.0.1:{probe.port}/echo", compress=15) as socket:
            assert not socket.compress
            for size in SIZES:
                await socket.send_bytes(bytes(i * 7 % 256 for i in range(size)))
                await socket.send_str("ü" * (size // 2))
                message = await socket.receive(LIMIT)
                assert message.type == WSMsgType.BINARY
                assert message.data == bytes(i * 7 % 256 for i in range(size))
                assert (await socket.receive_str()) == "ü" * (size // 2)
            await socket.ping(b"hello")
            await socket.close(code=4001, message=b"enough")
            assert socket.close_code == 4001


@with_probe
async def test_an_aiohttp_client_sees_refusals_and_close_codes(probe):
    async with aiohttp.ClientSession() as session:
        for status in (400, 401, 404, 503):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"ws://127.0.0.1:{probe.port}/reject/{status}")
            assert caught.value.status == status
        for code in (1000, 1011, 4400, 4429):
            socket = await session.ws_connect(f"ws://127.0.0.1:{probe.port}/close/{code}")
            message = await socket.receive(LIMIT)
            assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, code, "as asked")
            await socket.close()


@with_probe
async def test_an_aiohttp_client_speaks_plain_http(probe):
    async def chunks():
        for _ in range(10):
            yield b"x" * 1000

    base = f"http://127.0.0.1:{probe.port}"
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            async with session.request(method, f"{base}/a%20b/ü?x=1&y=%2F", data=b"z" * 5000) as answer:
                assert answer.status == 200
                told = json.loads(await answer.text())
                assert told["method"] == method
                assert told["path"] == "/a b/ü"
                assert told["length"] == 5000
        async with session.post(base, data=chunks()) as answer:
            assert (await answer.json())["length"] == 10_000
        async with session.post(base, data=b"12", expect100=True) as answer:
            assert (await answer.json())["length"] == 2
        async with session.head(base) as answer:
            assert answer.status == 200 and int(answer.headers["Content-Length"]) > 0
        async with session.post(base, data=b"z" * (2 << 20)) as answer:
            assert answer.status == 413


async def serve(handler, context=None):
    app = web.Application(client_max_size=1 << 24, handler_args={"max_line_size": 65536, "max_field_size": 65536})
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


async def exchange(request):
    """Sends messages, checks that they come back, then says goodbye."""
    socket = web.WebSocketResponse(max_msg_size=1 << 22)
    await socket.prepare(request)
    for size in SIZES:
        await socket.send_bytes(b"b" * size)
        await socket.send_str("t" * size)
        assert (await socket.receive(LIMIT)).data == b"b" * size
        assert (await socket.receive(LIMIT)).data == "t" * size
    await socket.ping(b"are you there")
    await socket.close(code=4321, message="grüße".encode())
    return socket


@with_probe
async def test_an_aiohttp_server_gets_its_messages_back(probe):
    seen = []

    async def handler(request):
        seen.append(request)
        return await exchange(request)

    runner, port = await serve(handler)
    query = "join_request=" + "A" * 7000 + "==&x=%2F"
    probe.say(f"connect ws://localhost:{port}/rtc/v1?{query} - token")
    assert await probe.line() == "opened"
    assert await probe.line() == "closed 4321 true grüße"
    assert seen[0].raw_path == f"/rtc/v1?{query}"
    assert seen[0].headers["Authorization"] == "Bearer token"
    assert seen[0].headers["Host"] == f"localhost:{port}"
    await runner.cleanup()


@with_probe
async def test_an_aiohttp_server_refuses(probe):
    async def handler(request):
        status = int(request.match_info["path"])
        return web.Response(status=status, text=f"because {status}")

    runner, port = await serve(handler)
    for status, reason in ((401, "Unauthorized"), (404, "Not Found"), (503, "Service Unavailable")):
        probe.say(f"connect ws://127.0.0.1:{port}/{status}")
        assert await probe.line() == f"failed the server answered {status} {reason}: because {status}"
    probe.say(f"connect ws://127.0.0.1:{port}/200")
    assert (await probe.line()).startswith("failed the server answered 200 OK")
    await runner.cleanup()
    probe.say(f"connect ws://127.0.0.1:{port}/")
    assert await probe.line() == "failed connection refused"


def certificate(folder):
    """A certificate for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, private)
    return pem, context


def test_an_aiohttp_server_over_tls(tmp_path):
    pem, context = certificate(tmp_path)

    @with_probe
    async def run(probe):
        runner, port = await serve(exchange, context)
        for host in ("localhost", "127.0.0.1"):
            probe.say(f"connect wss://{host}:{port}/ {pem}")
            assert await probe.line() == "opened"
            assert await probe.line() == "closed 4321 true grüße"
        probe.say(f"connect wss://localhost:{port}/")
        assert "certificate" in await probe.line()
        probe.say(f"connect ws://localhost:{port}/")
        assert (await probe.line()).startswith("failed")
        await runner.cleanup()

    run()
