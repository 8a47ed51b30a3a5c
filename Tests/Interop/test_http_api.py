"""The HTTP interface against other people's programs: tokens by the official packages, rooms joined by the official SDK,
a WebSocket client in the same room, and each error that the contract names."""

import asyncio
import contextlib
import json
import re
import uuid

import aiohttp
import jwt
import pytest
import pytest_asyncio
from livekit import api, rtc

from support.client import VoiceClient
from support.processes import DEPLOYMENT, KEY, SECRET, Gateway, free_port

# The development secret is short on purpose.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:.*HMAC key is.*"),
]

# The room server inside has an agent that repeats what it is told.
with_parrot = pytest.mark.skipif(DEPLOYMENT is not None, reason="the parrot lives in the development room server")

AGENT_DEFAULTS = {
    "stt": "deepgram", "tts": "cartesia", "llm": "gpt-4o-mini", "prompt": "You are a helpful AI assistant.",
}


class Answer:
    def __init__(self, status: int, headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)


async def ask(gateway: Gateway, method: str, path: str, body=None, **headers) -> Answer:
    """Sends a request; a body that is no bytes goes as JSON."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        fields.setdefault("Content-Type", "application/json")
    # Without this, aiohttp names a type for bodies that have none.
    skip = ["Content-Type"] if body is None else None
    async with (
        aiohttp.ClientSession(skip_auto_headers=skip) as http,
        http.request(method, f"http://127.0.0.1:{gateway.port}{path}", data=body, headers=fields) as answer,
    ):
        return Answer(answer.status, answer.headers, await answer.read())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway().start()
    yield program
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def start():
    """Starts gateways with settings of their own, once each."""
    started = {}

    async def make(**settings) -> Gateway:
        key = tuple(sorted(settings.items()))
        if key not in started:
            started[key] = await Gateway(**settings).start()
        return started[key]

    yield make
    for program in started.values():
        await program.stop()


def room_name() -> str:
    return f"room-{uuid.uuid4()}"


def server_api(gateway: Gateway) -> api.LiveKitAPI:
    return api.LiveKitAPI("http" + gateway.room_url.removeprefix("ws"), KEY, SECRET)


async def dispatches(gateway: Gateway, room: str) -> list:
    """Those of agents with a name: each room has one for workers without."""
    server = server_api(gateway)
    try:
        return [one for one in await server.agent_dispatch.list_dispatch(room) if one.agent_name]
    finally:
        await server.aclose()


class Participant:
    """A participant of the official SDK, by somebody else's token."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token, self.room = url, token, rtc.Room()
        self.news = asyncio.Event()
        self.ended = None
        for name in ("participant_connected", "participant_attributes_changed", "participant_metadata_changed"):
            self.room.on(name, lambda *_: self.news.set())
        self.room.on("disconnected", self._disconnected)

    def _disconnected(self, reason) -> None:
        self.ended = reason
        self.news.set()

    async def __aenter__(self) -> "Participant":
        await asyncio.wait_for(self.room.connect(self.url, self.token), 20)
        return self

    async def __aexit__(self, *_) -> None:
        await asyncio.wait_for(self.room.disconnect(), 10)

    async def until(self, condition, within: float = 20) -> None:
        async def wait():
            while not condition():
                self.news.clear()
                await self.news.wait()

        await asyncio.wait_for(wait(), within)

    @property
    def agents(self) -> list:
        others = self.room.remote_participants.values()
        return [one for one in others if one.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT]


# Sessions


async def test_a_session_is_a_token_that_the_official_package_verifies(gateway):
    answer = await ask(gateway, "POST", "/session", {"userIdentity": "user123"})
    assert answer.status == 200
    session = answer.json
    assert list(session) == ["userToken", "roomName", "livekitUrl", "agentDispatched", "agentConfig", "websocketUrl"]
    assert re.fullmatch(r"room-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", session["roomName"])
    assert session["livekitUrl"] == gateway.room_url and session["agentDispatched"] is True
    assert session["agentConfig"] == {name: AGENT_DEFAULTS[name] for name in ("stt", "tts", "llm")}
    token = session["userToken"]
    address, trace = session["websocketUrl"].split("&traceparent=")
    assert address == f"ws://127.0.0.1:{gateway.port}/v1/conversation/ws?access_token={token}"
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace)
    claims = api.TokenVerifier(KEY, SECRET).verify(token)
    assert claims.identity == "user123"
    assert claims.video == api.VideoGrants(
        room_join=True, room=session["roomName"], can_publish=True, can_subscribe=True, can_publish_data=True)
    raw = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert raw["exp"] - raw["nbf"] == 600


