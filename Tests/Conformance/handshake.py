"""Both ends of the opening handshake (RFC 6455 section 4), by hand: what follows it is the cases' affair."""

import asyncio
import base64
import hashlib
import os
import re

LIMIT = 1 << 20


async def connect(host, port, path):
    """Opens a WebSocket; its reader and writer."""
    reader, writer = await asyncio.open_connection(host, port, limit=LIMIT)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 101 "):
        raise ConnectionError(f"the upgrade was refused: {answer[:60]!r}")
    return reader, writer


async def accept(reader, writer):
    """Answers the request of a client; the path that it asked for."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    key = re.search(r"^sec-websocket-key: *(\S+)", request, re.I | re.M).group(1)
    accepted = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(accepted) + b"\r\n\r\n")
    return request.split(" ", 2)[1]
