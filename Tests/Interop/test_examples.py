"""Everything in examples/ is run: the clients in Python, C, Go and JavaScript against the parrot, the agent against a client."""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import sys
import wave

import numpy
import pytest

from support.processes import GATEWAY, ROOT, Gateway, Program
from support.sounds import audible_seconds, silence, spoken

EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(EXAMPLES / "python"))

import voicegateway  # noqa: E402
from voicegateway import AgentState, Audio, Call, CallEnded, Reconnecting, Session, Transcript, Warning  # noqa: E402
from voicegateway.call import FINAL_CLOSE_CODES  # noqa: E402

KEYS = {"API_KEY_ENABLED": "true", "API_KEYS": "alpha/key=", "RESUME_GRACE_SECONDS": "30"}


def run(program: str, *arguments, cwd=None) -> None:
    done = subprocess.run([program, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


async def until(events, kind, **fields):
    """The next event of a type whose members have the given values."""
    async with asyncio.timeout(40):
        async for event in events:
            if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                return event
    raise AssertionError(f"the call ended before {kind.__name__} {fields}")


# --- The Python package


async def test_a_call_brings_typed_events_and_sound(gateway):
    async with Call(gateway.url, identity="ann", sampleRate=8000) as call:
        events = aiter(call)
        warning = await until(events, Warning)
        assert (warning.parameter, warning.meant) == ("sampleRate", "sample_rate")
        assert (await until(events, Session)).identity == "ann"
        await until(events, AgentState, state="listening")
        speaking = asyncio.create_task(call.speak(spoken("hello parrot").tobytes() + silence(3).tobytes()))
        assert (await until(events, Transcript, role="user", final=True)).content.endswith("of speech)")
        assert len((await until(events, Audio)).data) == 960
        speaking.cancel()


async def test_a_key_travels_as_a_subprotocol_and_a_wrong_one_ends_the_call(programs):
    gateway = await programs(Gateway(**KEYS))
    async with Call(gateway.url, key="alpha/key=") as call:
        await until(aiter(call), Session)
        assert call._socket.subprotocol == "voicegateway.v1"
    async with Call(gateway.url, key="beta") as call:
        with pytest.raises(CallEnded, match="Invalid API key") as ended:
            await until(aiter(call), Session)
        assert ended.value.code == 4403
    token = subprocess.run(
        [GATEWAY, "token", "--room", "office", "--identity", "bob"], capture_output=True, text=True, check=True,
        env={"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"}).stdout.strip()
    async with Call(gateway.url, access_token=token) as call:
        session = await until(aiter(call), Session)
        assert (session.room, session.identity) == ("office", "bob")
        assert call._socket.subprotocol == "access_token"
    assert not [line for line in gateway.lines if "alpha" in line or "beta" in line or token in line]


async def test_a_call_survives_its_connection(programs):
    gateway = await programs(Gateway(**KEYS))
    async with Call(gateway.url, key="alpha/key=") as call:
        events = aiter(call)
        first = await until(events, Session)
        await until(events, AgentState, state="listening")
        call._socket.transport.abort()
        await until(events, Reconnecting, attempt=1)
        again = await until(events, Session)
        assert again.resumed and (again.room, again.id) == (first.room, first.id)
        await call.send_text("hello")
        await until(events, Transcript, role="assistant", final=True)


async def test_both_clients_know_the_same_codes_that_are_final():
    module = (EXAMPLES / "browser/voicegateway.js").read_text()
    codes = {int(code) for code in re.search(r"FINAL_CLOSE_CODES = Object.freeze\(\[(.*?)\]", module).group(1).split(",")}
    # An iteration over a call simply ends with 1000.
    assert codes == FINAL_CLOSE_CODES | {1000}
    protocol = (ROOT / "docs/client-protocol.md").read_text()
    for code in codes - {1002, 1003, 1007}:
        assert str(code) in protocol, code
    types = (EXAMPLES / "browser/voicegateway.d.ts").read_text()
    table = protocol[protocol.index("## From the gateway") :]
    for kind in re.findall(r"^\| `(\w+)`", table[: table.index("| close code")], re.M):
        assert re.search(rf"^  {kind}: {{", types, re.M), f"{kind} has no type"
        assert kind in voicegateway.events._TYPES or kind == "pong", kind


async def test_the_command_line_records_the_reply(gateway, tmp_path):
    run("espeak-ng", "-w", tmp_path / "hello.wav", "Hello, can you hear me?")
    client = Program(
        sys.executable, "-m", "voicegateway", gateway.url, "--play", tmp_path / "hello.wav", "--record", tmp_path / "reply.wav",
        PYTHONPATH=EXAMPLES / "python")
    await client.start()
    assert await client.ends(within=40) == 0, client.lines
    with wave.open(str(tmp_path / "reply.wav")) as file:
        reply = numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)
    assert 1 < audible_seconds(reply, 24000) < 3
    assert any(line.startswith("assistant  You said") for line in client.lines), client.lines


async def test_the_command_line_says_why_a_call_failed(programs):
    gateway = await programs(Gateway(**KEYS))
    client = Program(sys.executable, "-m", "voicegateway", gateway.url, PYTHONPATH=EXAMPLES / "python")
    await client.start()
    assert await client.ends() == 1
    assert client.lines[-1] == "The call failed: Missing API key (4401)"


# --- Types of the browser module

TYPED = """
import { VoiceGateway, FINAL_CLOSE_CODES, type Options } from "./voicegateway.js";
const options: Options = { key: "k", inputRate: 16000, config: { language: "de" } };
const gateway = new VoiceGateway(options);
const off: () => void = gateway.on("transcript", ({ content, final }) => console.log(content.length, final === true));
gateway.on("state", ({ state, code }) => { if (state === "closed" && FINAL_CLOSE_CODES.includes(code ?? 0)) off(); });
gateway.on("an agent's own", (event) => console.log(event.type));
gateway.connect().then(() => gateway.sendText("hello"));
// @ts-expect-error
gateway.on("playback", ({ nothing }) => nothing);
// @ts-expect-error
new VoiceGateway({ inputRate: 12345 });
"""


def test_the_browser_modules_types_hold_and_describe_all_it_has(tmp_path):
    for name in ("voicegateway.js", "voicegateway.d.ts"):
        shutil.copy(EXAMPLES / "browser" / name, tmp_path)
    (tmp_path / "use.ts").write_text(TYPED)
    run("tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext",
        "--lib", "es2022,dom", "use.ts", cwd=tmp_path)
    module, types = ((tmp_path / name).read_text() for name in ("voicegateway.js", "voicegateway.d.ts"))
    own = module[module.index("export class") : module.index("// --- In the AudioWorklet")]
    public = set(re.findall(r"^  (?:async )?([a-z]\w*)(?:\(| = |;)", own, re.M)) - {"constructor"}
    assert {"connect", "close", "sendFile", "isMuted", "input"} <= public
    for name in public:
        assert re.search(rf"^  (readonly )?{name}[(:<]", types, re.M), name


# --- The agent


async def test_the_smallest_agent_greets_and_answers_and_call_waits_for_its_greeting(programs, tmp_path):
    gateway = await programs(Gateway())
    agent = Program(
        sys.executable, EXAMPLES / "python/agent.py", "start", LIVEKIT_URL=gateway.room_url, LIVEKIT_API_KEY="devkey",
        LIVEKIT_API_SECRET="secret")
    await programs(agent)
    await agent.says("registered worker", within=60)
    async with Call(gateway.url) as call:
        events = aiter(call)
        greeting = await until(events, Transcript, role="assistant", final=True)
        # The agent says that it listens a moment before or after its last words are told.
        assert greeting.content.strip() == "Hello. I am listening."
        await call.send_text("good morning")
        answer = await until(events, Transcript, role="assistant", final=True)
        assert answer.content.strip() == "You wrote: good morning"
    # The command-line caller speaks when the greeting is over; what it records as the reply is the reply.
    run("espeak-ng", "-w", tmp_path / "hello.wav", "Hello, can you hear me? I have something to say to you.")
    caller = await programs(Program(GATEWAY, "call", gateway.url, "--play", tmp_path / "hello.wav", "--json"))
    assert await caller.ends(within=60) == 0, caller.lines
    told = [line.removeprefix("VoiceGateway: ") for line in caller.lines]
    states = [json.loads(line)["state"] for line in told if line.startswith('{"type":"agent_state"')]
    spoke = next(number for number, line in enumerate(told) if "speaking for" in line)
    before = [json.loads(line) for line in told[:spoke] if line.startswith("{")]
    assert [e["state"] for e in before if e["type"] == "agent_state"][-2:] == ["speaking", "listening"], told
    assert states.count("speaking") == 2, told
    lasted = next(line for line in told if "the reply lasted" in line)
    assert float(re.search(r"lasted (\S+) s", lasted).group(1)) > 0.8, told


# --- Other languages


def node_flags() -> list[str]:
    """Node 20 hides its WebSocket; before it there is the package ws."""
    version = int(subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0])
    return ["--experimental-websocket"] if 20 <= version < 22 else []


