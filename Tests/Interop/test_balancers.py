"""Two gateways behind nginx and behind HAProxy, as deploy/ configures them, while one after the other is deployed anew."""

import asyncio
import signal
import ssl

import aiohttp
import pytest

from support.balancers import HAProxyBalancer, NginxBalancer
from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import Gateway
from test_draining import DEPLOYMENT, get


@pytest.mark.parametrize("kind", [NginxBalancer, HAProxyBalancer])
async def test_while_gateways_drain_one_after_the_other_calls_go_on_and_no_new_one_is_refused(programs, room_server, tmp_path, kind):
    settings = {
        "LIVEKIT_URL": room_server.url, **DEPLOYMENT, "TRUSTED_PROXIES": "127.0.0.1", "DRAIN_NOTICE": 0,
        "DRAIN_SECONDS": 60}
    gateways = [await programs(Gateway(**settings)) for _ in range(2)]
    balancer = await programs(kind(tmp_path, *(gateway.port for gateway in gateways)))
    trusted = ssl.create_default_context(cafile=balancer.authority)

    def caller(identity: str, **parameters) -> VoiceClient:
        return VoiceClient(balancer.url, trusted, identity=identity, **parameters)

    async def calls(identity: str) -> None:
        async with caller(identity, agent="") as new:
            await new.event("session")

    async with caller("old") as old:
        await old.event("session")
        [leaving] = [gateway for gateway in gateways if get(gateway, "/health")[1]["calls"] == 1]
        [staying] = [gateway for gateway in gateways if gateway is not leaving]
        leaving.signal(signal.SIGTERM)
        await leaving.says("draining")

        # At once, before any health check has looked.
        await asyncio.gather(*(calls(f"new-{number}") for number in range(8)))
        async with caller("later", agent="") as later:
            await later.event("session")
            assert get(staying, "/health")[1]["calls"] == 1
            await says_it_back(old)
            assert leaving.process.returncode is None and get(leaving, "/health")[1]["calls"] == 1
    assert await leaving.ends() == 0

    # The process is gone, and its address with it.
    async with caller("last", agent="") as last:
        await last.event("session")
        assert get(staying, "/health")[1]["calls"] == 1

        # Then it is the other one's turn: as soon as the successor runs, or, with a proxy that checks, is known to.
        successor = Gateway(**settings)
        successor.command[successor.command.index("--port") + 1] = str(leaving.port)
        successor.port = leaving.port
        await programs(successor)
        for number in range(100 if balancer.checks else 0):
            async with caller(f"early-{number}", agent="") as early:
                await early.event("session")
                if get(successor, "/health")[1]["calls"] == 1:
                    break
            await asyncio.sleep(0.2)
        staying.signal(signal.SIGTERM)
        await staying.says("draining")
        await asyncio.gather(*(calls(f"then-{number}") for number in range(8)))
        assert get(staying, "/health")[1]["calls"] == 1
    async with aiohttp.ClientSession() as http:
        for path in ("/metrics", "/health"):
            async with http.get(f"https://localhost:{balancer.port}{path}", ssl=trusted) as answer:
                assert answer.status == 404
        async with http.post(f"https://localhost:{balancer.port}/session", ssl=trusted, json={"userIdentity": "ann"}) as answer:
            assert (await answer.json())["websocketUrl"].startswith(f"wss://localhost:{balancer.port}/")


@pytest.mark.parametrize("kind", [NginxBalancer, HAProxyBalancer])
async def test_all_calls_of_a_gateway_that_goes_move_to_the_other_one(programs, room_server, tmp_path, kind):
    settings = {
        "LIVEKIT_URL": room_server.url, **DEPLOYMENT, "TRUSTED_PROXIES": "127.0.0.1", "DRAIN_NOTICE": 0,
        "DRAIN_SECONDS": 60, "RESUME_GRACE_SECONDS": 10}
    gateways = [await programs(Gateway(**settings)) for _ in range(2)]
    balancer = await programs(kind(tmp_path, *(gateway.port for gateway in gateways)))
    trusted = ssl.create_default_context(cafile=balancer.authority)
    leaving, staying = gateways
    moving = []

    async def call(number: int) -> None:
        async with VoiceClient(balancer.url, trusted, identity=f"caller-{number}", agent="") as client:
            first = await client.event("session")
            arrived.release()
            while client.close_code is None and not over.is_set():
                await asyncio.sleep(0.05)
                if not (move := next((event for event in client.events if event["type"] == "move"), None)):
                    continue
                moving.append(number)
                async with VoiceClient(balancer.url, trusted, session=move["resume_token"]) as again:
                    assert (await again.event("session"))["id"] == first["id"]
                    assert (await client.event("closing"))["reason"] == "moved"
                    moved.release()
                    await over.wait()

    arrived, moved, over = asyncio.Semaphore(0), asyncio.Semaphore(0), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            tasks.create_task(call(number))
        for _ in range(12):
            await arrived.acquire()
        held = get(leaving, "/health")[1]["calls"]
        assert held > 0
        leaving.signal(signal.SIGTERM)
        for _ in range(held):
            await moved.acquire()
        assert await leaving.ends() == 0
        assert len(moving) == held and get(staying, "/health")[1]["calls"] == 12
        over.set()
