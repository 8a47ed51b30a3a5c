"""The WebSocket mode of old clients, message by message, against the parrot of the room server inside."""

import asyncio
import base64
import io
import json
import struct
import wave

import av
import numpy
import pytest
import pytest_asyncio
from livekit import api

from support.client import VoiceClient
from support.old_client import CONNECTED, CONVERTING, TRANSCRIBING, OldClient, wav
from support.processes import DEPLOYMENT, KEY, SECRET, Gateway
from support.recordings import in_pieces, mp4, ogg, webm
from support.sdk_client import Client
from support.sounds import audible_seconds, silence, spoken

pytestmark = pytest.mark.skipif(bool(DEPLOYMENT), reason="the parrot is the room server's own")

RATE = 24_000


@pytest_asyncio.fixture
async def gateway(programs):
    return await programs(Gateway(AGENT_NAME="parrot"))


@pytest.fixture
def sentence():
    return spoken("good morning to everybody in this room")


def check_reply(client: OldClient, before: int, seconds: float) -> None:
    """The messages of one turn from number `before` on: their order, and that the reply says what was said."""
    kinds = [m["type"] for m in client.events[before:]]
    assert kinds.count("transcript") == kinds.count("text") == kinds.count("ready") == 1, kinds
    assert kinds.index("transcript") < kinds.index("audio") and kinds[-1] == "ready", kinds
    assert max(i for i, kind in enumerate(kinds) if kind == "audio") < kinds.index("ready")
    transcript = next(m for m in client.events[before:] if m["type"] == "transcript")
    text = next(m for m in client.events[before:] if m["type"] == "text")
    assert transcript["role"] == "user" and "seconds of speech" in transcript["content"]
    assert text["role"] == "assistant" and text["content"].startswith("You said something like this")
    assert set(transcript) == set(text) == {"type", "role", "content"}
    pieces = client.sounds(before)
    assert len(pieces[0]) <= 0.25 * RATE and all(len(piece) <= 1.02 * RATE for piece in pieces)
    joined = numpy.concatenate(pieces)
    assert audible_seconds(joined, RATE) > 0.8 * seconds


# Opening


async def test_the_connection_is_welcomed_and_configured_as_the_contract_says(gateway):
    async with OldClient(gateway.url) as client:
        await client.send(type="config", data={"instructions": "Speak like a pirate. " * 5})
        await client.event("configured")
        await client.send(type="config", data={"instructions": "short"})
        await client.until(lambda: len(client.events) == 3)
        assert client.events == [
            CONNECTED,
            {"type": "configured", "instructions": "Speak like a pirate. Speak like a pirate. Speak li..."},
            {"type": "configured", "instructions": "short..."},
        ]


# Turns


