"""The message sequences of both modes of the old protocol, against a real livekit-agents worker."""

import asyncio

import numpy
import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.old_client import CONNECTED, CONVERTING, READY, TRANSCRIBING, OldClient, recording, unpacked, wav
from support.processes import Gateway, Worker
from support.sounds import audible_seconds, spoken

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "what is the weather in berlin"
ANSWER = "It is sunny and warm in Berlin today."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway().start()
    worker = await Worker(program.room_url).start()
    yield program
    await worker.stop()
    await program.stop()


def transcript(content: str) -> dict:
    return {"type": "transcript", "role": "user", "content": content}


def text(content: str) -> dict:
    return {"type": "text", "role": "assistant", "content": content}


def in_order(turn: list[dict], expected: list[dict]) -> None:
    """The turn is the expected messages, with the reply's sound among those that the agent sends, and `ready` last."""
    # Agents publish final transcripts beside their reply, so either may come first; the protocol leaves it open.
    begin = expected.index(TRANSCRIBING) + 1 if TRANSCRIBING in expected else 0
    assert turn[:begin] == expected[:begin], turn
    assert [event for event in turn[begin:] if event["type"] != "audio"] == expected[begin:], turn
    assert [event for event in turn[begin:] if event["type"] == "audio"], turn
    assert turn[-1] == READY


