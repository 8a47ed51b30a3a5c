"""The way between a gateway and its room server changes or dies in the middle of a call, while signalling is as it was."""

import contextlib

from support.client import VoiceClient
from support.lossy import LossyNetwork
from support.processes import KEY, SECRET, Gateway, RoomServer
from support.sdk_client import Client
from test_ice_restart import hears


@contextlib.asynccontextmanager
async def call(programs, room: str):
    """A network, and a caller who hears an agent's tone over it."""
    server = await programs(RoomServer("--no-parrot"))
    async with LossyNetwork(server.port) as network:
        gateway = await programs(Gateway(LIVEKIT_URL=network.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
        async with Client(server, room, "the-agent", kind="agent") as agent:
            await agent.publish()
            agent.play_tone(440)
            async with VoiceClient(gateway.url, room=room, identity="alice", agent="") as alice:
                await hears(alice, 440)
                yield network, gateway, alice


async def test_a_nat_that_starts_anew_is_followed(programs):
    async with call(programs, "behind-a-nat") as (network, gateway, alice):
        for _ in range(2):
            network.rebind()
            await hears(alice, 440)
        # The session is the first one: nobody had to join again.
        assert sum("event=joined" in line for line in gateway.lines) == 1


async def test_udp_that_dies_in_a_call_is_noticed_and_tcp_carries_the_sound(programs):
    async with call(programs, "udp-dies") as (network, gateway, alice):
        network.is_dead = True
        await alice.event("reconnecting", within=8)
        await alice.event("reconnected", within=20)
        await gateway.says("by=TCP")
        await hears(alice, 440)
