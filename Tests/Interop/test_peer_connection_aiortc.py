"""Our peer connection against aiortc over loopback: who offers, sound each way, data each way, and the end."""
import asyncio

import aioice.ice
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from support.aiortc_peer import Ear, Tone
from support.peer_probe import PeerProbe

OURS, THEIRS = 440, 1000
PATTERN = bytes(index & 0x7F for index in range(262_144))


class Call:
    """A connected pair; `ears` fills up with aiortc's incoming tracks."""

    def __init__(self, probe):
        self.probe = probe
        self.far = RTCPeerConnection()
        self.ears = []
        self.channels = {}
        self.messages = asyncio.Queue()
        self.far.on("track", lambda track: self.ears.append(Ear(track)))
        self.far.on("datachannel", self.listen)

    def listen(self, channel):
        self.channels[channel.label] = channel
        channel.on("message", lambda message: self.messages.put_nowait((channel.label, message)))

    async def we_offer(self, audio=True, label="ours"):
        self.far.addTrack(Tone(THEIRS)) if audio else None
        await self.probe.do("add", audio=audio, data=True, label=label)
        await self.probe.do("offer")
        offer = await self.probe.wait("offer")
        await self.far.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        await self.far.setLocalDescription(await self.far.createAnswer())
        await self.probe.do("acceptAnswer", sdp=self.far.localDescription.sdp)
        await self.probe.wait("state", state="connected")

    async def they_offer(self, audio=True, label="theirs"):
        self.far.addTrack(Tone(THEIRS)) if audio else None
        self.listen(self.far.createDataChannel(label))
        await self.far.setLocalDescription(await self.far.createOffer())
        await self.probe.do("acceptOffer", sdp=self.far.localDescription.sdp)
        answer = await self.probe.wait("answer")
        await self.far.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await self.probe.wait("state", state="connected")

    async def negotiate(self, offerer, **options):
        await (self.we_offer(**options) if offerer == "we" else self.they_offer(**options))


def run(scenario, offerer, arguments=(), **options):
    """Runs `scenario(call)` on a connected pair, at most a minute, and closes everything."""

    async def main():
        async with PeerProbe(*arguments) as probe:
            call = Call(probe)
            try:
                await call.negotiate(offerer, **options)
                await scenario(call)
            finally:
                await call.far.close()

    asyncio.run(asyncio.wait_for(main(), 60))


offerers = pytest.mark.parametrize("offerer", ["we", "they"])


# What else than AES-GCM is left when one side insists: AES-CM with HMAC-SHA1.
@pytest.mark.parametrize("arguments", [(), ("--aes-cm",)], ids=["gcm", "cm"])
@offerers
def test_a_tone_each_way(offerer, arguments):
    async def scenario(call):
        await call.probe.do("tone", frequency=OURS)
        await asyncio.sleep(3)
        frequency, amplitude = call.ears[0].heard()
        assert frequency == pytest.approx(OURS, abs=3)
        assert amplitude == pytest.approx(10_000, rel=0.3)
        await call.probe.do("hear", frequencies=[OURS, THEIRS, 2000])
        heard = await call.probe.wait("heard")
        assert heard["frequency"] == THEIRS
        assert heard["samples"] > 2 * 48_000
        assert heard["amplitude"] == pytest.approx(10_000, rel=0.3)
        assert heard["purity"] > 0.9

    run(scenario, offerer, arguments)


@offerers
def test_a_tone_and_messages_each_way_over_ipv6(monkeypatch, offerer):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["::1"])

    async def scenario(call):
        label = "ours" if offerer == "we" else "theirs"
        assert "IP6 ::1" in call.far.localDescription.sdp and "127.0.0.1" not in call.far.localDescription.sdp
        await call.probe.do("tone", frequency=OURS)
        await call.probe.wait("channel", label=label)
        for size in (1200, 262_144):
            await call.probe.do("send", label=label, size=size)
            assert await asyncio.wait_for(call.messages.get(), 20) == (label, PATTERN[:size])
            call.channels[label].send(PATTERN[:size])
            assert (await call.probe.wait("message", timeout=20))["intact"] is True
        await asyncio.sleep(3)
        assert call.ears[0].heard()[0] == pytest.approx(OURS, abs=3)
        await call.probe.do("hear", frequencies=[OURS, THEIRS, 2000])
        heard = await call.probe.wait("heard")
        assert heard["frequency"] == THEIRS and heard["purity"] > 0.9

    run(scenario, offerer, ("--ipv6",))


@offerers
def test_messages_each_way_up_to_the_largest(offerer):
    async def scenario(call):
        label = "ours" if offerer == "we" else "theirs"
        await call.probe.wait("channel", label=label)
        for size in (0, 1, 1200, 65_535, 65_536, 262_144):
            await call.probe.do("send", label=label, size=size)
            assert await asyncio.wait_for(call.messages.get(), 20) == (label, PATTERN[:size])
            call.channels[label].send(PATTERN[:size])
            arrived = await call.probe.wait("message", timeout=20)
            assert (arrived["size"], arrived["text"], arrived["intact"]) == (size, False, True)
        await call.probe.do("send", label=label, size=10, text=True)
        assert await asyncio.wait_for(call.messages.get(), 5) == (label, PATTERN[:10].decode())
        call.channels[label].send("")
        assert (await call.probe.wait("message"))["text"] is True

    run(scenario, offerer, audio=False)


@offerers
def test_a_message_that_is_too_large_is_refused_here(offerer):
    async def scenario(call):
        label = "ours" if offerer == "we" else "theirs"
        await call.probe.wait("channel", label=label)
        await call.probe.do("send", label=label, size=262_145)
        with pytest.raises(AssertionError, match="messageTooLarge"):
            await call.probe.wait("message")
        call.probe.events.clear()
        await call.probe.do("send", label=label, size=3)
        assert await asyncio.wait_for(call.messages.get(), 5) == (label, PATTERN[:3])

    run(scenario, offerer, audio=False)


@offerers
def test_when_we_close_aiortc_sees_the_end_at_once(offerer):
    async def scenario(call):
        await call.probe.do("tone", frequency=OURS)
        await asyncio.sleep(0.5)
        await call.probe.do("close")
        await call.probe.wait("state", state="closed")
        for _ in range(50):
            if call.far.connectionState == "closed":
                break
            await asyncio.sleep(0.02)
        assert call.far.connectionState == "closed"

    run(scenario, offerer)


@offerers
def test_when_aiortc_closes_we_see_the_end_at_once(offerer):
    async def scenario(call):
        await call.probe.do("tone", frequency=OURS)
        await asyncio.sleep(0.5)
        await call.far.close()
        await call.probe.wait("closedByPeer", timeout=2)
        await call.probe.wait("state", state="closed", timeout=2)

    run(scenario, offerer)
