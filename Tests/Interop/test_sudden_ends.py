"""What each side sees when another one is killed without a word (kill -9)."""

import asyncio
import signal
import sys

import pytest

from support.client import VoiceClient
from support.processes import Gateway, Program, RoomServer, Worker
from test_gateway_clients import Participant, client


async def test_when_a_client_is_killed_the_others_see_its_participant_leave(gateway, programs):
    async with Participant(gateway.room_url, "sdk", True) as sdk:
        gone = asyncio.Event()
        sdk.room.on("participant_disconnected", lambda who: who.identity == "doomed" and gone.set())
        here = asyncio.Event()
        sdk.room.on("participant_connected", lambda who: who.identity == "doomed" and here.set())
        doomed = await programs(
            Program(
                sys.executable,
                "-c",
                "import asyncio, aiohttp\n"
                "async def main():\n"
                "    async with aiohttp.ClientSession() as http:\n"
                f"        socket = await http.ws_connect('{gateway.url}?room=meeting&identity=doomed&agent=')\n"
                "        print(await socket.receive_str(), flush=True)\n"
                "        await socket.receive()\n"
                "        await asyncio.sleep(60)\n"
                "asyncio.run(main())",
            )
        )
        await asyncio.wait_for(here.wait(), 15)
        doomed.signal(signal.SIGKILL)
        await asyncio.wait_for(gone.wait(), 5)


async def test_when_the_agent_worker_is_killed_the_caller_is_told(programs):
    gateway = await programs(Gateway())
    worker = await programs(Worker(gateway.room_url))
    async with VoiceClient(gateway.url, identity="alice") as caller:
        await caller.event("agent_joined", within=30)
        worker.signal(signal.SIGKILL)
        left = await caller.event("agent_left", within=40)
        assert left["reason"]


async def test_when_the_room_server_is_killed_the_caller_is_told_and_the_gateway_lives_on(programs):
    server = await programs(RoomServer())
    gateway = await programs(
        Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET="secret")
    )
    async with client(gateway, "alice") as caller:
        await caller.event("session")
        server.signal(signal.SIGKILL)
        error = await caller.event("error", within=60)
        assert error["code"] == "room_lost", error
        await caller.closed(within=10)
    again = await programs(RoomServer(port=server.port))
    async with client(gateway, "alice") as caller:
        await caller.event("session", within=20)
    assert again.process.returncode is None and gateway.process.returncode is None


async def test_a_caller_whose_agent_never_comes_is_told_why(programs):
    server = await programs(RoomServer("--no-parrot"))
    gateway = await programs(
        Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET="secret")
    )
    async with VoiceClient(gateway.url, identity="alice", agent="nobody-registered-this") as caller:
        error = await caller.event("error", within=20)
        assert error["code"] == "agent_timeout"
        assert "nobody-registered-this" in error["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_gateway_that_is_asked_to_stop_tells_its_clients_and_exits_with_0(programs, number):
    gateway = await programs(Gateway())
    async with client(gateway, "alice") as caller:
        await caller.event("session")
        gateway.signal(number)
        await caller.event("closing", within=5)
        assert await caller.closed(within=10) == 1001
        assert await gateway.ends() == 0
