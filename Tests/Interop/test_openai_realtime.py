"""Programs for OpenAI's Realtime API in front of an agent in a room: by OpenAI's own package, by its agents, by Pipecat."""

import asyncio
import json
import os

import aiohttp
import numpy
import pytest
from openai import AsyncOpenAI, PermissionDeniedError

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from pipecat.frames.frames import InputAudioRawFrame, TTSAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from support.openai_realtime import RATE, SERVER_EVENT, RealtimeClient
from support.processes import DEPLOYMENT, ROOT, Gateway
from support.room_server import token
from support.sdk_client import Member
from support.sounds import audible_seconds, silence, spoken
from support.xiaozhi import News

needs_parrot = pytest.mark.skipif(bool(DEPLOYMENT), reason="the parrot is the room server's own")

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


def is_about(heard: list[bytes], sentence: str) -> bool:
    """Whether it is as long as the sentence in the agent's voice."""
    expected = audible_seconds(spoken(sentence, RATE, 150), RATE)
    return abs(audible_seconds(numpy.frombuffer(b"".join(heard), numpy.int16), RATE) - expected) < 0.5


async def within_three(attempt) -> None:
    """What the recogniser makes nothing of, or a busy machine takes for an interruption, is said again."""
    for _ in range(3):
        try:
            if await attempt():
                return
        except AssertionError:
            continue
    raise AssertionError("not in three attempts")


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


async def openai_agents_talk_cut_in_and_lend_their_tools(gateway: Gateway) -> None:
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
        reply = "It is sunny and warm in Berlin today."

        async def hears_the_reply() -> bool:
            before = len(events.messages)
            heard.clear()
            microphone.say(spoken("what is the weather in berlin", RATE))
            await events.message("audio_end", within=25, after=before)
            return is_about(heard, reply)

        await within_three(hears_the_reply)
        samples = numpy.frombuffer(b"".join(heard), numpy.int16)
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


async def pipecat_talks(gateway: Gateway) -> None:
    service = OpenAIRealtimeLLMService(
        api_key="none", base_url=f"ws://127.0.0.1:{gateway.port}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(model="voicegateway", system_instruction="Be brief."))
    news, heard = News(), []

    class Ear(FrameProcessor):
        async def process_frame(self, frame, direction):
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                heard.append(frame.audio)
            elif not isinstance(frame, InputAudioRawFrame):
                await news.note({"type": type(frame).__name__, "text": getattr(frame, "text", "")})
            await self.push_frame(frame, direction)

    errors = []
    task = PipelineTask(Pipeline([service, Ear()]), enable_rtvi=False)

    @service.event_handler("on_error")
    async def on_error(_, frame):
        errors.append(frame.error)

    async def send(data: bytes) -> None:
        await task.queue_frame(InputAudioRawFrame(audio=data, sample_rate=RATE, num_channels=1))

    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    async with Microphone(send) as microphone:
        reply = "It is sunny and warm in Berlin today."

        async def hears_the_reply() -> bool:
            before = len(news.messages)
            heard.clear()
            microphone.say(spoken("what is the weather in berlin", RATE))
            await news.message("TTSStoppedFrame", within=25, after=before)
            said = "".join(m["text"] for m in news.messages[before:] if m["type"] == "TTSTextFrame")
            return is_about(heard, reply) and " ".join(said.split()) == reply

        await within_three(hears_the_reply)
    await task.cancel()
    await running
    assert errors == []


async def test_the_frameworks_openai_agents_and_pipecat_take_an_agent_in_a_room_for_a_model(agent_and_gateway):
    await openai_agents_talk_cut_in_and_lend_their_tools(agent_and_gateway)
    await pipecat_talks(agent_and_gateway)


@needs_parrot
async def test_a_page_connects_by_a_secret_that_its_backend_has_asked_for(programs):
    gateway = await programs(Gateway(AGENT_NAME="parrot", API_KEY_ENABLED="true", API_KEYS="backend"))
    backend = AsyncOpenAI(api_key="backend", base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
    made = await backend.realtime.client_secrets.create(session={"type": "realtime", "instructions": "Be brief."})
    assert made.value.startswith("ek_") and made.session.instructions == "Be brief."
    async with RealtimeClient(gateway.port, key=made.value) as client:
        assert (await client.event("session.created")).session.instructions == "Be brief."
    url = f"ws://127.0.0.1:{gateway.port}/v1/realtime?model=voicegateway"
    protocols = ["realtime", f"openai-insecure-api-key.{made.value}"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url, protocols=protocols) as page:
        assert page.protocol == "realtime" and (await page.receive_json())["type"] == "session.created"
    async with RealtimeClient(gateway.port, key=made.value, room="others") as client:
        assert "room" in (await client.event("error", where=lambda e: e.error.code == "invalid_parameter")).error.message
    for wrong in (made.value[:-4] + "AAAA", "nobody"):
        async with RealtimeClient(gateway.port, key=wrong) as client:
            assert (await client.event("error")).error.code == "invalid_api_key"
    stranger = AsyncOpenAI(api_key=made.value, base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)
    with pytest.raises(PermissionDeniedError):
        await stranger.realtime.client_secrets.create()


def test_all_that_the_unit_tests_show_is_what_the_models_of_the_package_take():
    lines = (ROOT / "Tests/Fixtures/openai-realtime/events.jsonl").read_text().splitlines()
    kinds = {SERVER_EVENT.validate_json(line, strict=True).type for line in lines}
    assert len(kinds) == 27
