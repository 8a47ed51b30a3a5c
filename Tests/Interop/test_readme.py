"""The README's commands and its program do what it says."""

import asyncio
import re
import subprocess
import sys
import wave

import numpy

from support.processes import GATEWAY, ROOT, Program
from support.sounds import audible_seconds

README = (ROOT / "README.md").read_text()


async def test_the_readmes_call_brings_the_parrots_echo_back(gateway, tmp_path):
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


async def test_the_readmes_python_client_prints_a_final_transcript(gateway, programs):
    source = re.search(r"```python\n(.*?)```", README, re.S).group(1).replace(":3000", f":{gateway.port}")
    client = await programs(Program(sys.executable, "-c", source))
    assert await client.ends(within=40) == 0
    assert "'final': True" in "\n".join(client.lines)


def test_every_document_that_the_readme_names_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target
