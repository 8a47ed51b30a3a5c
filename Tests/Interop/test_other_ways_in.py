"""Clients that come by a path, by sockets that the service manager has opened, and by proxies that pass on bytes."""

import asyncio
import os
import socket
import sys

import aiohttp

from support.balancers import HAPROXY
from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import GATEWAY, Gateway, Program, answers, free_port

CONFIGURATION = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 2s
    timeout client 1m
    timeout server 1m
listen clients
    bind 127.0.0.1:{port}
    server gateway {target} send-proxy-v2
"""


class ByteBalancer(Program):
    """HAProxy that passes on bytes, from another address of this machine than that of its clients."""

    def __init__(self, folder, target) -> None:
        self.port = free_port()
        file = folder / "haproxy.cfg"
        file.write_text(CONFIGURATION.format(port=self.port, target=target))
        super().__init__(HAPROXY, "-db", "-f", file)

    async def start(self) -> "ByteBalancer":
        await super().start()
        await answers(self, self.port)
        return self


async def test_whom_haproxy_speaks_for_is_who_calls_and_nobody_else_can_say_so(programs, tmp_path):
    gateway = await programs(
        Gateway(PROXY_PROTOCOL="true", TRUSTED_PROXIES="127.0.0.9", MAX_CONNECTIONS_PER_ADDRESS=1))
    proxy = await programs(ByteBalancer(tmp_path, f"127.0.0.1:{gateway.port} source 127.0.0.9"))
    async with VoiceClient(f"ws://127.0.0.1:{proxy.port}/ws", identity="alice") as alice:
        await says_it_back(alice)
    line = await gateway.says("call ended")
    assert "address=127.0.0.1 " in line
    # A trusted proxy that says nothing, and somebody else who claims to be one.
    with socket.create_connection(("127.0.0.1", gateway.port), source_address=("127.0.0.9", 0)) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        silent.settimeout(10)
        assert silent.recv(100) == b""
    await gateway.says("sends no PROXY protocol header")
    with socket.create_connection(("127.0.0.1", gateway.port)) as other:
        other.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\0\x50\0\x51GET / HTTP/1.1\r\n\r\n")
        other.settimeout(10)
        assert other.recv(100).startswith(b"HTTP/1.1 400 ")


async def test_a_client_talks_at_a_path_and_the_file_goes_with_the_gateway(programs, tmp_path):
    path = tmp_path / "clients.sock"
    gateway = await programs(Gateway(UNIX_SOCKET=path))
    await gateway.says(f'{path}"')
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http:
        async with http.get("http://gateway/health") as answer:
            assert answer.status == 200 and "Date" in answer.headers
        async with http.ws_connect("http://gateway/ws?identity=alice") as call:
            assert (await asyncio.wait_for(call.receive_json(), 10))["type"] in ("ready", "session")
    await gateway.stop()
    assert not path.exists()


async def test_sockets_of_the_service_manager_are_used_in_place_of_the_port(programs):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    # As systemd does it: descriptor 3, and the process's own number in the environment.
    script = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); "
        "os.environ |= {'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())}; os.execv(sys.argv[2], sys.argv[2:])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(listener.fileno()), str(GATEWAY), "serve", "--port", str(free_port()),
        "--dev-port", str(free_port()), pass_fds=[listener.fileno()], cwd="/tmp", env=dict(os.environ) | {"DRAIN_SECONDS": "0"},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
    listener.close()
    try:
        async with VoiceClient(f"ws://127.0.0.1:{port}/ws", identity="alice") as alice:
            await alice.event("session")
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
