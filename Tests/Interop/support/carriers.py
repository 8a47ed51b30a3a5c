"""Telephone carriers as they speak with a WebSocket of their customers: what a call begins with, how the caller's sound comes,
and what the customer's messages mean. Written from the carriers' own pages."""

import asyncio
import audioop
import base64
import contextlib
import io
import json
import wave

import aiohttp.web
import numpy
import websockets

FRAME = 0.02


class CarrierCall:
    """A call in progress. The caller is silent unless something is to be said."""

    path = ""
    rate = 8000

    def __init__(self, port: int, parameters: dict[str, str], headers: dict[str, str] | None = None) -> None:
        self.url = f"ws://127.0.0.1:{port}{self.path}"
        self.headers = headers
        self.parameters = parameters
        self.sound = b""  # what the caller hears, PCM
        self.messages: list[dict | bytes] = []
        self.marks = 0  # that have come back to the gateway
        self._news = asyncio.Condition()
        self._to_say = numpy.zeros(0, dtype=numpy.int16)
        self._chunk = 0
        self._tasks: list[asyncio.Task] = []

    # What differs.

    def opening(self) -> list[dict]:
        raise NotImplementedError

    def media(self, pcm: bytes) -> dict | bytes:
        """The caller's sound."""
        raise NotImplementedError

    def sound_in(self, message) -> bytes | None:
        """PCM of a message with sound for the caller."""
        if isinstance(message, dict) and message["event"] == "media":
            return self.decoded(base64.b64decode(message["media"]["payload"], validate=True))
        return None

    def decoded(self, payload: bytes) -> bytes:
        return payload

    def mark_in(self, message) -> str | None:
        return message["mark"]["name"] if isinstance(message, dict) and message.get("event") == "mark" else None

    def played(self, name: str) -> dict:
        """The mark comes back."""
        raise NotImplementedError

    def clears(self, message) -> bool:
        return isinstance(message, dict) and message.get("event") == "clear"

    def stop(self) -> dict | None:
        return {"event": "stop"}

    # What all have in common.

    async def __aenter__(self):
        self._socket = await websockets.connect(self.url, compression=None, additional_headers=self.headers)
        for message in self.opening():
            await self.send(message)
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        if (message := self.stop()) is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self.send(message)
        await self._socket.close()

    async def ended(self) -> int:
        """The close code, when the other side ends the stream."""
        await self._socket.wait_closed()
        return self._socket.close_code

    async def send(self, message: dict | bytes) -> None:
        await self._socket.send(message if isinstance(message, bytes) else json.dumps(message))

    def say(self, samples: numpy.ndarray) -> None:
        self._to_say = numpy.concatenate([self._to_say, samples])

    async def _speak(self) -> None:
        count = int(self.rate * FRAME)
        due = asyncio.get_running_loop().time()
        while True:
            frame, self._to_say = self._to_say[:count], self._to_say[count:]
            frame = numpy.concatenate([frame, numpy.zeros(count - len(frame), dtype=numpy.int16)])
            self._chunk += 1
            with contextlib.suppress(websockets.ConnectionClosed):
                await self.send(self.media(frame.tobytes()))
            due += FRAME
            await asyncio.sleep(max(0, due - asyncio.get_running_loop().time()))

    async def _listen(self) -> None:
        async for text in self._socket:
            message = text if isinstance(text, bytes) else json.loads(text)
            async with self._news:
                self.messages.append(message)
                self.sound += self.sound_in(message) or b""
                self._news.notify_all()
            if name := self.mark_in(message):
                await self.send(self.played(name))
                self.marks += 1

    async def until(self, happened, within: float = 30):
        """The first message of which that is so, and which has not been seen by an earlier `until`."""
        async with self._news, asyncio.timeout(within):
            while True:
                for index, message in enumerate(self.messages):
                    if happened(message):
                        del self.messages[: index + 1]
                        return message
                await self._news.wait()

    def heard(self) -> numpy.ndarray:
        samples, self.sound = numpy.frombuffer(self.sound, dtype=numpy.int16), b""
        return samples


class TelnyxCall(CarrierCall):
    path = "/telnyx"

    def opening(self):
        start = {
            "user_id": "3e6f995f-85f7-4705-9741-53b116d28237", "call_control_id": "v2:T02llQ",
            "from": "+13122010094", "to": "+13122123456", "custom_parameters": self.parameters,
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}}
        return [{"event": "connected", "version": "1.0.0"},
                {"event": "start", "sequence_number": "1", "stream_id": "32DE0DEA", "start": start}]

    def media(self, pcm):
        payload = base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode()
        # The carrier promises no order.
        chunk = self._chunk + (1, -1)[self._chunk % 2 == 0] if self._chunk > 2 else self._chunk
        return {"event": "media", "stream_id": "32DE0DEA",
                "media": {"track": "inbound", "chunk": str(chunk), "payload": payload}}

    def decoded(self, payload):
        return audioop.ulaw2lin(payload, 2)

    def played(self, name):
        return {"event": "mark", "stream_id": "32DE0DEA", "mark": {"name": name}}


