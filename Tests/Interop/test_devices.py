"""Small devices: `examples/device-c`, a client on libwebsockets with a ring and a read buffer of 4 KB each, against the gateway;
and what a compiler says of `examples/esp32`, which needs a chip to run."""

import asyncio
import re
import signal
import subprocess

import numpy
import pytest

from support.processes import ROOT, Gateway, Program
from support.proxy import Proxy
from support.sounds import audible_seconds, silence, spoken
from test_gateway_clients import ROOM, Participant

SOURCES = ROOT / "examples/device-c"


@pytest.fixture(scope="session")
def talk(tmp_path_factory):
    """The client, with the compiler's watch over its memory."""
    binary = tmp_path_factory.mktemp("device") / "talk"
    flags = ["-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror", "-g", "-fsanitize=address,undefined"]
    done = subprocess.run(
        ["cc", *flags, SOURCES / "talk.c", SOURCES / "session.c", "-o", binary, "-lwebsockets"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return binary


class Device(Program):
    """The client with a microphone that is spoken into, and a loudspeaker that is a file."""

    def __init__(self, talk, port: int, folder, *arguments) -> None:
        self.heard = folder / "heard.raw"
        self.rate = 8000 if "mulaw" in arguments else 16_000
        super().__init__("sh", "-c", 'out=$1; shift; exec "$@" >"$out"', "sh", self.heard, talk, "127.0.0.1", port, *arguments)

    @property
    def audible(self) -> float:
        """How many seconds of the agent have come out of the loudspeaker."""
        return audible_seconds(numpy.fromfile(self.heard, dtype=numpy.int16), self.rate)

    async def hears(self, seconds: float, within: float = 15) -> None:
        deadline = asyncio.get_running_loop().time() + within
        while self.audible < seconds:
            assert asyncio.get_running_loop().time() < deadline, f"{self.audible} of {seconds} s; {self.lines[-30:]}"
            assert self.process.returncode is None, self.lines[-30:]
            await asyncio.sleep(0.1)

    async def plays(self, seconds: float) -> None:
        """Waits until the loudspeaker has had so much more, silence included."""
        end = self.heard.stat().st_size + int(seconds * self.rate) * 2
        while self.heard.stat().st_size < end:
            assert self.process.returncode is None, self.lines[-30:]
            await asyncio.sleep(0.05)

    def say(self, sentence: str = "good morning to you") -> float:
        """Speaks a sentence into the microphone, which the parrot repeats. Returns how long most of it is."""
        words = spoken(sentence, self.rate)
        self.process.stdin.write(words.tobytes() + silence(1, self.rate).tobytes())
        return 0.7 * audible_seconds(words, self.rate)


async def test_a_device_talks_with_an_agent(programs, gateway, talk, tmp_path):
    device = await programs(Device(talk, gateway.port, tmp_path))
    await device.says("state listening")
    wanted = device.say()
    await device.hears(wanted)
    await device.says("words ")
    assert not any(line.startswith(("trouble", "lost")) for line in device.lines), device.lines


async def test_an_agent_sets_the_volume_of_a_device(programs, gateway, talk, tmp_path):
    async with Participant(gateway.room_url, "agent") as agent:
        device = await programs(Device(talk, gateway.port, tmp_path, f"room={ROOM}&agent="))
        me = agent.room.local_participant
        here = asyncio.Event()
        agent.room.on("participant_connected", lambda who: here.set())
        if not agent.room.remote_participants:
            await asyncio.wait_for(here.wait(), 10)
        await agent.sound(440)
        await device.hears(0.5)
        assert await me.perform_rpc(destination_identity="device", method="volume", payload="0") == ""
        await device.says("volume 0")
        with pytest.raises(Exception, match="volume is 0 to 100"):
            await me.perform_rpc(destination_identity="device", method="volume", payload="loud")
        before = device.audible
        await device.plays(0.5)
        assert device.audible == before, "sound comes out of a device that is at volume 0"


async def test_a_device_with_telephone_sound_that_reads_nothing_for_a_while_goes_on(programs, gateway, talk, tmp_path):
    device = await programs(Device(talk, gateway.port, tmp_path, "mulaw"))
    await device.says("state listening")
    device.say()
    await device.says("state speaking")
    told = len(device.lines)
    device.signal(signal.SIGSTOP)
    await asyncio.sleep(1.5)
    device.signal(signal.SIGCONT)
    await device.says("state listening", after=told)
    before = device.audible
    wanted = device.say()
    await device.hears(before + wanted)


async def test_a_device_comes_back_after_five_seconds_without_a_network(programs, talk, tmp_path):
    gateway = await programs(Gateway("--resume-grace", 30))
    network = await Proxy(gateway.port).start()
    try:
        device = await programs(Device(talk, network.port, tmp_path))
        await device.says("state listening")
        device.say()
        await device.says("state speaking")
        network.cut()
        await network.refuse()
        await device.says("lost")
        await asyncio.sleep(5)
        await network.start()
        await device.says("resumed")
        before = device.audible
        await device.hears(before + device.say())
        assert not any(line.startswith("trouble") for line in device.lines), device.lines
        # What the agent has said meanwhile came at the pace of playing. At once it would be 64 KB for a ring of 4; a device that
        # the machine starves may lose some all the same.
        overflows = [int(line.split()[1]) for line in device.lines if line.startswith("overflow")]
        assert max(overflows, default=0) < 20_000, device.lines
    finally:
        await network.stop()



def test_the_program_for_an_esp32_is_such_as_a_compiler_takes(tmp_path):
    """ESP-IDF is no Debian package: its headers are stood in for by the declarations that the program uses."""
    source = ROOT / "examples/esp32/main/main.c"
    for header in re.findall(r'#include "(.+)"', source.read_text()):
        if not (SOURCES / header).exists():
            (tmp_path / header).parent.mkdir(exist_ok=True)
            (tmp_path / header).write_text('#include "esp_idf.h"\n')
    paths = [f"-I{tmp_path}", f"-I{SOURCES}", f"-I{ROOT / 'Tests/Interop/support'}"]
    warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror"]
    done = subprocess.run(["cc", "-fsyntax-only", *warnings, *paths, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
