"""Requests in the forms that programs really send, letter by letter."""

import pytest
import pytest_asyncio

from support import floods
from support.processes import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway("--log-level", "debug").start()
    yield program
    await program.stop()


async def status(gateway, data: bytes) -> int:
    async with floods.connection(gateway.port) as (reader, writer):
        writer.write(data)
        return int((await reader.readuntil(b"\r\n")).split()[1])


def upgrade(target: str, key: str = "dGhlIHNhbXBsZSBub25jZQ==", version: str = "Sec-WebSocket-Version: 13") -> bytes:
    return floods.request(
        f"GET {target}", "Upgrade: websocket", "Connection: Upgrade", version, f"Sec-WebSocket-Key: {key}"
    )


@pytest.mark.parametrize(
    "data, wanted",
    [
        (upgrade("/ws?agent="), 101),
        (upgrade("/ws/?agent="), 101),
        (upgrade("/v1/conversation/ws/?agent="), 101),
        (upgrade("ws://gateway/ws?agent="), 101),
        (upgrade("/ws?agent=&name=Jürgen"), 101),
        # The example of RFC 6455 section 4.1.
        (upgrade("/ws?agent=", key="AQIDBAUGBwgJCgsMDQ4PEC=="), 101),
        (upgrade("/ws", key="c2hvcnQ="), 400),
        (upgrade("/ws", version="Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"), 400),
        (upgrade("/ws", version="Sec-WebSocket-Version: 8"), 426),
        (upgrade("/wss"), 404),
        (floods.request("OPTIONS *"), 204),
        (b"GET /health HTTP/1.1\nHost: gateway\n\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: gate way\r\n\r\n", 400),
        (floods.request("GET http://gateway/health"), 200),
        (floods.request("POST /session/end", "Content-Type: application/json", "Content-Length: 2") + b"{}", 400),
    ],
)
async def test_a_request_is_taken_or_refused_as_the_rfcs_say(gateway, data, wanted):
    assert await status(gateway, data) == wanted


async def test_a_byte_order_mark_before_json_is_passed_over(gateway):
    body = b'\xef\xbb\xbf{"roomName":"nobody"}'
    fields = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    marked = await status(gateway, floods.request("POST /session/end", *fields) + body)
    fields = ("Content-Type: application/json", f"Content-Length: {len(body) - 3}")
    assert marked == await status(gateway, floods.request("POST /session/end", *fields) + body[3:]) == 404


async def test_a_key_in_a_path_is_not_in_the_log(gateway):
    secret = "9f86d081884c7d659a2feaa0c55ad015"
    assert await status(gateway, floods.request(f"GET /health/{secret}")) == 404
    await gateway.says("/health/(not shown)")
    assert not [line for line in gateway.lines if secret in line]
