"""`VoiceGateway call` against a gateway that is scripted with aiohttp: what it sends, shows, records and exits with."""
import asyncio
import json
import math
import signal
import struct
import wave
from pathlib import Path

from aiohttp import WSMsgType, web

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build" / "debug" / "VoiceGateway"
LIMIT = 30
FRAME = 0.02


def tone(rate, seconds, level=8000):
    return [int(level * math.sin(2 * math.pi * 440 * i / rate)) for i in range(int(rate * seconds))]


def pcm(samples):
    return struct.pack(f"<{len(samples)}h", *samples)


def write_wav(path, rate, samples, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm([s for s in samples for _ in range(channels)]))


def read_wav(path):
    with wave.open(str(path)) as file:
        return file.getframerate(), file.readframes(file.getnframes())


class Gateway:
    """Serves one call with `script(gateway, socket)`."""

    def __init__(self, script):
        self.script = script
        self.query = None
        self.audio = []
        self.texts = []
        self.closed = None

    async def handle(self, request):
        self.query = dict(request.query)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        script = asyncio.create_task(self.script(self, socket))
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                self.audio.append(message.data)
            elif message.type == WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
        self.closed = socket.close_code
        script.cancel()
        return socket

    async def send_reply(self, socket, samples, rate=24_000):
        step = int(rate * FRAME)
        for start in range(0, len(samples), step):
            await socket.send_bytes(pcm(samples[start:start + step]))
            await asyncio.sleep(FRAME)

    async def heard(self, loud_frames):
        """Waits until so many frames with sound have come, and then for silence."""
        while sum(max(frame) > 0 for frame in self.audio) < loud_frames or max(self.audio[-1]) > 0:
            await asyncio.sleep(FRAME)


