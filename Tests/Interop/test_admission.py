"""Who may connect: every refusal of docs/access.md, by the clients that meet it. The tokens are minted by LiveKit's own
package, and the clients know nothing but that page."""

import asyncio
import base64
import contextlib
import datetime
import json
import re
import sys

import aiohttp
import jwt
import numpy
import pytest
import websockets
from livekit import api, rtc

from support.client import VoiceClient
from support.processes import GATEWAY, KEY, ROOT, SECRET, Gateway, Program, free_port
from support.sounds import tone

KEYS = {"API_KEY_ENABLED": "true", "API_KEYS": "alpha-key,beta-key"}
CONVERSATION = "/v1/conversation/ws"


def token(
    identity="ann", room="office", ttl=600, key=KEY, secret=SECRET, configuration=None, claims=None, **grants
) -> str:
    grants = {"room_join": True, "room": room, "can_update_own_metadata": True} | grants
    made = api.AccessToken(key, secret).with_ttl(datetime.timedelta(seconds=ttl)).with_grants(api.VideoGrants(**grants))
    made = made.with_identity(identity).with_name("Ann").with_metadata('{"from":"token"}')
    if configuration:
        made = made.with_room_config(configuration)
    text = made.to_jwt()
    if claims:
        # What the package does not let anybody mint.
        text = jwt.encode(jwt.decode(text, secret, algorithms=["HS256"]) | claims, secret, "HS256")
    return text


def server_api(gateway) -> api.LiveKitAPI:
    return api.LiveKitAPI(gateway.room_url.replace("ws", "http", 1), KEY, SECRET)


async def refused(gateway, path=CONVERSATION, first=None, **options) -> tuple[int, str, list]:
    """Connects, which must succeed, and waits for the close: its code, its reason, and what came before."""
    before = []
    url = f"ws://127.0.0.1:{gateway.port}{path}"
    async with websockets.connect(url, open_timeout=20, **options) as socket:
        if first is not None:
            await socket.send(first)
        try:
            while True:
                message = await asyncio.wait_for(socket.recv(), 20)
                before.append(json.loads(message) if isinstance(message, str) else message)
        except websockets.ConnectionClosed:
            pass
        return socket.close_code, socket.close_reason, before


async def admitted(gateway, path=CONVERSATION, first=None, **options) -> dict:
    """Connects and waits for the first message of a client that was let in."""
    async with websockets.connect(f"ws://127.0.0.1:{gateway.port}{path}", open_timeout=20, **options) as socket:
        if first is not None:
            await socket.send(first)
        return json.loads(await asyncio.wait_for(socket.recv(), 20))


READY = {"type": "ready", "message": "Connected. Send audio chunks, then 'end_turn' to process."}


# API keys


async def test_a_missing_key_is_told_by_code_and_reason(programs):
    gateway = await programs(Gateway(**KEYS))
    assert await refused(gateway) == (4401, "Missing API key", [])


@pytest.mark.parametrize("how", ["header", "query", "message"])
async def test_a_wrong_key_is_told_by_code_and_reason(programs, how):
    gateway = await programs(Gateway(**KEYS))
    result = await {
        "header": lambda: refused(gateway, additional_headers={"X-API-Key": "gamma"}),
        "query": lambda: refused(gateway, CONVERSATION + "?api_key=gamma"),
        "message": lambda: refused(gateway, first='{"type":"auth","apiKey":"gamma"}'),
    }[how]()
    assert result == (4403, "Invalid API key", [])


@pytest.mark.parametrize("how", ["header", "own header", "query", "message"])
async def test_a_right_key_lets_a_client_in(programs, how):
    settings = KEYS | ({"API_KEY_HEADER_NAME": "X-Voice-Key"} if how == "own header" else {})
    gateway = await programs(Gateway(**settings))
    ready = await {
        "header": lambda: admitted(gateway, additional_headers={"X-API-Key": "alpha-key"}),
        "own header": lambda: admitted(gateway, additional_headers={"X-Voice-Key": "beta-key"}),
        "query": lambda: admitted(gateway, CONVERSATION + "?api_key=beta-key"),
        "message": lambda: admitted(gateway, first='{"type":"auth","apiKey":"alpha-key"}'),
    }[how]()
    assert ready == READY


