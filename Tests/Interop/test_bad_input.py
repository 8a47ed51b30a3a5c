"""Bad input at the clients' port: one clear error each, and neither the process nor a call beside it notices."""

import asyncio
import base64
import contextlib
import json
import os
import random
import subprocess
import time

import aiohttp
import numpy
import pytest
import pytest_asyncio

from support.beside import CallBeside
from support.client import VoiceClient
from support.old_client import wav
from support.processes import Gateway
from support.recordings import in_pieces, mp4, ogg, recorded, webm
from support.sounds import beeps, loudest_frequency

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATES = "8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000"
ENCODINGS = "pcm_s16le, pcm_f32le, mulaw, alaw, opus"
NAME_RULE = "1 to 128 characters"
TYPES = "config, audio, text, end_turn, interrupt, data, ping, dtmf, mute, unmute, auth"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway("--log-level", "warning").start()
    yield program
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parallel_call(gateway):
    """A speaker and a listener who talk through everything that the tests do."""
    async with CallBeside(gateway) as beside:
        yield beside


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def the_others_do_not_notice(parallel_call):
    async with parallel_call.undisturbed():
        yield


def one_error(client: VoiceClient, code: str) -> str:
    """The message of the only error; nothing else may have been said but how the session stands."""
    errors = [event for event in client.events if event["type"] == "error"]
    assert len(errors) == 1, client.events
    assert errors[0]["code"] == code, errors
    assert errors[0]["blame"] == "client"
    return errors[0]["message"]


async def still_answers(client: VoiceClient) -> None:
    await client.send(type="ping", id="still there")
    await client.event("pong", id="still there", within=5)


# --- Parameters

BAD_PARAMETERS = [
    ("encoding", "mp3", ENCODINGS),
    ("encoding", "", ENCODINGS),
    ("encoding", "PCM_S16LE", ENCODINGS),
    ("sample_rate", "7999", RATES),
    ("sample_rate", "96000", RATES),
    ("sample_rate", "fast", RATES),
    ("sample_rate", "-16000", RATES),
    ("sample_rate", "16000.0", RATES),
    ("sample_rate", "99999999999999999999999", RATES),
    ("channels", "0", "1, 2"),
    ("channels", "3", "1, 2"),
    ("output_encoding", "flac", ENCODINGS),
    ("output_sample_rate", "44000", RATES),
    ("output_framing", "ogg", "binary, json, wav"),
    ("frame_ms", "15", "10, 20, 40, 60, 100"),
    ("frame_ms", "0", "10, 20, 40, 60, 100"),
    ("events", "all", "legacy, extended"),
    ("room", "r" * 129, NAME_RULE),
    ("room", "line\nbreak", "no control characters"),
    ("identity", "i" * 129, NAME_RULE),
    ("user_id", "nul\x00", "no control characters"),
    ("name", "n" * 129, NAME_RULE),
    ("agent", "a" * 129, NAME_RULE),
    ("metadata", "m" * (48 * 1024 + 1), "49152 bytes"),
    ("access_token", "t" * (32 * 1024 + 1), "32768 bytes"),
    ("session", "s" * (32 * 1024 + 1), "32768 bytes"),
]

BAD_JSON_PARAMETERS = [
    ("encoding", 7, "7", ENCODINGS),
    ("encoding", ["opus"], '["opus"]', ENCODINGS),
    ("sample_rate", True, "true", RATES),
    ("sample_rate", 16000.5, "16000.5", RATES),
    ("sample_rate", {"hz": 16000}, '{"hz":16000}', RATES),
    ("channels", 1e300, "1", "1, 2"),
    ("frame_ms", [20], "[20]", "10, 20, 40, 60, 100"),
    ("output_framing", False, "false", "binary, json, wav"),
    ("room", {"name": "x"}, '{"name":"x"}', NAME_RULE),
    ("identity", ["i"], '["i"]', NAME_RULE),
    ("metadata", [1, 2], "[1,2]", "a JSON object or a string"),
    ("access_token", 5, "(not shown)", "a LiveKit access token"),
    ("instructions", 5, "(not shown)", "32768 bytes"),
]


def brief(value) -> str:
    return repr(value)[:24]


