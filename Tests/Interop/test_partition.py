"""A gateway that still has its clients and does not reach the room any more: a caller goes on at another one."""

import pytest_asyncio

from support.client import VoiceClient
from support.island import HOME, Island
from support.processes import Gateway, RoomServer, Worker
from test_coming_back import agent_of
from test_moving import ENVIRONMENT, begins, hears_again


@pytest_asyncio.fixture
async def deployment(programs):
    """A gateway on an island, another one beside the room server, and an agent worker."""
    server = RoomServer("--no-parrot", host=HOME)
    island = await programs(Island(LIVEKIT_URL=server.url, **ENVIRONMENT))
    await programs(server)
    await programs(Worker(server.url))
    return await island.serves(), await programs(Gateway(LIVEKIT_URL=server.url, **ENVIRONMENT))


async def test_a_caller_whose_gateway_is_cut_off_from_the_room_goes_on_at_another_one(deployment):
    island, other = deployment
    async with VoiceClient(island.url) as client:
        first, agent = await begins(client)
        # An agent may be there before the sound is; who is cut off then has not been in the call.
        await island.says("media path")
        island.cut()
        # What tells a client that it is time to look for another one.
        await client.event("reconnecting", within=40)
    await island.says("call ended")
    async with VoiceClient(other.url, session=first["resume_token"]) as again:
        session = await again.event("session", 30)
        assert session["resumed"] is True and session["id"] == first["id"]
        assert await agent_of(again) == agent
        await hears_again(again)
        # What was cut off is back, and takes nothing away.
        island.mend()
        again.events.clear()
        await hears_again(again)
        assert [event for event in again.events if event["type"] in ("error", "closing", "agent_left")] == []
    assert island.process.returncode is None


async def test_a_gateway_that_finds_the_room_again_does_not_take_the_call_back(deployment):
    island, other = deployment
    async with VoiceClient(island.url) as client:
        first, agent = await begins(client)
        # An agent may be there before the sound is; who is cut off then has not been in the call.
        await island.says("media path")
        island.cut()
        await client.event("reconnecting", within=40)
        async with VoiceClient(other.url, session=first["resume_token"]) as again:
            assert (await again.event("session", 30))["id"] == first["id"]
            assert await agent_of(again) == agent
            # The client has not hung up where it was; perhaps it could not.
            island.mend()
            assert await client.closed(30) == 1000
            assert (await client.event("closing"))["reason"] == "moved"
            await hears_again(again)
            assert [event for event in again.events if event["type"] in ("error", "closing", "agent_left")] == []
