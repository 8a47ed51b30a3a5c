"""What one client can send to keep a gateway busy: plain sockets, no library that would be too polite."""

import asyncio
import contextlib
import struct


@contextlib.asynccontextmanager
async def connection(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def request(line: str, *fields: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: gateway", *fields, "", ""]).encode()


async def send(writer, data: bytes) -> None:
    """Sends everything, as fast as it is taken; a connection that the gateway ends is no failure."""
    with contextlib.suppress(ConnectionError):
        for start in range(0, len(data), 65_536):
            writer.write(data[start : start + 65_536])
            await writer.drain()


async def count(reader, mark: bytes, wanted: int) -> int:
    """How often `mark` comes, until it has come `wanted` times or the connection ends."""
    found, tail = 0, b""
    while found < wanted:
        data = await reader.read(1 << 20)
        if not data:
            break
        data = tail + data
        found += data.count(mark)
        tail = data[-len(mark) + 1 :]
    return found


async def upgrade(port: int, path: str = "/ws?agent="):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        request(
            f"GET {path}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    head += bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + struct.pack(">H", size)
    return head + bytes(4) + payload