def shown(value: str) -> str:
    """A value as an error repeats it: no control characters, and no more than 64."""
    clean = "".join("\ufffd" if ord(character) < 32 else character for character in value)
    return clean if len(clean) <= 64 else clean[:64] + "…"


async def is_refused(client: VoiceClient, name: str, value: str, allowed: str) -> None:
    assert await client.closed(within=5) == 4400
    message = one_error(client, "invalid_parameter")
    assert message.startswith(f'{name} is "{value}"; allowed: '), message
    assert allowed in message
    assert [e["reason"] for e in client.events if e["type"] == "closing"] == ["invalid_parameter"]


@pytest.mark.parametrize("name, value, allowed", BAD_PARAMETERS, ids=brief)
async def test_a_bad_parameter_in_the_query_is_named_and_ends_the_connection(gateway, name, value, allowed):
    # Not given to the client's constructor, which reckons with sample rates.
    client = VoiceClient(gateway.url)
    client.parameters[name] = value
    async with client:
        await is_refused(client, name, "(not shown)" if name in ("access_token", "session") else shown(value), allowed)


@pytest.mark.parametrize("name, value, seen, allowed", BAD_JSON_PARAMETERS, ids=brief)
async def test_a_parameter_of_the_wrong_type_in_config_is_named(gateway, name, value, seen, allowed):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.send(type="config", data={name: value})
        assert await client.closed(within=5) == 4400
        message = one_error(client, "invalid_parameter")
        assert message.startswith(f'{name} is "{seen}'), message
        assert allowed in message


async def test_parameters_that_do_not_go_together_are_named(gateway):
    async with VoiceClient(gateway.url, agent="", output_encoding="opus", output_framing="wav") as client:
        await is_refused(client, "output_framing", "wav", "binary, json with output_encoding opus")


@pytest.mark.parametrize("query", ["sample_rate=%zz", "sample_rate=%", "sample_rate", "sample_rate=%ff%fe"])
async def test_a_broken_query_is_refused_like_any_value(gateway, query):
    async with aiohttp.ClientSession() as http:
        import yarl

        async with http.ws_connect(yarl.URL(f"{gateway.url}?{query}", encoded=True)) as socket:
            events = [json.loads(m.data) async for m in socket if m.type == aiohttp.WSMsgType.TEXT]
    errors = [event for event in events if event["type"] == "error"]
    assert len(errors) == 1 and errors[0]["message"].startswith('sample_rate is "'), events
    assert socket.close_code == 4400


async def test_unknown_parameters_are_passed_over(gateway):
    client = VoiceClient(gateway.url, agent="")
    client.parameters["colour"] = "blue"
    async with client:
        await client.event("session")


async def test_a_parameter_that_comes_too_late_is_an_error_and_the_session_goes_on(gateway):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
        await client.send(type="config", data={"room": "another"})
        await client.event("error")
        assert "room can be chosen only" in one_error(client, "too_late")
        await still_answers(client)


# --- Text messages

