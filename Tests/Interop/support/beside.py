"""A call beside everything that a test does to the gateway: it must not notice."""

import asyncio
import contextlib

from support.client import VoiceClient
from support.processes import Gateway
from support.sounds import beeps, loudest_frequency


class CallBeside:
    """Use as `async with CallBeside(gateway) as beside`: a speaker and a listener in a room of their own."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        where = {"room": "beside", "agent": ""}
        self.speaker = VoiceClient(gateway.url, identity="speaker", **where)
        self.listener = VoiceClient(gateway.url, identity="listener", **where)
        self.sent = 0

    async def __aenter__(self) -> "CallBeside":
        await self.speaker.__aenter__()
        await self.listener.__aenter__()
        await self.speaker.event("session")
        await self.listener.event("session")
        self._speaking = asyncio.create_task(self._speak())
        await self.listener.until(lambda: self.listener.frames > 10, what="sound")
        return self

    async def __aexit__(self, *_) -> None:
        self._speaking.cancel()
        await self.listener.__aexit__()
        await self.speaker.__aexit__()

    async def _speak(self) -> None:
        sound = beeps(440, 1)
        while True:
            for start in range(0, len(sound), 320):
                await self.speaker.speak(sound[start : start + 320])
                self.sent += 1

    @contextlib.asynccontextmanager
    async def undisturbed(self):
        """Around a test: after it the process lives, and this call goes on without an event and without a gap."""
        listener = self.listener
        events = len(self.speaker.events), len(listener.events)
        sent, heard = self.sent, listener.frames
        yield
        assert self.gateway.process.returncode is None, "\n".join(self.gateway.lines[-40:])
        # Frames of 20 ms. Half a second may be on its way; the rest has come, however busy this process was meanwhile.
        wanted = heard + max(2, self.sent - sent - 25)
        await listener.until(lambda: listener.frames >= wanted, within=5, what="all of the sound beside it")
        assert (len(self.speaker.events), len(listener.events)) == events
        assert abs(loudest_frequency(listener.samples[-12_000:], 24_000) - 440) < 15
