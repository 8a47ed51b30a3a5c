"""One operator for all gateways of a fleet, by Debian's redis-server over TLS: any gateway lists, shows, steers and ends the calls
of all, and drains the others."""

import asyncio
import json
import signal
import subprocess

import aiohttp
import pytest_asyncio

from support.client import VoiceClient
from support.nginx import Certificates
from support.parrot import says_it_back
from support.processes import GATEWAY, KEY, SECRET, Gateway, Program, answers, free_port

OPERATOR = "the-operators-key"
# What docs/operating.md says that a user of Redis needs.
RIGHTS = "~voicegateway:* &voicegateway:* +@scripting +@connection +@sortedset +@hash +@pubsub +@keyspace +time"


class Redis(Program):
    """A redis-server that speaks TLS and nothing else."""

    def __init__(self, folder, port: int) -> None:
        self.folder, self.port = folder, port
        super().__init__(
            "redis-server", "--port", 0, "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder,
            "--tls-cert-file", folder / "redis.pem", "--tls-key-file", folder / "redis.key",
            "--tls-auth-clients", "no", "--user", "gateway", "on", ">pass", *RIGHTS.split())

    def runs(self, *words) -> str:
        run = subprocess.run(
            ["redis-cli", "--tls", "--cacert", str(self.folder / "authority.pem"), "-h", "localhost", "-p", str(self.port),
             *words],
            capture_output=True, check=True)
        return run.stdout.decode().strip()


