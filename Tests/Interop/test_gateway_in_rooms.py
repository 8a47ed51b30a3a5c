"""What rooms, their servers and their networks do to a gateway client, and what the others in the room see of it."""

import asyncio
import json
import time
import urllib.parse

import pytest
import pytest_asyncio
from livekit import api, rtc

from support.client import VoiceClient
from support.processes import DEPLOYMENT, KEY, SECRET, Gateway, RoomServer
from support.sdk_client import Client
from support.sounds import tone
from support.tap import Tap
from test_gateway_clients import hears_tone


@pytest.fixture
def room():
    return f"room-{time.time_ns()}"


@pytest.fixture
def device(gateway, room):
    """A gateway client with the room for itself: `async with device() as client`."""

    def make(identity: str = "device", at: Gateway | None = None, **parameters) -> VoiceClient:
        return VoiceClient((at or gateway).url, room=room, identity=identity, agent="", **parameters)

    return make


@pytest_asyncio.fixture
async def tapped(programs, gateway):
    """A gateway that reaches the room server through a relay, and the relay."""
    address = urllib.parse.urlsplit(gateway.room_url)

    async def make(**options):
        tap = await Tap(address.port, host=address.hostname, **options).__aenter__()
        taps.append(tap)
        own = await programs(Gateway(LIVEKIT_URL=tap.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
        return own, tap

    taps = []
    yield make
    for tap in taps:
        await tap.__aexit__()


def sdk(gateway, room, identity="sdk", mode="v1", **grants) -> Client:
    return Client(None, room, identity, mode, url=gateway.room_url, **grants)


def server_api(gateway) -> api.LiveKitAPI:
    return api.LiveKitAPI("http" + gateway.room_url.removeprefix("ws"), KEY, SECRET)


async def both_hear(participant: Client, client: VoiceClient, hertz: tuple[int, int] = (880, 440)) -> None:
    """A new tone each way."""
    if participant._source is None:
        await participant.publish()
    playing = participant.play_tone(hertz[0], 16_000)
    client.heard.clear()
    participant.forget_sound()
    speaking = asyncio.create_task(client.speak(tone(hertz[1], 20)))
    await hears_tone(client, hertz[0])
    await participant.hears(client.parameters["identity"], hertz[1])
    speaking.cancel()
    playing.cancel()


# Coming and going


async def test_a_client_that_hangs_up_is_gone_for_the_others_at_once(gateway, room, device):
    async with sdk(gateway, room) as other:
        async with device() as client:
            await client.event("session")
            await other.event("track_subscribed")
        (gone,) = await other.event("participant_disconnected", timeout=5)
        assert gone.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED


async def test_a_second_client_of_the_same_identity_replaces_the_first(gateway, room, device):
    async with sdk(gateway, room) as other, device() as first:
        await first.event("session")
        await other.event("track_subscribed")
        async with device() as second:
            await second.event("session")
            assert (await first.event("closing"))["reason"] == "duplicate_identity"
            assert await first.closed() == 4409
            await both_hear(other, second)


async def test_a_client_in_a_deleted_room_is_told_so(gateway, room, device):
    async with server_api(gateway) as server, device() as client:
        await client.event("session")
        await server.room.delete_room(api.DeleteRoomRequest(room=room))
        assert (await client.event("closing", within=5))["reason"] == "room_deleted"
        assert await client.closed() == 1000


async def test_a_client_that_is_removed_is_told_so(gateway, room, device):
    async with server_api(gateway) as server, device() as client:
        await client.event("session")
        await server.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="device"))
        assert (await client.event("closing", within=5))["reason"] == "removed"
        assert await client.closed() == 4403


async def test_a_client_that_mutes_itself_is_seen_muted(gateway, room, device):
    async with sdk(gateway, room) as other, device() as client:
        await client.event("session")
        await other.event("track_subscribed")
        await client.send(type="mute")
        await other.event("track_muted")
        await client.send(type="unmute")
        await other.event("track_unmuted")
        await both_hear(other, client)


# Data


@pytest.mark.parametrize("size", [1, 1200, 15_000, 60_000])
async def test_data_of_every_size_passes_both_ways(gateway, room, device, size):
    text = "".join(chr(97 + index % 26) for index in range(size))
    async with sdk(gateway, room) as other, device() as client:
        await client.event("session")
        await other.event("track_subscribed")
        await client.send(type="data", topic="up", payload=text)
        (packet,) = await other.event("data_received")
        assert (packet.topic, packet.participant.identity) == ("up", "device")
        assert packet.data.decode() == text
        await other.local.publish_data(text, topic="down")
        message = await client.event("data", topic="down")
        assert (message["sender"], message["payload"]) == ("sdk", text)


async def test_typed_text_arrives_as_a_chat_stream(gateway, room, device):
    text = "Grüße, " * 1800  # more than one chunk of a stream takes
    async with sdk(gateway, room) as other, device() as client:
        other.hears_texts("lk.chat")
        await client.event("session")
        await other.event("track_subscribed")
        await client.send(type="text", data="hello")
        await client.send(type="text", data=text)
        await other.until(lambda: len(other.texts) == 2, what="two texts")
        assert [(who, content) for who, _, content in other.texts] == [("device", "hello"), ("device", text)]


async def test_keys_of_a_telephone_arrive_as_such(gateway, room, device):
    async with sdk(gateway, room) as other, device() as client:
        digits = []
        other.room.on("sip_dtmf_received", lambda dtmf: digits.append((dtmf.digit, dtmf.code)))
        await client.event("session")
        await other.event("track_subscribed")
        await client.send(type="dtmf", digits="1#")
        await other.until(lambda: len(digits) == 2, what="two digits")
        assert digits == [("1", 1), ("#", 11)]


