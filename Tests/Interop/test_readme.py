"""What the README says works by copy works: its commands, its page, its programs, its settings."""

import asyncio
import re
import subprocess
import sys
import wave

import numpy

from support.chromium import Chromium
from support.old_client import wav
from support.processes import GATEWAY, ROOT, Program
from support.sounds import audible_seconds, silence, spoken

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)


def blocks(language: str) -> list[str]:
    return [block for kind, block in BLOCKS if kind == language]


def test_every_block_is_one_that_is_tried_here():
    assert [kind for kind, _ in BLOCKS] == ["", "", "html", "python", "c", "", "", ""]
    plain = blocks("")
    assert [block.split()[0] for block in plain] == ["make", "espeak-ng", "curl", "LIVEKIT_URL=wss://livekit.example.com", "API_KEY_ENABLED=true"]


async def test_the_first_line_of_the_gateway_is_the_address_of_the_page(gateway):
    assert await gateway.says(f"Open http://127.0.0.1:{gateway.port}/ in a browser and talk.") == gateway.lines[0]


async def test_the_call_brings_the_parrots_echo_back(gateway, tmp_path):
    espeak, call = re.findall(r"^(espeak-ng .*|\S*VoiceGateway call .*)$", README, re.M)
    subprocess.run(espeak, shell=True, check=True, cwd=tmp_path)
    command = call.replace(".build/release/VoiceGateway", str(GATEWAY)).replace(":3000", f":{gateway.port}")
    done = await asyncio.create_subprocess_shell(command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(done.communicate(), 60)
    assert done.returncode == 0, output.decode()
    heard, said = (
        audible_seconds(numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16), file.getframerate())
        for file in (wave.open(str(tmp_path / name)) for name in ("reply.wav", "hello.wav"))
    )
    assert abs(heard - said) < 0.3


async def test_the_page_of_ones_own_works_from_a_file(gateway, tmp_path):
    (page_block,) = blocks("html")
    (tmp_path / "page.html").write_text(page_block.replace(":3000", f":{gateway.port}"))
    sound = numpy.concatenate([silence(2, 48000), spoken("hello parrot can you hear me", 48000), silence(30, 48000)])
    (tmp_path / "microphone.wav").write_bytes(wav(sound + numpy.random.default_rng(1).normal(0, 6, len(sound)), 48000))
    async with Chromium(tmp_path / "microphone.wav") as browser:
        page = await browser.open(f"file://{tmp_path}/page.html")
        await page.evaluate("talk.click()")
        await page.until("talk.textContent === 'Hang up'", show="talk.textContent")
        await page.until("transcript.textContent.includes('assistant: You said')", show="transcript.innerHTML")
        await page.evaluate("talk.click()")
        await page.until("talk.textContent.startsWith('Talk')", show="talk.textContent")


async def test_the_python_client_hears_the_reply(gateway, programs):
    (source,) = blocks("python")
    client = await programs(
        Program(sys.executable, "-c", source.replace(":3000", f":{gateway.port}"), PYTHONPATH=ROOT / "examples/python"))
    assert await client.ends(within=40) == 0, client.lines
    assert client.lines[0] == "assistant You wrote: hello"
    assert float(client.lines[-1].split()[0]) > 0.5, client.lines


def test_the_c_client_is_the_one_among_the_examples():
    assert (ROOT / "examples/c/talk.c").read_text().split("\n", 1)[1] == blocks("c")[0]


async def test_the_backends_request_is_answered(gateway):
    (command,) = [block for block in blocks("") if block.startswith("curl")]
    run = await asyncio.create_subprocess_shell(
        command.replace(":3000", f":{gateway.port}").replace("curl", "curl --silent --fail"), stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(run.communicate(), 30)
    assert run.returncode == 0 and b"websocketUrl" in output


def test_the_settings_are_settings(tmp_path):
    settings = [block for block in blocks("") if "=" in block.split()[0]]
    (tmp_path / "settings").write_text("".join(settings).replace("…", "something"))
    run = subprocess.run(
        [GATEWAY, "check-config", "--env-file", tmp_path / "settings"], capture_output=True, text=True, timeout=20,
        env={}, cwd=tmp_path)
    assert run.returncode == 0 and not run.stderr, run.stdout + run.stderr


def test_every_document_that_is_named_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
