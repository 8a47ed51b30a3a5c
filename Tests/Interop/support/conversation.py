"""A client of /v1/conversation/ws as old frontends are: JSON text frames with base64 in them, nothing else."""

import asyncio
import base64
import io
import json
import time
import wave

import aiohttp
import av
import numpy


class OldClient:
    """Talks the old protocol and keeps every message with the time at which it came."""

    def __init__(self, gateway, headers: dict | None = None, path: str = "/v1/conversation/ws", **query) -> None:
        self.url = f"ws://127.0.0.1:{gateway.port}{path}"
        self.query = {key: str(value) for key, value in query.items()}
        self.headers = headers or {}
        self.messages: list[dict] = []
        self.times: list[float] = []
        self.binary = bytearray()
        self.close_code = None
        self.close_reason = None
        self._news = asyncio.Condition()

    async def __aenter__(self) -> "OldClient":
        self._http = aiohttp.ClientSession()
        self.socket = await self._http.ws_connect(
            self.url, params=self.query, headers=self.headers, max_msg_size=0
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_) -> None:
        await self.socket.close()
        await asyncio.wait([self._reading], timeout=5)
        self._reading.cancel()
        await self._http.close()

    async def _read(self) -> None:
        while True:
            message = await self.socket.receive()
            async with self._news:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self.messages.append(json.loads(message.data))
                    self.times.append(time.monotonic())
                elif message.type == aiohttp.WSMsgType.BINARY:
                    self.binary += message.data
                else:
                    self.close_code = self.socket.close_code
                    if message.type == aiohttp.WSMsgType.CLOSE:
                        self.close_code, self.close_reason = message.data, message.extra
                    self._news.notify_all()
                    return
                self._news.notify_all()

    # What came

    def types(self, *without: str) -> list[str]:
        return [message["type"] for message in self.messages if message["type"] not in without]

    def all(self, kind: str) -> list[dict]:
        return [message for message in self.messages if message["type"] == kind]

    def pieces(self, after: int = 0) -> list[numpy.ndarray]:
        """The reply's sound from message number `after` on: each message decoded on its own, as a browser does."""
        return [wav_samples(base64.b64decode(m["data"]))[0] for m in self.messages[after:] if m["type"] == "audio"]

    async def until(self, condition, within: float = 20, what: str = "") -> None:
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(condition), within)
            except asyncio.TimeoutError:
                short = [{k: str(v)[:60] for k, v in m.items()} for m in self.messages[-20:]]
                raise AssertionError(f"never came: {what or condition}; so far: {json.dumps(short)}") from None

    async def message(self, kind: str, within: float = 20, after: int = 0, **fields) -> dict:
        """The first message of a type, from number `after` on, whose fields have the given values."""

        def found():
            return next(
                (m for m in self.messages[after:]
                 if m["type"] == kind and all(m.get(k) == v for k, v in fields.items())), None)

        await self.until(lambda: found() is not None, within, f"{kind} {fields}")
        return found()

    async def turn_is_mine(self, after: int = 0, within: float = 40) -> None:
        await self.message("ready", within, after, message="Ready for next turn")

    async def closed(self, within: float = 20) -> int:
        await self.until(lambda: self.close_code is not None, within, "the close")
        return self.close_code

    # What goes

    async def send(self, **message) -> None:
        await self.socket.send_str(json.dumps(message))

    async def audio(self, data: bytes, **more) -> None:
        await self.send(type="audio", data=base64.b64encode(data).decode(), **more)

    async def say(self, samples: numpy.ndarray, rate: int = 16000) -> int:
        """An utterance of the voice-activity mode; returns the number of the next message."""
        before = len(self.messages)
        await self.audio(wav(samples, rate), format="wav")
        await self.send(type="end_turn")
        return before

    async def hold_button(self, recording: bytes, seconds: float, real_time: bool = True) -> int:
        """A recording of the push-to-talk mode: pieces of 250 ms, cut wherever that falls; the button is released
        and 300 ms later the turn ended."""
        before = len(self.messages)
        count = max(1, round(seconds / 0.25))
        size = -(-len(recording) // count)
        for start in range(0, len(recording), size):
            if real_time:
                await asyncio.sleep(0.25)
            await self.audio(recording[start : start + size])
        if real_time:
            await asyncio.sleep(0.3)
        await self.send(type="end_turn")
        return before


def wav(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """The file that the voice-activity frontend makes: 44 bytes of header, PCM of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def wav_samples(file: bytes) -> tuple[numpy.ndarray, int]:
    """A whole file; anything that is wrong with it is an error."""
    with wave.open(io.BytesIO(file)) as reader:
        assert reader.getnchannels() == 1 and reader.getsampwidth() == 2
        samples = numpy.frombuffer(reader.readframes(reader.getnframes()), dtype=numpy.int16)
        assert len(samples) == reader.getnframes() > 0
        return samples, reader.getframerate()


class _Pipe(io.RawIOBase):
    """What a browser writes to: it never goes back."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content += bytes(data)
        return len(data)


def recorded(samples: numpy.ndarray, container: str, codec: str, rate: int = 16000, **options) -> bytes:
    """A recording as a browser's MediaRecorder makes it, by ffmpeg's muxers and encoders."""
    pipe = _Pipe()
    with av.open(pipe, "w", format=container, options={k: str(v) for k, v in options.items()}) as output:
        stream = output.add_stream(codec, rate=48000)
        stream.layout = "mono"
        resampler = av.AudioResampler("fltp" if codec == "aac" else "s16", "mono", 48000)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(piece):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return bytes(pipe.content)


def webm(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Chromium: WebM/Opus, written live, so that no length is known."""
    return recorded(samples, "webm", "libopus", rate, live=1, cluster_time_limit=1000)


def ogg(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Firefox: Ogg/Opus."""
    return recorded(samples, "ogg", "libopus", rate)


def mp4(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Safari: fragmented MP4 with AAC."""
    # Whole frames of the encoder: the muxer does not take less.
    samples = numpy.concatenate([samples, numpy.zeros(-len(samples) % 1024, dtype=numpy.int16)])
    return recorded(samples, "mp4", "aac", rate, movflags="frag_keyframe+empty_moov+default_base_moof")