async def test_a_whole_wav_utterance_is_a_turn(gateway, sentence):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        for _ in range(2):
            before = await client.utter(sentence)
            await client.turn_is_mine(before)
            size = len(wav(sentence))
            assert client.events[before : before + 2] == [
                {"type": "buffering", "chunks": size // 1000, "bytes": size},
                TRANSCRIBING,
            ]
            check_reply(client, before, audible_seconds(sentence, 16_000))
        assert client.types().count("ready") == 3 and "error" not in client.types()


@pytest.mark.parametrize("container, kind", [(webm, "webm"), (ogg, "ogg")], ids=["chromium", "firefox"])
async def test_a_held_button_is_a_turn(gateway, sentence, container, kind):
    recording = container(sentence)
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        for _ in range(2):
            before = await client.hold(in_pieces(recording, len(sentence) / 16_000))
            await client.turn_is_mine(before)
            buffering = [m for m in client.events[before:] if m["type"] == "buffering"]
            assert [m["bytes"] for m in buffering][-1] == len(recording)
            assert all(m["chunks"] == m["bytes"] // 1000 for m in buffering)
            processing = [m for m in client.events[before:] if m["type"] == "processing"]
            assert processing == ([CONVERTING, TRANSCRIBING] if kind == "webm" else [TRANSCRIBING])
            check_reply(client, before, audible_seconds(sentence, 16_000))
        assert "error" not in client.types()


async def test_recorded_packets_reach_the_room_undecoded(gateway, sentence):
    recording = webm(sentence)
    with av.open(io.BytesIO(recording)) as content:
        packets = {bytes(packet) for packet in content.demux(audio=0) if packet.size > 10}
    async with OldClient(gateway.url, room="untouched", identity="old", agent="") as client:
        await client.event("ready")
        async with VoiceClient(gateway.url, room="untouched", agent="", output_encoding="opus") as listener:
            await listener.event("session")
            # The first words may be gone before the listener has subscribed.
            for _ in range(2):
                await client.hold(in_pieces(recording, len(sentence) / 16_000))
            await listener.until(
                lambda: sum(packet in listener.heard for packet in packets) > 0.95 * len(packets),
                what=f"nearly all of {len(packets)} packets")


async def test_typed_words_are_answered(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.send(type="text", data="hello parrot")
        await client.turn_is_mine()
        assert client.all("text") == [{"type": "text", "role": "assistant", "content": "You wrote: hello parrot"}]
        assert client.sounds() and not client.all("transcript")


# The reply's sound


async def test_reply_pieces_joined_are_what_the_agent_published(gateway, sentence):
    room = "compared"
    async with OldClient(gateway.url, room=room, identity="old") as client:
        await client.event("ready")
        async with VoiceClient(gateway.url, room=room, identity="witness", agent="") as witness:
            await witness.event("session")
            before = await client.utter(sentence)
            await client.event("audio", 30, before)
            start = len(witness.samples)
            await client.turn_is_mine(before)
            await witness.until(lambda: len(witness.samples) > start, what="the witness")
            await asyncio.sleep(0.5)
            heard = witness.samples[max(0, start - RATE) :].astype(float)
        # Each piece is found in what the witness heard, right behind the one before: only silence is missing.
        # A machine that starves one of the two breaks its sound once, not more.
        at, matched, breaks, pieces = None, 0, 0, client.sounds(before)
        for piece in (piece.astype(float) for piece in pieces):
            first = 0 if at is None else max(0, at - 20)
            room_to_look = heard[first : first + len(piece) + (5 * RATE if at is None else 2 * RATE)]
            if len(room_to_look) < len(piece):
                break
            size = 1 << (len(room_to_look) + len(piece)).bit_length()
            products = numpy.fft.irfft(
                numpy.fft.rfft(room_to_look, size) * numpy.conj(numpy.fft.rfft(piece, size)), size
            )[: len(room_to_look) - len(piece) + 1]
            squares = numpy.cumsum(numpy.concatenate([[0], room_to_look**2]))
            energies = squares[len(piece) :] - squares[: -len(piece)]
            best = int(numpy.argmin(energies - 2 * products))
            residual = (energies[best] - 2 * products[best] + (piece**2).sum()) / max(1, (piece**2).sum())
            if residual < 0.1:
                matched += 1
                if at is not None:
                    missing = heard[at : first + best]
                    breaks += len(missing) > 0 and numpy.sqrt((missing**2).mean()) > 200
                at = first + best + len(piece)
            else:
                at = first + best + len(piece) if at is not None else None
        assert matched >= 0.8 * len(pieces) and breaks <= 1, (matched, breaks, len(pieces))


async def test_no_silence_is_sent_to_a_client_that_waits(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.send(type="text", data="hello")
        await client.turn_is_mine()
        count = len(client.events)
        await asyncio.sleep(3)
        assert len(client.events) == count


async def test_pieces_are_short_at_first_and_come_without_delay(gateway, sentence):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        before = await client.utter(numpy.concatenate([sentence, sentence]))
        await client.turn_is_mine(before)
        arrived = [client.times[i] for i in range(before, len(client.events)) if client.events[i]["type"] == "audio"]
        lengths = [len(piece) / RATE for piece in client.sounds(before)]
        assert lengths[0] <= 0.25
        # Nobody who plays them one after the other gets further behind than one piece.
        free = arrived[0]
        for time, length in zip(arrived, lengths):
            assert max(free, time) - time < 1.3, (time - arrived[0], lengths)
            free = max(free, time) + length


@pytest.mark.parametrize("query", [{"output_framing": "binary"}, {"output_framing": "json"}], ids=["binary", "json"])
async def test_the_query_chooses_how_sound_is_framed(gateway, sentence, query):
    async with OldClient(gateway.url, takes_binary=True, **query) as client:
        await client.event("ready")
        before = await client.utter(sentence)
        await client.turn_is_mine(before)
        if query["output_framing"] == "json":
            bytes_heard = b"".join(client.pieces)
            assert len(client.pieces[0]) == 960
        else:
            bytes_heard = bytes(client.heard)
            assert not client.all("audio")
        heard = numpy.frombuffer(bytes_heard, dtype=numpy.int16)
        assert audible_seconds(heard, RATE) > 0.8 * audible_seconds(sentence, 16_000)


async def test_framing_changes_in_the_middle_of_a_session(gateway, sentence):
    async with OldClient(gateway.url, takes_binary=True) as client:
        await client.event("ready")
        await client.turn_is_mine(await client.utter(sentence))
        assert client.sounds() and not client.heard
        await client.send(type="config", data={"output_framing": "binary", "output_sample_rate": 16000})
        await client.event("configured")
        before = await client.utter(sentence)
        await client.turn_is_mine(before)
        assert not [m for m in client.events[before:] if m["type"] == "audio"]
        assert len(client.heard) % 640 == 0
        await client.send(type="config", data={"output_framing": "wav", "output_sample_rate": 8000})
        before = await client.utter(sentence)
        await client.turn_is_mine(before)
        with wave.open(io.BytesIO(client.pieces[-1])) as last:
            assert last.getframerate() == 8000


async def test_a_client_that_sends_binary_frames_gets_binary_frames(gateway, sentence):
    async with OldClient(gateway.url, takes_binary=True) as client:
        await client.event("ready")
        for start in range(0, len(sentence), 320):
            await client.socket.send_bytes(sentence[start : start + 320].tobytes())
            await asyncio.sleep(0.02)
        before = len(client.events)
        await client.send(type="end_turn")
        await client.turn_is_mine(before)
        assert client.events[before] == TRANSCRIBING
        assert not client.all("audio") and not client.all("buffering")
        heard = numpy.frombuffer(bytes(client.heard), dtype=numpy.int16)
        assert audible_seconds(heard, RATE) > 0.8 * audible_seconds(sentence, 16_000)


# Every kind of WAV


def riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def wav_of_kind(samples: numpy.ndarray, kind: str) -> bytes:
    """`samples` of 16 kHz as another kind of WAV file."""
    level = samples.astype(float) / 32768
    if kind == "stereo 48 kHz float":
        at_48 = numpy.repeat(level, 3)
        data = numpy.stack([at_48, at_48], axis=1).astype("<f4").tobytes()
        return riff((b"fmt ", struct.pack("<HHIIHH", 3, 2, 48000, 48000 * 8, 8, 32)), (b"data", data))
    if kind == "8 bit":
        data = ((level * 127) + 128).astype("u1").tobytes()
        return riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 16000, 16000, 1, 8)), (b"data", data))
    if kind == "24 bit, lists first":
        data = b"".join(struct.pack("<i", int(x * 8388607))[:3] for x in level)
        return riff(
            (b"LIST", b"INFOodd"), (b"fmt ", struct.pack("<HHIIHH", 1, 1, 16000, 48000, 3, 24)), (b"data", data))
    if kind == "32 bit":
        data = (level * 2147483647).astype("<i4").tobytes()
        return riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 16000, 64000, 4, 32)), (b"data", data))
    if kind == "8 kHz":
        return wav(samples[::2].copy(), 8000)
    # As writers to a pipe leave it.
    header = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
    length = 0 if kind == "length 0" else 0xFFFFFFFF
    start = b"RIFF" + struct.pack("<I", length) + b"WAVE" + b"fmt " + struct.pack("<I", 16) + header
    return start + b"data" + struct.pack("<I", length) + samples.tobytes()


