"""A caller with a room and an identity of its own comes back to the room, whatever ended its connection, and a real
livekit-agents agent hears it."""

import asyncio
import signal
import socket
import struct

import aiohttp
import pytest_asyncio

from support.client import VoiceClient
from support.processes import KEY, SECRET, Gateway, RoomServer, Worker
from support.sounds import spoken


async def reset(client: VoiceClient, _) -> None:
    """Breaks the connection with a TCP reset."""
    transport = client.socket._response.connection.transport
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def hang_up(client: VoiceClient, _) -> None:
    """Closes the TCP connection, without a close frame."""
    client.socket._response.connection.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)


@pytest_asyncio.fixture
async def deployment(programs):
    """A room server, an agent worker and two gateways that know nothing of each other."""
    server = await programs(RoomServer("--no-parrot"))
    await programs(Worker(server.url))
    environment = {"LIVEKIT_URL": server.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    return [await programs(Gateway(**environment)) for _ in range(2)]


def call(gateway: Gateway) -> VoiceClient:
    return VoiceClient(gateway.url, room="the-desk", identity="alice")


async def agent_of(client: VoiceClient) -> str:
    """The identity of the agent that listens to the client."""
    agent = (await client.event("agent_joined", within=30))["identity"]
    await client.event("agent_state", state="listening", within=20)
    return agent


async def words_of(client: VoiceClient, **fields) -> dict:
    """What the agent itself makes of a spoken sentence, which is said again when its recogniser makes nothing of it."""
    start = len(client.events)
    microphone = asyncio.create_task(client.microphone())
    try:
        for _ in range(4):
            await client.speak(spoken("my name is alice"))
            try:
                return await client.event("transcript.user", within=8, after=start, **fields)
            except AssertionError:
                continue
        raise AssertionError(f"the agent hears nothing: {client.events}")
    finally:
        microphone.cancel()


async def is_heard(client: VoiceClient) -> None:
    """Has the agent recognise a spoken sentence."""
    assert (await words_of(client, is_final=True))["text"].strip() == "my name is alice"


async def goes_away(client: VoiceClient, _) -> None:
    await client.socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)


async def stops(_, gateway: Gateway) -> None:
    gateway.signal(signal.SIGTERM)
    assert await gateway.ends() == 0


async def test_a_caller_whose_connection_ended_without_a_goodbye_goes_on_with_the_same_agent(deployment):
    one, other = deployment
    async with call(one) as client:
        first = await agent_of(client)
        await reset(client, one)
    for gateway, end in [(one, hang_up), (other, reset), (one, goes_away), (other, stops), (one, None)]:
        async with call(gateway) as client:
            assert await agent_of(client) == first, "the conversation went on with another agent"
            await is_heard(client)
            if end is not None:
                await end(client, gateway)


async def test_a_caller_who_said_goodbye_and_comes_back_gets_an_agent_that_listens(deployment):
    """The first agent ends its session with the first call, and stays in the room, deaf."""
    one, other = deployment
    async with call(one) as client:
        first = await agent_of(client)
    async with call(other) as client:
        # It may still answer for a moment; then the caller is told that it has gone.
        await client.until(
            lambda: any(e.get("type") == "agent_joined" and e["identity"] != first for e in client.events),
            within=40,
            what="another agent",
        )
        joined = next(i for i, e in enumerate(client.events) if e.get("type") == "agent_joined" and e["identity"] != first)
        await client.event("agent_state", state="listening", within=20, after=joined)
        await is_heard(client)