@pytest.mark.parametrize(
    "first",
    [
        '{"type":"end_turn"}',
        '{"type":"audio","data":"AAAA"}',
        '{"type":"config","data":{"instructions":"hello"}}',
        '{"type":"auth"}',
        '{"type":"auth","apiKey":""}',
        '{"type":"auth","apiKey":7}',
        "not JSON",
        b"\0\0\0\0",
    ],
)
async def test_before_the_key_nothing_else_is_accepted(programs, first):
    gateway = await programs(Gateway(**KEYS))
    assert await refused(gateway, first=first) == (4401, "Missing API key", [])


async def test_a_client_without_a_key_cannot_send_much(programs):
    gateway = await programs(Gateway(**KEYS))
    first = json.dumps({"type": "auth", "apiKey": "x" * 100_000})
    code, reason, before = await refused(gateway, "/ws", first=first)
    assert (code, before) == (1009, []) and "65536" in reason
    # Where too large a message is passed over, it is no key either.
    assert await refused(gateway, first=first) == (4401, "Missing API key", [])


async def test_sound_that_is_sent_together_with_the_key_is_not_lost(programs):
    gateway = await programs(Gateway(**KEYS))
    async with VoiceClient(gateway.url) as client:
        await client.send(type="auth", apiKey="alpha-key")
        await client.socket.send_bytes(tone(440, 1, 16000).tobytes())
        await client.send(type="ping", id=1)
        await client.event("pong", id=1)
        # The parrot repeats it.
        await client.until(lambda: (numpy.abs(client.samples.astype(int)) > 500).sum() > 12_000, 30, "the echo")


async def test_clients_with_extended_events_are_told_in_words_as_well(programs):
    gateway = await programs(Gateway(**KEYS))
    code, reason, before = await refused(gateway, "/ws?api_key=gamma")
    assert (code, reason) == (4403, "Invalid API key")
    assert [(event["type"], event.get("code")) for event in before] == [("error", "unauthorized"), ("closing", None)]


async def test_without_the_setting_nobody_is_asked_and_a_key_harms_nothing(programs):
    gateway = await programs(Gateway())
    assert await admitted(gateway, CONVERSATION + "?api_key=whatever") == READY
    assert await admitted(gateway, first='{"type":"auth","apiKey":"whatever"}') == READY


# Rate limits

RATE = {"RATE_LIMIT_ENABLED": "true", "RATE_LIMIT_REQUESTS": "2", "RATE_LIMIT_WINDOW_SECONDS": "3600"}


async def test_too_many_connections_in_a_time_are_told_by_code_and_reason(programs):
    gateway = await programs(Gateway(**RATE))
    for _ in range(2):
        assert await admitted(gateway) == READY
    assert await refused(gateway) == (4429, "Rate limit exceeded", [])


async def test_each_key_has_a_rate_of_its_own(programs):
    gateway = await programs(Gateway(**RATE, **KEYS))
    for _ in range(2):
        assert await admitted(gateway, CONVERSATION + "?api_key=alpha-key") == READY
    for _ in range(2):
        assert (await refused(gateway, CONVERSATION + "?api_key=gamma"))[0] == 4403
    assert (await refused(gateway, CONVERSATION + "?api_key=gamma"))[0] == 4429
    assert await refused(gateway, CONVERSATION + "?api_key=alpha-key") == (4429, "Rate limit exceeded", [])
    assert await admitted(gateway, CONVERSATION + "?api_key=beta-key") == READY


async def test_a_proxy_that_is_trusted_says_whose_rate_it_is(programs):
    gateway = await programs(Gateway(**RATE, TRUSTED_PROXIES="127.0.0.0/8"))
    for client in ["198.51.100.1", "198.51.100.2"]:
        for forged in ["10.0.0.1", "10.0.0.2"]:
            headers = {"X-Forwarded-For": f"{forged}, {client}"}
            assert await admitted(gateway, additional_headers=headers) == READY
        assert (await refused(gateway, additional_headers=headers))[0] == 4429


