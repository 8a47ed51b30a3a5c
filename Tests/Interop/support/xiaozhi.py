"""Devices of xiaozhi-esp32: the SDK that people write such devices with, and a device of our own for the binary versions that
the SDK does not speak."""

import asyncio
import json
import ssl
import struct

import aiohttp
import numpy
from xiaozhi_sdk import XiaoZhiWebsocket  # it finds libopus for opuslib, which therefore comes behind it
import opuslib

MAC = "00:22:44:66:88:aa"
RATE = 16_000
FRAME = RATE * 60 // 1000


class News:
    """Messages in the order in which they came, which can be waited for."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self._news = asyncio.Condition()

    async def note(self, message: dict) -> None:
        async with self._news:
            self.messages.append(message)
            self._news.notify_all()

    async def message(self, kind: str, within: float = 30, after: int = 0, **fields) -> dict:
        def found():
            return next((m for m in self.messages[after:] if m.get("type") == kind
                         and all(m.get(k) == v for k, v in fields.items())), None)

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), within)
            except asyncio.TimeoutError:
                raise AssertionError(f"no {kind} {fields} among {self.messages[-30:]}") from None
        return found()


class SDKDevice(News):
    """A device written with xiaozhi-sdk, with one tool."""

    def __init__(self, port: int, mac: str = MAC) -> None:
        super().__init__()
        self.mac, self.volume = mac, None
        self.sdk = XiaoZhiWebsocket(self.note, ota_url=f"http://127.0.0.1:{port}/xiaozhi/ota/", audio_sample_rate=RATE)

    async def __aenter__(self) -> "SDKDevice":
        def set_volume(arguments: dict):
            self.volume = arguments["volume"]
            return f"volume is {self.volume}", False

        schema = {"type": "object", "properties": {"volume": {"type": "integer"}}, "required": ["volume"]}
        await self.sdk.set_mcp_tool([{"name": "set_volume", "description": "Sets the volume.", "inputSchema": schema,
                                      "tool_func": set_volume}])
        assert await self.sdk.init_connection(self.mac)
        return self

    async def __aexit__(self, *_) -> None:
        await self.sdk.close()

    async def speak(self, samples: numpy.ndarray) -> None:
        await in_real_time(samples, self.sdk.send_audio)

    @property
    def heard(self) -> numpy.ndarray:
        pieces = [numpy.asarray(piece).flatten() for piece in self.sdk.output_audio_queue]
        return numpy.concatenate(pieces) if pieces else numpy.zeros(0, numpy.int16)


async def in_real_time(samples: numpy.ndarray, send) -> None:
    clock = asyncio.get_running_loop()
    due = clock.time()
    for start in range(0, len(samples) - FRAME + 1, FRAME):
        await send(samples[start : start + FRAME].tobytes())
        due += 0.06
        await asyncio.sleep(max(0, due - clock.time()))


class Device(News):
    """Speaks binary versions 1 to 3, and checks what it gets as the firmware should: lengths, and 60 ms a packet."""

    def __init__(
        self, port: int, version: int, mac: str = MAC, tls: ssl.SSLContext | None = None, **headers: str
    ) -> None:
        super().__init__()
        origin = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"
        self.url, self.tls, self.version = f"{origin}/xiaozhi/v1/", tls or True, version
        self.heard, self.close_code = [], None
        self.headers = {"Protocol-Version": str(version), "Device-Id": mac, "Client-Id": "c-1", **headers}
        self.encoder, self.decoder = opuslib.Encoder(RATE, 1, "voip"), opuslib.Decoder(24_000, 1)

    async def __aenter__(self) -> "Device":
        self._http = aiohttp.ClientSession()
        self.socket = await self._http.ws_connect(self.url, headers=self.headers, ssl=self.tls)
        self._reading = asyncio.create_task(self._read())
        sound = {"format": "opus", "sample_rate": RATE, "channels": 1, "frame_duration": 60}
        await self.send(type="hello", version=self.version, features={}, transport="websocket", audio_params=sound)
        return self

    async def __aexit__(self, *_) -> None:
        await self._http.close()
        await asyncio.wait([self._reading], timeout=5)
        # What was wrong with a message is the test's affair.
        self._reading.result()

    async def send(self, **message) -> None:
        await self.socket.send_json(message)

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await self.note(json.loads(message.data))
            elif message.type == aiohttp.WSMsgType.BINARY:
                samples = self.decoder.decode(self._packet(message.data), 5760)
                assert len(samples) == 2 * 24 * 60, "a packet is not 60 ms"
                self.heard.append(numpy.frombuffer(samples, numpy.int16))
        self.close_code = self.socket.close_code
        await self.note({"type": "closed", "code": self.close_code})

    def _packet(self, data: bytes) -> bytes:
        if self.version == 2:
            version, kind, _, _, size = struct.unpack(">HHIII", data[:16])
            assert (version, kind, size) == (2, 0, len(data) - 16)
        elif self.version == 3:
            kind, _, size = struct.unpack(">BBH", data[:4])
            assert (kind, size) == (0, len(data) - 4)
        return data[{1: 0, 2: 16, 3: 4}[self.version]:]

    async def speak(self, samples: numpy.ndarray) -> None:
        async def send(pcm: bytes) -> None:
            packet = self.encoder.encode(pcm, FRAME)
            header = {1: b"", 2: struct.pack(">HHIII", 2, 0, 0, 0, len(packet)), 3: struct.pack(">BBH", 0, 0, len(packet))}
            await self.socket.send_bytes(header[self.version] + packet)

        await in_real_time(samples, send)
