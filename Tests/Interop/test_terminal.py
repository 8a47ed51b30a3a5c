"""What people do at a terminal: the table of calls, and completion in a shell."""

import asyncio
import os
import pty
import signal
import subprocess

from support.client import VoiceClient
from support.processes import GATEWAY, Gateway

OPERATOR = "a-key-for-the-operator"


async def said_by(*arguments, **environment) -> tuple[int, str]:
    """What the program says on standard output or error, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        str(GATEWAY), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd="/tmp",
        env=dict(os.environ) | environment)
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, said.decode()


async def test_top_shows_the_calls_once_for_scripts_and_again_and_again_in_a_terminal(programs):
    gateway = await programs(Gateway(ADMIN_API_KEY=OPERATOR))
    url = f"http://127.0.0.1:{gateway.port}"
    async with VoiceClient(gateway.url, identity="alice", room="lobby", agent="") as alice:
        await alice.event("session")
        code, said = await said_by("top", "--once", "--url", url, ADMIN_API_KEY=OPERATOR)
        assert code == 0 and len(said.splitlines()) == 2, said
        assert said.splitlines()[1].split()[1:3] == ["lobby", "alice"]
        code, said = await said_by("top", "--url", url, ADMIN_API_KEY="another-key")
        assert code == 1 and "ADMIN_API_KEY is not the gateway's" in said

        ours, theirs = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            str(GATEWAY), "top", "--interval", "0.2", "--url", url, stdin=theirs, stdout=theirs, cwd="/tmp",
            env=dict(os.environ) | {"ADMIN_API_KEY": OPERATOR})
        os.close(theirs)
        shown = b""
        while shown.count(b"alice") < 2:
            shown += await asyncio.wait_for(asyncio.to_thread(os.read, ours, 4096), 20)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 10) == 0
        shown += await asyncio.to_thread(os.read, ours, 4096)
        # The page that was there before comes back, with its cursor.
        assert shown.startswith(b"\x1b[?1049h") and shown.endswith(b"\x1b[?25h\x1b[?1049l")
        os.close(ours)


def completed(*words: str) -> set[str]:
    """What bash offers for the last word."""
    script = f'eval "$({GATEWAY} completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
    script += '_VoiceGateway; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words], capture_output=True, text=True, cwd="/", check=True)
    assert not done.stderr
    return set(done.stdout.split())


def test_bash_completes_subcommands_options_their_values_and_files():
    assert {"serve", "doctor", "help"} <= completed("VoiceGateway", "")
    assert completed("VoiceGateway", "do") == {"doctor"}
    assert completed("VoiceGateway", "call", "--pl") == {"--play"}
    assert completed("VoiceGateway", "serve", "--log-level", "") == {"debug", "info", "warning", "error"}
    assert completed("VoiceGateway", "serve", "--log-format", "=", "j") == {"json"}
    assert completed("VoiceGateway", "--log-format", "=") == {"text", "json"}
    assert completed("VoiceGateway", "completion", "") == {"bash", "zsh", "fish"}
    assert completed("VoiceGateway", "doctor", "--env-file", "et") == {"etc"}
    assert completed("VoiceGateway", "serve", "--port", "") == set()


def test_the_manual_page_and_the_other_shells_files_have_no_mistakes():
    def printed(*arguments: str) -> str:
        return subprocess.run([GATEWAY, *arguments], capture_output=True, text=True, check=True).stdout

    page = subprocess.run(
        ["groff", "-man", "-ww", "-k", "-Tutf8"], input=printed("man-page"), capture_output=True, text=True, check=True)
    assert not page.stderr and "LIVEKIT_URL" in page.stdout
    for shell, check in (("zsh", ["zsh", "-n", "/dev/stdin"]), ("fish", ["fish", "--no-execute", "/dev/stdin"])):
        done = subprocess.run(check, input=printed("completion", shell), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
