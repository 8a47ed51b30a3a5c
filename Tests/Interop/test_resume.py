"""Calls that survive the loss of their TCP connection: the client comes back with its resume token."""

import asyncio
import os
import signal
import socket

import pytest_asyncio

from support.client import VoiceClient
from support.processes import Gateway
from support.sounds import audible_seconds, spoken, tone
from test_gateway_clients import Participant


@pytest_asyncio.fixture
async def patient_gateway(programs):
    """A gateway that waits for lost clients, on two loops."""
    return await programs(Gateway("--resume-grace", 20, "--log-level", "debug", THREADS=2))


def drop(client: VoiceClient) -> None:
    """Ends the TCP connection as a network does: a reset, no close frame."""
    client.socket._response.connection.transport.abort()


async def lose(client: VoiceClient) -> None:
    drop(client)
    await asyncio.wait_for(client._reading, 5)


async def test_a_call_goes_on_over_another_connection(patient_gateway):
    gateway = patient_gateway
    words = spoken("This is what I wanted to say to you.")
    async with VoiceClient(gateway.url, identity="alice") as first:
        session = await first.event("session")
        assert "." in session["resume_token"] and "resumed" not in session
        await first.event("agent_state", state="listening")
        await first.speak(words)
        await first.until(lambda: audible_seconds(first.samples, 24000) > 0.5, what="the parrot's answer")
        # In the middle of the answer, so that its rest has to wait.
        await lose(first)
    heard = audible_seconds(first.samples, 24000)
    await asyncio.sleep(1)
    async with VoiceClient(gateway.url, session=session["resume_token"]) as second:
        again = await second.event("session")
        assert again["resumed"] is True and again["dropped"] == {"messages": 0, "audio_ms": 0}
        for field in ("id", "room", "identity", "resume_token"):
            assert again[field] == session[field]
        await second.event("agent_state")
        total = audible_seconds(words, 16000)
        await second.until(
            lambda: heard + audible_seconds(second.samples, 24000) > 0.8 * total, what="the rest of the answer"
        )
        await asyncio.sleep(1)
        assert heard + audible_seconds(second.samples, 24000) < 1.3 * total, "sound came twice"
        # The conversation goes on, with the same agent.
        before = len(second.samples)
        await second.speak(words)
        await second.until(
            lambda: audible_seconds(second.samples[before:], 24000) > 0.6 * total, what="the answer to the second turn"
        )
        kinds = [event["type"] for event in second.events]
        assert "agent_joined" not in kinds and "agent_left" not in kinds and "error" not in kinds, kinds


async def test_sound_that_a_dead_network_has_swallowed_comes_on_the_next_connection(patient_gateway):
    """Nothing reaches the client for two and a half seconds, then the connection breaks."""
    gateway = patient_gateway
    sound = {"output_encoding": "pcm_f32le", "output_sample_rate": 48_000}
    seconds = lambda client: len(client.heard) / 4 / 48_000
    async with (
        VoiceClient(gateway.url, room="tunnel", identity="speaker", agent="") as speaker,
        VoiceClient(gateway.url, room="tunnel", identity="listener", agent="", **sound) as first,
    ):
        await speaker.event("session")
        session = await first.event("session")
        speaking = asyncio.create_task(speaker.speak(tone(440, 6)))
        await first.until(lambda: seconds(first) > 0.5, what="the tone")
        missed = seconds(first)
        began = asyncio.get_running_loop().time()
        transport = first.socket._response.connection.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()
        await asyncio.sleep(2.5)
        await lose(first)
        async with VoiceClient(gateway.url, session=session["resume_token"]) as second:
            again = await second.event("session")
            await speaking
            gone = asyncio.get_running_loop().time() - began
            # What the client's own kernel had acknowledged and the client never read is lost: a third of a second.
            await second.until(lambda: seconds(second) > gone - 0.8, within=5, what=f"{gone - 0.8:.1f} s of {gone:.1f}")
            assert seconds(first) == missed and again["dropped"]["audio_ms"] == 0


