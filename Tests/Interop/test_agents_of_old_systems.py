"""Agents as they exist behind old frontends, on the real livekit-agents: what they are told about their job, whom they
recognise, and what a client sees of personas and data messages."""

import asyncio
import json

import aiohttp
import pytest
import pytest_asyncio
from livekit import api

from support.old_client import READY, OldClient
from support.processes import KEY, SECRET, Gateway, Worker
from support.sdk_client import Client
from support.sounds import audible_seconds, spoken

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "what is the weather in berlin"
ANSWER = "It is sunny and warm in Berlin today."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory):
    """`gemma-voice-agent` is the operator's agent; `custom-agent` is there as well."""
    memory = tmp_path_factory.mktemp("agent") / "memory.json"
    program = await Gateway(AGENT_NAME="gemma-voice-agent").start()
    workers = [
        Worker(program.room_url, name, script="seeds.py", MEMORY_FILE=memory)
        for name in ("custom-agent", "gemma-voice-agent")
    ]
    await asyncio.gather(*(worker.start() for worker in workers))
    yield program
    await asyncio.gather(*(worker.stop() for worker in workers))
    await program.stop()


async def job(client: OldClient) -> dict:
    """What the agent was told about its job, as it repeats it, without the trace that every job belongs to."""
    told = await client.event("agent.metadata", within=40)
    metadata = json.loads(told["metadata"])
    del metadata["traceparent"]
    return {"identity": told["identity"], **metadata}


async def says(client: OldClient, text: str, within: float = 40) -> None:
    await client.event("text", within=within, content=text)


async def test_custom_agent_gets_its_configuration_untouched(gateway):
    configuration = {
        "stt": "deepgram",
        "tts": "cartesia",
        "llm": "gpt-4o-mini",
        "prompt": "You are a friendly customer support agent.",
        "greeting": "Grüß Gott!",
        "realtime": False,
        "voice": {"id": "v-17", "speed": 1.25},
        "assistant_id": None,
        "numbers": [1, 2.5, 12345678901234567],
    }
    async with OldClient(gateway.url, agent="custom-agent", identity="user123", metadata=json.dumps(configuration)) as client:
        told = await job(client)
        assert told == {"identity": "user123"} | configuration


async def test_gemma_voice_agent_gets_instructions_voice_and_language(gateway):
    metadata = {"voice_reference_id": "narrator-2", "language": "de"}
    instructions = "Sprich wie ein Erzähler, ruhig und in ganzen Sätzen, und nenne nie Zahlen."
    async with OldClient(gateway.url, metadata=json.dumps(metadata)) as client:
        await client.configure(instructions)
        told = await job(client)
        del told["identity"]
        assert told == metadata | {"instructions": instructions, "prompt": instructions}
        assert (await client.event("configured"))["instructions"] == instructions[:50] + "..."


async def test_a_client_that_configures_nothing_gives_the_agent_no_instructions(gateway):
    async with OldClient(gateway.url) as client:
        told = await job(client)
        assert not {"instructions", "prompt"} & set(told)
        assert told["identity"]


async def test_a_caller_who_comes_back_is_recognised_and_nobody_else_is(gateway):
    # One after the other with the same agent; a new room each time.
    async with OldClient(gateway.url, identity="alice") as client:
        await client.send(type="text", data="my name is alice")
        await says(client, "Nice to meet you, Alice.")
    async with OldClient(gateway.url, user_id="alice") as again, OldClient(gateway.url, identity="bob") as other:
        for client in (again, other):
            await client.send(type="text", data="what did i say last time")
        await says(again, "Last time you said my name is alice.")
        await says(other, "We have not met before.")
        assert (await job(again))["identity"] == "alice"


