"""Rooms whose participants encrypt sound and data end to end, with the official SDK on the other side."""

import asyncio
import base64
import contextlib
import json
import os
import time

import aiohttp
import pytest
from livekit import rtc
from livekit.rtc._proto import e2ee_pb2

from support.client import VoiceClient
from support.processes import Gateway
from support.sdk_client import Client
from support.sounds import tone
from test_gateway_clients import hears_tone

KEY = "only we know it"


@pytest.fixture
def room():
    return f"room-{time.time_ns()}"


def options(key: bytes | str, **others) -> rtc.E2EEOptions:
    key = key.encode() if isinstance(key, str) else key
    return rtc.E2EEOptions(key_provider_options=rtc.KeyProviderOptions(shared_key=key, **others))


class Encrypted(Client):
    """A participant that encrypts its data as well as its sound."""

    async def __aenter__(self):
        options = rtc.RoomOptions(auto_subscribe=True, encryption=self.e2ee)
        await asyncio.wait_for(self.room.connect(self.url, self.token, options), 15)
        return self


class Device(VoiceClient):
    """A client with header fields."""

    def __init__(self, url: str, headers: dict, **parameters) -> None:
        super().__init__(url, **parameters)
        self.headers = headers

    async def __aenter__(self) -> "Device":
        self._http = aiohttp.ClientSession(headers=self.headers)
        self.socket = await self._http.ws_connect(self.url, params=self.parameters)
        self._reading = asyncio.create_task(self._read())
        return self


@contextlib.asynccontextmanager
async def speaking(client: VoiceClient, hertz: int):
    talk = asyncio.create_task(client.speak(tone(hertz, 60)))
    yield
    talk.cancel()
    await asyncio.gather(talk, return_exceptions=True)


async def test_sound_texts_and_calls_go_both_ways_encrypted(programs, room):
    own = await programs(Gateway(ROOM_KEY=KEY))
    async with Encrypted(None, room, "agent", url=own.room_url, e2ee=options(KEY)) as other:
        other.hears_texts("lk.chat")
        await other.publish()
        playing = other.play_tone(880, 16_000)
        async with VoiceClient(own.url, room=room, identity="device", agent="", events="extended") as client:
            await client.event("session")
            async with speaking(client, 440):
                await other.hears("device", 440)
                await hears_tone(client, 880)
            publication = next(iter(other.room.remote_participants["device"].track_publications.values()))
            assert publication.encryption_type == e2ee_pb2.EncryptionType.GCM
            await client.send(type="text", data="hello in secret")
            await other.until(lambda: [text for _, _, text in other.texts if text == "hello in secret"])
            await other.local.publish_data(json.dumps({"type": "greeting", "words": "same to you"}), topic="news")
            assert "same to you" in json.dumps(await client.event("data"))
        playing.cancel()


async def test_a_wrong_key_is_told_and_not_heard_until_the_right_one_comes(programs, room):
    own = await programs(Gateway())
    # Without a window: the SDK derives 32 keys for each frame that it cannot open.
    wrong = options("not this one", ratchet_window_size=0)
    async with Encrypted(None, room, "agent", url=own.room_url, e2ee=wrong) as other:
        await other.publish()
        playing = other.play_tone(880, 16_000)
        async with Device(own.url, {"X-Encryption-Key": KEY}, room=room, identity="device", agent="") as client:
            error = await client.event("error", code="undecipherable")
            assert (error["blame"], error["retry"]) == ("client", False) and '"agent"' in error["message"]
            assert not client.samples.any()
            # The other side gets the key late.
            other.room.e2ee_manager.key_provider.set_shared_key(KEY.encode(), 0)
            async with speaking(client, 440):
                await hears_tone(client, 880)
                await other.hears("device", 440)
        playing.cancel()
    assert not [line for line in own.lines if KEY in line]
    assert [line for line in own.lines if "can be decrypted again" in line]


async def test_a_ratchet_that_is_turned_is_followed(programs, room):
    own = await programs(Gateway(ROOM_KEY=KEY))
    async with Encrypted(None, room, "agent", url=own.room_url, e2ee=options(KEY)) as other:
        await other.publish()
        other.room.e2ee_manager.key_provider.ratchet_shared_key(0)
        other.room.e2ee_manager.key_provider.ratchet_shared_key(0)
        playing = other.play_tone(880, 16_000)
        async with VoiceClient(own.url, room=room, identity="device", agent="") as client:
            await hears_tone(client, 880)
        playing.cancel()


async def test_rooms_have_keys_of_their_own_in_a_file(programs, room, tmp_path):
    raw = os.urandom(32)
    keys = tmp_path / "keys"
    lines = [
        {"room": "room-*", "key": "an older one", "index": 0},
        {"room": "room-*", "key": "hkdf:" + base64.b64encode(raw).decode(), "index": 3},
    ]
    keys.write_text("# of the support rooms\n" + "".join(json.dumps(line) + "\n" for line in lines))
    own = await programs(Gateway(ROOM_KEYS=keys))
    hkdf = options(raw, key_derivation_function=e2ee_pb2.KeyDerivationFunction.HKDF)
    async with Encrypted(None, room, "agent", url=own.room_url, e2ee=hkdf) as other:
        manager = other.room.e2ee_manager
        manager.key_provider.set_shared_key(raw, 3)
        await other.publish()
        for cryptor in manager.frame_cryptors():
            cryptor.set_key_index(3)
        playing = other.play_tone(880, 16_000)
        async with VoiceClient(own.url, room=room, identity="device", agent="") as client:
            async with speaking(client, 440):
                await other.hears("device", 440)
                await hears_tone(client, 880)
        playing.cancel()


async def test_what_is_not_encrypted_is_not_played_in_an_encrypted_call(programs, room):
    own = await programs(Gateway(ROOM_KEY=KEY))
    async with Client(None, room, "stranger", url=own.room_url) as other:
        await other.publish()
        playing = other.play_tone(880, 16_000)
        async with VoiceClient(own.url, room=room, identity="device", agent="") as client:
            error = await client.event("error", code="undecipherable")
            assert error["blame"] == "operator" and '"stranger"' in error["message"]
            assert not client.samples.any()
        playing.cancel()


async def test_a_key_in_an_address_is_refused_without_repeating_it(gateway, room):
    async with VoiceClient(gateway.url, room=room, agent="", encryption_key=KEY) as client:
        error = await client.event("error")
        assert error["code"] == "invalid_parameter" and "logged" in error["message"] and KEY not in error["message"]
        assert await client.closed() == 4400
