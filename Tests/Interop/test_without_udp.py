"""Rooms whose media is reached by TCP alone: by the gateway and by the official SDK."""

import asyncio

import pytest

from support.client import VoiceClient
from support.island import HOME, Island
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, RoomServer
from support.sdk_client import Client


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_gateway_reaches_a_room_server_that_takes_no_udp(programs, host):
    server = await programs(RoomServer("--no-udp", host=host))
    gateway = await programs(Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with VoiceClient(gateway.url, identity="alice") as alice:
        await says_it_back(alice)
        assert not [event for event in alice.events if event["type"] == "error"]


@pytest.mark.parametrize("mode", ["v1", "v0"])
async def test_the_sdk_reaches_the_room_server_by_tcp_and_is_heard(programs, mode):
    server = await programs(RoomServer("--no-udp"))
    async with Client(server, "by-tcp", "ann", mode) as ann, Client(server, "by-tcp", "bob", mode) as bob:
        publication, _ = await ann.publish()
        ann.play_tone(440)
        await asyncio.wait_for(publication.wait_for_subscription(), 10)
        await bob.hears("ann", 440)
        assert bob.heard("ann")[1] == pytest.approx(8000, rel=0.3)


async def test_a_gateway_whose_udp_is_lost_goes_by_tcp(programs):
    server = RoomServer(host=HOME)
    island = await programs(Island(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    await programs(server)
    island.loses("udp")
    await island.serves()
    async with VoiceClient(island.url, identity="alice") as alice:
        await says_it_back(alice)
        assert not [event for event in alice.events if event["type"] == "error"]


async def test_who_gets_through_by_no_way_is_told_what_was_tried(programs):
    server = RoomServer(host=HOME)
    island = await programs(Island(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    await programs(server)
    island.loses_all_but(server.port)
    await island.serves()
    async with VoiceClient(island.url, identity="alice") as alice:
        await alice.event("session")
        error = await alice.event("error", within=20)
        assert (error["code"], error["blame"], error["retry"]) == ("media_unreachable", "operator", True)
        assert "UDP: no answer; TCP: " in error["message"]
