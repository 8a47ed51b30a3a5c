"""One call over a WebSocket, or over several if the first ones break."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from .events import Audio, CallEnded, Closing, Error, Event, Move, Reconnecting, Session, event_of

#: After these a client must not come back by itself.
FINAL_CLOSE_CODES = frozenset({1002, 1003, 1007, 1008, 1009, 4400, 4401, 4403, 4408, 4409, 4429, 4504})
#: The session is over; a new one may begin at once.
SESSION_EXPIRED = 4410


class Call:
    """A call with the agent of a room.

    `parameters` are those of the protocol: `room`, `identity`, `agent`, `metadata`, `sample_rate`,
    `output_sample_rate`, `encoding`, … A key or an access token travels as a subprotocol, in no URL.
    """

    def __init__(
        self, url: str, *, key: str | None = None, access_token: str | None = None,
        config: Mapping[str, Any] | None = None, maximum_attempts: int = 10, **parameters: str | int,
    ) -> None:
        self.url = url
        self.session: Session | None = None
        self._parameters = parameters
        self._config = config
        self._maximum_attempts = maximum_attempts
        self._protocols = ["access_token", access_token] if access_token else ["voicegateway.v1"]
        if key:
            self._protocols.append("key." + quote(key, safe=""))
        self._socket: ClientConnection | None = None
        self._is_open = asyncio.Event()
        self._last_error: Error | None = None
        self._is_wanted = True

    async def __aenter__(self) -> Call:
        await self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the call."""
        self._is_wanted = False
        if self._socket is not None:
            await self._socket.close()

    # What is sent

    async def send(self, **message: Any) -> None:
        """Any message of the protocol, as soon as there is a connection."""
        while True:
            await self._is_open.wait()
            assert self._socket is not None
            try:
                return await self._socket.send(json.dumps(message))
            except ConnectionClosed:
                self._is_open.clear()
                if not self._is_wanted:
                    raise

    async def send_text(self, text: str) -> None:
        await self.send(type="text", data=text)

    async def interrupt(self) -> None:
        await self.send(type="interrupt")

    async def end_turn(self) -> None:
        await self.send(type="end_turn")

    async def mute(self, muted: bool = True) -> None:
        await self.send(type="mute" if muted else "unmute")

    async def send_audio(self, data: bytes) -> None:
        """Sound in the input format, as a microphone brings it. What comes while there is no connection is lost."""
        if self._socket is None or not self._is_open.is_set():
            return
        try:
            await self._socket.send(data)
        except ConnectionClosed:
            self._is_open.clear()

    async def speak(self, data: bytes, *, bytes_per_second: int = 32_000) -> None:
        """Sound in the input format at the pace of a microphone, in frames of 20 ms."""
        size = bytes_per_second // 50
        due = time.monotonic()
        for start in range(0, len(data), size):
            await self.send_audio(data[start : start + size])
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    # What comes

    async def __aiter__(self) -> AsyncIterator[Event]:
        """All events until the call ends; raises `CallEnded` unless it has ended as calls do."""
        attempt = 0
        while self._is_wanted:
            socket, moves_from = self._socket, None
            if socket is not None:
                try:
                    async for message in socket:
                        if isinstance(message, bytes):
                            yield Audio(message)
                            continue
                        event = event_of(json.loads(message))
                        if isinstance(event, Session):
                            self.session = event
                            attempt = 0
                        elif isinstance(event, Move) and self.session is not None:
                            self.session = dataclasses.replace(self.session, resume_token=event.resume_token)
                            moves_from = socket
                        elif isinstance(event, Error):
                            self._last_error = event
                        yield event
                        if moves_from is not None:
                            break
                except ConnectionClosed:
                    pass
            if moves_from is not None:
                # Another gateway takes the call over, and this one then closes the old connection.
                try:
                    await self._connect()
                except (OSError, InvalidHandshake, TimeoutError):
                    pass
                else:
                    async for event in self._last_of(moves_from):
                        yield event
                    continue
            code, reason = self._ended(socket)
            if not self._is_wanted or code == 1000:
                return
            if code == SESSION_EXPIRED and self.session is not None:
                self.session = None
            else:
                useless = code == 1011 and self._last_error is not None and not self._last_error.retry
                if useless or code in FINAL_CLOSE_CODES or attempt >= self._maximum_attempts:
                    raise CallEnded(code, reason)
                delay = min(0.25 * 2**attempt, 8) * random.uniform(0.8, 1.2)
                attempt += 1
                yield Reconnecting(attempt, delay, code)
                await asyncio.sleep(delay)
            try:
                await self._connect()
            except (OSError, InvalidHandshake, TimeoutError):
                continue

    async def _last_of(self, socket: ClientConnection) -> AsyncIterator[Event]:
        """What the old gateway sends until the other one has joined the room in its place, mostly half a second."""
        end = time.monotonic() + 2
        try:
            while True:
                message = await asyncio.wait_for(socket.recv(), max(0.0, end - time.monotonic()))
                event = Audio(message) if isinstance(message, bytes) else event_of(json.loads(message))
                if not isinstance(event, Closing):
                    yield event
        except (ConnectionClosed, asyncio.TimeoutError):
            return

    def _ended(self, socket: ClientConnection | None) -> tuple[int, str]:
        self._is_open.clear()
        self._socket = None
        if socket is None:
            return 1006, "the gateway cannot be reached"
        return socket.close_code or 1006, socket.close_reason or ""

    async def _connect(self) -> None:
        token = self.session.resume_token if self.session else None
        query = urlencode({"session": token} if token else self._parameters)
        url = self.url + (("&" if "?" in self.url else "?") + query if query else "")
        self._socket = await connect(
            url, subprotocols=[Subprotocol(name) for name in self._protocols], max_size=None, proxy=None)
        self._last_error = None
        self._is_open.set()
        if self._config and not token:
            await self.send(type="config", data=dict(self._config))
