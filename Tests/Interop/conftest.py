import pathlib
import sys

import pytest_asyncio

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.processes import Gateway, RoomServer, Worker  # noqa: E402


@pytest_asyncio.fixture
async def programs():
    """Starts programs that end with the test: `await programs(Gateway())`."""
    started = []

    async def start(program):
        started.append(program)
        return await program.start()

    yield start
    for program in reversed(started):
        await program.stop()


@pytest_asyncio.fixture
async def gateway(programs):
    return await programs(Gateway())


@pytest_asyncio.fixture
async def room_server(programs):
    return await programs(RoomServer())


@pytest_asyncio.fixture
async def agent_and_gateway(programs):
    """A gateway with the room server inside, and a livekit-agents worker registered there."""
    gateway = await programs(Gateway())
    await programs(Worker(gateway.room_url))
    return gateway