async def test_the_agents_metadata_is_the_configuration_with_defaults_and_all_that_is_unknown(gateway):
    room = room_name()
    wishes = {
        "llm": "gpt-4o", "greeting": "Grüß \"dich\"", "realtime": True, "voice": {"id": ["a", 1.5, None]},
        "assistant_id": 12345678901234567, "instructions": "i", "voice_reference_id": "v", "language": "de",
    }
    body = {"userIdentity": "ann", "roomName": room, "agentConfig": wishes}
    session = (await ask(gateway, "POST", "/session", body)).json
    assert session["roomName"] == room and session["agentConfig"]["llm"] == "gpt-4o"
    (dispatch,) = await dispatches(gateway, room)
    assert dispatch.agent_name == "custom-agent"
    told = json.loads(dispatch.metadata)
    assert told.pop("traceparent") == session["websocketUrl"].split("&traceparent=")[1]
    assert told == AGENT_DEFAULTS | wishes


@with_parrot
async def test_both_kinds_of_clients_meet_in_one_room_with_one_agent(gateway):
    room = room_name()
    first = (await ask(gateway, "POST", "/session", {"userIdentity": "modern", "roomName": room})).json
    second = (await ask(gateway, "POST", "/session", {"userIdentity": "old", "roomName": room})).json
    third = (await ask(gateway, "POST", "/session", {"userIdentity": "device", "roomName": room})).json
    async with (
        Participant(first["livekitUrl"], first["userToken"]) as modern,
        VoiceClient(second["websocketUrl"], events="extended") as old,
        VoiceClient(gateway.url, access_token=third["userToken"]) as device,
    ):
        joined = await old.event("session")
        assert (joined["room"], joined["identity"]) == (room, "old")
        assert (await device.event("session"))["room"] == room
        await old.event("agent_state", state="listening")
        await device.event("agent_state", state="listening")
        await modern.until(lambda: {"old", "device"} <= set(modern.room.remote_participants) and modern.agents)
        # Text goes in and comes back, so the agent that was dispatched is the one that answers.
        await old.send(type="text", data="good morning")
        await old.event("transcript", role="assistant", final=True)
        assert len(modern.agents) == 1
    assert len(await dispatches(gateway, room)) == 1


async def test_a_backend_says_who_the_caller_is_and_which_agent_it_gets(gateway):
    room = room_name()
    wishes = {
        "userIdentity": "auth0|64f1", "roomName": room, "agentName": "another-agent", "userName": "Ann",
        "metadata": '{"plan":"gold"}', "attributes": {"tier": "2"}, "ttl": 60}
    session = (await ask(gateway, "POST", "/session", wishes)).json
    companion = {"userIdentity": "other", "roomName": room, "agentName": "another-agent"}
    other = (await ask(gateway, "POST", "/session", companion)).json
    async with (
        Participant(other["livekitUrl"], other["userToken"]) as present,
        VoiceClient(session["websocketUrl"], events="extended") as caller,
    ):
        assert (await caller.event("session"))["identity"] == "auth0|64f1"
        await present.until(lambda: "auth0|64f1" in present.room.remote_participants)
        ann = present.room.remote_participants["auth0|64f1"]
        assert (ann.name, ann.metadata, ann.attributes["tier"]) == ("Ann", '{"plan":"gold"}', "2")
        # The one that was dispatched with the session is on its way; the WebSocket asks for no other.
        assert [one.agent_name for one in await dispatches(gateway, room)] == ["another-agent"]


