"""Every error inside the old protocol, one by one: what the client is told, that it can go on where the protocol says
so, and that neither the process nor a call beside it notices. The errors of the door are in test_admission.py."""

import asyncio
import base64
import json
import pathlib

import numpy
import pytest
import pytest_asyncio

from support.beside import CallBeside
from support.old_client import CONNECTED, INVALID_AUDIO, TRANSCRIBING, OldClient, recording, wav
from support.processes import KEY, SECRET, Gateway, Program, RoomServer
from support.sounds import spoken

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTAINERS = pathlib.Path(__file__).parents[1] / "Fixtures/Containers"
MEGABYTE = 1 << 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    # Without its own agent, which stands in for all that are not there.
    server = await RoomServer("--no-parrot").start()
    program = Gateway("--log-level", "warning", LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
    await program.start()
    yield program
    await program.stop()
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beside(gateway):
    """Two who talk through everything that the tests do."""
    async with CallBeside(gateway) as call:
        yield call


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def nobody_else_notices(beside):
    async with beside.undisturbed():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(gateway):
    """What a client is told whose agent never comes: a task, because it takes ten seconds that other tests can use."""

    async def wait() -> list[dict]:
        async with OldClient(gateway.url, agent="nobody") as client:
            await client.utter(spoken("is anybody there"))
            await client.event("error", within=30)
            # Who runs the agents may still see to it: the words are kept, and the connection goes on.
            await client.configure("Anybody?")
            await client.event("configured", within=10)
            assert client.close_code is None
            return client.told

    task = asyncio.create_task(wait())
    yield task
    task.cancel()


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway, alone):
    """A client that needs no agent. It has been greeted, and is usable when the test is over."""
    async with OldClient(gateway.url, agent="") as client:
        await client.event("ready", within=10)
        yield client
        await still_works(client)


