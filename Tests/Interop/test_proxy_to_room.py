"""A room server that is reached by a proxy alone, which also knows its name alone."""

from support.client import VoiceClient
from support.http_proxy import HTTPProxy
from support.nginx import Nginx
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway
from test_doctor import doctor


async def test_a_room_is_joined_and_its_agent_heard_through_a_proxy_that_asks_for_a_password(
    programs, room_server, tmp_path
):
    nginx = await programs(Nginx(tmp_path, room_server.port, host="rooms.test"))
    proxy = await programs(HTTPProxy({"rooms.test": nginx.port}, password="pass"))
    settings = {
        "LIVEKIT_URL": "wss://rooms.test", "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET,
        "LIVEKIT_CA_FILE": nginx.authority, "HTTPS_PROXY": f"http://user:pass@127.0.0.1:{proxy.port}",
    }
    gateway = await programs(Gateway(**settings))
    async with VoiceClient(gateway.url, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)
    # The server API has one connection, each caller's signalling one of its own.
    assert {target for target, _ in proxy.requests} == {"rooms.test:443"}
    assert all(status == 200 for _, status in proxy.requests) and len(proxy.requests) >= 2
    assert "pass" not in "\n".join(gateway.lines).replace("passed", "")

    code, said = await doctor(**settings)
    assert code == 0 and "leads to rooms.test" in said, said
    for change, reason in [
        ({"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}, "it wants a user and a password (HTTP status 407)"),
        ({"LIVEKIT_URL": "wss://other.test"}, "does not lead to other.test: it answers with HTTP status 403"),
        ({"NO_PROXY": "rooms.test"}, "no address is known for rooms.test"),
    ]:
        code, said = await doctor(**settings | change)
        assert code == 1 and reason in said, said
