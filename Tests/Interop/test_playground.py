"""The page at `GET /` in headless Chromium, with API keys on: its microphone is a WAV file, its loudspeaker is tapped."""

import base64
import contextlib
import json
import pathlib
import re
import signal

import axe_core_python
import numpy
import pytest
import pytest_asyncio

from support.chromium import Chromium
from support.ears import at_16_khz, trimmed, words
from support.old_client import wav
from support.processes import ROOT, Gateway, RoomServer, Worker
from support.sounds import silence, spoken
from support.tap import Tap

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 48000
KEY = {"API_KEY_ENABLED": "true", "API_KEYS": "alpha/key=", "RESUME_GRACE_SECONDS": "30"}
AXE = (pathlib.Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
#: Keeps what the player plays, and what the page may not do.
TAP = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));
window.heard = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (this instanceof AudioWorkletNode && this.numberOfInputs === 0 && target === this.context.destination) {
    const ear = this.context.createScriptProcessor(1024, 1, 1);
    ear.onaudioprocess = ({ inputBuffer }) => heard.push(inputBuffer.getChannelData(0).slice());
    window.heardRate = this.context.sampleRate;
    connect.call(this, ear);
    connect.call(ear, target);
  }
  return connect.call(this, target, ...rest);
};
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway(**KEY).start()
    worker = await Worker(program.room_url).start()
    yield program
    await worker.stop()
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory):
    """Each page's microphone says a sentence, and five seconds after it another one."""
    microphone = tmp_path_factory.mktemp("microphone") / "sentences.wav"
    sound = numpy.concatenate([
        silence(3, RATE), spoken("please tell me a very long story", RATE), silence(6, RATE),
        spoken("stop talking now please", RATE), silence(60, RATE)])
    room = numpy.random.default_rng(1).normal(0, 6, len(sound))
    microphone.write_bytes(wav(numpy.clip(sound + room, -32768, 32767), RATE))
    async with Chromium(microphone) as chromium:
        yield chromium


class Playground:
    """The page as somebody uses it."""

    def __init__(self, page) -> None:
        self.page = page

    async def text(self, name: str) -> str:
        return await self.page.evaluate(f"document.getElementById({name!r}).textContent")

    async def says(self, name: str, text: str, within: float = 30) -> None:
        await self.page.until(
            f"document.getElementById({name!r}).textContent.includes({text!r})", within,
            show="document.getElementById('trouble').textContent + document.getElementById('events').textContent")

    async def enter(self, name: str, value: str) -> None:
        await self.page.evaluate(f"document.getElementById({name!r}).value = {value!r}")

    async def press(self, name: str) -> None:
        assert await self.page.evaluate(f"!document.getElementById({name!r}).disabled"), name
        await self.page.evaluate(f"document.getElementById({name!r}).click()")

    async def call(self, **fields: str) -> None:
        for name, value in fields.items():
            await self.enter(name, value)
        await self.press("talk")

    async def sound(self) -> numpy.ndarray:
        """What came out of the loudspeaker, at 16 kHz."""
        blocks = await self.page.evaluate(
            "(() => { const all = new Float32Array(heard.length * 1024); heard.forEach((b, i) => all.set(b, i * 1024));"
            " const bytes = new Uint8Array(Int16Array.from(all, (v) => v * 32767).buffer); let text = '';"
            " for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));"
            " return { rate: heardRate, samples: btoa(text) }; })()")
        return trimmed(at_16_khz(numpy.frombuffer(base64.b64decode(blocks["samples"]), dtype=numpy.int16), blocks["rate"]))


@contextlib.asynccontextmanager
async def opened(gateway, browser):
    page = await browser.open(f"http://127.0.0.1:{gateway.port}/", before=TAP)
    assert await page.evaluate("document.title") == "VoiceGateway: talk"
    yield Playground(page)
    await page.close()


