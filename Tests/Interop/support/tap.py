"""A TCP relay between a participant and its room server, for what networks and old servers do to signalling."""

import asyncio
import contextlib


class Tap:
    """Use as `async with Tap(port) as tap`: relays connections to a port of this machine, until `cut()` breaks them
    all as a bad network does. Requests whose path begins with `missing` get 404, as from a server too old to know it."""

    def __init__(self, port: int, missing: str | None = None, host: str = "127.0.0.1") -> None:
        self.target = (host, port)
        self.missing = missing
        self.refused = 0
        #: Connections so far.
        self.count = 0
        self._writers = []

    async def __aenter__(self) -> "Tap":
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers = []

    def passed(self, connection: int, way: str, data: bytes) -> None:
        """Bytes went through a connection, `up` to the server or `down`. For those who want to know."""

    async def _relay(self, reader, writer) -> None:
        connection = self.count
        self.count += 1
        self._writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n") if self.missing else b""
            if self.missing and head.split(b" ", 2)[1].startswith(self.missing.encode()):
                self.refused += 1
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return writer.close()
            far_reader, far_writer = await asyncio.open_connection(*self.target)
            self._writers.append(far_writer)
            far_writer.write(head)
            self.passed(connection, "up", head)
            await asyncio.gather(
                self._copy(reader, far_writer, connection, "up"), self._copy(far_reader, writer, connection, "down"))

    async def _copy(self, source, sink, connection: int, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                self.passed(connection, way, data)
                sink.write(data)
                await sink.drain()
        sink.close()
