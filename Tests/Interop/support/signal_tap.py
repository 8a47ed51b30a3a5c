"""A tap that reads along: which session descriptions a participant and its room server exchange."""

import asyncio
import dataclasses
import re

from google.protobuf.message import DecodeError
from livekit.protocol import rtc

from support.tap import Tap


@dataclasses.dataclass
class Description:
    """An offer or an answer that passed."""

    connection: int
    way: str  # "up" to the server, or "down"
    kind: str  # "offer" or "answer"
    sdp: str

    def values(self, name: str) -> set[str]:
        return set(re.findall(rf"^a={name}:(.*?)\r?$", self.sdp, re.MULTILINE))

    @property
    def fragments(self) -> set[str]:
        """ICE user name fragments."""
        return self.values("ice-ufrag")

    @property
    def fingerprints(self) -> set[str]:
        return {value.lower() for value in self.values("fingerprint")}


class SignalTap(Tap):
    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.descriptions: list[Description] = []
        self._pending: dict[tuple[int, str], bytearray] = {}
        self._open: set[tuple[int, str]] = set()

    def passed(self, connection: int, way: str, data: bytes) -> None:
        key = (connection, way)
        pending = self._pending.setdefault(key, bytearray())
        pending += data
        if key not in self._open:
            end = pending.find(b"\r\n\r\n")
            if end < 0 or b"upgrade: websocket" not in pending[:end].lower():
                return
            del pending[: end + 4]
            self._open.add(key)
        while (message := self._take(pending)) is not None:
            self._note(connection, way, message)

    @staticmethod
    def _take(pending: bytearray) -> bytes | None:
        """The payload of the next WebSocket frame (RFC 6455 section 5.2); signalling does not fragment."""
        if len(pending) < 2:
            return None
        length, start = pending[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(pending[2:start], "big")
        masked = pending[1] & 0x80
        start += 4 if masked else 0
        if len(pending) < start + length:
            return None
        payload = bytes(pending[start : start + length])
        if masked:
            mask = pending[start - 4 : start]
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        is_binary = pending[0] & 0x0F == 2
        del pending[: start + length]
        return payload if is_binary else b""

    def _note(self, connection: int, way: str, message: bytes) -> None:
        parsed = rtc.SignalRequest() if way == "up" else rtc.SignalResponse()
        try:
            parsed.ParseFromString(message)
        except DecodeError:
            return
        kind = parsed.WhichOneof("message")
        if kind in ("offer", "answer"):
            self.descriptions.append(Description(connection, way, kind, getattr(parsed, kind).sdp))

    async def exchanged(self, way: str, after: int, within: float = 20) -> tuple[Description, Description]:
        """The first offer that way from description number `after` on, with its answer."""
        other = "down" if way == "up" else "up"
        deadline = asyncio.get_running_loop().time() + within
        while True:
            later = self.descriptions[after:]
            offers = [one for one in later if (one.way, one.kind) == (way, "offer")]
            answers = [one for one in later if (one.way, one.kind) == (other, "answer")]
            if offers and answers:
                return offers[0], answers[0]
            assert asyncio.get_running_loop().time() < deadline, [(one.way, one.kind) for one in later]
            await asyncio.sleep(0.05)
