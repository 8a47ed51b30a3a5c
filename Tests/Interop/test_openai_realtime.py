"""Programs for OpenAI's Realtime API in front of an agent in a room: by OpenAI's own package, by its agents, by Pipecat."""

import asyncio
import json
import os

import numpy

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner

from support.openai_realtime import RATE, SERVER_EVENT, RealtimeClient
from support.processes import ROOT
from support.room_server import token
from support.sdk_client import Member
from support.sounds import audible_seconds, silence, spoken
from support.xiaozhi import News

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]


class Onlooker(Member):
    """Somebody else in a room."""

    def __init__(self, url: str, room: str) -> None:
        super().__init__()
        self.url, self.name = url, room

    async def __aenter__(self) -> "Onlooker":
        await self.room.connect(self.url, token("onlooker", self.name))
        return self

    async def call(self, identity: str, method: str, payload: str = "") -> str:
        return await self.room.local_participant.perform_rpc(
            destination_identity=identity, method=method, payload=payload, response_timeout=10)


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


async def say_until_answered(client: RealtimeClient, sentence: str):
    """What the recogniser makes nothing of is said again. Returns where the turn began, and the reply's end."""
    for _ in range(3):
        before = len(client.events)
        client.speak(spoken(sentence, RATE))
        try:
            return before, await client.event("response.done", within=25, after=before)
        except AssertionError:
            continue
    raise AssertionError(f"no reply among {client.kinds[-40:]}")


async def test_a_program_talks_with_a_real_agent_cuts_it_short_and_writes_to_it(agent_and_gateway):
    gateway = agent_and_gateway
    async with RealtimeClient(gateway.port, model="gpt-realtime") as client:
        created = await client.event("session.created")
        assert client.kinds[0] == "session.created" and created.session.model == "voicegateway"
        await client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        updated = await client.event("session.updated")
        assert updated.session.instructions == "Be brief."
        before, done = await say_until_answered(client, "what is the weather in berlin")
        reply = "It is sunny and warm in Berlin today."
        assert done.response.status == "completed" and done.response.output[0].content[0].transcript.strip() == reply
        turn = [kind for kind in client.kinds[before:] if kind in TURN]
        assert turn[: len(TURN)] == TURN, client.kinds[before:]
        heard = await client.event("conversation.item.input_audio_transcription.completed", after=before)
        assert heard.transcript.strip() == "what is the weather in berlin"
        item = (await client.event("input_audio_buffer.committed", after=before)).item_id
        assert heard.item_id == item
        said = "".join(e.delta for e in client.all("response.output_audio_transcript.delta", before))
        assert said.strip() == reply
        expected = audible_seconds(spoken(reply, RATE, 150), RATE)
        assert abs(audible_seconds(client.samples(after=before), RATE) - expected) < 0.5
        # A long reply is talked over; what was heard of it is what the client says.
        before = len(client.events)
        text = [{"type": "input_text", "text": "please tell me a very long story"}]
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": text})
        assert (await client.event("conversation.item.done", after=before)).item.content[0].text == text[0]["text"]
        await client.send("response.create")
        item = (await client.event("response.output_item.added", after=before)).item.id
        await client.event("response.output_audio.delta", after=before)
        client.speak(numpy.concatenate([silence(1, RATE), spoken("stop it please", RATE)]))
        await client.event("input_audio_buffer.speech_started", after=before)
        done = await client.event("response.done", after=before)
        assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=600)
        assert (await client.event("conversation.item.truncated", after=before)).audio_end_ms == 600
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=3_600_000)
        assert (await client.event("error", after=before)).error.code == "invalid_value"
        assert client.all("error")[:-1] == []


class Microphone:
    """Gives a program 40 ms of sound every 40 ms: what is to be said, else silence."""

    def __init__(self, send) -> None:
        self.send, self.pieces = send, []

    async def __aenter__(self) -> "Microphone":
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_) -> None:
        self._task.cancel()

    def say(self, samples: numpy.ndarray) -> None:
        data, size = samples.tobytes(), RATE * 40 // 1000 * 2
        self.pieces = [data[start : start + size].ljust(size, b"\0") for start in range(0, len(data), size)]

    async def _run(self) -> None:
        clock = asyncio.get_running_loop()
        due = clock.time()
        while True:
            await self.send(self.pieces.pop(0) if self.pieces else bytes(RATE * 40 // 1000 * 2))
            due += 0.04
            await asyncio.sleep(max(0, due - clock.time()))


async def test_openai_agents_talk_cut_in_and_lend_their_tools(agent_and_gateway):
    gateway = agent_and_gateway
    asked = []

    @function_tool
    def get_time(zone: str) -> str:
        """The time in a zone."""
        asked.append(zone)
        return f"noon in {zone}"

    runner = RealtimeRunner(RealtimeAgent(name="caller", instructions="Be brief.", tools=[get_time]))
    url = f"ws://127.0.0.1:{gateway.port}/v1/realtime?model=voicegateway&room=agents-room&identity=program"
    session = await runner.run(model_config={"url": url, "api_key": "none"})
    events, heard = News(), []

    async def read() -> None:
        async for event in session:
            if event.type == "audio":
                heard.append(event.audio.data)
            elif event.type != "raw_model_event":
                await events.note({"type": event.type, "event": event})

    async with session, Microphone(session.send_audio) as microphone:
        reading = asyncio.create_task(read())
        for _ in range(3):
            before = len(events.messages)
            microphone.say(spoken("what is the weather in berlin", RATE))
            try:
                await events.message("audio_end", within=25, after=before)
                break
            except AssertionError:
                continue
        reply = "It is sunny and warm in Berlin today."
        expected = audible_seconds(spoken(reply, RATE, 150), RATE)
        samples = numpy.frombuffer(b"".join(heard), numpy.int16)
        assert abs(audible_seconds(samples, RATE) - expected) < 0.5
        # Who speaks into a reply stops it.
        before = len(events.messages)
        await session.send_message("please tell me a very long story")
        await until(lambda: len(heard) > 40 + len(samples) // (RATE // 25))
        microphone.say(spoken("stop it please", RATE))
        await events.message("audio_interrupted", within=20, after=before)
        # A tool of the program is a method for whoever speaks for the room.
        async with Onlooker(gateway.room_url, "agents-room") as onlooker:
            await until(lambda: "program" in onlooker.room.remote_participants)
            answer = await onlooker.call("program", "get_time", json.dumps({"zone": "UTC"}))
            assert answer == "noon in UTC" and asked == ["UTC"]
            tools = json.loads(await onlooker.call("program", "openai.tools"))
            assert [tool["name"] for tool in tools] == ["get_time"]
        reading.cancel()
    problems = [m["event"].error for m in events.messages if m["type"] == "error"]
    assert problems == []
    said = [c.transcript for m in events.messages if m["type"] == "history_updated" for item in m["event"].history
            if item.type == "message" and item.role == "assistant" for c in item.content if c.transcript]
    assert any(text.strip() == reply for text in said)


def test_all_that_the_unit_tests_show_is_what_the_models_of_the_package_take():
    lines = (ROOT / "Tests/Fixtures/openai-realtime/events.jsonl").read_text().splitlines()
    kinds = {SERVER_EVENT.validate_json(line, strict=True).type for line in lines}
    assert len(kinds) == 27