BAD_TEXTS = {
    "empty": ("", "invalid_message", ["not JSON", "unexpected end"]),
    "no JSON": ("hello", "invalid_message", ["not JSON", "'h' at byte 0"]),
    "cut off": ('{"type":"ping"', "invalid_message", ["not JSON", "unexpected end"]),
    "two values": ('{"type":"ping"} {}', "invalid_message", ["not JSON", "content after the value"]),
    "single quotes": ("{'type':'ping'}", "invalid_message", ["not JSON"]),
    "lone surrogate": ('{"type":"\\ud800"}', "invalid_message", ["type is", "\ufffd", "allowed"]),
    "too deep": ("[" * 5000 + "]" * 5000, "invalid_message", ["not JSON", "64 levels"]),
    "an array": ("[]", "invalid_message", ["array", "must be an object"]),
    "null": ("null", "invalid_message", ["null", "must be an object"]),
    "a number": ("17", "invalid_message", ["number", "must be an object"]),
    "no type": ("{}", "invalid_message", ["type", TYPES]),
    "type is a number": ('{"type":5}', "invalid_message", ["type is \"5\"", TYPES]),
    "type is null": ('{"type":null}', "invalid_message", ["type", TYPES]),
    "unknown type": ('{"type":"sing"}', "invalid_message", ["type is \"sing\"", TYPES]),
    "long unknown type": (json.dumps({"type": "x" * 100_000}), "invalid_message", ["xxx…", TYPES]),
    "config without data": ('{"type":"config"}', "invalid_message", ["data", "object"]),
    "config with text": ('{"type":"config","data":"x"}', "invalid_message", ["data", "object"]),
    "audio without data": ('{"type":"audio"}', "invalid_audio", ["data", "base64"]),
    "audio not base64": ('{"type":"audio","data":"#!"}', "invalid_audio", ["data", "base64"]),
    "audio as a list": ('{"type":"audio","data":[1,2]}', "invalid_audio", ["data", "base64"]),
    "text without data": ('{"type":"text"}', "invalid_message", ["data", "16384 bytes"]),
    "text with a number": ('{"type":"text","data":5}', "invalid_message", ["data", "16384 bytes"]),
    "text of 2 MB": (json.dumps({"type": "text", "data": "y" * 2_000_000}), "invalid_message", ["16384 bytes"]),
    "2 MB that are no JSON": ("z" * 2_000_000, "invalid_message", ["JSON", "'z'"]),
    "data without payload": ('{"type":"data","topic":"t"}', "invalid_message", ["payload"]),
    "data with a topic of 257": (
        json.dumps({"type": "data", "topic": "t" * 257, "payload": 1}), "invalid_message", ["topic", "256 bytes"]),
    "data with a number as topic": ('{"type":"data","topic":1,"payload":1}', "invalid_message", ["topic", "string"]),
    "data not base64": (
        '{"type":"data","payload":"#","encoding":"base64"}', "invalid_message", ["payload", "base64"]),
    "dtmf without digits": ('{"type":"dtmf"}', "invalid_message", ["digits", "0-9, *, #, A-D"]),
    "dtmf with letters": ('{"type":"dtmf","digits":"12E"}', "invalid_message", ["digits", "0-9, *, #, A-D"]),
    "33 digits": (json.dumps({"type": "dtmf", "digits": "1" * 33}), "invalid_message", ["1 to 32"]),
}


