"""After a lost signalling connection ICE starts anew under the media that goes on. aiortc cannot restart ICE; libwebrtc in the
official SDK can, and the server of a deployment when one is named."""

import asyncio
import contextlib
import itertools

import numpy
import pytest

from support.client import VoiceClient
from support.processes import KEY, SECRET, Gateway
from support.room_server import RoomServer
from support.sdk_client import Client
from support.signal_tap import SignalTap
from support.sounds import tone

numbers = itertools.count(1)
# With one peer connection the participant offers; with two the server offers the second one.
modes = pytest.mark.parametrize("mode", ["v1", "v0"])


def started_anew(tap: SignalTap, before: int, offer, answer) -> None:
    """Both sides changed their ICE credentials, and neither its certificate: the DTLS connection, and with it the keys of
    SRTP, are still the first ones."""
    for description in (offer, answer):
        earlier = [one for one in tap.descriptions[:before] if one.way == description.way]
        assert len(description.fragments) == 1, description.sdp
        assert not description.fragments & {name for one in earlier for name in one.fragments}, "no restart"
        known = {name for one in earlier for name in one.fingerprints}
        assert not known or description.fingerprints <= known, "another certificate"
    earlier = [one for one in tap.descriptions[:before] if one.way == answer.way and one.kind == answer.kind]
    assert earlier, "nothing was answered before"


@contextlib.asynccontextmanager
async def speaking(client: VoiceClient, frequency: int):
    """A tone without end."""

    async def run():
        samples = tone(frequency, 1.0, client.rate_in)
        while True:
            await client.speak(samples)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hears(client: VoiceClient, frequency: int) -> None:
    """Waits for a second of the tone that is heard from now on."""
    start = len(client.samples)

    def is_heard() -> bool:
        pcm = client.samples[start:][-client.rate_out :].astype(float)
        if len(pcm) < client.rate_out or numpy.abs(pcm).max() < 2000:
            return False
        return abs(numpy.abs(numpy.fft.rfft(pcm * numpy.hanning(len(pcm)))).argmax() - frequency) <= 5

    await client.until(is_heard, what=f"{frequency} Hz")


@modes
async def test_the_sdk_restarts_ice_with_the_room_server(mode):
    room = f"restart-{next(numbers)}"
    with RoomServer() as server:
        async with SignalTap(server.port, host=server.host) as tap, Client(server, room, "bob") as bob:
            async with Client(server, room, "ann", mode, url=tap.url) as ann:
                await ann.publish()
                await bob.publish()
                ann.play_tone(500)
                bob.play_tone(900)
                await bob.hears("ann", 500, 20)
                await ann.hears("bob", 900, 20)
                before = len(tap.descriptions)
                tap.cut()
                await ann.event("reconnected", 20)
                started_anew(tap, before, *await tap.exchanged("up", before))
                if mode == "v0":
                    started_anew(tap, before, *await tap.exchanged("down", before))
                # The second time is later than the old pair would be checked without an answer.
                for pause in (0, 6):
                    await asyncio.sleep(pause)
                    bob.forget_sound()
                    ann.forget_sound()
                    await bob.hears("ann", 500)
                    await ann.hears("bob", 900)
                for client in (ann, bob):
                    assert len(client.happened("track_subscribed")) == 1 and not client.happened("disconnected")


@modes
async def test_the_gateway_restarts_ice_with_the_room_server(programs, mode):
    room = f"restart-{next(numbers)}"
    missing = "/rtc/v1" if mode == "v0" else None
    with RoomServer() as server:
        async with SignalTap(server.port, missing, host=server.host) as tap, Client(server, room, "bob") as bob:
            gateway = await programs(
                Gateway(LIVEKIT_URL=tap.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
            await bob.publish()
            bob.play_tone(900)
            async with VoiceClient(gateway.url, room=room, identity="alice", agent="") as alice, speaking(alice, 500):
                await bob.hears("alice", 500, 20)
                await hears(alice, 900)
                before = len(tap.descriptions)
                tap.cut()
                started_anew(tap, before, *await tap.exchanged("up", before))
                if mode == "v0":
                    started_anew(tap, before, *await tap.exchanged("down", before))
                for pause in (0, 6):
                    await asyncio.sleep(pause)
                    bob.forget_sound()
                    await bob.hears("alice", 500)
                    await hears(alice, 900)
                assert len(bob.happened("track_subscribed")) == 1 and not bob.happened("participant_disconnected")
                assert not [event for event in alice.events if event["type"] in ("error", "closing")]