async def still_works(client: OldClient) -> None:
    """The connection takes configuration and an utterance, and the turn before has left nothing behind."""
    await client.configure("Still there?")
    await client.event("configured", within=10, instructions="Still there?...")
    told = len(client.told)
    file = wav(spoken("hello"))
    await client.audio(file, format="wav")
    await client.send(type="end_turn")
    await client.until(lambda: TRANSCRIBING in client.told[told:], within=10, what="the next turn")
    assert client.told[told] == {"type": "buffering", "chunks": len(file) // 1000, "bytes": len(file)}
    assert client.close_code is None


async def told_after(client: OldClient, text: str | bytes, count: int = 1) -> list[dict]:
    """What a message is answered with: `count` messages, and nothing more before the next answer."""
    before = len(client.told)
    await client.socket.send_str(text)
    await client.socket.send_str('{"type":"config","data":{"instructions":"and then"}}')
    await client.until(
        lambda: {"type": "configured", "instructions": "and then..."} in client.told[before:], within=10, what="the next answer"
    )
    told = client.told[before:]
    assert len(told) == count + 1, told
    return told[:-1]


# --- JSON

BAD_JSON = {
    "nothing": "",
    "no JSON": "hello",
    "cut off": '{"type":"end_turn"',
    "two values": '{"type":"end_turn"}{"type":"end_turn"}',
    "single quotes": "{'type':'end_turn'}",
    "a comma too many": '{"type":"end_turn",}',
    "a number like none": '{"type":"end_turn","at":01}',
    "control character": '{"type":"end\nturn"}',
    "too deep": '{"type":"config","data":' + '{"a":' * 5000 + "1" + "}" * 5001,
    "brackets": "[" * 100_000,
    "nul": '{"type":"end_turn"}\x00',
}
NO_MESSAGES = {
    "an array": "[]",
    "a string": '"end_turn"',
    "a number": "17",
    "null": "null",
    "no type": '{"data":"x"}',
    "type is a number": '{"type":7}',
    "type is null": '{"type":null}',
    "type is a list": '{"type":["end_turn"]}',
    "config is a string": '{"type":"config","data":"be kind"}',
    "config is a list": '{"type":"config","data":[1]}',
    "text is a number": '{"type":"text","data":7}',
    "text is missing": '{"type":"text"}',
    "text is an object": '{"type":"text","data":{"text":"hi"}}',
    "key is a number": '{"type":"auth","apiKey":7}',
    "key is missing": '{"type":"auth"}',
}


@pytest.mark.parametrize("text", BAD_JSON.values(), ids=BAD_JSON)
async def test_bad_json_is_one_error_that_says_so(client, text):
    (error,) = await told_after(client, text)
    assert error["type"] == "error" and set(error) == {"type", "message"}
    assert "JSON" in error["message"] and len(error["message"]) < 200


@pytest.mark.parametrize("text", NO_MESSAGES.values(), ids=NO_MESSAGES)
async def test_a_message_of_the_wrong_shape_is_one_error_that_names_what_is_wrong(client, text):
    (error,) = await told_after(client, text)
    assert error["type"] == "error" and set(error) == {"type", "message"}
    assert "nvalid message" in error["message"] and len(error["message"]) < 200


UNKNOWN = {
    "half of an emoji": '{"type":"\\ud83d"}',
    "unknown type": '{"type":"dance"}',
    "empty type": '{"type":""}',
    "a type of the server's": '{"type":"ready","message":"x"}',
    "a newer client's": '{"type":"interrupt"}',
    "long type": json.dumps({"type": "x" * 100_000}),
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
async def test_unknown_types_are_passed_over_in_silence(client, text):
    assert await told_after(client, text, count=0) == []


async def test_unknown_fields_are_passed_over(client):
    config = {"type": "config", "data": {"instructions": "x", "voice": {"id": 7}, "nested": [[[]]]}, "id": 1, "more": None}
    assert await told_after(client, json.dumps(config)) == [{"type": "configured", "instructions": "x..."}]
    data = base64.b64encode(wav(spoken("hello"))[:1000]).decode()
    audio = {"type": "audio", "data": data, "format": "wav", "sampleRate": "fast", "final": {}, "chunk": -1}
    assert await told_after(client, json.dumps(audio)) == [{"type": "buffering", "chunks": 1, "bytes": 1000}]
    assert await told_after(client, '{"type":"end_turn","reason":["released"],"at":1e300}', count=1)


# --- Sound

def audio(data, **more) -> str:
    return json.dumps({"type": "audio", "data": data} | more)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


BAD_AUDIO = {
    "no data": '{"type":"audio"}',
    "null": audio(None),
    "a number": audio(5),
    "a list": audio([1, 2, 3]),
    "an object": audio({"type": "Buffer", "data": [82, 73, 70, 70]}),
    "no base64": audio("!!!! not base64 !!!!"),
    "cut off": audio(encoded(wav(spoken("hello")))[:-3]),
    "padding inside": audio("UklG====UklG"),
    "a symbol of no alphabet": audio("UklGRiQ~_w=="),
    "a data URL of text": audio("data:text/plain,hello"),
    "unicode": audio("ÜÖÄß" * 10),
    "no container": audio(encoded(bytes(range(256)))),
    "text": audio(encoded(b"this is the sound of silence, but not as a file"), format="wav"),
    "zeros": audio(encoded(bytes(4000))),
    "WAV of nothing": audio(encoded(b"RIFF\x04\x00\x00\x00AVI "), format="wav"),
    "WebM of rubbish": audio(encoded(b"\x1aE\xdf\xa3" + b"\xff" * 400)),
    "Ogg with a wrong checksum": audio(encoded((CONTAINERS / "mono.ogg").read_bytes().replace(b"OpusHead", b"OpusHEAD"))),
}


@pytest.mark.parametrize("text", BAD_AUDIO.values(), ids=BAD_AUDIO)
async def test_what_is_no_audio_is_invalid_audio_data_and_counts_for_nothing(client, text):
    assert await told_after(client, text) == [INVALID_AUDIO]
    refusal = {"type": "error", "message": "Not enough audio data (0 bytes). Hold the button longer."}
    assert await told_after(client, '{"type":"end_turn"}') == [refusal]


async def test_base64_is_read_however_a_program_writes_it(client):
    sound = wav(spoken("hello"))[:1000]
    lines = base64.encodebytes(sound).decode()
    forms = [
        lines,
        lines.replace("\n", "\r\n"),
        encoded(sound).rstrip("="),
        base64.urlsafe_b64encode(sound).decode(),
        "data:audio/wav;base64," + encoded(sound),
    ]
    for number, form in enumerate(forms, 1):
        counted = {"type": "buffering", "chunks": number, "bytes": 1000 * number}
        assert await told_after(client, audio(form)) == [counted]
    assert await told_after(client, '{"type":"end_turn"}', count=1)


FOREIGN = {"safari.mp4": "MP4", "flac.ogg": "FLAC", "flac.mka": "FLAC"}


@pytest.mark.parametrize("file, name", FOREIGN.items())
async def test_formats_that_are_not_accepted_are_named_with_those_that_are(client, file, name):
    (error,) = await told_after(client, audio(encoded((CONTAINERS / file).read_bytes())))
    assert error["type"] == "error" and set(error) == {"type", "message"}
    for word in (name, "WAV", "WebM/Opus", "Ogg/Opus"):
        assert word in error["message"]


@pytest.mark.parametrize("kind", ["wav", "webm", "ogg"])
async def test_a_container_that_ends_too_early_ends_with_its_turn(client, kind):
    whole = {
        "wav": lambda: wav(spoken("hello")),
        "webm": lambda: b"".join(recording(spoken("hello", 48000))),
        "ogg": lambda: (CONTAINERS / "mono.ogg").read_bytes(),
    }[kind]()
    for share in (0.1, 0.37, 0.5, 0.83, 0.99):
        part = whole[: int(len(whole) * share)]
        counted = {"type": "buffering", "chunks": len(part) // 1000, "bytes": len(part)}
        assert await told_after(client, audio(encoded(part))) == [counted]
        # What there is of it is a turn; the next file starts anew.
        expected = 2 if kind == "webm" else 1
        told = await told_after(client, '{"type":"end_turn"}', count=expected)
        assert told[-1] == TRANSCRIBING, told


async def test_a_file_whose_fault_shows_only_at_its_end_is_invalid_when_the_turn_ends(client):
    # Samples, but never a word about what they are.
    nameless = b"RIFF\xd0\x00\x00\x00WAVEdata\xc4\x00\x00\x00" + bytes(196)
    told = await told_after(client, audio(encoded(nameless), format="wav"))
    if told != [INVALID_AUDIO]:
        assert told == [{"type": "buffering", "chunks": 0, "bytes": len(nameless)}]
        assert await told_after(client, '{"type":"end_turn"}') == [INVALID_AUDIO]


async def test_a_header_alone_is_no_turn(client):
    header = b"".join(recording(spoken("hello", 48000)))[:90]
    counted = {"type": "buffering", "chunks": 0, "bytes": 90}
    assert await told_after(client, audio(encoded(header))) == [counted]
    refusal = {"type": "error", "message": "Not enough audio data (90 bytes). Hold the button longer."}
    assert await told_after(client, '{"type":"end_turn"}') == [refusal]


async def test_an_utterance_that_is_too_long_is_refused(gateway, client):
    file = encoded(wav(numpy.zeros(61 * 16000, dtype=numpy.int16)))
    (error,) = await told_after(client, audio(file, format="wav"))
    assert error["type"] == "error" and "60 seconds" in error["message"]


# --- Size

async def memory(program: Program) -> int:
    """Resident bytes of the process."""
    status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.parametrize("what", ["audio", "text", "rubbish"])
async def test_a_message_of_50_mb_is_refused_with_its_size_and_not_kept(gateway, client, what):
    message = {
        "audio": lambda: audio("A" * (50 * MEGABYTE), format="wav"),
        "text": lambda: json.dumps({"type": "text", "data": "a" * (50 * MEGABYTE)}),
        "rubbish": lambda: "[" * (50 * MEGABYTE),
    }[what]()
    before = await memory(gateway)
    (error,) = await told_after(client, message)
    assert error == {"type": "error", "message": f"The message has {len(message)} bytes. At most 16777216 are accepted."}
    # The largest message that is accepted may be in memory, but not what lies beyond.
    assert await memory(gateway) - before < 40 * MEGABYTE


async def test_a_message_just_below_the_limit_is_read(client):
    text = '{"type":"dance","data":"' + "a" * (15 * MEGABYTE) + '"}'
    assert await told_after(client, text, count=0) == []


# --- The agent

async def test_an_agent_that_does_not_come_is_told_and_waited_for(alone):
    told = await alone
    assert [event["type"] for event in told] == ["ready", "buffering", "processing", "error", "configured"]
    assert told[0] == CONNECTED and set(told[3]) == {"type", "message"} and "nobody" in told[3]["message"]
