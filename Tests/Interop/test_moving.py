"""A call that goes on at another gateway, because its own is drained, dies, or cannot be reached: same room, same agent,
nothing said twice."""

import asyncio
import base64
import json
import signal
import sys

import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.processes import KEY, ROOT, SECRET, Gateway, RoomServer, Worker
from support.tap import Tap
from test_coming_back import agent_of, words_of
from test_signalling_loss import ROOM, Agent, ladder, rungs

sys.path.insert(0, str(ROOT / "examples/python"))

from voicegateway import Call, Move, Session  # noqa: E402

ENVIRONMENT = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "RESUME_GRACE_SECONDS": 20, "DRAIN_NOTICE": 0,
               "DRAIN_SECONDS": 60}


@pytest_asyncio.fixture
async def deployment(programs):
    """A room server, an agent worker and two gateways that share the API secret and nothing else."""
    server = await programs(RoomServer("--no-parrot"))
    await programs(Worker(server.url))
    return [await programs(Gateway(LIVEKIT_URL=server.url, **ENVIRONMENT)) for _ in range(2)]


async def begins(client: VoiceClient) -> tuple[dict, str]:
    """What the client is told of its session, and the identity of its agent."""
    session = await client.event("session")
    agent = await agent_of(client)
    return session, agent


async def hears_again(client: VoiceClient) -> None:
    """The agent hears the caller. What is said before it has found the caller's new track is lost, so it is said again."""
    await words_of(client)


async def goes_on(gateway: Gateway, token: str, first: dict, agent: str) -> None:
    """The call of a token is the same one at this gateway: who, where and with whom, in the formats that it had."""
    async with VoiceClient(gateway.url, session=token) as client:
        session = await client.event("session", 30)
        assert session["resumed"] is True
        for name in ("id", "room", "identity", "input", "output"):
            assert session[name] == first[name], name
        assert await agent_of(client) == agent
        await hears_again(client)
        assert [event for event in client.events if event["type"] in ("error", "agent_left")] == []
    assert [line for line in gateway.lines if "job assigned" in line or "dispatched" in line] == []


async def test_while_a_gateway_is_drained_its_calls_go_on_at_another_one(deployment):
    one, other = deployment
    async with VoiceClient(one.url, output_sample_rate=16000) as client:
        first, agent = await begins(client)
        one.signal(signal.SIGTERM)
        move = await client.event("move")
        assert 50 <= move["deadline"] <= 60
        await goes_on(other, move["resume_token"], first, agent)
        # The old connection is told why it ends, and that it need not connect again.
        assert (await client.event("closing"))["reason"] == "moved"
        assert await client.closed() == 1000
    assert await one.ends() == 0
    assert "reason=moved" in await one.says("call ended")


async def test_after_a_crash_a_call_goes_on_at_another_gateway(deployment):
    one, other = deployment
    async with VoiceClient(one.url) as client:
        first, agent = await begins(client)
        one.signal(signal.SIGKILL)
        await client.closed()
    await goes_on(other, first["resume_token"], first, agent)


async def test_a_balancer_that_sends_a_client_to_the_wrong_gateway_does_no_harm(deployment):
    one, other = deployment
    async with VoiceClient(one.url) as client:
        first, agent = await begins(client)
        client.socket._response.connection.transport.abort()
        await client.closed()
        await one.says("client lost")
        await goes_on(other, first["resume_token"], first, agent)


def forged(token: str) -> str:
    key, random, claim, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(claim + "=" * (-len(claim) % 4)))
    claims["identity"] = "somebody-else"
    return ".".join([key, random, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), signature])


async def is_over(gateway: Gateway, token: str) -> None:
    async with VoiceClient(gateway.url, session=token) as client:
        assert (await client.event("error"))["code"] == "session_expired"
        assert await client.closed() == 4410


async def test_a_token_that_was_changed_or_whose_call_is_over_continues_nothing(two_gateways):
    one, other = two_gateways
    async with VoiceClient(one.url, agent="") as client:
        token = (await client.event("session"))["resume_token"]
        await is_over(other, forged(token))
    await one.says("call ended")
    await is_over(other, token)
    await is_over(one, token)


@pytest_asyncio.fixture
async def two_gateways(programs, room_server):
    return [await programs(Gateway(LIVEKIT_URL=room_server.url, **ENVIRONMENT)) for _ in range(2)]


async def test_of_what_is_said_while_a_call_moves_a_moment_is_missing_and_nothing_comes_twice(two_gateways, room_server):
    one, other = two_gateways
    async with Agent(room_server.url) as agent, VoiceClient(one.url, room=ROOM, identity="alice", agent="") as client:
        await client.event("session")
        await agent.listens()
        playing = asyncio.create_task(agent.play(ladder(20, 24_000)))
        await client.until(lambda: len(rungs(client.samples)) > 3, what="the agent's beeps")
        one.signal(signal.SIGTERM)
        move = await client.event("move")
        async with VoiceClient(other.url, session=move["resume_token"]) as again:
            await client.closed()
            await playing
            await again.until(lambda: 19 in rungs(again.samples), what="the last beep")
            before, after = rungs(client.samples), rungs(again.samples)
    assert set(before) & set(after) == set()
    # Beeps of 200 ms.
    assert len(set(range(20)) - set(before) - set(after)) <= 4, (before, after)


async def test_the_python_client_moves_by_itself(two_gateways):
    one, other = two_gateways
    async with Tap(one.port) as balancer, Call(balancer.url + "/ws", agent="", identity="ann") as call:
        sessions, seen = [], []
        async for event in call:
            seen.append(type(event).__name__)
            if isinstance(event, Session):
                sessions.append(event)
                if len(sessions) == 2:
                    break
                balancer.target = ("127.0.0.1", other.port)
                one.signal(signal.SIGTERM)
    assert Move.__name__ in seen and "Reconnecting" not in seen
    assert [session.id for session in sessions] == [sessions[0].id] * 2 and sessions[1].resumed