async def asks(gateway: Gateway, method: str, path: str, body: dict | None = None) -> tuple[int, dict | None]:
    """What the operator's API of a gateway answers."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {OPERATOR}"}) as http:
        url = f"http://127.0.0.1:{gateway.port}/admin{path}"
        async with http.request(method, url, json=body) as answer:
            return answer.status, await answer.json() if answer.status != 204 else None


async def gateways(gateway: Gateway, condition) -> dict:
    """The list of gateways, as soon as it is as it should be."""
    async with asyncio.timeout(20):
        while True:
            _, found = await asks(gateway, "GET", "/gateways")
            if condition(found):
                return found
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def fleet(programs, room_server, tmp_path):
    """A Redis and two gateways that know each other."""
    Certificates(tmp_path).make("redis", "localhost")
    redis = await programs(Redis(tmp_path, free_port()))
    await answers(redis, redis.port)
    settings = {
        "LIVEKIT_URL": room_server.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "AGENT_NAME": "parrot",
        "ADMIN_API_KEY": OPERATOR, "REDIS_URL": f"rediss://gateway:pass@localhost:{redis.port}", "RESUME_GRACE_SECONDS": 20,
        "DUPLICATE_IDENTITY": "refuse", "SSL_CERT_FILE": tmp_path / "authority.pem",
    }
    one, other = await programs(Gateway(**settings)), await programs(Gateway(**settings))
    await gateways(one, lambda found: len(found["gateways"]) == 2)
    await gateways(other, lambda found: len(found["gateways"]) == 2)
    return redis, one, other


async def test_any_gateway_lists_shows_steers_and_ends_the_calls_of_all(fleet):
    redis, one, other = fleet
    async with VoiceClient(one.url, room="a", identity="ann") as ann, VoiceClient(other.url, room="b", identity="ben") as ben:
        await ann.event("session")
        identifier = (await ben.event("session"))["id"]
        await ben.event("agent_state", state="listening")
        status, whole = await asks(one, "GET", "/calls")
        assert status == 200 and whole["scope"] == "fleet" and whole["silent"] == [] and whole["total"] == 2
        assert {call["identity"] for call in whole["calls"]} == {"ann", "ben"} and whole["next"] is None
        assert len({call["gateway"] for call in whole["calls"]}) == 2
        _, first = await asks(one, "GET", "/calls?limit=1")
        _, second = await asks(other, "GET", f"/calls?limit=1&after={first['next']}")
        assert [call["identity"] for call in first["calls"] + second["calls"]] == [
            call["identity"] for call in whole["calls"]]
        _, found = await asks(one, "GET", "/calls?room=b")
        assert [call["identity"] for call in found["calls"]] == ["ben"]
        _, there = await asks(one, "GET", f"/calls?gateway={found['calls'][0]['gateway']}")
        assert [call["identity"] for call in there["calls"]] == ["ben"]

        status, call = await asks(one, "GET", f"/calls/{identifier}")
        assert status == 200 and call["state"] == "agent_present" and call["room"] == "b"
        seen = len(ben.events)
        assert await asks(one, "POST", f"/calls/{identifier}/text", {"text": "a refund"}) == (204, None)
        await ben.until(lambda: any("a refund" in json.dumps(event) for event in ben.events[seen:]), what="the text")
        assert await asks(one, "POST", f"/calls/{identifier}/interrupt") == (204, None)
        await ben.event("interrupted", after=seen)
        process = await asyncio.create_subprocess_exec(
            str(GATEWAY), "top", "--once", "--url", f"http://127.0.0.1:{one.port}", stdout=asyncio.subprocess.PIPE,
            env={"ADMIN_API_KEY": OPERATOR}, cwd="/tmp")
        shown, _ = await asyncio.wait_for(process.communicate(), 20)
        assert "ann" in shown.decode() and "ben" in shown.decode()

        assert await asks(one, "DELETE", f"/calls/{identifier}") == (204, None)
        assert (await ben.event("closing"))["reason"] == "removed"
        assert (await asks(one, "GET", f"/calls/{identifier}"))[0] == 404
    # Nobody who reads along in Redis has learnt who calls.
    assert "ann" not in redis.runs("--scan")


async def test_a_gateway_is_drained_by_another_and_a_call_that_moves_is_counted_where_it_goes(fleet):
    redis, one, other = fleet
    found = await gateways(one, lambda _: True)
    mine, others = (gateway["id"] for gateway in found["gateways"])
    assert found["scope"] == "fleet" and not found["gateways"][1]["draining"]
    assert await asks(one, "POST", f"/gateways/{others}/drain") == (200, {"draining": True, "calls": 0})
    assert "draining by the operator" in await other.says("draining by the operator")
    assert (await gateways(one, lambda _: True))["gateways"][1]["draining"]
    assert await asks(one, "POST", f"/gateways/{others}/undrain") == (200, {"draining": False, "calls": 0})
    assert (await asks(one, "POST", "/gateways/nobody/drain"))[0] == 404

    async with VoiceClient(one.url, room="a", identity="ann") as ann:
        token = (await ann.event("session"))["resume_token"]
        await ann.event("agent_state", state="listening")
        (field,) = redis.runs("HKEYS", f"voicegateway:held:{mine}").split()
        async with VoiceClient(other.url, session=token) as again:
            assert (await again.event("session"))["resumed"]
            async with asyncio.timeout(20):
                while redis.runs("HKEYS", f"voicegateway:held:{mine}"):
                    await asyncio.sleep(0.05)
            assert redis.runs("HGETALL", f"voicegateway:held:{others}").split() == [field, "1"]


async def test_a_dead_gateway_is_named_and_forgotten_and_without_redis_each_lists_its_own(fleet):
    redis, one, other = fleet
    dead = (await gateways(one, lambda _: True))["gateways"][1]["id"]
    async with VoiceClient(one.url, room="a", identity="ann") as ann:
        await ann.event("session")
        other.signal(signal.SIGKILL)
        await other.ends()
        found = await gateways(one, lambda found: found["silent"])
        assert found["silent"] == [dead] and len(found["gateways"]) == 1 and found["scope"] == "fleet"
        assert (await asks(one, "GET", "/calls/nobody"))[0] == 503
        assert (await asks(one, "POST", f"/gateways/{dead}/drain"))[0] == 503
        # Its lease is over now.
        redis.runs("ZADD", "voicegateway:gateways", "1", dead)
        assert (await gateways(one, lambda found: not found["silent"]))["scope"] == "fleet"
        assert (await asks(one, "GET", "/calls/nobody"))[0] == 404

        redis.signal(signal.SIGTERM)
        await redis.ends()
        await one.says("Redis is away")
        _, found = await asks(one, "GET", "/calls")
        assert [call["identity"] for call in found["calls"]] == ["ann"] and found["scope"] == "process"
        await says_it_back(ann)
        async with aiohttp.ClientSession() as http:
            async with http.get(f"http://127.0.0.1:{one.port}/metrics") as answer:
                text = await answer.text()
        away = next(line for line in text.splitlines() if line.startswith('voicegateway_fleet_questions_total{outcome="away"}'))
        assert int(away.split()[-1]) >= 1
    assert sum("Redis is away" in line for line in one.lines) == 1