async def test_node(gateway, programs, tmp_path):
    client = Program("node", "--no-warnings", *node_flags(), EXAMPLES / "node/talk.mjs", gateway.url)
    with working_in(client, tmp_path):
        await programs(client)
    assert await client.ends(within=40) == 0, client.lines
    assert "transcript You wrote: hello" in client.lines, client.lines
    assert re.fullmatch(r"closed 1000\s+(\d+) frames in reply.pcm", client.lines[-1]), client.lines


@contextlib.contextmanager
def working_in(program: Program, folder):
    """Programs run in /tmp unless a shell leads them elsewhere."""
    command = program.command
    program.command = ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]
    yield


async def test_the_lines_about_subprotocols_open_what_they_are_for(programs, tmp_path):
    gateway = await programs(Gateway(**KEYS))
    lines = re.search(r"```js\n(.*?)```", (ROOT / "docs/access.md").read_text(), re.S).group(1).strip().splitlines()
    token = subprocess.run(
        [GATEWAY, "token", "--room", "office", "--identity", "bob"], capture_output=True, text=True, check=True,
        env={"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"}).stdout.strip()
    values = f"const WebSocket = globalThis.WebSocket ?? require('ws'), key = 'alpha/key=', token = {token!r};"
    show = "const show = (s) => { s.onmessage = ({ data }) => { console.log(s.protocol, JSON.parse(data).type); s.close(); }; };"
    calls = "".join(f"show({line.replace('wss://voice.example.com/ws', gateway.url)});" for line in lines)
    client = await programs(Program("node", "--no-warnings", *node_flags(), "-e", values + show + calls))
    assert await client.ends() == 0 and sorted(client.lines) == ["access_token ready", "voicegateway.v1 ready"], client.lines


async def test_go(gateway, programs, tmp_path):
    # Debian's libraries, no module proxy.
    shutil.copy(EXAMPLES / "go/main.go", tmp_path)
    binary = tmp_path / "talk"
    build = subprocess.run(
        ["go", "build", "-o", binary, "main.go"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOFLAGS": ""})
    assert build.returncode == 0, build.stderr
    client = await programs(Program(binary, gateway.url))
    await client.says("480 samples of the agent", within=20)
    await client.says('"content":"You wrote: hello"', within=20)


async def test_c(gateway, programs, tmp_path):
    source = (EXAMPLES / "c/talk.c").read_text().replace("3000", str(gateway.port))
    (tmp_path / "talk.c").write_text(source)
    run("cc", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wno-missing-field-initializers", "-Werror", tmp_path / "talk.c",
        "-o", tmp_path / "talk", "-lwebsockets")
    client = await programs(Program(tmp_path / "talk"))
    assert await client.ends(within=30) == 0, client.lines
    assert client.lines[-1] == "the agent speaks" and any('"state":"listening"' in line for line in client.lines), client.lines