async def test_a_client_cannot_choose_its_address(programs):
    gateway = await programs(Gateway(**RATE))
    codes = []
    for number in range(3):
        async with websockets.connect(
            f"ws://127.0.0.1:{gateway.port}{CONVERSATION}", additional_headers={"X-Forwarded-For": f"198.51.100.{number}"}
        ) as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                codes.append(json.loads(await asyncio.wait_for(socket.recv(), 20))["type"])
    assert codes == ["ready", "ready"]


# Pages


async def test_a_page_from_elsewhere_is_told_by_code_and_reason(programs):
    gateway = await programs(Gateway(ALLOWED_ORIGINS="https://app.example.com,https://*.example.org"))
    assert await refused(gateway, origin="https://evil.example.net") == (4403, "Origin not allowed", [])
    assert await admitted(gateway, origin="https://app.example.com") == READY
    assert await admitted(gateway, origin="https://a.example.org") == READY
    # Programs that are no browsers have no origin.
    assert await admitted(gateway) == READY


# Access tokens


async def test_a_token_stands_in_for_a_key_and_says_who_and_where(programs):
    gateway = await programs(Gateway(**KEYS))
    async with VoiceClient(gateway.url, access_token=token()) as client:
        session = await client.event("session")
        assert (session["room"], session["identity"]) == ("office", "ann")
        async with server_api(gateway) as server:
            request = api.ListParticipantsRequest(room="office")
            participants = (await server.room.list_participants(request)).participants
            ann = next(each for each in participants if each.identity == "ann")
            assert (ann.name, ann.metadata) == ("Ann", '{"from":"token"}')


async def test_a_token_may_come_in_the_authorization_header(programs):
    gateway = await programs(Gateway(**KEYS))
    headers = {"Authorization": f"Bearer {token()}"}
    async with websockets.connect(gateway.url, additional_headers=headers) as socket:
        events = [json.loads(await asyncio.wait_for(socket.recv(), 20)) for _ in range(2)]
        assert [event["type"] for event in events] == ["ready", "session"] and events[1]["identity"] == "ann"


async def test_a_token_may_come_in_a_first_config_message_which_is_then_acted_on(programs):
    gateway = await programs(Gateway(**KEYS))
    async with VoiceClient(gateway.url) as client:
        await client.send(type="config", data={"access_token": token(), "instructions": "Be brief."})
        assert (await client.event("session"))["room"] == "office"
        assert (await client.event("configured"))["instructions"] == "Be brief...."


@pytest.mark.parametrize(
    ("made", "code", "close", "words"),
    [
        (lambda: token(ttl=-120), "unauthorized", 4403, "expired"),
        (lambda: token(secret="another-secret-that-is-long-enough-for-hs256"), "unauthorized", 4403, "signature"),
        (lambda: token(key="other"), "unauthorized", 4403, "unknown API key other"),
        (lambda: "nonsense", "unauthorized", 4403, "malformed"),
        (lambda: token(room_join=False), "not_allowed", 4403, "roomJoin"),
        (lambda: token(claims={"video": {"roomJoin": True}}), "not_allowed", 4403, "names no room"),
        (lambda: token(claims={"sub": ""}), "not_allowed", 4403, "names no identity"),
        (lambda: token(can_publish=False), "not_allowed", 4403, "canPublish"),
    ],
)
@pytest.mark.parametrize("keys", [KEYS, {}])
async def test_a_token_that_does_not_serve_is_refused_with_the_reason(programs, made, code, close, words, keys):
    gateway = await programs(Gateway(**keys))
    closed, reason, before = await refused(gateway, "/ws?access_token=" + made())
    error = next(event for event in before if event["type"] == "error")
    assert closed == close and error["code"] == code and error["blame"] == "client"
    assert words in error["message"] and words in reason
    # Old clients see the same by the close frame and an error of theirs.
    closed, reason, before = await refused(gateway, CONVERSATION + "?access_token=" + made())
    assert closed == close and words in reason
    assert before[-1]["type"] == "error" and words in before[-1]["message"]


