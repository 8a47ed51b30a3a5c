"""A TCP proxy whose connections can be cut, stopped and written into: a bad network between two programs."""

import asyncio


class Proxy:
    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        #: Connections so far.
        self.count = 0
        self._server = None
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks = set()

    async def start(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.append(pair)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink, pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, pair) -> None:
        try:
            while data := await source.read(65_536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        for writer in pair:
            writer.close()
        if pair in self._pairs:
            self._pairs.remove(pair)

    def cut(self) -> None:
        """Resets all connections, in both directions."""
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()
        self._pairs.clear()

    def stall(self) -> None:
        """Nothing passes any more, and nobody is told."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def refuse(self) -> None:
        """Takes no new connections until `start`."""
        self._server.close()
        # The port is kept for the next start.
        await asyncio.sleep(0)

    def inject(self, data: bytes) -> None:
        """Writes into what comes from the target, on all connections that are open."""
        for near, _ in self._pairs:
            near.write(data)

    async def stop(self) -> None:
        self.flow()
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
