"""IPv6: clients reach the gateway over it, and the gateway reaches rooms and their media."""

import socket

import pytest

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, RoomServer


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.mark.parametrize("host", ["[::1]", "127.0.0.1"])
async def test_a_gateway_at_all_addresses_serves_clients_of_both_families(programs, host):
    gateway = await programs(Gateway("--host", "::"))
    async with VoiceClient(f"ws://{host}:{gateway.port}/ws", identity="alice") as alice:
        await says_it_back(alice)


async def test_the_banner_names_an_address_that_can_be_used(programs):
    gateway = await programs(Gateway("--host", "::"))
    assert await gateway.says(f"VoiceGateway at ws://[::1]:{gateway.port}/ws", within=5)


def udp_ports(path: str) -> set[int]:
    """The local ports of the UDP sockets in one of the kernel's tables."""
    with open(path) as table:
        return {int(line.split()[1].rsplit(":", 1)[1], 16) for line in list(table)[1:]}


async def test_signalling_and_media_pass_over_ipv6_alone(programs):
    server = await programs(RoomServer(host="::1"))
    assert server.url == f"ws://[::1]:{server.port}"
    # Whatever the parrot says can only have come this way.
    assert server.port in udp_ports("/proc/net/udp6") and server.port not in udp_ports("/proc/net/udp")
    gateway = await programs(Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with VoiceClient(gateway.url, identity="alice") as alice:
        await says_it_back(alice)
        assert not [event for event in alice.events if event["type"] == "error"]


async def test_a_room_server_at_all_addresses_serves_both_families(programs):
    server = await programs(RoomServer(host="::"))
    for host in ("[::1]", "127.0.0.1"):
        gateway = await programs(
            Gateway(LIVEKIT_URL=f"ws://{host}:{server.port}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
        async with VoiceClient(gateway.url, identity="alice") as alice:
            await says_it_back(alice)
