"""Sound by way of coturn, where no straight way leads to the room server, and what is said when that does not lead there either."""

import pytest

from support.client import VoiceClient
from support.coturn import PASSWORD, USER, Coturn
from support.island import HOME, Island
from support.nginx import Certificates
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, RoomServer


def gateway(server: RoomServer, **environment) -> Gateway:
    return Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, **environment)


def names_no_secret(lines: list[str]) -> None:
    assert not [line for line in lines if PASSWORD in line or USER in line]


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_a_gateway_that_reaches_the_room_server_by_no_straight_way_goes_by_turn(programs, tmp_path, way):
    certificates = Certificates(tmp_path)
    coturn = Coturn(HOME, certificates=certificates)
    server = RoomServer("--ice-server", coturn.url(way), host=HOME)
    island = await programs(
        Island(
            LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET,
            LIVEKIT_CA_FILE=certificates.authority, LOG_LEVEL="debug"))
    await programs(server)
    await programs(coturn)
    if way == "udp":
        island.loses_ports("udp", server.port, server.port)
        island.loses_ports("tcp", server.port + 1, server.port + 1)
    else:
        island.loses_all_but(server.port, coturn.port if way == "tcp" else coturn.tls_port)
    await island.serves()
    async with VoiceClient(island.url, identity="alice") as alice:
        await says_it_back(alice, "good morning")
    assert f'by="TURN over {way.upper()}"' in await island.says("media path")
    names_no_secret(island.lines)


async def test_a_room_server_that_wants_everything_relayed_is_obeyed_over_ipv6(programs):
    coturn = await programs(Coturn("::1", "--allow-loopback-peers"))
    server = await programs(RoomServer("--force-relay", "--ice-server", coturn.url("udp"), host="::1"))
    one = await programs(gateway(server))
    async with VoiceClient(one.url, identity="alice") as alice:
        await says_it_back(alice, "good morning")
    assert 'by="TURN over UDP"' in await one.says("media path")


async def test_a_turn_server_that_starts_anew_costs_the_call_a_moment(programs):
    coturn = await programs(Coturn("127.0.0.1", "--allow-loopback-peers"))
    server = await programs(RoomServer("--force-relay", "--ice-server", coturn.url("tcp")))
    one = await programs(gateway(server))
    async with VoiceClient(one.url, identity="alice") as alice:
        await says_it_back(alice, "good morning")
        await coturn.stop()
        await one.says("connection lost")
        await coturn.start()
        await alice.event("reconnected", within=30)
        await says_it_back(alice, "once more")


async def test_why_no_turn_server_helps_is_told(programs):
    coturn = await programs(Coturn("127.0.0.1", "--allow-loopback-peers", password="another"))
    server = await programs(
        RoomServer(
            "--force-relay", "--ice-server", coturn.url("udp"), "--ice-server", coturn.url("tcp"), "--ice-server",
            coturn.url("tls")))
    one = await programs(gateway(server, LOG_LEVEL="debug"))
    async with VoiceClient(one.url, identity="alice") as alice:
        error = await alice.event("error", within=20)
        assert (error["code"], error["blame"], error["retry"]) == ("media_unreachable", "operator", True)
        for reason in (
            "TURN over UDP: the credentials are refused", "TURN over TCP: the credentials are refused",
            "TURN over TLS: connection refused",
        ):
            assert reason in error["message"]
    assert f"TURN over UDP to 127.0.0.1:{coturn.port}: the credentials" in await one.says("media does not come up")
    names_no_secret(one.lines)