@with_parrot
async def test_an_old_client_needs_nothing_but_the_address(gateway):
    session = (await ask(gateway, "POST", "/session", {"userIdentity": "old"})).json
    async with VoiceClient(session["websocketUrl"]) as old:
        ready = await old.event("ready")
        assert ready["message"] == "Connected. Send audio chunks, then 'end_turn' to process."
        await old.send(type="text", data="good morning")
        await old.event("text", role="assistant")
        await old.event("ready", message="Ready for next turn")
        assert old.frames == 0
    assert len(await dispatches(gateway, session["roomName"])) == 1


async def test_many_who_ask_for_the_same_room_at_once_get_one_agent(gateway):
    room = room_name()
    answers = await asyncio.gather(
        *(ask(gateway, "POST", "/session", {"userIdentity": f"u{n}", "roomName": room}) for n in range(12)))
    assert [answer.status for answer in answers] == [200] * 12
    assert all(answer.json["agentDispatched"] for answer in answers)
    assert len(await dispatches(gateway, room)) == 1


@with_parrot
async def test_callers_who_name_the_same_new_room_at_once_get_one_agent(gateway):
    room = room_name()
    async with contextlib.AsyncExitStack() as stack:
        callers = [
            await stack.enter_async_context(VoiceClient(gateway.url, room=room, identity=f"u{n}")) for n in range(6)]
        for caller in callers:
            await caller.event("agent_state", state="listening")
        assert len(await dispatches(gateway, room)) == 1


async def test_the_end_of_a_session_sends_everybody_away(gateway):
    room = room_name()
    session = (await ask(gateway, "POST", "/session", {"userIdentity": "ann", "roomName": room})).json
    async with Participant(session["livekitUrl"], session["userToken"]) as ann:
        answer = await ask(gateway, "POST", "/session/end", {"roomName": room})
        assert (answer.status, answer.body) == (204, b"")
        await ann.until(lambda: ann.ended is not None)
        assert ann.ended == rtc.DisconnectReason.ROOM_DELETED
    again = await ask(gateway, "POST", "/session/end", {"roomName": room})
    assert (again.status, again.json) == (404, {"error": "Session not found for room"})
    # The name can be used again, with an agent of its own.
    await ask(gateway, "POST", "/session", {"userIdentity": "ann", "roomName": room})
    assert len(await dispatches(gateway, room)) == 1


LONG = "a" * 129
LETTERS = "may only contain letters, numbers, hyphens and underscores"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "userIdentity is required and must be a string"),
        ({"userIdentity": 5}, "userIdentity is required and must be a string"),
        ([], "userIdentity is required and must be a string"),
        ({"userIdentity": "  "}, "userIdentity must not be empty"),
        ({"userIdentity": LONG}, "userIdentity must be at most 128 characters long"),
        ({"userIdentity": "a\nb"}, "userIdentity must have no control characters"),
        ({"userIdentity": "a", "roomName": {}}, "roomName must be a string"),
        ({"userIdentity": "a", "roomName": ""}, "roomName must not be empty"),
        ({"userIdentity": "a", "roomName": LONG}, "roomName must be at most 128 characters long"),
        ({"userIdentity": "a", "roomName": "ä"}, f"roomName {LETTERS}"),
        ({"userIdentity": "a", "agentConfig": []}, "agentConfig must be an object"),
        ({"userIdentity": "a", "agentConfig": {"tts": {}}}, "agentConfig.tts must be a string"),
        (b'{"userIdentity":', "The request body is not valid JSON: unexpected end at byte 16"),
        (b'{"userIdentity":"\xff"}', "The request body is not valid JSON: invalid UTF-8 at byte 17"),
    ],
)
async def test_a_session_that_is_asked_for_wrongly_gets_a_sentence_and_an_example(gateway, body, sentence):
    answer = await ask(gateway, "POST", "/session", body)
    assert answer.status == 400 and answer.json["error"] == sentence
    assert (await ask(gateway, "POST", "/session", answer.json["example"])).status == 200


async def test_a_room_must_be_named_to_be_ended(gateway):
    for body in (None, {}, {"roomName": ""}, {"roomName": 7}, []):
        answer = await ask(gateway, "POST", "/session/end", body)
        assert (answer.status, answer.json) == (400, {"error": "roomName is required"})