async def test_a_call_of_a_method_is_refused_and_not_left_to_time_out(gateway, room, device):
    async with sdk(gateway, room) as other, device() as client:
        await client.event("session")
        await other.event("track_subscribed")
        with pytest.raises(rtc.RpcError) as refused:
            await other.local.perform_rpc(destination_identity="device", method="greet", payload="x", response_timeout=5)
        assert refused.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


# Networks and servers


async def test_a_server_without_the_path_for_one_peer_connection_is_joined_with_two(gateway, room, device, tapped):
    old, tap = await tapped(missing="/rtc/v1")
    async with sdk(gateway, room) as other, device(at=old) as client:
        await client.event("session")
        assert tap.refused == 1
        await both_hear(other, client)
        await client.send(type="data", topic="up", payload="x" * 15_000)
        await other.event("data_received")
        await other.local.publish_data("y" * 15_000, topic="down")
        await client.event("data", topic="down")
        async with sdk(gateway, room, "late", "v0") as late:
            await late.publish()
            playing = late.play_tone(1300, 16_000)
            client.heard.clear()
            await hears_tone(client, 1300)
            playing.cancel()


@pytest.mark.parametrize("missing", [None, "/rtc/v1"], ids=["one-peer-connection", "two-peer-connections"])
async def test_a_cut_signalling_connection_loses_nothing(gateway, room, device, tapped, missing):
    own, tap = await tapped(missing=missing)
    async with sdk(gateway, room) as other, device(at=own) as client:
        await client.event("session")
        await both_hear(other, client)

        async def count(send) -> None:
            for number in range(100):
                await send(number)
                await asyncio.sleep(0.02)

        async def up(number: int) -> None:
            await client.send(type="data", topic="up", payload=str(number))

        async def down(number: int) -> None:
            await other.local.publish_data(str(number), topic="down")

        async def cuts() -> None:
            for _ in range(2):
                await asyncio.sleep(0.5)
                tap.cut()

        await asyncio.gather(count(up), count(down), cuts())

        def received_up() -> list:
            return [int(p.data) for (p,) in other.happened("data_received") if p.topic == "up"]

        def received_down() -> list:
            return [int(e["payload"]) for e in client.events if e.get("topic") == "down"]

        await other.until(lambda: len(received_up()) >= 100, what="all packets of the client")
        await client.until(lambda: len(received_down()) >= 100, what="all packets for the client")
        assert received_up() == list(range(100))
        assert received_down() == list(range(100))
        assert not other.happened("participant_disconnected")
        assert len(other.happened("participant_connected")) == 1
        await both_hear(other, client, (660, 550))


@pytest.mark.skipif(bool(DEPLOYMENT), reason="a deployment is not restarted")
async def test_clients_come_back_by_themselves_when_the_room_server_restarts(programs, room, device):
    server = await programs(RoomServer())
    own = await programs(Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with device(at=own) as client:
        await client.event("session")
        await client.speak(tone(440, 1))
        server.signal(9)
        await server.ends()
        again = await programs(RoomServer(port=server.port))
        async with Client(None, room, "sdk", url=again.url) as other:
            await other.event("track_subscribed", 30)
            await both_hear(other, client)
        assert [event["type"] for event in client.events if event["type"] in ("error", "closing")] == []


async def test_wrong_keys_are_the_operators_affair_and_no_token_is_repeated(programs, gateway, device):
    wrong = await programs(
        Gateway(LIVEKIT_URL=gateway.room_url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET + "-not")
    )
    async with device(at=wrong) as client:
        error = await client.event("error")
        assert (error["code"], error["blame"]) == ("room_unavailable", "operator")
        await client.closed()
        assert "eyJ" not in str(client.events) and KEY not in str(client.events)
    await wrong.stop()
    assert [line for line in wrong.lines if "refuses the access token" in line]
    assert not [line for line in wrong.lines if "eyJ" in line]


@pytest.mark.parametrize("comes", ["before the client", "after the client"])
async def test_a_room_that_is_encrypted_end_to_end_is_refused_with_the_reason(gateway, room, device, comes):
    e2ee = rtc.E2EEOptions(key_provider_options=rtc.KeyProviderOptions(shared_key=b"only we know it"))
    async with Client(None, room, "secretive", url=gateway.room_url, e2ee=e2ee) as other:
        if comes == "before the client":
            await other.publish()
        async with device() as client:
            if comes == "after the client":
                await client.event("session")
                await other.publish()
            error = await client.event("error")
            assert (error["code"], error["blame"], error["retry"]) == ("room_unavailable", "operator", False)
            assert '"secretive" encrypts its tracks end to end' in error["message"]
            await client.closed()
            assert client.close_code == 1011 and not client.heard


async def test_others_read_how_the_caller_came_and_the_operators_word_counts_more(programs, room):
    own = await programs(Gateway(PARTICIPANT_ATTRIBUTES="site=berlin,tier=gold"))
    chosen = json.dumps({"tier": "platinum", "ward": "7"})
    async with VoiceClient(own.url, room=room, identity="device", agent="", participant_attributes=chosen) as client:
        session = await client.event("session")
        async with sdk(own, room) as other:
            caller = await other.until(lambda: other.room.remote_participants.get("device"))
            assert dict(caller.attributes) == {
                "site": "berlin", "tier": "gold", "ward": "7", "voicegateway.session": session["id"],
                "voicegateway.dialect": "ws", "voicegateway.input": "pcm_s16le/16000",
                "voicegateway.output": "pcm_s16le/24000",
            }