@pytest.mark.parametrize(("name", "value"), [("room", "kitchen"), ("identity", "ben"), ("user_id", "ben")])
async def test_a_token_for_another_room_or_identity_than_is_asked_for_is_refused(programs, name, value):
    gateway = await programs(Gateway())
    closed, reason, before = await refused(gateway, f"/ws?access_token={token()}&{name}={value}")
    assert closed == 4400 and before[0]["code"] == "invalid_parameter"
    asked, allowed = ("room", "office") if name == "room" else ("identity", "ann")
    for word in [asked, value, allowed]:
        assert word in before[0]["message"] and word in reason


async def test_who_came_by_a_token_cannot_put_it_away(programs):
    gateway = await programs(Gateway(**KEYS))
    async with VoiceClient(gateway.url, access_token=token()) as client:
        await client.send(type="config", data={"access_token": ""})
        assert await client.closed() == 4403
        assert (await client.event("error"))["code"] == "unauthorized"


async def test_the_agents_of_a_token_come_once(programs):
    gateway = await programs(Gateway())
    configuration = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="guide", metadata='{"n":1}')])
    # A room that is there already is not configured by a token: its agent comes all the same.
    for room, is_new in [("new-tour", True), ("old-tour", False)]:
        async with server_api(gateway) as server:
            if not is_new:
                await server.room.create_room(api.CreateRoomRequest(name=room))
            async with VoiceClient(gateway.url, access_token=token(room=room, configuration=configuration)) as client:
                await client.event("session")
                # A second dispatch would need a moment.
                await asyncio.sleep(2)
                dispatches = await server.agent_dispatch.list_dispatch(room)
                named = [(each.agent_name, json.loads(each.metadata)) for each in dispatches if each.agent_name]
                # The gateway's own dispatch has the trace of the call as well.
                assert is_new or named[0][1].pop("traceparent")
                assert named == [("guide", {"n": 1})]


async def test_a_bearer_token_of_somebody_else_is_not_ours_to_judge(programs):
    gateway = await programs(Gateway())
    claims = base64.urlsafe_b64encode(b'{"sub":"x"}').rstrip(b"=").decode()
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
    for bearer in ["opaque", f"{header}.{claims}.AAAA"]:
        assert await admitted(gateway, additional_headers={"Authorization": f"Bearer {bearer}"}) == READY


# What callers may name


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("room=lobby", ["room", "lobby", "ALLOW_CLIENT_ROOMS"]),
        ("identity=ann", ["identity", "ann", "ALLOW_CLIENT_IDENTITIES"]),
        ("user_id=ann", ["identity", "ann", "ALLOW_CLIENT_IDENTITIES"]),
        ("agent=spy", ["agent", "spy", "custom-agent", "ALLOWED_AGENTS"]),
    ],
)
async def test_with_keys_callers_choose_neither_room_nor_identity_nor_agent(programs, parameter, words):
    gateway = await programs(Gateway(**KEYS))
    closed, reason, before = await refused(gateway, f"/ws?api_key=alpha-key&{parameter}")
    assert closed == 4400 and before[0]["code"] == "invalid_parameter"
    for word in words:
        assert word in before[0]["message"]
    # Nor by a config message.
    name, value = parameter.split("=")
    first = json.dumps({"type": "config", "data": {name: value}})
    closed, reason, before = await refused(gateway, "/ws?api_key=alpha-key", first=first)
    assert closed == 4400 and next(e for e in before if e["type"] == "error")["code"] == "invalid_parameter"


async def test_the_operator_may_open_what_keys_close(programs):
    gateway = await programs(
        Gateway(
            **KEYS, ALLOW_CLIENT_ROOMS="true", ALLOW_CLIENT_IDENTITIES="true", ALLOWED_AGENTS="custom-agent,clerk"
        )
    )
    async with VoiceClient(gateway.url, api_key="alpha-key", room="lobby", identity="ann", agent="clerk") as client:
        session = await client.event("session")
        assert (session["room"], session["identity"]) == ("lobby", "ann")
    closed, _, before = await refused(gateway, "/ws?api_key=alpha-key&agent=spy")
    assert closed == 4400 and "clerk,custom-agent" in before[0]["message"]