def counted(size: int) -> dict:
    return {"type": "buffering", "chunks": size // 1000, "bytes": size}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hands_free(gateway):
    """A client in voice-activity mode after three turns: an utterance, one in two messages, typed text."""
    file = wav(spoken(QUESTION))
    async with OldClient(gateway.url) as client:
        await client.event("ready", within=10)
        await client.configure("Be brief, and speak of nothing but the weather of this week.")
        await client.utter(spoken(QUESTION))
        await client.turn(1, within=60)
        client.first_reply = list(client.pieces)
        await client.audio(file[:30_001], format="wav")
        await client.audio(file[30_001:], format="wav")
        await client.send(type="end_turn")
        await client.turn(2, within=60)
        await client.send(type="text", data="my name is alice")
        await client.turn(3, within=60)
        await client.until(
            lambda: sum(event["type"] == "transcript.assistant" for event in client.events) == 3, what="the agent's JSON"
        )
        yield client


async def test_an_utterance_is_answered_in_the_order_of_the_protocol(hands_free):
    size = 44 + 2 * len(spoken(QUESTION))
    in_order(
        await hands_free.turn(1), [counted(size), TRANSCRIBING, transcript(QUESTION), text(ANSWER), READY]
    )


async def test_an_utterance_in_two_messages_counts_up_and_is_one_turn(hands_free):
    size = 44 + 2 * len(spoken(QUESTION))
    in_order(
        await hands_free.turn(2),
        [counted(30_001), counted(size), TRANSCRIBING, transcript(QUESTION), text(ANSWER), READY],
    )


async def test_typed_text_is_answered_like_speech(hands_free):
    in_order(await hands_free.turn(3), [text("Nice to meet you, Alice."), READY])


async def test_the_greeting_and_the_configuration_are_told_once(hands_free):
    assert hands_free.told[0] == CONNECTED
    assert hands_free.told.count(CONNECTED) == 1
    configured = {"type": "configured", "instructions": "Be brief, and speak of nothing but the weather of ..."}
    assert [e for e in hands_free.told if e["type"] == "configured"] == [configured]
    assert not [e for e in hands_free.told if e["type"] == "error"]


async def test_the_reply_is_files_of_their_own_a_short_one_first_and_no_silence(hands_free):
    files = [unpacked(piece) for piece in hands_free.first_reply]
    assert {rate for _, rate in files} == {hands_free.rate_out}
    seconds = [len(samples) / hands_free.rate_out for samples, _ in files]
    assert seconds[0] <= 0.21 and max(seconds) <= 1.01, seconds
    reply = numpy.concatenate([samples for samples, _ in files])
    expected = audible_seconds(spoken(ANSWER, 24000, 150), 24000)
    assert abs(audible_seconds(reply, 24000) - expected) < 0.35
    # Pauses inside a sentence are sound to a listener; more than that is an idle track.
    assert sum(seconds) < expected + 1


async def test_agents_that_publish_json_too_are_not_heard_double(hands_free):
    # The worker publishes streams on lk.transcription and JSON; both have come, and the client was told once.
    answers = [ANSWER, ANSWER, "Nice to meet you, Alice."]
    assert [e["text"].strip() for e in hands_free.events if e["type"] == "transcript.assistant"] == answers
    assert [e["content"] for e in hands_free.told if e["type"] == "text"] == answers
    final = {"type": "transcript.user", "text": QUESTION, "is_final": True}
    assert [e for e in hands_free.events if e["type"] == "transcript.user" and e["is_final"]][:2] == [final, final]
    assert [e for e in hands_free.told if e["type"] == "transcript"] == [transcript(QUESTION)] * 2


async def test_push_to_talk_after_slips_of_the_finger_two_turns_in_a_row(gateway):
    pieces = recording(spoken(QUESTION, 48000))
    assert len(pieces) > 6
    async with OldClient(gateway.url) as client:
        await client.event("ready", within=10)
        await client.send(type="end_turn")
        await client.audio(pieces[0][:99])
        await client.send(type="end_turn")
        refusal = "Not enough audio data ({} bytes). Hold the button longer."
        await client.event("error", within=10, message=refusal.format(99))
        slips = [
            {"type": "error", "message": refusal.format(0)},
            counted(99),
            {"type": "error", "message": refusal.format(99)},
        ]
        sizes = [sum(map(len, pieces[:count])) for count in range(1, len(pieces) + 1)]
        expected = [counted(size) for size in sizes]
        expected += [CONVERTING, TRANSCRIBING, transcript(QUESTION), text(ANSWER), READY]
        await client.hold(pieces)
        in_order(await client.turn(1, within=60), slips + expected)
        # The next press is a recording of its own, and counts from zero.
        await client.hold(pieces)
        in_order(await client.turn(2, within=60), expected)


async def test_speech_over_a_long_reply_stops_it_and_is_a_turn_of_its_own(gateway):
    async with OldClient(gateway.url) as client:
        await client.utter(spoken("please tell me a very long story"))
        # livekit-agents lets nobody interrupt the first three seconds, in which echo cancellers learn.
        await client.until(lambda: audible_seconds(client.samples, 24000) > 3.5, within=60, what="some of the story")
        await client.utter(spoken("stop talking now please"))
        await client.event("transcript", within=40, content="stop talking now please")
        told = len(client.told)
        stopped = await client.event("text", within=40, content="I have stopped.")
        await client.until(lambda: client.told[-1] == READY and stopped in client.told[told:], within=40, what="ready")
        texts = [e["content"] for e in client.told if e["type"] == "text"]
        transcripts = [e["content"] for e in client.told if e["type"] == "transcript"]
        assert transcripts == ["please tell me a very long story", "stop talking now please"]
        # The story's text is what was said of it, and comes once.
        assert len(texts) == 2 and texts[0].startswith("Chapter one.") and len(texts[0]) < 400, texts
        # The whole story takes more than half a minute.
        assert audible_seconds(client.samples, 24000) < 20


async def test_two_clients_at_once_are_answered_each_with_its_own(gateway):
    async with OldClient(gateway.url) as one, OldClient(gateway.url) as other:
        # Nothing is awaited, not even `ready`: it is all said before the agent is there.
        await one.configure("Be brief.")
        await asyncio.gather(one.utter(spoken(QUESTION)), other.send(type="text", data="my name is alice"))
        await asyncio.gather(one.turn(within=60), other.turn(within=60))
        assert [e["content"] for e in one.told if e["type"] == "transcript"] == [QUESTION]
        assert [e["content"] for e in one.told if e["type"] == "text"] == [ANSWER]
        assert [e["content"] for e in other.told if e["type"] == "text"] == ["Nice to meet you, Alice."]
        assert not [e for e in other.told if e["type"] == "transcript"]


async def test_a_client_of_the_old_path_that_sends_binary_frames_gets_binary_frames(gateway):
    async with VoiceClient(gateway.url.replace("/ws", "/v1/conversation/ws")) as client:
        await client.event("ready", within=10)
        await client.speak(spoken(QUESTION))
        await client.send(type="end_turn")
        await client.event("ready", within=60, message=READY["message"])
        told = [event for event in client.events if "." not in event["type"]]
        assert told == [CONNECTED, TRANSCRIBING, transcript(QUESTION), text(ANSWER), READY]
        assert client.frames > 20
        expected = audible_seconds(spoken(ANSWER, 24000, 150), 24000)
        assert abs(audible_seconds(client.samples, 24000) - expected) < 0.35
