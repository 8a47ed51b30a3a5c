"""A client of the old JSON protocol without a browser: WAV utterances, MediaRecorder's WebM, replies as WAV files."""

import asyncio
import base64
import io
import json
import time
import wave

import aiohttp
import av
import numpy

from support.client import VoiceClient

CONNECTED = {"type": "ready", "message": "Connected. Send audio chunks, then 'end_turn' to process."}
READY = {"type": "ready", "message": "Ready for next turn"}
CONVERTING = {"type": "processing", "message": "Converting audio..."}
TRANSCRIBING = {"type": "processing", "message": "Transcribing..."}
END_TURN = {"type": "end_turn"}
INVALID_AUDIO = {"type": "error", "message": "Invalid audio data"}


def wav(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """A WAV file as browsers write it: 16-bit mono with a header of 44 bytes."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(numpy.asarray(samples, dtype=numpy.int16).tobytes())
    return file.getvalue()


def unpacked(file: bytes) -> tuple[numpy.ndarray, int]:
    """Samples and rate of a WAV file, which has to be complete in itself."""
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (1, 2), reader.getparams()
        samples = numpy.frombuffer(reader.readframes(reader.getnframes()), dtype=numpy.int16)
        assert len(samples) == reader.getnframes() > 0, "the header promises another length than the file has"
        assert len(file) == 44 + 2 * len(samples)
        return samples, reader.getframerate()


def recording(samples: numpy.ndarray, rate: int = 48000, piece_ms: int = 250) -> list[bytes]:
    """WebM/Opus of a live recording in pieces of `piece_ms`: the header is in the first alone, and the others begin
    wherever the muxer was."""

    class Pipe:
        """What cannot be sought in makes the muxer write clusters of unknown length, as browsers do."""

        def __init__(self):
            self.data = bytearray()

        def write(self, data):
            self.data += data
            return len(data)

    pipe, pieces, taken = Pipe(), [], 0
    with av.open(pipe, "w", format="webm", options={"live": "1", "cluster_time_limit": "200"}) as container:
        stream = container.add_stream("libopus", rate=rate, layout="mono")
        for start in range(0, len(samples), rate * piece_ms // 1000):
            part = numpy.ascontiguousarray(samples[start : start + rate * piece_ms // 1000]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
            pieces.append(bytes(pipe.data[taken:]))
            taken = len(pipe.data)
        container.mux(stream.encode(None))
    pieces.append(bytes(pipe.data[taken:]))
    return [piece for piece in pieces if piece]


class OldClient(VoiceClient):
    """Use as `async with OldClient(gateway.url) as client`, or with the address that a backend has given. `events` has
    the messages in their order, those of sound as {"type": "audio", "piece": number in `pieces`}; `times` says when
    each came. Binary frames, for who has chosen them (`takes_binary`), are in `heard`."""

    def __init__(
        self, url: str, path: str = "/v1/conversation/ws", takes_binary: bool = False, **parameters
    ) -> None:
        if url.endswith("/ws") and not url.endswith("/v1/conversation/ws"):
            url = url.removesuffix("/ws") + path
        super().__init__(url, **parameters)
        self.takes_binary = takes_binary
        self.pieces: list[bytes] = []
        self.times: list[float] = []
        self.close_reason = None

    async def _read(self) -> None:
        while (message := await self.socket.receive()).type not in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            async with self._news:
                if message.type == aiohttp.WSMsgType.CLOSE:
                    self.close_reason = message.extra
                    break
                if message.type == aiohttp.WSMsgType.ERROR:
                    break
                if message.type == aiohttp.WSMsgType.BINARY and self.takes_binary:
                    self.heard += message.data
                else:
                    assert message.type == aiohttp.WSMsgType.TEXT, message
                    self._note(json.loads(message.data))
                self._news.notify_all()
        async with self._news:
            self.close_code = self.socket.close_code
            self._news.notify_all()

    def _note(self, event: dict) -> None:
        if event["type"] == "audio":
            assert set(event) == {"type", "data"}, event.keys()
            self.pieces.append(base64.b64decode(event["data"], validate=True))
            event = {"type": "audio", "piece": len(self.pieces) - 1}
        self.events.append(event)
        self.times.append(time.monotonic())

    # What came

    def types(self, *without: str) -> list[str]:
        return [event["type"] for event in self.events if event["type"] not in without]

    def all(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["type"] == kind]

    def sounds(self, after: int = 0) -> list[numpy.ndarray]:
        """The reply's sound from event number `after` on: each piece decoded on its own, as a browser does."""
        return [unpacked(self.pieces[e["piece"]])[0] for e in self.events[after:] if e["type"] == "audio"]

    async def turn_is_mine(self, after: int = 0, within: float = 40) -> None:
        await self.event("ready", within, after, message=READY["message"])

    @property
    def told(self) -> list[dict]:
        """The protocol's own messages; an agent's JSON, whose types have dots, is not among them."""
        return [event for event in self.events if "." not in event["type"]]

    @property
    def samples(self) -> numpy.ndarray:
        """All of the sound so far. Its rate is `rate_out`."""
        files = [unpacked(piece) for piece in self.pieces]
        assert {rate for _, rate in files} <= {self.rate_out}
        return numpy.concatenate([samples for samples, _ in files]) if files else numpy.zeros(0, dtype=numpy.int16)

    # What goes

    async def configure(self, instructions: str) -> None:
        await self.send(type="config", data={"instructions": instructions})

    async def audio(self, data: bytes, **more) -> None:
        await self.send(type="audio", data=base64.b64encode(data).decode(), **more)

    async def utter(self, samples: numpy.ndarray) -> int:
        """Voice-activity mode: the whole utterance and `end_turn` at once. Returns the number of the next event."""
        before = len(self.events)
        await self.audio(wav(samples), format="wav")
        await self.send(**END_TURN)
        return before

    async def hold(self, pieces: list[bytes], piece_ms: int = 250, real_time: bool = True) -> int:
        """Push-to-talk: a piece each 250 ms, the last with the release, `end_turn` 300 ms later. Returns the number of
        the next event."""
        before = len(self.events)
        for piece in pieces:
            if real_time:
                await asyncio.sleep(piece_ms / 1000)
            await self.audio(piece)
        if real_time:
            await asyncio.sleep(0.3)
        await self.send(**END_TURN)
        return before

    async def turn(self, number: int = 1, within: float = 40) -> list[dict]:
        """Waits for the end of a turn (the first, the second…) and returns its messages, from the client's first
        sound on to `Ready for next turn`."""
        ends = lambda: [index for index, event in enumerate(self.told) if event == READY]
        await self.until(lambda: len(ends()) >= number, within, f"the end of turn {number}")
        begin = ends()[number - 2] + 1 if number > 1 else 0
        return [e for e in self.told[begin : ends()[number - 1] + 1] if e != CONNECTED and e["type"] != "configured"]