# Tokens


async def test_a_token_without_wishes(gateway):
    for body in (None, b"", {}, b"null"):
        answer = await ask(gateway, "POST", "/v1/livekit/token", body)
        assert answer.status == 200
        assert list(answer.json) == ["token", "url", "room_name", "participant_identity"]
        assert (answer.json["url"], answer.json["room_name"]) == (gateway.room_url, "gemma-voice-room")
        identity = answer.json["participant_identity"]
        assert re.fullmatch("user-[0-9a-f]{8}", identity)
        claims = api.TokenVerifier(KEY, SECRET).verify(answer.json["token"])
        assert (claims.identity, claims.name) == (identity, identity)
        raw = jwt.decode(answer.json["token"], SECRET, algorithms=["HS256"])
        assert raw["exp"] - raw["nbf"] == 86400


async def test_the_sdk_joins_with_a_users_and_an_agents_token(gateway):
    room = room_name()
    wishes = {"room_name": room, "participant_name": "Ann", "participant_identity": "ann"}
    user = (await ask(gateway, "POST", "/v1/livekit/token", wishes)).json
    agent = (await ask(gateway, "POST", "/v1/livekit/agent-token", wishes)).json
    assert (user["participant_identity"], agent["participant_identity"]) == ("ann", "gemma-voice-agent")
    assert api.TokenVerifier(KEY, SECRET).verify(agent["token"]).video.can_update_own_metadata is True
    async with Participant(user["url"], user["token"]) as ann, Participant(agent["url"], agent["token"]) as gemma:
        assert ann.room.name == room and ann.room.local_participant.name == "Ann"
        await gemma.until(lambda: "ann" in gemma.room.remote_participants)
        await gemma.room.local_participant.set_metadata("mine")
        await ann.until(
            lambda: (it := ann.room.remote_participants.get("gemma-voice-agent")) and it.metadata == "mine")
        assert ann.room.remote_participants["gemma-voice-agent"].name == "Gemma Voice Agent"


async def test_a_token_that_is_asked_for_wrongly_names_each_member(gateway):
    body = {"room_name": "", "participant_name": 5, "participant_identity": LONG}
    answer = await ask(gateway, "POST", "/v1/livekit/token", body)
    assert answer.status == 422
    assert [(one["loc"], one["type"]) for one in answer.json["detail"]] == [
        (["body", "room_name"], "string_too_short"),
        (["body", "participant_name"], "string_type"),
        (["body", "participant_identity"], "string_too_long"),
    ]
    malformed = await ask(gateway, "POST", "/v1/livekit/agent-token", b"{")
    assert malformed.status == 422 and malformed.json["detail"][0]["type"] == "json_invalid"
    listed = await ask(gateway, "POST", "/v1/livekit/token", [])
    assert listed.status == 422 and listed.json["detail"][0]["loc"] == ["body"]


async def test_the_status_says_where_livekit_is(gateway, start):
    answer = await ask(gateway, "GET", "/v1/livekit/status")
    assert answer.json == {"enabled": True, "url": gateway.room_url, "default_room": "gemma-voice-room"}
    other = await start(
        LIVEKIT_PUBLIC_URL="wss://livekit.example.com", LIVEKIT_ROOM_NAME="hall", LIVEKIT_TOKEN_TTL="120",
        PUBLIC_URL="https://voice.example.com/base")
    answer = await ask(other, "GET", "/v1/livekit/status")
    assert answer.json == {"enabled": True, "url": "wss://livekit.example.com", "default_room": "hall"}
    token = (await ask(other, "POST", "/v1/livekit/token")).json
    assert (token["url"], token["room_name"]) == ("wss://livekit.example.com", "hall")
    raw = jwt.decode(token["token"], SECRET, algorithms=["HS256"])
    assert raw["exp"] - raw["nbf"] == 120
    session = (await ask(other, "POST", "/session", {"userIdentity": "ann"})).json
    assert session["livekitUrl"] == "wss://livekit.example.com"
    assert session["websocketUrl"].startswith("wss://voice.example.com/base/v1/conversation/ws?access_token=ey")