async def call(gateway, *arguments, path="/ws", after=None):
    app = web.Application()
    app.router.add_get("/{path:.*}", gateway.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "call", f"ws://127.0.0.1:{port}{path}", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(LIMIT):
            if after:
                await after(process)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
        await runner.cleanup()
    return process.returncode, out.decode(), err.decode()


def state(name):
    return json.dumps({"type": "agent_state", "state": name})


def test_a_file_is_spoken_and_the_reply_recorded(tmp_path):
    question = tone(16_000, 0.6) + [0] * 1600
    answer = tone(24_000, 0.4)
    write_wav(tmp_path / "question.wav", 16_000, question)

    async def script(gateway, socket):
        await socket.send_json({"type": "session", "id": "1", "room": "r", "identity": "ann"})
        await asyncio.sleep(0.1)
        assert all(max(frame) == 0 for frame in gateway.audio), "spoke before the agent listened"
        await socket.send_str(state("listening"))
        await gateway.heard(30)
        await socket.send_json({"type": "transcript", "role": "user", "content": "hello", "final": True})
        await asyncio.sleep(0.3)
        await socket.send_str(state("speaking"))
        await gateway.send_reply(socket, answer)
        await socket.send_json({"type": "transcript", "role": "assistant", "content": "hello you", "final": True})
        await socket.send_str(state("listening"))

    gateway = Gateway(script)
    code, out, err = asyncio.run(
        call(gateway, "--play", tmp_path / "question.wav", "--record", tmp_path / "answer.wav", "--param", "room=a b"))
    assert (code, err) == (0, "")
    assert gateway.query == {"room": "a b", "sample_rate": "16000"}
    assert gateway.closed == 1000
    sent = b"".join(gateway.audio)
    assert pcm(question) in sent
    assert all(len(frame) == 640 for frame in gateway.audio)
    assert read_wav(tmp_path / "answer.wav") == (24_000, pcm(answer))
    for part in ("room r, as ann", "you      hello", "agent    hello you", "the reply began 0.", "the reply lasted 0.",
                 "0.40 s of sound in"):
        assert part in out, out
    delay = float(out.split("the reply began ")[1].split(" s")[0])
    assert 0.3 <= delay <= 0.8


def test_mulaw_stereo_and_wav_messages(tmp_path):
    """Other formats both ways: a 44.1 kHz stereo file as mulaw at 8 kHz, the reply as WAV files in JSON."""
    import base64
    write_wav(tmp_path / "question.wav", 44_100, tone(44_100, 0.3), channels=2)

    async def script(gateway, socket):
        await socket.send_json({"type": "ready", "message": "Connected. Send audio chunks, then 'end_turn' to process."})
        while sum(len(set(frame)) > 1 for frame in gateway.audio) < 15:
            await asyncio.sleep(FRAME)
        write_wav(tmp_path / "piece.wav", 24_000, tone(24_000, 0.2))
        data = base64.b64encode((tmp_path / "piece.wav").read_bytes()).decode()
        for _ in range(2):
            await socket.send_json({"type": "audio", "data": data})
        await socket.send_json({"type": "text", "role": "assistant", "content": "done"})
        await socket.send_json({"type": "ready", "message": "Ready for next turn"})

    gateway = Gateway(script)
    code, out, err = asyncio.run(call(
        gateway, "--play", tmp_path / "question.wav", "--record", tmp_path / "answer.wav", "--param", "encoding=mulaw",
        "--param", "sample_rate=8000", path="/v1/conversation/ws"))
    assert (code, err) == (0, "")
    assert {len(frame) for frame in gateway.audio} == {160}
    assert len(read_wav(tmp_path / "answer.wav")[1]) == 2 * int(24_000 * 0.4)
    assert "agent    done" in out


def test_a_text_is_sent_and_events_can_be_json():
    async def script(gateway, socket):
        await socket.send_str(state("listening"))
        while not gateway.texts:
            await asyncio.sleep(FRAME)
        await gateway.send_reply(socket, tone(24_000, 0.1))

    gateway = Gateway(script)
    code, out, err = asyncio.run(call(gateway, "--text", "grüße", "--json"))
    assert code == 0
    assert gateway.texts == [{"type": "text", "data": "grüße"}]
    assert [json.loads(line) for line in out.splitlines()] == [{"type": "agent_state", "state": "listening"}]
    assert "the reply began" in err


def test_no_reply_has_an_exit_code():
    async def script(gateway, socket):
        await socket.send_str(state("listening"))

    code, _, err = asyncio.run(call(Gateway(script), "--text", "hello", "--duration", "0.5"))
    assert code == 3
    assert err == "VoiceGateway: No reply came in the time that --duration allows.\n"


def test_the_gateway_ends_the_call(tmp_path):
    async def script(gateway, socket):
        await socket.send_json({"type": "closing", "reason": "agent_timeout", "message": "no agent came"})
        await socket.close(code=4504, message=b"no agent came")

    code, out, err = asyncio.run(call(Gateway(script), "--text", "hello"))
    assert code == 1
    assert "closing  agent_timeout: no agent came" in out
    assert err == "VoiceGateway: The gateway ended the call (4504: no agent came).\n"


def test_control_c_leaves_a_playable_recording(tmp_path):
    answer = tone(24_000, 0.2)

    async def script(gateway, socket):
        await gateway.send_reply(socket, answer)

    async def interrupt(process):
        while len(gateway.audio) < 30:
            await asyncio.sleep(FRAME)
        process.send_signal(signal.SIGINT)

    gateway = Gateway(script)
    code, out, err = asyncio.run(call(gateway, "--record", tmp_path / "answer.wav", after=interrupt))
    assert (code, err) == (0, "")
    assert gateway.closed == 1000
    assert read_wav(tmp_path / "answer.wav") == (24_000, pcm(answer))


def run(*arguments):
    async def start():
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "call", *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        async with asyncio.timeout(LIMIT):
            _, err = await process.communicate()
        return process.returncode, err.decode()

    return asyncio.run(start())


def test_what_cannot_work_is_said_at_once(tmp_path):
    (tmp_path / "text.wav").write_text("hello")
    assert run("ws://127.0.0.1:1/ws") == (
        1, "VoiceGateway: ws://127.0.0.1:1/ws cannot be reached: connection refused.\n")
    code, err = run("ws://127.0.0.1:1", "--play", tmp_path / "missing.wav")
    assert code == 2 and err.endswith("missing.wav cannot be read: No such file or directory.\n")
    code, err = run("ws://127.0.0.1:1", "--play", tmp_path / "text.wav")
    assert code == 2 and "cannot be played: it is not a WAV file" in err
    code, err = run("ws://127.0.0.1:1", "--record", tmp_path / "no" / "such.wav")
    assert code == 2 and err.endswith("such.wav cannot be written: No such file or directory.\n")
    code, err = run("ws://127.0.0.1:1", "--param", "encoding=mp3")
    assert code == 2 and "encoding is \"mp3\"; allowed: pcm_s16le" in err
