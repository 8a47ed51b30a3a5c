"""What each side sees when another one is killed without a word (kill -9)."""

import asyncio
import signal
import sys

import pytest

from support.client import VoiceClient
from support.processes import Gateway, Program, RoomServer, Worker
from test_gateway_clients import Participant, client


def doomed_client(url: str, identity: str) -> Program:
    """A client in a process of its own, that can be killed."""
    return Program(
        sys.executable,
        "-c",
        "import asyncio, aiohttp\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as http:\n"
        f"        socket = await http.ws_connect('{url}?room=meeting&identity={identity}&agent=')\n"
        "        print(await socket.receive_str(), flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())",
    )


async def test_when_a_client_is_killed_its_participant_leaves_within_100_ms(gateway, programs):
    """From the kill to the news at another participant. A busy machine delays single runs: the quickest of five
    tells what the gateway needs, and every one must come."""
    async with Participant(gateway.room_url, "sdk", True) as sdk:
        clock = asyncio.get_running_loop()
        here: dict[str, asyncio.Future] = {}
        gone: dict[str, asyncio.Future] = {}

        def note(who, news: dict[str, asyncio.Future]) -> None:
            if who.identity in news and not news[who.identity].done():
                news[who.identity].set_result(clock.time())

        sdk.room.on("participant_connected", lambda who: note(who, here))
        sdk.room.on("participant_disconnected", lambda who: note(who, gone))
        took = []
        for number in range(5):
            identity = f"doomed-{number}"
            here[identity], gone[identity] = clock.create_future(), clock.create_future()
            doomed = await programs(doomed_client(gateway.url, identity))
            await asyncio.wait_for(here[identity], 15)
            killed = clock.time()
            doomed.signal(signal.SIGKILL)
            took.append(await asyncio.wait_for(gone[identity], 5) - killed)
        print("participants left after", [f"{seconds * 1000:.0f} ms" for seconds in took])
        assert min(took) <= 0.1, took
    line = await gateway.says("reason=client_connection_lost")
    assert "call ended" in line and "room=meeting" in line and "identity=" in line and "session=S_" in line


async def test_when_the_agent_worker_is_killed_the_caller_is_told(programs):
    gateway = await programs(Gateway())
    worker = await programs(Worker(gateway.room_url))
    async with VoiceClient(gateway.url, identity="alice") as caller:
        await caller.event("agent_joined", within=30)
        worker.signal(signal.SIGKILL)
        left = await caller.event("agent_left", within=40)
        assert left["reason"]


async def test_when_the_room_server_is_killed_and_started_again_the_call_goes_on(programs):
    """One that stays away ends the call after ten attempts: ConnectionMachineTests has that in virtual time."""
    server = await programs(RoomServer())
    gateway = await programs(
        Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY="devkey", LIVEKIT_API_SECRET="secret")
    )
    async with client(gateway, "alice") as caller:
        await caller.event("session")
        server.signal(signal.SIGKILL)
        again = await programs(RoomServer(port=server.port))
        async with Participant(again.url, "sdk", True) as sdk:
            async with asyncio.timeout(30):
                while "alice" not in sdk.room.remote_participants:
                    await asyncio.sleep(0.05)
        async with client(gateway, "bob") as other:
            await other.event("session", within=20)
        assert not [event for event in caller.events if event["type"] in ("error", "closing")]
    assert again.process.returncode is None and gateway.process.returncode is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_gateway_that_is_asked_to_stop_tells_its_clients_and_exits_with_0(programs, number):
    gateway = await programs(Gateway())
    async with client(gateway, "alice") as caller:
        await caller.event("session")
        gateway.signal(number)
        await caller.event("closing", within=5)
        assert await caller.closed(within=10) == 1001
        assert await gateway.ends() == 0
