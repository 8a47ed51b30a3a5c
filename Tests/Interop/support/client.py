"""A WebSocket client as a device would be: raw PCM in 20 ms frames, JSON events, nothing of LiveKit."""

import asyncio
import json

import aiohttp
import numpy


class VoiceClient:
    def __init__(self, url: str, tls=True, **parameters) -> None:
        """`tls`: the SSL context for a wss: URL; True is the system's."""
        self.url = url
        self.tls = tls
        self.parameters = {key: str(value) for key, value in parameters.items()}
        self.rate_in = int(self.parameters.get("sample_rate", 16000))
        self.rate_out = int(self.parameters.get("output_sample_rate", 24000))
        self.events: list[dict] = []
        self.heard = bytearray()
        self.frames = 0
        self.close_code = None
        self._mouth = asyncio.Lock()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> "VoiceClient":
        self._http = aiohttp.ClientSession()
        self.socket = await self._http.ws_connect(self.url, params=self.parameters, max_msg_size=0, ssl=self.tls)
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        await self.socket.close()
        await asyncio.wait([self._reading], timeout=5)
        self._reading.cancel()
        await self._http.close()

    async def _read(self) -> None:
        async for message in self.socket:
            async with self._news:
                if message.type == aiohttp.WSMsgType.BINARY:
                    self.heard += message.data
                    self.frames += 1
                elif message.type == aiohttp.WSMsgType.TEXT:
                    self.events.append(json.loads(message.data))
                self._news.notify_all()
        async with self._news:
            self.close_code = self.socket.close_code
            self._news.notify_all()

    @property
    def samples(self) -> numpy.ndarray:
        return numpy.frombuffer(bytes(self.heard[: len(self.heard) // 2 * 2]), dtype=numpy.int16)

    async def until(self, condition, within: float = 20, what: str = "") -> None:
        """Waits until `condition()` holds; it is asked again after each message."""
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(condition), within)
            except asyncio.TimeoutError:
                raise AssertionError(
                    f"never came: {what or condition}; events: {json.dumps(self.events[-25:])};"
                    f" heard {len(self.samples) / self.rate_out:.2f} s"
                ) from None

    async def event(self, kind: str, within: float = 20, after: int = 0, **fields) -> dict:
        """The first event of a type (from number `after` on) whose fields have the given values."""

        def found():
            return next(
                (
                    event
                    for event in self.events[after:]
                    if event.get("type") == kind and all(event.get(k) == v for k, v in fields.items())
                ),
                None,
            )

        await self.until(lambda: found() is not None, within, f"event {kind} {fields}")
        return found()

    async def closed(self, within: float = 20) -> int:
        await self.until(lambda: self._reading.done() or self.close_code is not None, within, "the close")
        return self.socket.close_code

    async def send(self, **message) -> None:
        await self.socket.send_json(message)

    async def speak(self, samples: numpy.ndarray, real_time: bool = True, frame_ms: int = 20) -> None:
        """Sends samples as a microphone would: one frame each `frame_ms`. A client has one mouth: what is said at the same
        time, as the silence of `microphone`, waits."""
        size = self.rate_in * frame_ms // 1000
        clock = asyncio.get_running_loop()
        async with self._mouth:
            due = clock.time()
            for start in range(0, len(samples), size):
                await self.socket.send_bytes(samples[start : start + size].tobytes())
                if real_time:
                    due += frame_ms / 1000
                    await asyncio.sleep(max(0, due - clock.time()))

    async def microphone(self) -> None:
        """Silence for ever, as an open microphone in a quiet room; run it as a task and cancel it."""
        while True:
            await self.speak(numpy.zeros(self.rate_in // 10, dtype=numpy.int16))
