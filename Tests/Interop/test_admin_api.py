"""The operator looks at calls and steers them, over a port and with a key of his own."""

import json

import aiohttp
import pytest
import pytest_asyncio

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import Gateway, answers, free_port
from test_http_description import schemathesis

KEY = "the-operators-key"


class Operator:
    def __init__(self, port: int, key: str | None = KEY) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def asks(self, method: str, path: str, body: dict | None = None) -> tuple[int, dict | None]:
        async with aiohttp.ClientSession(headers=self.headers) as http:
            async with http.request(method, self.url + path, json=body) as answer:
                return answer.status, await answer.json() if answer.status != 204 else None


@pytest_asyncio.fixture
async def gateway(programs):
    port = free_port()
    gateway = await programs(Gateway(ADMIN_API_KEY=KEY, ADMIN_PORT=port, THREADS=2, RESUME_GRACE_SECONDS=10))
    await answers(gateway, port)
    gateway.operator = Operator(port)
    return gateway


async def test_calls_are_listed_shown_steered_and_ended(gateway):
    operator = gateway.operator
    assert await operator.asks("GET", "/admin/calls") == (
        200, {"calls": [], "next": None, "total": 0, "draining": False, "scope": "process", "silent": []})
    async with VoiceClient(gateway.url, room="a", identity="ann") as ann:
        await ann.event("session")
        async with VoiceClient(gateway.url, room="b", identity="ben") as ben:
            await ben.event("session")
            status, first = await operator.asks("GET", "/admin/calls?limit=1")
            assert [call["identity"] for call in first["calls"]] == ["ann"] and first["total"] == 2
            status, second = await operator.asks("GET", f"/admin/calls?limit=1&after={first['next']}")
            assert [call["identity"] for call in second["calls"]] == ["ben"] and second["next"] is None
            status, found = await operator.asks("GET", "/admin/calls?room=b")
            assert [call["room"] for call in found["calls"]] == ["b"]
        assert (await operator.asks("GET", "/admin/calls?limit=0"))[0] == 400

        await says_it_back(ann)
        identifier = (await ann.event("session"))["id"]
        status, call = await operator.asks("GET", f"/admin/calls/{identifier}")
        assert status == 200 and call["state"] == "agent_present" and call["address"] == "127.0.0.1"
        assert call["agent_state"] in ("listening", "thinking", "speaking") and len(call["agents"]) == 1
        assert call["up"]["sound_ms"] > 1000 and call["down"]["packets"] > 50 and call["replies"] >= 1

        seen = len(ann.events)
        assert await operator.asks("POST", f"/admin/calls/{identifier}/text", {"text": "a refund"}) == (204, None)
        await ann.until(lambda: any("a refund" in json.dumps(event) for event in ann.events[seen:]), what="the text")
        assert (await operator.asks("POST", f"/admin/calls/{identifier}/text", {"text": ""}))[0] == 400
        assert await operator.asks("POST", f"/admin/calls/{identifier}/interrupt") == (204, None)
        await ann.event("interrupted", after=seen)

        assert await operator.asks("DELETE", f"/admin/calls/{identifier}") == (204, None)
        assert (await ann.event("closing"))["reason"] == "removed"
        assert await ann.closed() == 4403
    assert "reason=removed" in await gateway.says('detail="the operator has ended the call"')
    assert (await operator.asks("GET", f"/admin/calls/{identifier}"))[0] == 404
    assert (await operator.asks("DELETE", f"/admin/calls/{identifier}"))[0] == 404


async def test_the_operator_drains_changes_his_mind_and_turns_the_log_up(gateway):
    operator = gateway.operator
    clients = Operator(gateway.port, key=None)
    async with VoiceClient(gateway.url, identity="ann", agent="") as ann:
        await ann.event("session")
        assert await operator.asks("POST", "/admin/drain") == (200, {"draining": True, "calls": 1})
        assert (await clients.asks("GET", "/health/ready"))[0] == 503
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await http.ws_connect(gateway.url)
        assert refusal.value.status == 503
        assert await operator.asks("POST", "/admin/undrain") == (200, {"draining": False, "calls": 1})
        assert (await clients.asks("GET", "/health/ready"))[0] == 200
        async with VoiceClient(gateway.url, identity="ben", agent="") as ben:
            await ben.event("session")
    assert await operator.asks("GET", "/admin/log-level") == (200, {"level": "info"})
    assert await operator.asks("PUT", "/admin/log-level", {"level": "debug"}) == (200, {"level": "debug"})
    await gateway.says("level=debug")
    assert (await operator.asks("PUT", "/admin/log-level", {"level": "loud"}))[0] == 400


async def test_refusals_and_the_process_are_counted(gateway):
    async with VoiceClient(gateway.url, sample_rate=7) as wrong:
        assert await wrong.closed() == 4400
    async with VoiceClient(gateway.url, session="0." + "a" * 32) as late:
        assert await late.closed() == 4410
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{gateway.operator.url}/metrics") as answer:
            text = await answer.text()
    for line in (
        'voicegateway_refusals_total{reason="parameter"} 1', 'voicegateway_refusals_total{reason="session_expired"} 1',
        'voicegateway_build_info{version="', "process_resident_memory_bytes ", "process_cpu_seconds_total "):
        assert line in text, line


async def test_nobody_else_may_and_clients_do_not_find_it_at_their_port(gateway):
    port = int(gateway.operator.url.rsplit(":", 1)[1])
    assert (await Operator(port, key=None).asks("GET", "/admin/calls"))[0] == 401
    assert (await Operator(port, key="another").asks("POST", "/admin/drain"))[0] == 403
    assert (await gateway.operator.asks("GET", "/v1/livekit/status"))[0] == 404
    assert (await Operator(gateway.port).asks("GET", "/admin/calls"))[0] == 404
    assert "/admin/calls" not in (await Operator(gateway.port).asks("GET", "/openapi.json"))[1]["paths"]


async def test_the_description_of_the_operators_port_is_true(gateway):
    url = gateway.operator.url
    code, output = await schemathesis(
        f"{url}/openapi.json", "--header", f"Authorization: Bearer {KEY}", "--include-path-regex", "^/admin",
        "--max-examples", "4")
    assert code == 0, output
    document = (await gateway.operator.asks("GET", "/openapi.json"))[1]
    assert document["components"]["securitySchemes"]["AdminKey"]["scheme"] == "bearer"
    assert document["paths"]["/admin/calls/{id}"]["get"]["security"] == [{"AdminKey": []}]