class PlivoCall(CarrierCall):
    path = "/plivo"
    rate = 16000

    def opening(self):
        start = {"callId": "c0ffee00", "streamId": "b0ffee00", "accountId": "1", "tracks": ["inbound"],
                 "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000}}
        headers = ";".join(f"{name}={value}" for name, value in self.parameters.items())
        return [{"event": "start", "sequenceNumber": 0, "start": start, "extra_headers": headers}]

    def media(self, pcm):
        return {"event": "media", "streamId": "b0ffee00",
                "media": {"track": "inbound", "chunk": self._chunk, "payload": base64.b64encode(pcm).decode()}}

    def sound_in(self, message):
        if message["event"] != "playAudio":
            return None
        assert message["media"]["contentType"] == "audio/x-l16" and message["media"]["sampleRate"] == 16000
        return base64.b64decode(message["media"]["payload"], validate=True)

    def mark_in(self, message):
        return message["name"] if message["event"] == "checkpoint" else None

    def played(self, name):
        return {"event": "playedStream", "streamId": "b0ffee00", "name": name}

    def clears(self, message):
        return message["event"] == "clearAudio"

    def stop(self):
        return {"event": "stop", "streamId": "b0ffee00"}


class ExotelCall(CarrierCall):
    path = "/exotel"

    def opening(self):
        start = {"stream_sid": "MZx1", "call_sid": "CAx1", "account_sid": "ACx1", "from": "+919876543210",
                 "to": "+918047491899", "custom_parameters": self.parameters,
                 "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"}}
        return [{"event": "connected"}, {"event": "start", "stream_sid": "MZx1", "start": start}]

    def media(self, pcm):
        return {"event": "media", "stream_sid": "MZx1",
                "media": {"chunk": str(self._chunk), "payload": base64.b64encode(pcm).decode()}}

    def decoded(self, payload):
        assert 3200 <= len(payload) <= 100_000 and len(payload) % 320 == 0
        return payload

    def played(self, name):
        return {"event": "mark", "stream_sid": "MZx1", "mark": {"name": name}}


class AwaazCall(ExotelCall):
    path = "/awaaz"

    def opening(self):
        connected, start = super().opening()
        return [start, connected]

    def decoded(self, payload):
        with wave.open(io.BytesIO(payload)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            return file.readframes(file.getnframes())


class VonageCall(CarrierCall):
    path = "/vonage"
    rate = 16000

    def opening(self):
        return [{"event": "websocket:connected", "content-type": "audio/l16;rate=16000"} | self.parameters]

    def media(self, pcm):
        return pcm

    def sound_in(self, message):
        if not isinstance(message, bytes):
            return None
        # A message of another length ends the connection there.
        assert len(message) == 640
        return message

    def mark_in(self, message):
        return message["payload"]["mark"] if isinstance(message, dict) and message["action"] == "notify" else None

    def played(self, name):
        return {"event": "websocket:notify", "payload": {"mark": name}}

    def clears(self, message):
        return isinstance(message, dict) and message["action"] == "clear"

    def stop(self):
        return None


class TwilioCall(CarrierCall):
    path = "/twilio"

    def opening(self):
        start = {"accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound"],
                 "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                 "customParameters": self.parameters}
        return [{"event": "connected", "protocol": "Call", "version": "1.0.0"},
                {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ1"}]

    def media(self, pcm):
        payload = base64.b64encode(audioop.lin2ulaw(pcm, 2)).decode()
        return {"event": "media", "streamSid": "MZ1",
                "media": {"track": "inbound", "chunk": str(self._chunk), "payload": payload}}

    def decoded(self, payload):
        return audioop.ulaw2lin(payload, 2)

    def played(self, name):
        return {"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}

    def stop(self):
        return {"event": "stop", "streamSid": "MZ1"}


class CarrierAPI:
    """Where carriers end calls: takes down what is asked of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: asyncio.Queue[tuple[str, str, str, str]] = asyncio.Queue()

    async def __aenter__(self):
        application = aiohttp.web.Application()
        application.router.add_route("*", "/{path:.*}", self._take)
        self._runner = aiohttp.web.AppRunner(application)
        await self._runner.setup()
        await aiohttp.web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _take(self, request):
        await self.requests.put(
            (request.method, request.path, request.headers.get("Authorization"), await request.text()))
        return aiohttp.web.json_response({}, status=200)