async def test_a_client_comes_back_again_and_again_on_whatever_loop_accepts_it(patient_gateway):
    gateway = patient_gateway
    descriptors = f"/proc/{gateway.process.pid}/fd"
    async with VoiceClient(gateway.url, identity="alice", agent="") as client:
        session = await client.event("session")
        before = len(os.listdir(descriptors))
        await lose(client)
    for _ in range(16):
        async with VoiceClient(gateway.url, session=session["resume_token"]) as client:
            again = await client.event("session")
            assert again["resumed"] is True and again["id"] == session["id"]
            # Bytes that follow the handshake at once reach the loop that the connection has moved to.
            await client.send(type="ping", id="x")
            await client.event("pong", id="x")
            await lose(client)
    # A moved connection is closed on both loops; the last reset may take a moment to be noticed.
    for _ in range(100):
        if (left := len(os.listdir(descriptors))) <= before:
            break
        await asyncio.sleep(0.05)
    assert left <= before, "descriptors are left over"
    # Of sixteen connections some were accepted by the other loop.
    assert any("client moves" in line for line in gateway.lines)


async def test_the_room_sees_nothing_of_a_lost_connection_until_the_grace_time_is_over(programs):
    gateway = await programs(Gateway("--resume-grace", 2, THREADS=2))
    async with Participant(gateway.room_url, "sdk", True) as sdk:
        here, gone = asyncio.Event(), asyncio.Event()
        sdk.room.on("participant_connected", lambda who: who.identity == "alice" and here.set())
        sdk.room.on("participant_disconnected", lambda who: who.identity == "alice" and gone.set())
        async with VoiceClient(gateway.url, room="meeting", identity="alice", agent="") as client:
            session = await client.event("session")
            await asyncio.wait_for(here.wait(), 10)
            await lose(client)
        await asyncio.sleep(1)
        assert not gone.is_set()
        async with VoiceClient(gateway.url, session=session["resume_token"]) as client:
            await client.event("session", resumed=True)
            await asyncio.sleep(2.5)
            assert not gone.is_set()
            await lose(client)
        await asyncio.sleep(1)
        assert not gone.is_set()
        await asyncio.wait_for(gone.wait(), 5)
    async with VoiceClient(gateway.url, session=session["resume_token"]) as client:
        error = await client.event("error")
        assert (error["code"], error["blame"], error["retry"]) == ("session_expired", "client", False)
        assert await client.closed() == 4410


async def test_a_client_that_closes_leaves_at_once(programs):
    gateway = await programs(Gateway("--resume-grace", 60))
    async with Participant(gateway.room_url, "sdk", True) as sdk:
        here, gone = asyncio.Event(), asyncio.Event()
        sdk.room.on("participant_connected", lambda who: who.identity == "alice" and here.set())
        sdk.room.on("participant_disconnected", lambda who: who.identity == "alice" and gone.set())
        async with VoiceClient(gateway.url, room="meeting", identity="alice", agent="") as client:
            await client.event("session")
            await asyncio.wait_for(here.wait(), 10)
        await asyncio.wait_for(gone.wait(), 3)


async def test_a_second_connection_takes_over_from_one_that_is_still_open(patient_gateway):
    gateway = patient_gateway
    async with VoiceClient(gateway.url, identity="alice") as first:
        session = await first.event("session")
        async with VoiceClient(gateway.url, session=session["resume_token"]) as second:
            assert (await second.event("session", resumed=True))["identity"] == "alice"
            assert (await first.event("closing"))["reason"] == "taken_over"
            assert await first.closed() == 4409
            await second.send(type="ping", id=1)
            await second.event("pong", id=1)


async def test_without_a_grace_time_there_is_no_token_and_old_ones_are_refused(gateway):
    async with VoiceClient(gateway.url, identity="alice", agent="") as client:
        assert "resume_token" not in await client.event("session")
    async with VoiceClient(gateway.url, session="1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") as client:
        error = await client.event("error")
        assert error["code"] == "session_expired"
        assert await client.closed() == 4410


async def test_a_close_code_of_the_client_s_own_is_a_loss_and_no_goodbye(patient_gateway):
    async with VoiceClient(patient_gateway.url, identity="alice", agent="") as client:
        session = await client.event("session")
        await client.socket.close(code=4000)
    async with VoiceClient(patient_gateway.url, session=session["resume_token"]) as client:
        assert (await client.event("session", resumed=True))["id"] == session["id"]


async def test_a_gateway_that_stops_does_not_wait_for_clients_that_are_away(patient_gateway):
    async with VoiceClient(patient_gateway.url, identity="alice") as client:
        await client.event("agent_joined")
        await lose(client)
    await patient_gateway.says("client lost")
    patient_gateway.signal(signal.SIGTERM)
    assert await patient_gateway.ends(within=4) == 0
    assert not any("left open" in line or "in time" in line for line in patient_gateway.lines)
