"""Webhooks as a backend gets them that verifies them by LiveKit's own package."""

import asyncio
import json
import signal

import aiohttp
from aiohttp import web
from livekit import api

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, free_port


class Receiver:
    """A backend that answers as it is told to."""

    def __init__(self) -> None:
        self.status = 200
        # Body and token of what has come.
        self.taken: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    async def start(self) -> "Receiver":
        application = web.Application()
        application.router.add_post("/calls", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def _take(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "application/webhook+json"
        self.taken.append((await request.text(), request.headers["Authorization"]))
        self._news.set()
        return web.Response(status=self.status)

    async def asked(self) -> None:
        """Waits for the next request."""
        self._news.clear()
        await asyncio.wait_for(self._news.wait(), 20)

    async def stop(self) -> None:
        await self._runner.cleanup()


async def metric(gateway: Gateway, name: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
        return next(int(line.split()[-1]) for line in (await answer.text()).splitlines() if line.startswith(name + " "))


async def test_a_backend_learns_of_a_call_in_order_although_it_was_away_and_the_gateway_was_killed(
    programs, tmp_path
):
    receiver = await Receiver().start()
    settings = {"WEBHOOK_URL": f"{receiver.url}/calls?key=hidden", "WEBHOOK_SPOOL": tmp_path / "spool", "AGENT_NAME": "parrot"}
    gateway = await programs(Gateway(**settings))
    receiver.status = 503
    async with VoiceClient(gateway.url, identity="alice") as alice:
        await says_it_back(alice)
    await gateway.says('event="call ended"')
    await gateway.says("webhook not taken")
    while len(list((tmp_path / "spool").glob("*.webhook"))) < 2:
        await receiver.asked()
    gateway.signal(signal.SIGKILL)
    await gateway.ends()
    (tmp_path / "spool" / f"{7:020}.webhook").write_text("not an event")

    receiver.status = 200
    receiver.taken.clear()
    again = await programs(Gateway(**settings))
    while len(receiver.taken) < 2:
        await receiver.asked()
    verifier = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
    events = [verifier.receive(body, token) for body, token in receiver.taken]
    assert [event.event for event in events] == ["call.started", "call.ended"]
    assert {event.participant.identity for event in events} == {"alice"} and events[0].room.name == events[1].room.name
    assert events[0].id != events[1].id and events[1].created_at >= events[0].created_at > 1_700_000_000
    started, ended = [json.loads(body)["call"] for body, _ in receiver.taken]
    assert started["session"] == ended["session"] and started["joined_ms"] == ended["joined_ms"] >= 0
    assert ended["reason"] == "client_hung_up" and ended["replies"] >= 1 and ended["up_packets"] > 0
    assert await metric(again, 'voicegateway_webhooks_total{result="damaged"}') == 1
    await gone(again, tmp_path)
    await receiver.stop()
    assert "hidden" not in "\n".join(gateway.lines + again.lines)


async def gone(gateway: Gateway, folder) -> None:
    """Nothing is kept that has arrived."""
    gateway.signal(signal.SIGTERM)
    assert await gateway.ends() == 0
    assert [path.name for path in (folder / "spool").glob("*webhook*")] == [f"{7:020}.webhook.damaged"]