# Health


async def test_health_is_what_it_always_was(gateway):
    answer = await ask(gateway, "GET", "/health")
    assert answer.status == 200 and answer.json["status"] == "ok" and isinstance(answer.json["uptime"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json["timestamp"])
    assert (await ask(gateway, "GET", "/health/live")).json == {"status": "alive"}
    assert (await ask(gateway, "GET", "/health/ready")).json == {"status": "ready", "missing": []}
    index = (await ask(gateway, "GET", "/")).json
    assert index["name"] == "VoiceGateway" and "POST /session" in index["endpoints"].values()
    assert b"voicegateway_clients" in (await ask(gateway, "GET", "/metrics")).body


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deserted(start):
    """A gateway whose room server is not there."""
    return await start(
        LIVEKIT_URL=f"ws://127.0.0.1:{free_port()}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)


async def test_without_a_room_server_there_are_no_sessions_but_health(deserted):
    session = await ask(deserted, "POST", "/session", {"userIdentity": "ann"})
    assert (session.status, session.json) == (500, {"error": "Failed to create session", "reason": "unreachable"})
    end = await ask(deserted, "POST", "/session/end", {"roomName": "x"})
    assert (end.status, end.json["error"]) == (502, "Failed to delete LiveKit room") and end.json["details"]
    assert end.json["reason"] == "unreachable"
    ready = await ask(deserted, "GET", "/health/ready")
    assert ready.status == 503 and ready.json["status"] == "not ready"
    assert ready.json["missing"] == [
        "the room server: LiveKit could not be asked for ListParticipants: connection refused"]
    assert (await ask(deserted, "GET", "/health")).status == 200
    assert (await ask(deserted, "GET", "/health/live")).status == 200
    assert (await ask(deserted, "POST", "/v1/livekit/token")).status == 200


async def test_readiness_says_why_livekit_cannot_be_asked(start):
    async def silent(reader, writer):
        await reader.read()

    async def page(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>")
        writer.close()

    async def no_tls(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def yesterday(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b'HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nDate: Sun, 29 Nov 2020 12:00:00 GMT\r\n'
            b'Connection: close\r\n\r\n{"code":"unauthenticated","msg":"token is not valid yet"}')
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        ports = []
        for handler in (silent, page, no_tls, yesterday):
            server = await stack.enter_async_context(await asyncio.start_server(handler, "127.0.0.1", 0))
            ports.append(server.sockets[0].getsockname()[1])
        asked = "LiveKit could not be asked for ListParticipants: "
        reasons = {
            f"ws://127.0.0.1:{ports[0]}": ("timeout", asked + "no answer in time"),
            f"ws://127.0.0.1:{ports[1]}": ("unavailable", asked + "HTTP status 502"),
            f"wss://127.0.0.1:{ports[2]}": ("tls", asked + "TLS failed: "),
            "ws://nobody.invalid": ("dns", asked + "DNS: the host's name "),
            f"ws://127.0.0.1:{ports[3]}": (
                "clock_skew", "LiveKit refused ListParticipants (unauthenticated): this machine's clock is "),
        }  # fmt: skip
        for url, (word, reason) in reasons.items():
            gateway = await start(LIVEKIT_URL=url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
            # Before anybody calls.
            assert f"reason={word}" in await gateway.says("the room server cannot be used")
            await gateway.says("event=serving")
            (missing,) = (await ask(gateway, "GET", "/health/ready")).json["missing"]
            assert missing.startswith(f"the room server: {reason}")
            # Where the deployment is, only the operator is told.
            assert "127.0.0.1" not in missing and "nobody" not in missing


async def test_with_keys_that_the_room_server_does_not_know_there_are_no_sessions(gateway, start):
    outsider = await start(LIVEKIT_URL=gateway.room_url, LIVEKIT_API_KEY="other", LIVEKIT_API_SECRET="other")
    session = await ask(outsider, "POST", "/session", {"userIdentity": "ann"})
    assert (session.status, session.json) == (500, {"error": "Failed to create session", "reason": "unauthorized"})
    ready = await ask(outsider, "GET", "/health/ready")
    assert ready.status == 503 and "unauthenticated" in ready.json["missing"][0]


# Who may call


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(start):
    return await start(
        API_KEY_ENABLED="true", API_KEYS="first-key,second-key", API_KEY_HEADER_NAME="X-Gateway-Key",
        ALLOWED_ORIGINS="https://app.example.com", REQUEST_ID_HEADER="X-Correlation-ID")


CALLS = [
    ("/session", {"userIdentity": "ann", "roomName": "hall"}, "error"),
    ("/session/end", {"roomName": "hall"}, "error"),
    ("/v1/livekit/token", {"room_name": "hall", "participant_identity": "ann"}, "detail"),
    ("/v1/livekit/agent-token", {"room_name": "hall"}, "detail"),
]


@pytest.mark.parametrize(("path", "body", "member"), CALLS)
async def test_what_costs_something_takes_a_key(guarded, path, body, member):
    missing = await ask(guarded, "POST", path, body)
    assert (missing.status, missing.json) == (401, {member: "Missing API key"})
    for header in ({"X_Gateway_Key": "third-key"}, {"X_Gateway_Key": "first-key,second-key"}):
        wrong = await ask(guarded, "POST", path, body, **header)
        assert (wrong.status, wrong.json) == (403, {member: "Invalid API key"})
    # The key comes before the body: what nobody may ask is not read.
    assert (await ask(guarded, "POST", path, b"{")).status == 401
    for key in ("first-key", "second-key"):
        answer = await ask(guarded, "POST", path, body, X_Gateway_Key=key)
        assert answer.status in (200, 204, 404), answer.body


async def test_what_costs_nothing_is_open(guarded):
    for path in ("/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/v1/livekit/status"):
        assert (await ask(guarded, "GET", path)).status == 200


async def test_too_many_requests_are_told_when_to_come_again(start):
    busy = await start(RATE_LIMIT_ENABLED="true", RATE_LIMIT_REQUESTS="4", RATE_LIMIT_WINDOW_SECONDS="3600")
    answers = [await ask(busy, "POST", "/v1/livekit/token") for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 4 + [429]
    assert answers[-1].json == {"detail": "Rate limit exceeded. Please retry later."}
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 900
    session = await ask(busy, "POST", "/session", {"userIdentity": "ann"})
    assert (session.status, session.json) == (429, {"error": "Rate limit exceeded. Please retry later."})
    assert (await ask(busy, "GET", "/health")).status == 200


async def test_names_are_the_servers_choice_where_the_operator_says_so(start):
    closed = await start(ALLOW_CLIENT_ROOMS="false", ALLOW_CLIENT_IDENTITIES="false")
    assert (await ask(closed, "POST", "/v1/livekit/token")).status == 200
    for path, body, member in [
        ("/v1/livekit/token", {"room_name": "x"}, "detail"),
        ("/v1/livekit/token", {"participant_identity": "x"}, "detail"),
        ("/v1/livekit/agent-token", {"room_name": "x"}, "detail"),
        ("/session", {"userIdentity": "x"}, "error"),
    ]:
        answer = await ask(closed, "POST", path, body)
        assert answer.status == 403 and answer.json[member].startswith("This server does not let callers choose")


# Browsers


async def test_a_preflight_needs_no_key(guarded):
    wanted = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type,x-gateway-key"}
    for path in ("/session", "/v1/livekit/token"):
        answer = await ask(guarded, "OPTIONS", path, Origin="https://app.example.com", **wanted)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert answer.headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-gateway-key"
        assert "Origin" in answer.headers.getall("Vary")
        refused = await ask(guarded, "OPTIONS", path, Origin="https://evil.example.com", **wanted)
        assert refused.status == 403 and "Access-Control-Allow-Origin" not in refused.headers


async def test_pages_of_allowed_origins_can_read_answers_and_errors(guarded, gateway):
    for path, status in (("/health", 200), ("/nowhere", 404)):
        answer = await ask(guarded, "GET", path, Origin="https://app.example.com")
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert answer.headers["Access-Control-Expose-Headers"] == "X-Correlation-ID, Retry-After"
        other = await ask(guarded, "GET", path, Origin="https://evil.example.com")
        assert "Access-Control-Allow-Origin" not in other.headers and other.headers["Vary"] == "Origin"
        assert (await ask(gateway, "GET", path)).headers["Access-Control-Allow-Origin"] == "*"


async def test_a_requests_id_comes_back_and_stands_in_the_log(guarded):
    answer = await ask(
        guarded, "POST", "/session", {"userIdentity": "ann"}, X_Gateway_Key="first-key", X_Correlation_ID="trace-4711")
    assert answer.headers["X-Correlation-ID"] == "trace-4711"
    line = await guarded.says("request_id=trace-4711")
    assert "path=/session" in line and "status=200" in line
    made = (await ask(guarded, "GET", "/health", X_Correlation_ID="not sane")).headers["X-Correlation-ID"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    log = "\n".join(guarded.lines)
    assert answer.json["userToken"] not in log and "first-key" not in log and "third-key" not in log


async def test_a_trusted_proxy_says_how_clients_reach_it(start, gateway):
    trusting = await start(TRUSTED_PROXIES="127.0.0.0/8")
    forwarded = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "voice.example.com"}
    body = {"userIdentity": "ann"}
    url = (await ask(trusting, "POST", "/session", body, **forwarded)).json["websocketUrl"]
    assert url.startswith("wss://voice.example.com/v1/conversation/ws?")
    url = (await ask(gateway, "POST", "/session", body, **forwarded)).json["websocketUrl"]
    assert url.startswith(f"ws://127.0.0.1:{gateway.port}/")
    for host in ("evil!host", "evil[host", "evil]:80"):
        odd = await ask(gateway, "POST", "/session", body, Host=host)
        assert odd.status == 400 and odd.json["error"] == "The Host header does not say where this server is"


# What is no usable request


async def test_paths_and_methods_that_there_are_not(gateway):
    answer = await ask(gateway, "GET", "/no%20where?access_token=x")
    assert (answer.status, answer.json) == (404, {"error": "Not found", "path": "/no%20where"})
    assert (await ask(gateway, "POST", "/health/", {})).status == 404
    answer = await ask(gateway, "PUT", "/session", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    assert answer.json == {"error": "Method not allowed", "path": "/session"}
    answer = await ask(gateway, "GET", "/v1/livekit/token")
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})
    head = await ask(gateway, "HEAD", "/health")
    assert (head.status, head.body) == (200, b"") and int(head.headers["Content-Length"]) > 40
    socket = await ask(gateway, "GET", "/v1/conversation/ws")
    assert socket.status == 426 and socket.headers["Upgrade"] == "websocket"


@pytest.mark.parametrize(("path", "member"), [("/session", "error"), ("/v1/livekit/token", "detail")])
async def test_bodies_that_are_too_large_or_of_another_type(gateway, path, member):
    answer = await ask(gateway, "POST", path, b" " * (256 * 1024 + 1))
    assert (answer.status, answer.json) == (413, {member: "The request body is larger than 262144 bytes."})
    assert answer.headers["Access-Control-Allow-Origin"] == "*" and answer.headers["X-Request-ID"]
    assert (await ask(gateway, "POST", path, b'{"userIdentity":"a"}'.ljust(256 * 1024))).status == 200
    typed = await ask(gateway, "POST", path, b"{}", Content_Type="text/plain")
    assert typed.status == 415 and "Content-Type must be application/json" in json.dumps(typed.json)


async def test_a_chunked_body_that_grows_too_large_is_refused_as_well(gateway):
    async def pieces():
        for _ in range(40):
            yield b" " * 8192

    async with aiohttp.ClientSession() as http:
        try:
            async with http.post(
                f"http://127.0.0.1:{gateway.port}/session", data=pieces(), headers={"Content-Type": "application/json"}
            ) as answer:
                assert answer.status == 413 and "262144" in (await answer.json())["error"]
        except aiohttp.ClientConnectionError:
            pytest.fail("the answer was lost")
