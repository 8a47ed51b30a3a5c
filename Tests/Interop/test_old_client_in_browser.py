"""An old frontend in headless Chromium: its microphone is a WAV file, its loudspeaker is recorded, and beside it the
LiveKit SDK records the agent's own track."""

import asyncio
import base64
import pathlib

import numpy
import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api

from support.chromium import Chromium
from support.ears import at_16_khz, inserted, loud, place, trimmed, words
from support.old_client import CONNECTED, CONVERTING, READY, TRANSCRIBING, wav
from support.processes import KEY, SECRET, Gateway, Worker
from support.room_server import token
from support.sdk_client import RATE, Client
from support.sounds import silence, spoken

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = pathlib.Path(__file__).parent / "browser/old_client.html"
QUESTION = "what is the weather in berlin"
ANSWER = "It is sunny and warm in Berlin today."
SENTENCES = (ANSWER, "Yes, I can hear you very well.", "I have stopped.", "Nice to meet you, Alice.")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway().start()
    worker = await Worker(program.room_url).start()
    yield program
    await worker.stop()
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory):
    microphone = tmp_path_factory.mktemp("microphone") / "question.wav"
    rate = 48000
    # The last word ends a moment before a button that is held for three seconds is released.
    question = numpy.concatenate([silence(0.9, rate), spoken(QUESTION, rate), silence(1, rate)])
    # A room is never as quiet as digital silence.
    room = numpy.random.default_rng(1).normal(0, 6, len(question))
    microphone.write_bytes(wav(numpy.clip(question + room, -32768, 32767), rate))
    async with Chromium(microphone) as chromium:
        yield chromium


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page_url():
    """The page on an origin of its own, as frontends are."""
    app = web.Application()
    app.router.add_get("/", lambda _: web.FileResponse(PAGE))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
    await runner.cleanup()


