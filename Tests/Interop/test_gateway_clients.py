"""Gateway clients with each other and with participants of the official LiveKit SDK."""

import asyncio
import json

import aiohttp
import numpy
import pytest
from livekit import rtc

from support.client import VoiceClient
from support.room_server import token
from support.sdk_client import Member
from support.sounds import ends_in_tone, tone

ROOM = "meeting"


class Participant(Member):
    """A participant of the official SDK that hears one tone and sends another."""

    def __init__(self, url: str, identity: str, single: bool = True, kind: str | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.url, self.identity, self.single = url, identity, single
        self.heard: dict[str, list] = {}
        self.data = asyncio.Queue()

    async def __aenter__(self) -> "Participant":
        self.room.on("track_subscribed", lambda track, _, who: self.run(self.listen(track, who.identity)))
        self.room.on("data_received", self.data.put_nowait)
        await self.room.connect(self.url, token(self.identity, ROOM, self.kind), rtc.RoomOptions(single_peer_connection=self.single))
        return self

    async def listen(self, track, identity: str) -> None:
        pieces = self.heard.setdefault(identity, [])
        async for event in rtc.AudioStream(track, sample_rate=24000):
            pieces.append(numpy.frombuffer(event.frame.data, dtype=numpy.int16).copy())

    async def sound(self, hertz: float) -> None:
        source = rtc.AudioSource(24000, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)

        async def play() -> None:
            while True:
                samples = tone(hertz, 1, 24000)
                for start in range(0, len(samples), 480):
                    await source.capture_frame(rtc.AudioFrame(samples[start : start + 480].tobytes(), 24000, 1, 480))

        self.run(play())

    async def hears(self, identity: str, hertz: float, within: float = 15) -> None:
        async def wait() -> None:
            while True:
                samples = numpy.concatenate(self.heard.get(identity) or [numpy.zeros(1, dtype=numpy.int16)])
                if ends_in_tone(samples, hertz, 24000):
                    return
                await asyncio.sleep(0.1)

        await asyncio.wait_for(wait(), within)


def client(gateway, identity: str, **parameters) -> VoiceClient:
    return VoiceClient(gateway.url, room=ROOM, identity=identity, agent="", **parameters)


async def hears_tone(listener: VoiceClient, hertz: float) -> None:
    await listener.until(
        lambda: ends_in_tone(listener.samples, hertz, listener.rate_out), what=f"a second of {hertz} Hz"
    )


async def test_two_gateway_clients_in_one_room_hear_each_other(gateway):
    async with client(gateway, "one") as one, client(gateway, "two") as two:
        await one.event("session")
        await two.event("session")
        await asyncio.gather(
            one.speak(tone(440, 4)), two.speak(tone(660, 4)), hears_tone(one, 660), hears_tone(two, 440)
        )


@pytest.mark.parametrize("single", [True, False], ids=["one-peer-connection", "two-peer-connections"])
async def test_a_gateway_client_and_an_sdk_participant_hear_each_other(gateway, single):
    async with Participant(gateway.room_url, "sdk", single) as sdk, client(gateway, "device") as device:
        await device.event("session")
        await sdk.sound(880)
        speaking = asyncio.create_task(device.speak(tone(440, 8)))
        await hears_tone(device, 880)
        await sdk.hears("device", 440)
        speaking.cancel()


@pytest.mark.parametrize("single", [True, False], ids=["one-peer-connection", "two-peer-connections"])
async def test_data_passes_between_a_gateway_client_and_an_sdk_participant(gateway, single):
    async with Participant(gateway.room_url, "sdk", single) as sdk, client(gateway, "device") as device:
        await device.event("session")
        await device.send(type="data", topic="lamp", payload="on")
        packet = await asyncio.wait_for(sdk.data.get(), 10)
        assert (packet.topic, packet.data, packet.participant.identity) == ("lamp", b"on", "device")
        note = {"type": "note", "text": "hi"}
        await sdk.room.local_participant.publish_data(json.dumps(note).encode(), topic="notes")
        # Only an agent's messages arrive verbatim: another caller cannot pass for the gateway.
        assert await device.event("data") == {"type": "data", "topic": "notes", "sender": "sdk", "payload": note}


async def test_methods_are_called_in_both_directions(gateway):
    async with Participant(gateway.room_url, "agent-sdk", kind="agent") as sdk:
        me = sdk.room.local_participant
        things = []

        async def remember(call: rtc.RpcInvocationData) -> str:
            things.append(call.payload)
            return f"{call.payload}, noted"

        me.register_rpc_method("remember", remember)
        async with client(gateway, "device", methods="look") as device:
            await device.event("agent_joined")
            asking = asyncio.create_task(
                me.perform_rpc(destination_identity="device", method="look", payload="there"))
            call = await device.event("rpc")
            assert (call["method"], call["payload"], call["caller"]) == ("look", "there", "agent-sdk")
            await device.send(type="rpc_result", id=call["id"], payload="a cat")
            assert await asking == "a cat"
            failing = asyncio.create_task(me.perform_rpc(destination_identity="device", method="look", payload=""))
            call = await device.event("rpc", payload="")
            await device.send(type="rpc_error", id=call["id"], code=1500, message="too dark")
            with pytest.raises(rtc.RpcError) as error:
                await failing
            assert (error.value.code, error.value.message) == (1500, "too dark")
            await device.send(type="rpc", id="1", method="remember", payload="milk")
            assert (await device.event("rpc_result"))["payload"] == "milk, noted" and things == ["milk"]
            await device.send(type="rpc", id="2", method="forget")
            assert (await device.event("rpc_error"))["code"] == 1400


async def test_what_clients_cannot_be_told_is_counted(gateway):
    async def counted() -> dict[str, int]:
        async with aiohttp.ClientSession() as http, http.get(gateway.url.replace("ws://", "http://").removesuffix("/ws") + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        name = "voicegateway_unsupported_messages_total{kind="
        return {line[len(name) + 1 :].split('"')[0]: int(line.split()[-1]) for line in lines if line.startswith(name)}

    before = await counted()
    async with Participant(gateway.room_url, "sdk", True) as sdk, client(gateway, "device") as device:
        await device.event("session")
        me = sdk.room.local_participant
        await me.send_text("hello", topic="lk.chat")
        await me.send_text("hello", topic="notes")
        writer = await me.stream_bytes("photo.jpg", topic="photos")
        await writer.write(bytes(100))
        await writer.aclose()
        with pytest.raises(rtc.RpcError) as refused:
            await me.perform_rpc(destination_identity="device", method="where", payload="")
        assert refused.value.code == 1400
        await me.publish_data(b"end", topic="notes")
        await device.event("data")
    after = await counted()
    assert {kind: after[kind] - before[kind] for kind in after} == {
        "chat": 1, "text_stream": 1, "byte_stream": 1, "rpc": 1, "data": 0
    }


@pytest.mark.parametrize("parameters", [
    {"sample_rate": 8000, "output_sample_rate": 8000},
    {"sample_rate": 44100, "output_sample_rate": 44100},
    {"sample_rate": 48000, "output_sample_rate": 16000},
], ids=lambda p: f"{p['sample_rate']}-to-{p['output_sample_rate']}")
async def test_every_sample_rate_keeps_the_pitch(gateway, parameters):
    async with client(gateway, "speaker", **parameters) as speaker, client(gateway, "listener", **parameters) as listener:
        await speaker.event("session")
        await listener.event("session")
        await asyncio.gather(speaker.speak(tone(440, 4, speaker.rate_in)), hears_tone(listener, 440))