@pytest.mark.parametrize("text, code, parts", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
async def test_a_bad_text_message_gets_one_error_and_the_session_goes_on(gateway, text, code, parts):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("ready")
        await client.socket.send_str(text)
        await client.event("error", within=5)
        await still_answers(client)
        message = one_error(client, code)
        assert all(part in message for part in parts), message
        assert len(message) < 400, "an error repeats no large input"


async def test_a_text_of_2_mb_that_is_sound_is_taken(gateway):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
        # 47 s of sound, which the queue for a minute takes.
        await client.send(type="audio", data=base64.b64encode(bytes(1_500_000)).decode())
        await still_answers(client)
        assert not [event for event in client.events if event["type"] == "error"]


# --- Binary messages

async def test_a_frame_of_20_mb_is_refused_with_its_limit(gateway):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("ready")
        try:
            await client.socket.send_bytes(bytes(20_000_000))
        except ConnectionError:
            pass  # The gateway need not take all of it.
        assert await client.closed(within=10) == 1009


async def test_the_reason_for_refusing_a_large_frame_names_the_limit(gateway):
    closing = await raw_exchange(gateway, b"\x82\xff" + (20_000_000).to_bytes(8, "big") + b"mask" + bytes(1000))
    assert closing.startswith(b"\x03\xf1") and b"16777216 bytes" in closing, closing


@pytest.mark.parametrize("size", [0, 1, 3, 641, 4_000_000])
async def test_binary_frames_of_odd_sizes_are_taken(gateway, size):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
        for _ in range(20 if size < 1000 else 1):
            await client.socket.send_bytes(bytes(size))
        await still_answers(client)
        # Two minutes do not fit the queue, and that is said.
        dropped = [event["code"] for event in client.events if event["type"] == "error"]
        assert dropped == (["audio_dropped"] if size > 2_000_000 else [])


def file_of(kind: str) -> tuple[list[bytes], str]:
    """The messages of a program that sends a file with 600 Hz, and what it is; empty when it is accepted."""
    samples = beeps(600, 1, 44_100)
    if kind == "a WAV file at 44.1 kHz":
        return [wav(samples, 44_100)], ""
    if kind == "sox writing WAV to the socket":
        file = subprocess.run(
            ["sox", "-t", "raw", "-r", "44100", "-e", "signed", "-b", "16", "-c", "1", "-", "-b", "24", "-t", "wav", "-"],
            input=samples.tobytes(), capture_output=True, check=True).stdout
        return split(file, 50), ""
    if kind == "WebM":
        return in_pieces(webm(samples, 44_100), 1), ""
    if kind == "Ogg":
        return in_pieces(ogg(samples, 44_100), 1), ""
    if kind == "MP4":
        return in_pieces(mp4(samples, 44_100), 1), "MP4"
    return in_pieces(recorded(samples, "mp3", "libmp3lame", 44_100), 1), "MP3"


@contextlib.asynccontextmanager
async def pair(gateway, room: str, speaker: dict = {}, listener: dict = {}):
    """Two clients that are both in the room."""
    async with (
        VoiceClient(gateway.url, room=room, agent="", identity="one", **speaker) as one,
        VoiceClient(gateway.url, room=room, agent="", identity="two", **listener) as two,
    ):
        await one.event("session")
        await two.event("session")
        yield one, two


@pytest.mark.parametrize("kind", ["a WAV file at 44.1 kHz", "sox writing WAV to the socket", "WebM", "Ogg", "MP4", "MP3"])
async def test_a_file_in_binary_frames_is_heard_as_it_is_or_refused(gateway, kind):
    messages, name = file_of(kind)
    async with pair(gateway, "files") as (one, two):
        for message in messages:
            await one.socket.send_bytes(message)
        if name:
            assert name in (await one.event("error"))["message"]
            await asyncio.sleep(0.3)
            assert len(two.samples) == 0 and len([event for event in one.events if event["type"] == "error"]) == 1
            await one.send(type="end_turn")
            await one.socket.send_bytes(beeps(600, 1).tobytes())
        # Some of it may have come before the listener had subscribed.
        await two.until(lambda: two.frames >= 20, within=8, what="0.4 s of sound")
        assert abs(loudest_frequency(two.samples, 24_000) - 600) < 15
        assert name or not [event for event in one.events if event["type"] == "error"]


async def test_json_in_a_binary_frame_is_the_message_that_it_is(gateway):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
        await client.socket.send_bytes(b'{"type":"ping","id":"binary"}\n\0')
        await client.event("pong", id="binary", within=5)


async def speaker_and_listener(gateway, room: str, speaker: dict, listener: dict, messages: list[bytes]) -> VoiceClient:
    """What the listener has after the speaker's messages, one each 20 ms."""
    async with pair(gateway, room, speaker, listener) as (one, two):
        for message in messages:
            await one.socket.send_bytes(message)
            await asyncio.sleep(0.02)
        await two.until(lambda: two.frames >= len(messages) // 2, within=5, what="half of the sound")
        assert not [event for event in one.events + two.events if event["type"] == "error"]
        await still_answers(one)
        return two


def split(data: bytes, count: int) -> list[bytes]:
    return [data[len(data) * i // count : len(data) * (i + 1) // count] for i in range(count)]


async def test_samples_split_over_one_byte_frames_are_put_together(gateway):
    # 1500 messages come at once, the rest in pieces with odd lengths.
    data = beeps(700, 1).tobytes()
    pieces = [data[i : i + 1] for i in range(1500)] + split(data[1500:], 49)
    async with pair(gateway, "bytes") as (one, two):
        for piece in pieces:
            await one.socket.send_bytes(piece)
        await two.until(lambda: two.frames >= 40, within=5, what="0.8 s of sound")
        assert abs(loudest_frequency(two.samples, 24_000) - 700) < 15
        assert not [event for event in one.events if event["type"] == "error"]


async def test_44100_hz_stereo_in_floats_keeps_its_pitch(gateway):
    left = beeps(600, 1, 44_100).astype(numpy.float32) / 32768
    data = numpy.stack([left, left], axis=1).astype("<f4").tobytes()
    format = {"encoding": "pcm_f32le", "sample_rate": 44_100, "channels": 2}
    two = await speaker_and_listener(gateway, "floats", format, {}, split(data, 47))
    assert abs(loudest_frequency(two.samples, 24_000) - 600) < 15


async def test_floats_that_are_no_numbers_or_far_too_loud_do_no_harm(gateway):
    values = [numpy.nan, numpy.inf, -numpy.inf, 3e38, -3e38, 1e-45, 2.0, -2.0]
    data = numpy.resize(numpy.array(values, dtype="<f4"), 16_000).tobytes()
    await speaker_and_listener(gateway, "nan", {"encoding": "pcm_f32le"}, {}, split(data, 50))


async def test_mulaw_at_8_khz_in_and_alaw_out(gateway):
    import audioop

    data = audioop.lin2ulaw(beeps(500, 1, 8000).tobytes(), 2)
    two = await speaker_and_listener(
        gateway, "g711", {"encoding": "mulaw", "sample_rate": 8000},
        {"output_encoding": "alaw", "output_sample_rate": 8000}, split(data, 50))
    heard = numpy.frombuffer(audioop.alaw2lin(bytes(two.heard), 2), dtype=numpy.int16)
    assert two.frames * 160 == len(two.heard)
    assert abs(loudest_frequency(heard, 8000) - 500) < 15


async def test_garbage_in_place_of_opus_packets(gateway):
    """What cannot be a packet is reported, once a second at most; what can be one, but is noise, goes its way."""
    noise = random.Random(7)
    no_packets = [b"", b"\x03", b"\xff" * 1, b"\x02\xfc" + bytes(10), b"\x03\x00", b"\x03\x3f" + bytes(5)]
    async with (
        VoiceClient(gateway.url, room="opus", agent="", identity="one", encoding="opus") as one,
        VoiceClient(gateway.url, room="opus", agent="", identity="two", output_encoding="opus") as two,
        VoiceClient(gateway.url, room="opus", agent="", identity="three") as three,
    ):
        for client in (one, two, three):
            await client.event("session")
        began = asyncio.get_running_loop().time()
        for packet in no_packets + [noise.randbytes(noise.randrange(1, 1400)) for _ in range(100)]:
            await one.socket.send_bytes(packet)
            await asyncio.sleep(0.005)
        await still_answers(one)
        took = asyncio.get_running_loop().time() - began
        errors = [event for event in one.events if event["type"] == "error"]
        assert 1 <= len(errors) <= 1 + took
        assert all(e["code"] == "invalid_audio" and "Opus packet (RFC 6716)" in e["message"] for e in errors)
        await still_answers(two)
        await still_answers(three)


async def test_garbage_opus_does_not_outlast_itself(gateway):
    """After noise in place of packets, real ones are heard."""
    import av

    samples = beeps(440, 1, 48_000)
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.open()
    packets = []
    for start in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(samples[start : start + 960].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    noise = random.Random(8)
    garbage = [noise.randbytes(80) for _ in range(20)]
    async with pair(gateway, "opus2", {"encoding": "opus"}) as (one, two):
        for packet in garbage + packets:
            await one.socket.send_bytes(packet)
            await asyncio.sleep(0.02)
        await two.until(lambda: abs(loudest_frequency(two.samples[-12_000:], 24_000) - 440) < 15, within=8, what="440 Hz")


async def test_a_flood_of_messages_ends_the_connection_with_its_limit(gateway):
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
        try:
            for _ in range(6000):
                await client.socket.send_str("{}")
        except (ConnectionError, aiohttp.ClientError):
            pass
        assert await client.closed(within=10) == 1008
        limits = [e["message"] for e in client.events if e.get("code") == "rate_limited"]
        assert len(limits) == 1 and "500 messages a second" in limits[0]


# --- Beneath the messages

async def raw_exchange(gateway, frames: bytes, query: str = "agent=") -> bytes:
    """Opens a WebSocket by hand, sends bytes after the handshake, and returns the payload of the close frame."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(
            f"GET /ws?{query} HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b" 101 " in head
        writer.write(frames)
        while True:
            first, length = await asyncio.wait_for(reader.readexactly(2), 5)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            payload = await reader.readexactly(length)
            if first == 0x88:
                return payload
    finally:
        writer.close()


BROKEN_FRAMES = {
    "not masked": (b"\x82\x02ab", 1002, "not masked"),
    "reserved bits": (b"\xf2\x80mask", 1002, ""),
    "reserved opcode": (b"\x83\x80mask", 1002, ""),
    "fragmented ping": (b"\x09\x80mask", 1002, ""),
    "ping of 126 bytes": (b"\x89\xfe\x00\x7emask" + bytes(126), 1002, ""),
    "continues nothing": (b"\x80\x80mask", 1002, "no message to continue"),
    "message inside a message": (b"\x01\x80mask\x01\x80mask", 1002, "inside another"),
    "text that is not UTF-8": (b"\x81\x82\0\0\0\0\xff\xfe", 1007, "not UTF-8"),
    "half a close code": (b"\x88\x81\0\0\0\0\x03", 1002, "half a code"),
    "close code 1005": (b"\x88\x82\0\0\0\0\x03\xed", 1002, "1005"),
    "length with the top bit": (b"\x82\xff" + b"\xff" * 8 + b"mask", 1002, ""),
    "length in too many bytes": (b"\x82\xfe\x00\x05mask" + bytes(5), 1002, ""),
}


@pytest.mark.parametrize("frames, code, reason", BROKEN_FRAMES.values(), ids=BROKEN_FRAMES.keys())
async def test_frames_against_the_protocol_end_the_connection_with_the_reason(gateway, frames, code, reason):
    closing = await raw_exchange(gateway, frames)
    assert int.from_bytes(closing[:2], "big") == code, closing
    assert len(closing) > 2 and reason in closing[2:].decode(), closing


async def answer_to(port: int, data: bytes, half_close: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if half_close:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(65_536), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(192)

BAD_REQUESTS = {
    "garbage": (random.Random(2).randbytes(4096) + b"\r\n\r\n", b" 400 "),
    "TLS": (CLIENT_HELLO + b"\r\n\r\n", b" 400 "),
    "no version": (b"GET /ws\r\n\r\n", b" 400 "),
    "HTTP/3": (b"GET /ws HTTP/3.0\r\nHost: x\r\n\r\n", b" 505 "),
    "a space in a name": (b"GET /ws HTTP/1.1\r\nHost : x\r\n\r\n", b" 400 "),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b" 400 "),
    "a huge head": (b"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b" 431 "),
    "a huge body": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b" 413 "),
    "no upgrade": (b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", b" 426 "),
    "another path": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b" 404 "),
    "another method": (b"DELETE /ws HTTP/1.1\r\nHost: x\r\n\r\n", b" 405 "),
    "WebSocket version 8": (
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n", b" 426 "),
    "a key that is none": (
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n", b" 400 "),
}


@pytest.mark.parametrize("request_bytes, status", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
async def test_a_bad_request_is_answered_with_the_right_status(gateway, request_bytes, status):
    answer = await answer_to(gateway.port, request_bytes)
    assert status in answer.split(b"\r\n")[0] + b" ", answer[:200]


async def test_random_bytes_of_all_lengths_do_no_harm(gateway):
    noise = random.Random(3)
    await asyncio.gather(
        *(answer_to(gateway.port, noise.randbytes(noise.randrange(1, 3000)), half_close=True) for _ in range(100)))


async def test_random_frames_after_the_handshake_do_no_harm(gateway):
    noise = random.Random(4)

    async def one(data: bytes) -> None:
        try:
            await raw_exchange(gateway, data + b"\x88\x80mask")
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass

    await asyncio.gather(*(one(noise.randbytes(noise.randrange(1, 300))) for _ in range(50)))


# --- Many at once

async def test_hundreds_of_connections_opened_and_closed_at_once(gateway):
    handles = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))

    async def tcp_only() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.close()

    async def half_a_request() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET /ws HTTP/1.1\r\nHost")
        await writer.drain()
        writer.transport.abort()

    async def opened_and_dropped(http) -> None:
        socket = await http.ws_connect(f"{gateway.url}?agent=")
        socket._response.connection.transport.abort()

    async def opened_and_closed(http) -> None:
        async with http.ws_connect(f"{gateway.url}?agent="):
            pass

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        await asyncio.gather(
            *(tcp_only() for _ in range(150)), *(half_a_request() for _ in range(150)),
            *(opened_and_dropped(http) for _ in range(50)), *(opened_and_closed(http) for _ in range(50)))
    async with VoiceClient(gateway.url, agent="") as client:
        await client.event("session")
    # All is given back, as soon as the rooms have been left.
    deadline = time.monotonic() + 10
    while (now := len(os.listdir(f"/proc/{gateway.process.pid}/fd"))) > handles + 4:
        assert time.monotonic() < deadline, f"{now} file descriptors after {handles}"
        await asyncio.sleep(0.1)