async def rooms(gateway) -> set[str]:
    async with api.LiveKitAPI(gateway.room_url.replace("ws", "http", 1), KEY, SECRET) as livekit:
        return {room.name for room in (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms}


class Call:
    """The page in a conversation, and somebody who records the agent in the same room."""

    def __init__(self, gateway, page) -> None:
        self.gateway, self.page = gateway, page

    async def __aenter__(self) -> "Call":
        known = await rooms(self.gateway)
        url = self.gateway.url.replace("/ws", "/v1/conversation/ws")
        await self.page.evaluate(f"chat.connect({url!r}, 'Be brief.')")
        async with asyncio.timeout(20):
            while not (new := await rooms(self.gateway) - known):
                await asyncio.sleep(0.05)
        room = new.pop()
        self.recorder = Client(None, room, "recorder", url=self.gateway.room_url)
        # Of the kind of LiveKit's own recorders: agents listen to the first who is of none.
        self.recorder.token = token("recorder", room, kind="egress")
        await self.recorder.__aenter__()
        await self.recorder.event("track_subscribed", 30, lambda _, publication, who: who.identity.startswith("agent"))
        return self

    async def __aexit__(self, *_) -> None:
        await self.page.evaluate("chat.disconnect()")
        await self.recorder.__aexit__()

    async def messages(self) -> list[dict]:
        """What the page was told in the protocol's own words, of sound only that it came."""
        told = await self.page.evaluate("chat.messages")
        fields = lambda m: {"type": "audio"} if m["type"] == "audio" else {k: v for k, v in m.items() if k not in ("at", "data")}
        return [fields(message) for message in told if "." not in message["type"]]

    async def forget(self) -> None:
        """Nothing heard, nothing recorded, nothing told so far."""
        await self.page.evaluate("chat.messages.length = chat.sent.length = chat.pieces = 0; chat.heard()")
        self.recorder.forget_sound()

    async def turn_is_over(self) -> None:
        over = f"chat.messages.some((m) => m.message === '{READY['message']}') && !chat.playing"
        await self.page.until(over, within=60, show="JSON.stringify(chat.messages.slice(-30))")

    async def heard(self) -> numpy.ndarray:
        """What came out of the loudspeaker, at 16 kHz."""
        heard = await self.page.evaluate("chat.heard()")
        return trimmed(at_16_khz(numpy.frombuffer(base64.b64decode(heard["samples"]), dtype=numpy.int16), heard["rate"]))

    async def agent_said(self, as_much_as: numpy.ndarray) -> numpy.ndarray:
        """The agent's own track, when so much of it is there."""
        agent = next(who for who in self.recorder.sound if who.startswith("agent"))

        def there() -> numpy.ndarray | None:
            sound = at_16_khz(numpy.concatenate([numpy.zeros(0)] + [pcm for _, pcm in self.recorder.sound[agent]]), RATE)
            return sound if loud(sound, 100).sum() >= 0.95 * loud(as_much_as, 100).sum() else None

        deadline = asyncio.get_running_loop().time() + 10
        while (sound := there()) is None:
            assert asyncio.get_running_loop().time() < deadline, "the recorder did not hear what the page has heard"
            await asyncio.sleep(0.2)
        return trimmed(sound)


async def push_to_talk(call: Call) -> None:
    await call.page.evaluate("chat.press()")
    await call.page.until("chat.sent.filter((m) => m.type === 'audio').length >= 10")
    await call.page.evaluate("chat.release()")


async def hands_free(call: Call) -> None:
    await call.page.evaluate("chat.listen()")


async def is_heard_without_gaps(call: Call, ask) -> None:
    """Asks until a reply comes without a pause that is not the agent's own. A machine that is too busy for real time
    makes pauses now and then; a fault makes them every time."""
    faults = []
    for attempt in range(3):
        if attempt:
            await call.forget()
            await ask(call)
            await call.turn_is_over()
        heard = await call.heard()
        assert words(heard, SENTENCES) == ANSWER
        assert await call.page.evaluate("chat.undecodable") == 0
        assert await call.page.evaluate("chat.pieces") >= 3
        original = await call.agent_said(heard)
        if not (found := inserted(heard, original)):
            break
        faults.append(found)
    assert len(faults) < 3, faults
    # Twentieths of a second from anywhere are in the agent's track as they are, but for those with a joint in them.
    parts = [heard[at : at + 800] for at in range(0, len(heard) - 800, 800)]
    likeness = [round(place(part, original)[1], 2) for part in parts if loud(part, 1000).any()]
    assert numpy.median(likeness) > 0.8, likeness


def sequence(messages: list[dict]) -> list[dict]:
    """Without repetitions of buffering and sound; the place of the text among the sound is left open."""
    kept = [m for m in messages if m["type"] not in ("audio", "text", "buffering")]
    return kept + [m for m in messages if m["type"] == "text"]


@pytest.mark.parametrize(
    "ask, processing", [(push_to_talk, [CONVERTING, TRANSCRIBING]), (hands_free, [TRANSCRIBING])], ids=["push to talk", "hands free"]
)
async def test_an_old_frontend_holds_its_conversation(gateway, browser, page_url, ask, processing):
    async with Call(gateway, await browser.open(page_url)) as call:
        await ask(call)
        await call.turn_is_over()
        messages = await call.messages()
        assert sequence(messages) == [
            CONNECTED,
            {"type": "configured", "instructions": "Be brief...."},
            *processing,
            {"type": "transcript", "role": "user", "content": QUESTION},
            READY,
            {"type": "text", "role": "assistant", "content": ANSWER},
        ]
        sent = await call.page.evaluate("chat.sent.filter((m) => m.type === 'audio').length")
        types = [message["type"] for message in messages]
        assert types.count("buffering") == sent
        assert types.index("transcript") < types.index("text")
        assert messages[-1] == READY
        await is_heard_without_gaps(call, ask)


async def test_a_page_that_sends_the_blobs_of_its_recorder_is_understood(gateway, browser, page_url):
    """`socket.send(event.data)`, as many pages have it: WebM in binary frames, with nothing announced and no end of a turn."""
    page = await browser.open(page_url)
    await page.evaluate(
        """(async (url) => {
            window.told = [];
            const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
            const socket = new WebSocket(url);
            socket.onmessage = ({ data }) => typeof data === "string" && told.push(JSON.parse(data));
            await new Promise((opened) => (socket.onopen = opened));
            const recorder = new MediaRecorder(microphone);
            recorder.ondataavailable = ({ data }) => socket.send(data);
            recorder.start(250);
            window.hangUp = () => { recorder.stop(); socket.close(); };
        })(%r)""" % gateway.url)
    asked = f"told.some((e) => e.type === 'transcript' && e.role === 'user' && e.final && e.content.trim() === {QUESTION!r})"
    await page.until(asked, within=40, show="JSON.stringify(told.slice(-30))")
    assert await page.evaluate("told.filter((e) => e.type === 'error')") == []
    await page.evaluate("hangUp()")
