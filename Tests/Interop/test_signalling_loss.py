"""The signalling connection is lost in the middle of a call: the call goes on, and nothing that was said is lost
without a word."""

import asyncio
import contextlib

import numpy
import pytest_asyncio
from livekit import rtc
from livekit.protocol import models, rtc as signalling

from support.client import VoiceClient
from support.processes import KEY, SECRET, Gateway, RoomServer
from support.proxy import Proxy
from support.room_server import token
from support.sdk_client import Member
from support.sounds import tone

ROOM = "meeting"
RATE = 24_000
STEP = 0.2


def ladder(count: int, rate: int, start: int = 0) -> numpy.ndarray:
    """Beeps of 120 ms, five a second, each 40 Hz above the one before: every one can be recognized."""
    pause = numpy.zeros(int(rate * (STEP - 0.12)), dtype=numpy.int16)
    beeps = [tone(600 + 40 * number, 0.12, rate) for number in range(start, start + count)]
    return numpy.concatenate([part for beep in beeps for part in (beep, pause)])


def rungs(samples: numpy.ndarray, rate: int = RATE) -> list[int]:
    """The beeps of a ladder that can be heard in a recording, in order."""
    size = rate * 6 // 100
    window = numpy.hanning(size)
    heard = []
    for start in range(0, len(samples) - size, rate // 100):
        piece = samples[start : start + size].astype(float)
        # Only what is loud all along: a beginning or an end has other frequencies in it.
        if min(numpy.abs(part).max() for part in numpy.array_split(piece, 6)) < 3000:
            continue
        spectrum = numpy.abs(numpy.fft.rfft(piece * window, 8 * size))
        rung = round((numpy.argmax(spectrum) * rate / (8 * size) - 600) / 40)
        # What a receiver invents where something is missing is not a beep.
        if rung >= 0 and (not heard or heard[-1] != rung):
            heard.append(rung)
    return heard


class Agent(Member):
    """A participant of kind agent on the official SDK, straight at the room server, that listens and plays a ladder."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        # By track. A stream of the SDK outlives its track and plays the next one's sound as well.
        self.heard: list[numpy.ndarray] = []
        self.sids = []

    async def __aenter__(self) -> "Agent":
        self.room.on("participant_connected", lambda who: self.sids.append(who.sid))
        self.room.on("track_subscribed", lambda track, *_: self.run(self.listen(track)))
        await self.room.connect(
            self.url, token("the-agent", ROOM, kind="agent", attributes={"lk.agent.state": "listening"}))
        self.source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self.source)
        await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions())
        return self

    async def listen(self, track) -> None:
        number = len(self.heard)
        self.heard.append(numpy.zeros(0, dtype=numpy.int16))
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            frame = numpy.frombuffer(event.frame.data, dtype=numpy.int16)
            self.heard[number] = numpy.concatenate([self.heard[number], frame])

    async def play(self, samples: numpy.ndarray) -> None:
        for start in range(0, len(samples), 480):
            await self.source.capture_frame(rtc.AudioFrame(samples[start : start + 480].tobytes(), RATE, 1, 480))

    async def listens(self, within: float = 15) -> None:
        """Waits for the first sound of a track, silence included: a stream of the SDK has nothing of what came before it."""
        async with asyncio.timeout(within):
            while not any(len(track) for track in self.heard):
                await asyncio.sleep(0.02)

    @property
    def ladder(self) -> list[int]:
        """The beeps heard on all tracks; what two streams played of one track counts once."""
        heard: list[int] = []
        for track in self.heard:
            known = set(heard)
            heard += [rung for rung in rungs(track) if rung not in known]
        return heard

    async def hears(self, count: int, within: float = 15) -> list[int]:
        """The beeps heard when the last of `count` is among them, or when time is over."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            heard = self.ladder
            if count - 1 in heard or asyncio.get_running_loop().time() > deadline:
                return heard
            await asyncio.sleep(0.2)


class Call:
    """Alice, whose gateway reaches the room through a proxy, and an agent that hears her."""

    def __init__(self, server, proxy, gateway, alice, agent) -> None:
        self.server, self.proxy, self.gateway, self.alice, self.agent = server, proxy, gateway, alice, agent

    @property
    def sid(self) -> str:
        return self.agent.room.remote_participants["alice"].sid

    def errors(self) -> list[dict]:
        return [e for e in self.alice.events if e["type"] in ("error", "closing", "interrupted", "agent_left")]


@pytest_asyncio.fixture
async def call(programs):
    server = await programs(RoomServer("--no-parrot"))
    proxy = await Proxy(server.port).start()
    gateway = await programs(Gateway(LIVEKIT_URL=proxy.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(proxy.stop)
        agent = await stack.enter_async_context(Agent(server.url))
        alice = await stack.enter_async_context(VoiceClient(gateway.url, room=ROOM, identity="alice"))
        await alice.event("agent_joined")
        it = Call(server, proxy, gateway, alice, agent)
        # Both hear each other before anything breaks. What is said before somebody listens is not the matter here.
        await agent.listens()
        async with asyncio.TaskGroup() as group:
            group.create_task(alice.speak(ladder(5, 16_000)))
            group.create_task(agent.play(ladder(5, RATE)))
        assert await agent.hears(5) == [0, 1, 2, 3, 4]
        await alice.until(lambda: 4 in rungs(alice.samples), what="the agent")
        yield it


def leave(action) -> bytes:
    """A LeaveRequest as a WebSocket frame from the server."""
    request = signalling.LeaveRequest(action=action, can_reconnect=True, reason=models.DisconnectReason.STATE_MISMATCH)
    payload = signalling.SignalResponse(leave=request).SerializeToString()
    return bytes([0x82, len(payload)]) + payload


async def resumed(call: Call, after: int) -> None:
    deadline = asyncio.get_running_loop().time() + 15
    while call.proxy.count <= after:
        assert asyncio.get_running_loop().time() < deadline, "the gateway did not come back"
        await asyncio.sleep(0.05)


async def talk_while(call: Call, count: int, trouble) -> None:
    """Both sides play beeps 5 to `count`, and after a second the trouble begins."""

    async def later():
        await asyncio.sleep(1)
        await trouble()

    async with asyncio.TaskGroup() as group:
        group.create_task(call.alice.speak(ladder(count - 5, 16_000, 5)))
        group.create_task(call.agent.play(ladder(count - 5, RATE, 5)))
        group.create_task(later())


async def nothing_is_lost(call: Call, count: int, also_down: bool = True) -> None:
    heard = await call.agent.hears(count)
    assert heard == list(range(count)), str(heard)
    if also_down:
        await call.alice.until(lambda: count - 1 in rungs(call.alice.samples), what="the agent's last beep")
        # From the beginning she may miss what was said before she had subscribed.
        assert [rung for rung in rungs(call.alice.samples) if rung >= 4] == list(range(4, count))
    assert call.errors() == []
    assert call.alice.close_code is None


async def test_after_a_reset_the_session_is_resumed_and_nothing_is_lost(call):
    sid, connections = call.sid, call.proxy.count

    async def cut():
        call.proxy.cut()

    await talk_while(call, 25, cut)
    await resumed(call, connections)
    await nothing_is_lost(call, 25)
    assert (call.sid, call.agent.sids) == (sid, [sid])


async def test_a_server_that_is_out_of_reach_for_two_seconds_is_found_again(call):
    sid, connections = call.sid, call.proxy.count

    async def cut():
        await call.proxy.refuse()
        call.proxy.cut()
        await asyncio.sleep(2)
        await call.proxy.start()

    await talk_while(call, 25, cut)
    await resumed(call, connections)
    await nothing_is_lost(call, 25)
    assert (call.sid, call.agent.sids) == (sid, [sid]), "the media connection lived, so the session had to"
    told = [event["type"] for event in call.alice.events]
    assert [kind for kind in told if kind.startswith("reconnect")] == ["reconnecting", "reconnected"]
    assert "agent_left" not in told


async def test_what_is_said_while_only_signalling_is_away_is_heard_at_once_and_not_afterwards(call):
    connections = call.proxy.count
    await call.proxy.refuse()
    call.proxy.cut()
    async with asyncio.TaskGroup() as group:
        group.create_task(call.alice.speak(ladder(10, 16_000, 5)))
        group.create_task(call.agent.play(ladder(10, RATE, 5)))
    assert await call.agent.hears(15) == list(range(15))
    await call.alice.until(lambda: 14 in rungs(call.alice.samples), what="the agent's last beep")
    assert call.proxy.count == connections, "signalling was not away"
    await call.proxy.start()
    await resumed(call, connections)
    assert call.errors() == []


async def test_texts_and_data_sent_meanwhile_arrive_afterwards(call):
    packets = []
    call.agent.room.on("data_received", lambda packet: packets.append((packet.topic, packet.data)))
    connections = call.proxy.count
    await call.proxy.refuse()
    call.proxy.cut()
    await asyncio.sleep(0.5)
    for number in range(5):
        await call.alice.send(type="data", topic="count", payload=str(number))
    await call.proxy.start()
    await resumed(call, connections)
    deadline = asyncio.get_running_loop().time() + 15
    while len(packets) < 5 and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    assert packets == [("count", str(number).encode()) for number in range(5)]
    assert call.errors() == []


async def test_the_server_may_order_a_resume(call):
    sid, connections = call.sid, call.proxy.count

    async def order():
        call.proxy.inject(leave(signalling.LeaveRequest.RESUME))

    await talk_while(call, 25, order)
    await resumed(call, connections)
    await nothing_is_lost(call, 25)
    assert (call.sid, call.agent.sids) == (sid, [sid])


async def test_the_server_may_order_a_new_session_and_what_is_said_meanwhile_waits_for_it(call):
    sid, connections = call.sid, call.proxy.count

    async def order():
        call.proxy.inject(leave(signalling.LeaveRequest.RECONNECT))

    await talk_while(call, 25, order)
    await resumed(call, connections)
    # What the agent says while nobody is there to hear it is lost, as on a bad line.
    await nothing_is_lost(call, 25, also_down=False)
    assert call.sid != sid
    await call.agent.play(ladder(5, RATE, 30))
    await call.alice.until(lambda: 34 in rungs(call.alice.samples), what="the agent after all that")