async def test_the_operator_may_close_all_without_keys(programs):
    gateway = await programs(
        Gateway(ALLOW_CLIENT_ROOMS="false", ALLOW_CLIENT_IDENTITIES="false", ALLOWED_AGENTS="custom-agent")
    )
    for parameter in ["room=lobby", "identity=ann", "agent=spy"]:
        assert (await refused(gateway, f"/ws?{parameter}"))[0] == 4400
    async with VoiceClient(gateway.url, access_token=token()) as client:
        assert (await client.event("session"))["room"] == "office"
    closed, _, before = await refused(gateway, f"/ws?access_token={token()}&agent=spy")
    assert closed == 4400 and "agent" in before[0]["message"]


# The same identity twice


async def test_the_newcomer_takes_over_and_the_other_is_told(programs):
    gateway = await programs(Gateway())
    async with VoiceClient(gateway.url, room="lobby", identity="ann", agent="") as first:
        await first.event("session")
        async with VoiceClient(gateway.url, room="lobby", identity="ann", agent="") as second:
            await second.event("session")
            assert await first.closed() == 4409
            assert (await first.event("closing"))["reason"] == "duplicate_identity"
            assert second.close_code is None


async def test_the_newcomer_is_refused_where_the_operator_wants_that(programs):
    gateway = await programs(Gateway(DUPLICATE_IDENTITY="refuse"))
    async with VoiceClient(gateway.url, room="lobby", identity="ann", agent="") as first:
        await first.event("session")
        closed, reason, before = await refused(gateway, "/ws?room=lobby&identity=ann")
        error = next(event for event in before if event["type"] == "error")
        assert closed == 4409 and error["code"] == "duplicate_identity" and "ann" in error["message"]
        await first.send(type="ping")
        await first.event("pong")
        async with server_api(gateway) as server:
            # The one that was refused has brought no agent.
            dispatches = await server.agent_dispatch.list_dispatch("lobby")
            assert "custom-agent" not in [each.agent_name for each in dispatches]
        # Somebody else may come, and so may ann elsewhere.
        async with VoiceClient(gateway.url, room="lobby", identity="ben", agent="") as ben:
            await ben.event("session")
        async with VoiceClient(gateway.url, room="hall", identity="ann", agent="") as ann:
            await ann.event("session")
    # She has left, so her name is free again.
    for _ in range(50):
        async with VoiceClient(gateway.url, room="lobby", identity="ann", agent="") as again:
            with contextlib.suppress(AssertionError):
                await again.event("session", within=5)
                return
        await asyncio.sleep(0.1)
    raise AssertionError("the identity never became free")


async def test_somebody_who_is_in_the_room_by_another_way_keeps_the_identity(programs):
    gateway = await programs(Gateway(DUPLICATE_IDENTITY="refuse"))
    room = rtc.Room()
    await room.connect(gateway.room_url, token("ann", "lobby"))
    try:
        closed, _, before = await refused(gateway, "/ws?room=lobby&identity=ann&agent=")
        assert closed == 4409 and before[-1]["reason"] == "duplicate_identity"
        closed, _, _ = await refused(gateway, f"/ws?agent=&access_token={token('ann', 'lobby')}")
        assert closed == 4409
        assert room.connection_state == rtc.ConnectionState.CONN_CONNECTED
    finally:
        await room.disconnect()


async def test_of_many_who_come_at_once_under_one_identity_one_is_let_in(programs):
    gateway = await programs(Gateway("--threads", 2, DUPLICATE_IDENTITY="refuse"))

    async def attempt():
        async with websockets.connect(f"{gateway.url}?room=lobby&identity=ann&agent=") as socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                async for message in socket:
                    if json.loads(message)["type"] == "session":
                        inside.append(socket)
                        await over.wait()
                        return None
            return socket.close_code

    inside, over = [], asyncio.Event()
    tasks = [asyncio.create_task(attempt()) for _ in range(8)]
    while sum(task.done() for task in tasks) < 7:
        await asyncio.wait([task for task in tasks if not task.done()], timeout=20, return_when="FIRST_COMPLETED")
    over.set()
    codes = await asyncio.gather(*tasks)
    assert len(inside) == 1 and sorted(codes, key=str) == [4409] * 7 + [None]


