"""A proxy that leads connections on by CONNECT, and knows names that nobody else knows."""

import asyncio
import base64


class HTTPProxy:
    """`names` says to which port of this machine a host leads; without `password` anybody may come."""

    def __init__(self, names: dict[str, int], password: str | None = None) -> None:
        self.names, self.password = names, password
        #: What was asked for, and which answer it got.
        self.requests: list[tuple[str, int]] = []
        self._tasks = set()

    async def start(self) -> "HTTPProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split("\r\n")[0].split(" ")
        host = target.rsplit(":", 1)[0]
        credentials = base64.b64encode(f"user:{self.password}".encode()).decode()
        allowed = self.password is None or f"\r\nProxy-Authorization: Basic {credentials}\r\n" in head
        status = 407 if not allowed else 200 if method == "CONNECT" and host in self.names else 403
        self.requests.append((target, status))
        writer.write(f"HTTP/1.1 {status} {'Connection established' if status == 200 else 'No'}\r\n\r\n".encode())
        if status != 200:
            return writer.close()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.names[host])
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        sink.close()
