"""A call of Twilio Media Streams, placed by `streamdouble`, which plays the carrier."""

import asyncio
import json
import sys
import wave
from pathlib import Path

import numpy
import pytest

from support.processes import DEPLOYMENT, Gateway
from support.sounds import audible_seconds, silence, spoken

RATE = 8000


def write_wav(path: Path, samples: numpy.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> numpy.ndarray:
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE
        return numpy.frombuffer(file.readframes(file.getnframes()), "<i2")


async def call(gateway: Gateway, folder: Path, sound: numpy.ndarray, *options: str, answered: bool = True):
    """Places a call; returns what was heard, the simulator's figures and the frames of both directions."""
    write_wav(folder / "say.wav", sound)
    program = Path(sys.executable).parent / "streamdouble"
    process = await asyncio.create_subprocess_exec(
        str(program), "call", f"ws://127.0.0.1:{gateway.port}/twilio", "--audio", str(folder / "say.wav"),
        "--out", str(folder / "heard.wav"), "--trace", str(folder / "trace.jsonl"), "--trace-payloads", "--json", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        out, problems = await asyncio.wait_for(process.communicate(), 90)
    finally:
        if process.returncode is None:
            process.kill()
    trace = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    if not answered:
        return process.returncode, trace
    assert process.returncode == 0, (out, problems)
    return read_wav(folder / "heard.wav"), json.loads(out), trace


@pytest.mark.skipif(bool(DEPLOYMENT), reason="the parrot is the room server's own")
async def test_a_telephone_call_hears_the_parrot_say_it_back(programs, tmp_path):
    gateway = await programs(Gateway(AGENT_NAME="parrot"))
    sentence = spoken("good morning to everybody", RATE)
    # The caller waits until somebody has answered, as people do.
    sound = numpy.concatenate([silence(1.5, RATE), sentence, silence(1.5, RATE)])
    heard, figures, trace = await call(gateway, tmp_path, sound, "--quiet-period", "2")
    assert audible_seconds(heard, RATE) > 0.7 * audible_seconds(sentence, RATE), figures


async def test_a_telephone_call_is_answered_by_a_real_agent(agent_and_gateway, tmp_path):
    sentence = spoken("what is the weather in berlin", RATE)
    sound = numpy.concatenate([silence(4, RATE), sentence, silence(3, RATE)])
    heard, figures, trace = await call(agent_and_gateway, tmp_path, sound, "--quiet-period", "3")
    expected = audible_seconds(spoken("It is sunny and warm in Berlin today.", RATE, 150), RATE)
    assert abs(audible_seconds(heard, RATE) - expected) < 0.5, figures


async def test_a_key_is_a_parameter_of_the_call(programs, tmp_path):
    gateway = await programs(Gateway(API_KEY_ENABLED="true", API_KEYS="open-sesame", AGENT_NAME="parrot"))
    code, _ = await call(gateway, tmp_path, silence(1, RATE), "--param", "api_key=wrong", answered=False)
    assert code != 0
    sentence = spoken("good morning to everybody", RATE)
    sound = numpy.concatenate([silence(1.5, RATE), sentence, silence(1.5, RATE)])
    heard, figures, _ = await call(gateway, tmp_path, sound, "--param", "api_key=open-sesame", "--quiet-period", "2")
    assert audible_seconds(heard, RATE) > 0.7 * audible_seconds(sentence, RATE), figures