async def test_a_key_that_is_missing_or_wrong_is_told_in_words_and_not_tried_again(gateway, browser):
    async with opened(gateway, browser) as page:
        await page.call()
        await page.says("trouble", "Missing API key. This gateway asks for an API key")
        await page.call(key="beta")
        await page.says("trouble", "Invalid API key. The gateway does not let you in")
        assert await page.page.evaluate("document.activeElement.id") == "key"
        events = await page.text("events")
        assert events.count('"state":"connecting"') == 2 and "reconnecting" not in events
        assert "alpha" not in events and "beta" not in events


async def test_somebody_talks_reads_interrupts_and_comes_back(gateway, browser):
    async with opened(gateway, browser) as page:
        await page.call(key="alpha/key=")
        await page.says("transcript", "please tell me a very long story")
        # It forms, and then it is final.
        await page.page.until("document.querySelector('#transcript li').className === 'user'")
        await page.says("agent-state", "speaking")
        await page.says("transcript", "Chapter one.")
        # The delay from the end of speech to the first sound, in seconds.
        await page.says("latency", " s")
        assert 0.2 < float((await page.text("latency")).split()[0]) < 15
        # The second sentence interrupts the story, and what was queued is dropped.
        await page.says("events", "interrupted", within=40)
        await page.says("transcript", "I have stopped.", within=40)
        await page.says("agent-state", "listening")
        # A connection that breaks: the same call goes on.
        room = await page.text("in-room")
        await page.press("cut")
        await page.says("events", '"state":"reconnecting"')
        await page.says("hint", "The call goes on.")
        assert await page.text("in-room") == room
        await page.enter("text", "my name is alice")
        await page.page.evaluate("document.getElementById('say').requestSubmit()")
        await page.says("transcript", "Nice to meet you, Alice.")
        await page.says("agent-state", "listening")
        assert await page.page.evaluate("violations") == []
        origins = await page.page.evaluate("[...new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).origin))]")
        assert origins == [f"http://127.0.0.1:{gateway.port}"]
        await page.press("talk")
        await page.says("connection", "not connected")


@contextlib.asynccontextmanager
async def running(program):
    yield await program.start()
    await program.stop()


async def test_the_parrot_is_heard_as_it_was_spoken_to(browser):
    async with running(Gateway(**KEY)) as gateway, opened(gateway, browser) as page:
        await page.call(key="alpha/key=")
        await page.says("events", '"isPlaying":true')
        await page.press("mute")
        await page.says("agent-state", "listening")
        await page.says("events", '"isPlaying":false')
        sentences = ("please tell me a very long story", "stop talking now please")
        assert words(await page.sound(), sentences) == sentences[0]
        await page.press("talk")


async def test_a_gateway_that_is_gone_is_tried_again_and_found_again(browser):
    is_connected = "document.getElementById('connection').textContent === 'connected'"
    first, second = Gateway(), Gateway()
    second.command, second.port = first.command, first.port
    async with running(first), opened(first, browser) as page:
        await page.call()
        await page.page.until(is_connected)
        await first.stop()
        await page.says("connection", "attempt 2")
        assert "Trying again." in await page.text("trouble")
        async with running(second):
            await page.page.until(is_connected)
            assert await page.page.evaluate("document.getElementById('trouble').hidden")
            await page.press("talk")


async def test_a_call_moves_to_another_gateway_while_its_own_is_drained(browser):
    async with running(RoomServer()) as rooms, contextlib.AsyncExitStack() as stack:
        settings = {"LIVEKIT_URL": rooms.url, "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret",
                    "RESUME_GRACE_SECONDS": 20, "DRAIN_NOTICE": 0, "DRAIN_SECONDS": 60, "PLAYGROUND": "true"}
        one, other = [await stack.enter_async_context(running(Gateway(**settings))) for _ in range(2)]
        balancer = await stack.enter_async_context(Tap(one.port))
        page = await stack.enter_async_context(opened(balancer, browser))
        await page.call()
        await page.says("agent-state", "listening")
        room = await page.text("in-room")
        balancer.target = ("127.0.0.1", other.port)
        one.signal(signal.SIGTERM)
        await page.says("events", '"resumed":true')
        assert await one.ends() == 0
        assert await page.text("in-room") == room and await page.text("connection") == "connected"
        assert "reconnecting" not in await page.text("events")
        # The parrot hears the sentence that comes last, by the other gateway.
        await page.says("agent-state", "speaking")
        await page.press("talk")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
