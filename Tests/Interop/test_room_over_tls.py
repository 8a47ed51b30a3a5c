"""A room behind TLS: nginx with a certificate of a private authority in front of the room server."""

import aiohttp
import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.nginx import Nginx
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, Program

@pytest_asyncio.fixture
async def tls(tmp_path, programs, room_server):
    """Starts nginx with a certificate for a host; returns it."""

    async def start(host: str = "localhost", days: int = 2, protocols: str = "TLSv1.2 TLSv1.3"):
        return await programs(Nginx(tmp_path, room_server.port, host=host, days=days, protocols=protocols))

    return start


def gateway(url: str, authority=None) -> Gateway:
    more = {"LIVEKIT_CA_FILE": authority} if authority else {}
    return Gateway(LIVEKIT_URL=url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET, **more)


@pytest.mark.parametrize("scheme, protocols", [("wss", "TLSv1.3"), ("https", "TLSv1.2")])
async def test_a_room_behind_tls_is_joined_and_the_agent_dispatched_and_heard(
    programs, tls, tmp_path, scheme, protocols
):
    nginx = await tls(protocols=protocols)
    one = await programs(gateway(f"{scheme}://localhost:{nginx.port}", nginx.authority))
    async with VoiceClient(one.url, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)
        assert not [event for event in alice.events if event["type"] == "error"]
    # The API over HTTP/2, the socket over HTTP/1.1, as each asked for.
    assert [call.version for call in await nginx.logged("/rtc/v1?")] == ["HTTP/1.1"]
    assert [call.version for call in await nginx.logged("AgentDispatchService/CreateDispatch")] == ["HTTP/2.0"]
    assert all(call.status in (101, 200) for call in nginx.calls), nginx.calls


async def refusal(one: Gateway) -> dict:
    """The one error that a caller of the gateway gets, who is then sent away."""
    async with VoiceClient(one.url, identity="alice") as alice:
        error = await alice.event("error", within=10)
        assert await alice.closed(within=5) == 1011
        assert [event["type"] for event in alice.events] == ["ready", "error", "closing"], alice.events
    return error


async def lives_on(one: Gateway) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{one.port}/health") as answer:
        assert answer.status == 200
    assert one.process.returncode is None


async def blames_the_certificate(one: Gateway, reason: str) -> None:
    for _ in range(2):
        error = await refusal(one)
        assert error["code"] == "room_unavailable"
        assert (error["blame"], error["retry"]) == ("operator", False)
        assert "certificate" in error["message"] and reason in error["message"], error
        await lives_on(one)


async def test_without_the_authority_the_caller_is_told_that_the_certificate_is_not_trusted(programs, tls):
    nginx = await tls()
    await blames_the_certificate(await programs(gateway(f"wss://localhost:{nginx.port}")), "issuer")


async def test_a_certificate_for_another_name_is_refused(programs, tls):
    nginx = await tls(host="elsewhere.example")
    one = await programs(gateway(f"wss://localhost:{nginx.port}", nginx.authority))
    await blames_the_certificate(one, "hostname mismatch")


async def test_a_certificate_for_a_name_is_not_one_for_its_address(programs, tls):
    nginx = await tls()
    one = await programs(gateway(f"wss://127.0.0.1:{nginx.port}", nginx.authority))
    await blames_the_certificate(one, "IP address mismatch")


async def test_an_expired_certificate_is_refused(programs, tls):
    nginx = await tls(days=-1)
    one = await programs(gateway(f"wss://localhost:{nginx.port}", nginx.authority))
    await blames_the_certificate(one, "expired")


async def test_tls_towards_a_server_that_speaks_none_is_told_apart(programs, room_server):
    one = await programs(gateway(f"wss://127.0.0.1:{room_server.port}"))
    error = await refusal(one)
    assert error["blame"] == "operator" and not error["retry"]
    assert "TLS failed: " in error["message"] and "certificate" not in error["message"]
    # Clients are told what, the operator also where.
    assert "127.0.0.1" not in error["message"]
    await one.says("TLS with 127.0.0.1 failed")
    await lives_on(one)


async def test_plain_words_towards_a_server_that_wants_tls_are_told_apart(programs, tls):
    nginx = await tls()
    one = await programs(gateway(f"ws://127.0.0.1:{nginx.port}"))
    error = await refusal(one)
    assert error["blame"] == "operator" and not error["retry"]
    assert error["message"].endswith("no LiveKit server answers at this address: HTTP status 400"), error
    # What the server said about it is for the log.
    await one.says("HTTPS")
    await lives_on(one)


async def test_a_proxy_without_its_server_is_told_apart(programs, room_server, tls):
    nginx = await tls()
    one = await programs(gateway(f"wss://localhost:{nginx.port}", nginx.authority))
    await room_server.stop()
    error = await refusal(one)
    assert error["blame"] == "room" and error["retry"]
    assert "HTTP status 502" in error["message"] and "<" not in error["message"], error


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "no PEM"])
async def test_an_authority_file_that_cannot_be_used_is_said_at_the_start(programs, tmp_path, content):
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)
    one = Program(
        *gateway("wss://localhost:1").command, LIVEKIT_URL="wss://localhost:1", LIVEKIT_API_KEY=KEY,
        LIVEKIT_API_SECRET=SECRET, LIVEKIT_CA_FILE=path, HOST="127.0.0.1")
    await programs(one)
    assert await one.ends() == 2
    assert len(one.lines) == 1 and "LIVEKIT_CA_FILE" in one.lines[0] and str(path) in one.lines[0], one.lines