async def test_a_client_that_comes_back_is_no_duplicate(programs):
    gateway = await programs(Gateway("--resume-grace", 20, DUPLICATE_IDENTITY="refuse", **KEYS, ALLOW_CLIENT_ROOMS="true",
                                     ALLOW_CLIENT_IDENTITIES="true", MAX_CONNECTIONS_PER_ADDRESS=1))  # fmt: skip
    async with VoiceClient(gateway.url, api_key="alpha-key", room="lobby", identity="ann") as first:
        resume = (await first.event("session"))["resume_token"]
        first.socket._response.connection.transport.abort()
        await first.closed()
        # Its token is proof enough.
        async with VoiceClient(gateway.url, session=resume) as again:
            session = await again.event("session")
            assert session["resumed"] and session["identity"] == "ann"


# Limits


async def test_more_connections_than_the_gateway_may_have_are_told_by_code_and_reason(programs):
    gateway = await programs(Gateway(MAX_CONNECTIONS=1))
    async with VoiceClient(gateway.url, agent="") as first:
        await first.event("ready")
        assert await refused(gateway) == (1011, "Service unavailable", [])
        _, _, before = await refused(gateway, "/ws")
        assert before[0]["code"] == "unavailable" and before[0]["retry"]
    await freed(gateway)


async def freed(gateway, path=CONVERSATION):
    """Waits until a place has come back."""
    for _ in range(100):
        with contextlib.suppress(websockets.ConnectionClosed):
            if await admitted(gateway, path) == READY:
                return
        await asyncio.sleep(0.1)
    raise AssertionError("the place never came back")


async def test_more_connections_than_an_address_may_have(programs):
    gateway = await programs(Gateway(MAX_CONNECTIONS_PER_ADDRESS=1, TRUSTED_PROXIES="127.0.0.1"))
    async with VoiceClient(gateway.url, agent="") as first:
        await first.event("ready")
        assert await refused(gateway) == (4429, "Too many connections from this address", [])
        assert await admitted(gateway, additional_headers={"X-Forwarded-For": "198.51.100.7"}) == READY
        _, _, before = await refused(gateway, "/ws")
        assert before[0]["code"] == "too_many_connections"
    await freed(gateway)


async def test_more_connections_than_a_key_may_have(programs):
    gateway = await programs(Gateway(**KEYS, MAX_CONNECTIONS_PER_KEY=1))
    async with VoiceClient(gateway.url, api_key="alpha-key") as first:
        await first.event("ready")
        refusal = await refused(gateway, CONVERSATION + "?api_key=alpha-key")
        assert refusal == (4429, "Too many connections with this API key", [])
        assert await admitted(gateway, CONVERSATION + "?api_key=beta-key") == READY
    await freed(gateway, CONVERSATION + "?api_key=alpha-key")


async def test_a_silent_session_ends(programs):
    gateway = await programs(Gateway(IDLE_TIMEOUT_SECONDS=1))
    closed, reason, before = await refused(gateway, "/ws?agent=")
    assert closed == 4408 and before[-1]["type"] == "closing" and before[-1]["reason"] == "idle_timeout"
    assert "1 s" in reason
    closed, reason, before = await refused(gateway, CONVERSATION + "?agent=")
    assert closed == 4408 and "1 s" in reason


async def test_a_long_session_ends(programs):
    gateway = await programs(Gateway(MAX_SESSION_SECONDS=2))
    async with VoiceClient(gateway.url, agent="") as client:
        sending = asyncio.create_task(client.microphone())
        assert await client.closed() == 4408
        sending.cancel()
        assert (await client.event("closing"))["reason"] == "session_limit"


async def test_a_message_of_50_mb_is_refused_and_harms_nobody(programs):
    # The old protocol answers it with an error and goes on: test_contract_errors.py.
    gateway = await programs(Gateway())
    async with VoiceClient(gateway.url, agent="") as other:
        await other.event("ready")
        socket = await websockets.connect(f"ws://127.0.0.1:{gateway.port}/ws")
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.send('{"type":"audio","data":"' + "A" * 50_000_000 + '"}')
            async for _ in socket:
                pass
        assert socket.close_code == 1009 and "16777216" in socket.close_reason
        await other.send(type="ping")
        await other.event("pong")


