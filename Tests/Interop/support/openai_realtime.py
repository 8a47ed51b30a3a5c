"""Programs written for OpenAI's Realtime API, by its own package: each event is checked against the models of that."""

import asyncio
import base64

import numpy
from openai import AsyncOpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

RATE = 24_000
SERVER_EVENT = TypeAdapter(RealtimeServerEvent)


class RealtimeClient:
    """One connection. `events` holds everything that came, in order, as the package's own models."""

    def __init__(self, port: int, key: str = "none", model: str = "voicegateway", **query: str) -> None:
        self.client = AsyncOpenAI(api_key=key, base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)
        self.model, self.query = model, query
        self.events: list = []
        self._news = asyncio.Condition()
        self._speaking: asyncio.Task | None = None

    async def __aenter__(self) -> "RealtimeClient":
        self.connecting = self.client.realtime.connect(model=self.model, extra_query=self.query)
        self.connection = await self.connecting.__aenter__()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        self.silence()
        await self.connecting.__aexit__(None, None, None)
        await asyncio.wait([self._reading], timeout=5)
        # An event that is not as it must be is the test's affair.
        self._reading.result()

    async def _read(self) -> None:
        while True:
            try:
                data = await self.connection.recv_bytes()
            except Exception as closed:  # the package hands on what its WebSocket library raises
                self.closed = closed
                async with self._news:
                    self._news.notify_all()
                return
            event = SERVER_EVENT.validate_json(data, strict=True)
            async with self._news:
                self.events.append(event)
                self._news.notify_all()

    @property
    def kinds(self) -> list[str]:
        return [event.type for event in self.events]

    def all(self, kind: str, after: int = 0) -> list:
        return [event for event in self.events[after:] if event.type == kind]

    async def event(self, kind: str, within: float = 30, after: int = 0, where=lambda event: True):
        def found():
            return next((event for event in self.all(kind, after) if where(event)), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), within)
            except asyncio.TimeoutError:
                raise AssertionError(f"no {kind} among {self.kinds[-40:]}") from None
        return found()

    async def send(self, kind: str, **members) -> None:
        await self.connection.send({"type": kind, **members})

    # Sound

    def speak(self, samples: numpy.ndarray, width: int = 2) -> None:
        """Says it, and then nothing for as long as nothing else is to be said: a microphone is always open."""
        self.silence()
        self._speaking = asyncio.create_task(self._speak(samples.tobytes(), width))

    def silence(self) -> None:
        if self._speaking:
            self._speaking.cancel()

    async def _speak(self, data: bytes, width: int) -> None:
        # 40 ms at 24 kHz of 16 bits, or of 8 bits at 8 kHz.
        size = RATE * 40 // 1000 * 2 if width == 2 else 320
        quiet = bytes(size) if width == 2 else b"\xff" * size
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        clock = asyncio.get_running_loop()
        due = clock.time()
        while True:
            piece = pieces.pop(0) if pieces else quiet
            await self.send("input_audio_buffer.append", audio=base64.b64encode(piece).decode())
            due += 0.04
            await asyncio.sleep(max(0, due - clock.time()))

    def heard(self, response: str | None = None, after: int = 0) -> bytes:
        pieces = [e for e in self.all("response.output_audio.delta", after) if response in (None, e.response_id)]
        return b"".join(base64.b64decode(piece.delta) for piece in pieces)

    def samples(self, response: str | None = None, after: int = 0) -> numpy.ndarray:
        return numpy.frombuffer(self.heard(response, after), numpy.int16)