@pytest.mark.parametrize(
    "kind",
    ["stereo 48 kHz float", "8 bit", "24 bit, lists first", "32 bit", "8 kHz", "length 0", "length 0xFFFFFFFF"],
)
async def test_wav_files_of_every_kind_are_heard(gateway, kind):
    words = spoken("good morning")
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.audio(wav_of_kind(words, kind), format="wav")
        await client.send(type="end_turn")
        await client.turn_is_mine()
        assert audible_seconds(numpy.concatenate(client.sounds()), RATE) > 0.7 * audible_seconds(words, 16_000)
        assert "error" not in client.types()


# What cannot be


async def answers(client: OldClient, expected: str, exactly: bool = True) -> None:
    """The latest error, and that the connection goes on."""
    await client.until(lambda: client.all("error"), what=f"error {expected}")
    error = client.all("error")[-1]
    assert set(error) == {"type", "message"}
    assert error["message"] == expected if exactly else expected in error["message"], error
    await client.send(type="config", data={"instructions": "still there"})
    await client.event("configured", instructions="still there...")
    assert client.close_code is None


async def test_a_short_turn_is_a_slip_of_the_finger(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.send(type="end_turn")
        await answers(client, "Not enough audio data (0 bytes). Hold the button longer.")
        await client.audio(wav(silence(0.001)), format="wav")
        await client.send(type="end_turn")
        size = len(wav(silence(0.001)))
        await client.until(lambda: len(client.all("error")) == 2)
        await answers(client, f"Not enough audio data ({size} bytes). Hold the button longer.")
        # The buffer was reset.
        await client.audio(wav(silence(0.1)), format="wav")
        await client.until(lambda: client.all("buffering")[-1]["bytes"] == len(wav(silence(0.1))))


@pytest.mark.parametrize(
    "text, expected, exactly",
    [
        ("{not json", "Invalid JSON", False),
        ("[1, 2]", "instead of an object", False),
        ('{"data":"x"}', 'no "type"', False),
        ('{"type":"audio","data":"%%%"}', "Invalid audio data", True),
        ('{"type":"audio"}', "Invalid audio data", True),
        ('{"type":"audio","data":7}', "Invalid audio data", True),
        (json.dumps({"type": "audio", "data": base64.b64encode(bytes(5000)).decode()}), "Invalid audio data", True),
        ('{"type":"config","data":[]}', "instead of an object", False),
        ('{"type":"text","data":5}', 'text needs "data"', False),
    ],
    ids=["no-json", "array", "no-type", "no-base64", "no-data", "number", "no-container", "config", "text"],
)
async def test_a_message_that_cannot_be_read_is_answered_and_the_connection_stays(gateway, text, expected, exactly):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.socket.send_str(text)
        await answers(client, expected, exactly)


async def test_unknown_types_are_passed_over(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.send(type="dance", data=1)
        await client.send(type="config")
        await client.event("configured", instructions="...")
        assert client.types() == ["ready", "configured"]


async def test_safari_is_told_what_is_accepted(gateway, sentence):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.audio(mp4(sentence))
        await answers(
            client,
            "Unsupported audio: MP4 (AAC) from Safari's MediaRecorder. Accepted are WAV, WebM/Opus, Ogg/Opus.",
        )
        # And can go on with something else.
        await client.send(type="end_turn")
        await client.turn_is_mine(await client.utter(sentence))


async def test_a_truncated_recording_harms_nothing(gateway, sentence):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.audio(webm(sentence)[:3001])
        await client.send(type="end_turn")
        await client.audio(b"\x1a\x45\xdf\xa3" + bytes(500))
        await answers(client, "Invalid audio data")
        before = await client.hold(in_pieces(webm(sentence), len(sentence) / 16_000), real_time=False)
        await client.event("transcript", 60, before)


async def test_a_message_of_50_mb_is_passed_over(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.socket.send_str("x" * 50_000_000)
        await answers(client, "The message has 50000000 bytes. At most 16777216 are accepted.")


async def test_an_utterance_beyond_the_limit_is_refused_by_name(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.audio(wav(silence(61, 8000), 8000), format="wav")
        await answers(client, "The utterance is too long. At most 60 seconds are accepted.")


async def test_a_parameter_that_cannot_be_closes_with_4400(gateway):
    async with OldClient(gateway.url, sample_rate=12345) as client:
        assert await client.closed() == 4400
        error = client.all("error")[0]
        assert error["code"] == "invalid_parameter" and "sample_rate" in error["message"] and "12345" in error["message"]
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        await client.send(type="config", data={"output_framing": "mp3"})
        assert await client.closed() == 4400


async def test_without_a_room_server_the_service_is_unavailable(programs):
    lonely = await programs(Gateway(LIVEKIT_URL="ws://127.0.0.1:1", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with OldClient(lonely.url) as client:
        assert await client.closed(40) == 1011
        assert client.close_reason == "Service unavailable"
        assert client.types() == ["ready", "error"]


async def test_a_flood_of_messages_is_slowed_down_and_not_cut_off(gateway):
    async with OldClient(gateway.url) as client:
        await client.event("ready")
        for _ in range(6000):
            await client.socket.send_str('{"type":"nothing"}')
        await client.until(lambda: client.all("error"), what="the complaint")
        await asyncio.sleep(1)
        await answers(client, "more than 500 messages a second", False)
        assert len(client.all("error")) < 10


# The room side


async def test_instructions_are_in_the_dispatch_and_later_ones_are_sent_after(gateway):
    async with Client(None, "briefed", "watcher", url=gateway.room_url) as watcher:
        async with OldClient(gateway.url, room="briefed", identity="old", agent="nobody") as client:
            await client.send(type="config", data={"instructions": "Be kind", "language": "de", "voice_reference_id": "v7"})
            await client.event("configured")
            await watcher.event("participant_connected")
            server = api.LiveKitAPI("http" + gateway.room_url.removeprefix("ws"), KEY, SECRET)
            dispatches = await server.agent_dispatch.list_dispatch("briefed")
            await server.aclose()
            # The room has one without a name besides: somebody else made it.
            (dispatch,) = [dispatch for dispatch in dispatches if dispatch.agent_name == "nobody"]
            told = json.loads(dispatch.metadata)
            assert told.pop("traceparent") and told == {
                "language": "de", "voice_reference_id": "v7", "instructions": "Be kind", "prompt": "Be kind"}
            await client.send(type="config", data={"instructions": "Be brief"})
            await watcher.event("participant_attributes_changed")
            assert watcher.room.remote_participants["old"].attributes["instructions"] == "Be brief"


async def test_extended_events_are_there_for_who_wants_them(gateway, sentence):
    async with OldClient(gateway.url, events="extended") as client:
        assert (await client.event("ready")) == CONNECTED
        session = await client.event("session")
        assert session["room"] and session["identity"]
        before = await client.utter(sentence)
        await client.turn_is_mine(before)
        states = [m["state"] for m in client.all("agent_state")]
        assert "speaking" in states and client.all("transcript")[-1]["segment_id"]


async def test_the_short_path_speaks_the_old_words_when_asked(gateway, sentence):
    async with OldClient(gateway.url, path="/ws", takes_binary=True, events="legacy") as client:
        assert (await client.event("ready")) == CONNECTED
        before = await client.utter(sentence)
        await client.turn_is_mine(before)
        assert client.types("audio")[:3] == ["ready", "buffering", "processing"] and client.heard