async def test_nothing_keeps_anybody_out(gateway, browser, scheme, width):
    async with opened(gateway, browser) as page:
        send = page.page.browser.command
        await send("Emulation.setEmulatedMedia", page.page.session, features=[{"name": "prefers-color-scheme", "value": scheme}])
        await send(
            "Emulation.setDeviceMetricsOverride", page.page.session, width=width, height=844, deviceScaleFactor=1, mobile=width < 500)
        await page.page.evaluate("document.querySelector('details').open = true")
        await page.call(key="wrong")
        await page.says("trouble", "Invalid")
        await page.call(key="alpha/key=")
        await page.page.until("document.getElementById('connection').textContent === 'connected'")
        await page.page.evaluate(AXE)
        found = await page.page.evaluate(
            "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then(({ violations, passes }) =>"
            " ({ passes: passes.map((p) => p.id), violations: violations.map((v) => [v.id, v.help, v.nodes.map((n) => n.html)]) }))")
        assert found["violations"] == []
        assert {"color-contrast", "label", "button-name"} <= set(found["passes"])
        assert await page.page.evaluate("document.documentElement.scrollWidth") <= width
        await page.press("talk")


async def test_page_and_module_are_those_of_the_repository(gateway, browser):
    page = await browser.open(f"http://127.0.0.1:{gateway.port}/health")
    read = "fetch({!r}, {{ headers: {{ Accept: 'text/html' }} }}).then((answer) => answer.text())"
    assert await page.evaluate(read.format("/")) == (ROOT / "examples/browser/playground.html").read_text()
    assert await page.evaluate(read.format("/voicegateway.js")) == (ROOT / "examples/browser/voicegateway.js").read_text()
    assert len((ROOT / "examples/browser/playground.html").read_text().splitlines()) < 500
    assert len((ROOT / "examples/browser/voicegateway.js").read_text().splitlines()) < 300


async def test_the_lines_about_the_module_do_what_they_say(browser):
    source = re.search(r"```js\n(.*?)```", (ROOT / "examples/README.md").read_text(), re.S).group(1)
    async with running(Gateway()) as gateway:
        page = await browser.open(f"http://127.0.0.1:{gateway.port}/health")
        source = re.sub(r'import (.*) from "https://voice.example.com(.*)";', r'const \1 = await import("\2");', source)
        await page.evaluate(f"(async () => {{ window.button = {{}}; {source}; window.gateway = gateway; }})()")
        await page.evaluate("button.onclick()")
        assert await page.evaluate("gateway.state") == "open"
        await page.evaluate("gateway.close()")
        await page.close()


async def test_a_page_that_offers_any_subprotocol_is_let_in_or_told_why_not(gateway, browser):
    page = await browser.open(f"http://127.0.0.1:{gateway.port}/")

    async def outcome(query: str, offer) -> list:
        return await page.evaluate(f"""new Promise((done) => {{
            const socket = new WebSocket(`ws://${{location.host}}/ws?{query}`, {json.dumps(offer)});
            socket.onopen = () => socket.send("{{}}");
            socket.onmessage = ({{ data }}) => {{
                if (JSON.parse(data).type === "ready") {{ done([socket.protocol, "ready"]); socket.close(); }}
            }};
            socket.onclose = ({{ code, reason }}) => done([socket.protocol, code, reason]);
        }})""")

    key = "alpha%2Fkey%3D"
    assert await outcome(f"api_key={key}", "audio") == ["audio", "ready"]
    assert await outcome(f"api_key={key}", ["bearer", "token"]) == ["bearer", "ready"]
    assert await outcome("", ["key." + key]) == ["key." + key, "ready"]
    protocol, code, reason = await outcome("", "audio")
    assert (protocol, code) == ("audio", 4401) and reason
    await page.close()