async def test_a_persona_hands_over_without_a_glitch_for_the_client(gateway):
    async with OldClient(gateway.url, identity="carol") as client:
        await client.utter(spoken(QUESTION))
        await client.turn(within=60)
        told = len(client.told)
        sound = len(client.samples)
        await client.send(type="text", data="please transfer me to billing")
        # One reply or two: the second persona may begin in the very moment in which the first one ends.
        words = "Transferring you to billing. Hello, this is billing."
        await client.until(
            lambda: " ".join(e["content"] for e in client.told[told:] if e["type"] == "text") == words,
            within=60,
            what=words,
        )
        await client.until(lambda: client.told[-1] == READY, within=20, what="ready")
        # Both personas are heard and read, each once, on the same connection and by the same voice's track.
        after = client.told[told:]
        assert {e["type"] for e in after} == {"text", "audio", "ready"}
        both = sum(
            audible_seconds(spoken(s, 24000, 150), 24000)
            for s in ("Transferring you to billing.", "Hello, this is billing.")
        )
        assert abs(audible_seconds(client.samples[sound:], 24000) - both) < 0.6
        # And the new one goes on listening.
        told = len(client.told)
        await client.utter(spoken(QUESTION))
        await says(client, "Your bill is twelve euros.")
        await client.until(lambda: client.told[-1] == READY, within=20, what="ready")
        assert [e["content"] for e in client.told[told:] if e["type"] == "transcript"] == [QUESTION]


async def test_an_agent_with_data_messages_alone_still_gives_transcript_and_text(gateway):
    async with OldClient(gateway.url, metadata=json.dumps({"transcription": False})) as client:
        await client.utter(spoken(QUESTION))
        turn = await client.turn(within=60)
        assert [e["content"] for e in turn if e["type"] == "transcript"] == [QUESTION]
        await says(client, ANSWER)
        assert [e["content"] for e in client.told if e["type"] == "text"] == [ANSWER]
        # The messages themselves have come too, as the agent wrote them.
        assert {"type": "transcript.user", "text": QUESTION, "is_final": True} in client.events
        assert [e["state"] for e in client.events if e["type"] == "agent.state"][-3:] == ["thinking", "speaking", "listening"]
        assert [e["text"].strip() for e in client.events if e["type"] == "transcript.assistant"] == [ANSWER]


async def test_instructions_that_come_later_reach_the_agent_as_message_and_attribute(gateway):
    async with OldClient(gateway.url, identity="dave") as client:
        await job(client)
        await client.configure("From now on answer in verse.")
        await client.event("configured", instructions="From now on answer in verse....")
        message = await client.event("agent.was_told", within=20)
        assert "From now on answer in verse." in message["data"]
        seen = await client.event("agent.saw_attributes", within=20, identity="dave")
        assert "From now on answer in verse." in seen["changed"].values()


async def session(gateway, **body) -> dict:
    """What `POST /session` answers, as a frontend's own backend asks it."""
    async with aiohttp.ClientSession() as http:
        async with http.post(gateway.url.replace("ws", "http", 1).removesuffix("/ws") + "/session", json=body) as answer:
            assert answer.status in (200, 201), await answer.text()
            return await answer.json()


CONFIGURATION = {"stt": "assemblyai", "prompt": "You are a pirate.", "greeting": "Ahoy", "voice": {"id": 7}}
FILLED_IN = CONFIGURATION | {"tts": "cartesia", "llm": "gpt-4o-mini"}


async def test_a_backends_session_leads_an_old_client_to_the_agent_that_was_asked_for(gateway):
    made = await session(gateway, userIdentity="erin", agentConfig=CONFIGURATION)
    async with OldClient(made["websocketUrl"]) as client:
        assert await job(client) == FILLED_IN | {"identity": "erin"}
        await client.send(type="text", data="my name is alice")
        await says(client, "Nice to meet you, Alice.")
        # The session's dispatch is the only one.
        async with api.LiveKitAPI(made["livekitUrl"].replace("ws", "http", 1), KEY, SECRET) as livekit:
            there = await livekit.room.list_participants(api.ListParticipantsRequest(room=made["roomName"]))
        assert sorted(p.identity[:6] for p in there.participants) == ["agent-", "erin"]
        assert len([event for event in client.events if event["type"] == "agent.metadata"]) == 1


async def test_the_same_session_serves_a_client_in_livekit_mode(gateway):
    made = await session(gateway, userIdentity="frank", agentConfig=CONFIGURATION)
    client = Client(None, made["roomName"], "frank", url=made["livekitUrl"])
    client.token = made["userToken"]
    async with client:
        told = lambda: [json.loads(a[0].data) for a in client.happened("data_received") if b"agent.metadata" in a[0].data]
        await client.until(told, 40, "the agent's job")
        assert json.loads(told()[0]["metadata"]).items() > FILLED_IN.items() and told()[0]["identity"] == "frank"
