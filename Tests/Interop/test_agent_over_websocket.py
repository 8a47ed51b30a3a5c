"""A plain WebSocket client talks to a real livekit-agents worker."""

import asyncio
import contextlib
import json

from support.client import VoiceClient
from support.sounds import audible_seconds, silence, spoken


@contextlib.asynccontextmanager
async def caller(gateway, **parameters):
    async with VoiceClient(gateway.url, identity="alice", **parameters) as client:
        await client.event("session")
        await client.event("agent_joined", within=30)
        yield client


async def say(client: VoiceClient, sentence: str) -> asyncio.Task:
    """Says a sentence and leaves the microphone open."""
    await client.speak(spoken(sentence))
    return asyncio.create_task(client.microphone())


async def test_a_spoken_sentence_is_recognised_and_answered_aloud(agent_and_gateway):
    async with caller(agent_and_gateway) as client:
        await client.event("agent_state", state="listening")
        microphone = await say(client, "what is the weather in berlin")
        user = await client.event("transcript", role="user", final=True)
        assert user["content"].strip() == "what is the weather in berlin"
        assistant = await client.event("transcript", role="assistant", final=True)
        assert assistant["content"].strip() == "It is sunny and warm in Berlin today."
        await client.event("agent_state", state="speaking")
        await client.event("agent_state", state="listening", after=client.events.index(user))
        microphone.cancel()
        expected = audible_seconds(spoken("It is sunny and warm in Berlin today.", 24000, 150), 24000)
        assert abs(audible_seconds(client.samples, 24000) - expected) < 0.35


async def test_interim_transcripts_grow_towards_the_final_one(agent_and_gateway):
    async with caller(agent_and_gateway) as client:
        microphone = await say(client, "what is the weather in berlin")
        final = await client.event("transcript", role="user", final=True)
        microphone.cancel()
        interim = [e for e in client.events if e.get("type") == "transcript" and e.get("role") == "user" and not e["final"]]
        assert interim, "no interim transcript came before the final one"
        assert all(e["segment_id"] == final["segment_id"] for e in interim)
        finals = [e for e in client.events if e.get("type") == "transcript" and e.get("role") == "user" and e["final"]]
        assert len(finals) == 1, "the final transcript came more than once"


async def test_words_spoken_before_the_agent_is_there_are_not_lost(agent_and_gateway):
    async with VoiceClient(agent_and_gateway.url, identity="hasty") as client:
        # Not even the session event is awaited: the first word leaves with the connection.
        microphone = await say(client, "what is the weather in berlin")
        user = await client.event("transcript", role="user", final=True, within=40)
        microphone.cancel()
        assert user["content"].strip() == "what is the weather in berlin"


async def test_a_caller_who_speaks_over_a_long_reply_hears_it_stop(agent_and_gateway):
    async with caller(agent_and_gateway) as client:
        microphone = await say(client, "please tell me a very long story")
        await client.event("agent_state", state="speaking", within=30)
        await client.until(lambda: audible_seconds(client.samples, 24000) > 3, within=30, what="three seconds of story")
        microphone.cancel()
        before = len(client.events)
        microphone = await say(client, "stop talking now please")
        await client.event("interrupted", after=before)
        stopped = await client.event("transcript", role="user", final=True, after=before)
        assert stopped["content"].strip() == "stop talking now please"
        await client.event("transcript", role="assistant", final=True, after=client.events.index(stopped))
        await client.event("agent_state", state="listening", after=client.events.index(stopped), within=30)
        microphone.cancel()
        # The whole story takes more than half a minute.
        assert audible_seconds(client.samples, 24000) < 15


async def test_json_data_messages_of_the_agent_arrive_verbatim(agent_and_gateway):
    async with caller(agent_and_gateway, metadata=json.dumps({"tone": "friendly"})) as client:
        microphone = await say(client, "hello agent can you hear me")
        final = await client.event("transcript.user", is_final=True, within=30)
        microphone.cancel()
        assert final == {"type": "transcript.user", "text": "hello agent can you hear me", "is_final": True}
        await client.event("transcript.assistant")
        assert (await client.event("agent.state", state="speaking")) == {"type": "agent.state", "state": "speaking"}


async def test_dispatch_metadata_reaches_the_agent(agent_and_gateway):
    async with caller(agent_and_gateway, metadata=json.dumps({"tone": "friendly"})) as client:
        told = await client.event("agent.metadata")
        assert json.loads(told["metadata"])["tone"] == "friendly"


async def test_typed_text_is_answered(agent_and_gateway):
    async with caller(agent_and_gateway) as client:
        await client.event("agent_state", state="listening")
        await client.send(type="text", data="my name is alice")
        reply = await client.event("transcript", role="assistant", final=True, within=30)
        assert reply["content"].strip() == "Nice to meet you, Alice."
        await client.until(lambda: audible_seconds(client.samples, 24000) > 0.8, what="the spoken reply")


async def test_silence_alone_makes_the_agent_say_nothing(agent_and_gateway):
    async with caller(agent_and_gateway) as client:
        await client.speak(silence(3))
        assert not [e for e in client.events if e.get("type") == "transcript"]
        assert audible_seconds(client.samples, 24000) == 0