async def test_the_largest_message_is_the_operators_choice(programs):
    gateway = await programs(Gateway(MAX_MESSAGE_BYTES=4096))
    async with VoiceClient(gateway.url, agent="") as client:
        await client.send(type="ping", id="x" * 3000)
        await client.event("pong")
        await client.send(type="ping", id="x" * 5000)
        assert await client.closed() == 1009


@pytest.mark.parametrize("duplicates", ["take-over", "refuse"])
async def test_the_room_server_being_absent_is_told(programs, duplicates):
    gateway = await programs(
        Gateway(LIVEKIT_URL=f"ws://127.0.0.1:{free_port()}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET,
                DUPLICATE_IDENTITY=duplicates))  # fmt: skip
    (closed, _, before), old = await asyncio.gather(
        refused(gateway, "/ws?room=lobby&identity=ann"), refused(gateway, CONVERSATION + "?room=lobby&identity=ben")
    )
    error = next(event for event in before if event["type"] == "error")
    assert closed == 1011 and error["code"] == "room_unavailable" and error["retry"]
    assert old[:2] == (1011, "Service unavailable") and old[2][-1]["type"] == "error"


# Secrets


async def test_no_log_line_has_a_secret_and_refusals_are_counted(programs):
    made = token()
    gateway = await programs(Gateway("--log-level", "debug", "--resume-grace", 5, **KEYS))
    assert await admitted(gateway, CONVERSATION + "?api_key=alpha-key") == READY
    assert await admitted(gateway, first='{"type":"auth","apiKey":"beta-key"}') == READY
    await refused(gateway, CONVERSATION + "?api_key=guessed-key")
    await refused(gateway, first='{"type":"auth","apiKey":"guessed-key"}')
    await refused(gateway, "/ws?access_token=" + token(ttl=-120))
    await refused(gateway, "/ws?api_key=alpha-key&agent=secret-agent")
    async with VoiceClient(gateway.url, access_token=made) as client:
        resume = (await client.event("session"))["resume_token"]
        await client.event("agent_joined", within=30)
    await gateway.says("call ended")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{gateway.port}") as http:
        async with http.post("/v1/livekit/token?api_key=alpha-key") as answer:
            minted = (await answer.json())["token"]
        async with http.post("/v1/livekit/token", headers={"X-API-Key": "guessed-key"}) as answer:
            assert answer.status == 403
        # A token for one room makes no tokens for others.
        async with http.post("/v1/livekit/token", headers={"Authorization": f"Bearer {made}"}) as answer:
            assert answer.status == 401
        async with http.get("/metrics") as answer:
            metrics = await answer.text()
    assert minted.startswith("eyJ")
    assert 'voicegateway_refusals_total{reason="wrong_key"} 3' in metrics
    assert 'voicegateway_refusals_total{reason="access_token"} 1' in metrics
    assert 'voicegateway_refusals_total{reason="parameter"} 1' in metrics
    log = "\n".join(gateway.lines)
    for secret in ["alpha-key", "beta-key", "guessed-key", made, made.split(".")[1], resume]:
        assert secret not in log
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10,}", log)
    assert "client refused" in log


# The page about all this


async def test_the_programs_of_the_page_do_what_it_says(programs):
    page = (ROOT / "docs/access.md").read_text()
    settings = dict(re.findall(r"^(API_KEY\w+)=(.+)$", page, re.M))
    gateway = await programs(Gateway(**settings))
    source = re.search(r"```python\n(.*?)```", page, re.S).group(1).replace(":3000", f":{gateway.port}")
    client = await programs(Program(sys.executable, "-c", source))
    assert await client.ends(within=40) == 0
    assert "ready" in client.lines[0]
    command = re.search(r"^VoiceGateway (token .*)$", page, re.M).group(1).split()
    minting = await programs(Program(GATEWAY, *command))
    assert await minting.ends() == 0
    async with VoiceClient(gateway.url, access_token=minting.lines[0]) as bearer:
        session = await bearer.event("session")
        assert (session["room"], session["identity"]) == ("office", "ann")
