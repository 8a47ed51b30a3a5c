"""Calls to the server API over HTTP/2: nginx from Debian in front of the room server, which itself speaks HTTP/1.1."""

import asyncio
import signal

import pytest

from support.client import VoiceClient
from support.nginx import Nginx
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway

DISPATCH = "AgentDispatchService/CreateDispatch"
CLIENTS = 8


def gateway(nginx: Nginx, port: int | None = None, threads: int = 1) -> Gateway:
    return Gateway(
        LIVEKIT_URL=f"wss://localhost:{port or nginx.port}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET,
        LIVEKIT_CA_FILE=nginx.authority, THREADS=threads)


async def gets_an_agent(one: Gateway, identity: str = "alice") -> None:
    """A caller whose agent comes; without it there would be an error."""
    async with VoiceClient(one.url, identity=identity) as caller:
        await caller.event("agent_state", state="listening", within=60)
        assert not [event for event in caller.events if event["type"] == "error"], caller.events


async def many_get_agents(one: Gateway) -> None:
    await asyncio.gather(*(gets_an_agent(one, f"caller-{number}") for number in range(CLIENTS)))


async def test_many_dispatches_at_the_same_time_share_one_connection(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port))
    one = await programs(gateway(nginx))
    await many_get_agents(one)
    calls = await nginx.logged(DISPATCH, CLIENTS)
    assert len(calls) == CLIENTS, calls
    assert {call.version for call in calls} == {"HTTP/2.0"} and {call.status for call in calls} == {200}, calls
    assert len({call.connection for call in calls}) == 1, calls
    # The sockets of the same callers each have a connection of their own, over HTTP/1.1.
    sockets = await nginx.logged("/rtc/v1?", CLIENTS)
    assert {(call.version, call.status) for call in sockets} == {("HTTP/1.1", 101)}, sockets
    assert len({call.connection for call in sockets}) == CLIENTS, sockets


async def test_each_thread_has_one_connection_of_its_own(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port))
    one = await programs(gateway(nginx, threads=2))
    await many_get_agents(one)
    calls = await nginx.logged(DISPATCH, CLIENTS)
    assert len({call.connection for call in calls}) <= 2, calls


async def test_a_proxy_that_speaks_only_http_1_works_as_well(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port, http2=False))
    one = await programs(gateway(nginx))
    async with VoiceClient(one.url, identity="alice") as alice:
        await says_it_back(alice)
    await many_get_agents(one)
    calls = await nginx.logged(DISPATCH, CLIENTS + 1)
    assert {(call.version, call.status) for call in calls} == {("HTTP/1.1", 200)}, calls


async def test_calls_wait_in_line_where_the_server_takes_one_at_a_time(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port, more="http2_max_concurrent_streams 1;"))
    one = await programs(gateway(nginx))
    await many_get_agents(one)
    calls = await nginx.logged(DISPATCH, CLIENTS)
    # Those that the server refused before it had said how many it takes are in the log with another status.
    assert [call.status for call in calls].count(200) == CLIENTS, calls
    assert len({call.connection for call in calls}) == 1, calls


async def test_a_server_that_says_goodbye_after_a_few_calls_loses_none(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port, more="keepalive_requests 3;"))
    one = await programs(gateway(nginx))
    await many_get_agents(one)
    calls = await nginx.logged(DISPATCH, CLIENTS)
    assert len(calls) == CLIENTS and {(call.version, call.status) for call in calls} == {("HTTP/2.0", 200)}, calls
    assert len({call.connection for call in calls}) >= 2, calls


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
async def test_a_restart_between_calls_is_survived(programs, room_server, tmp_path, number):
    nginx = await programs(Nginx(tmp_path, room_server.port))
    one = await programs(gateway(nginx))
    await gets_an_agent(one)
    nginx.signal(number)
    await nginx.ends()
    await nginx.start()
    await gets_an_agent(one)
    calls = await nginx.logged(DISPATCH, 2)
    assert [(call.version, call.status) for call in calls] == [("HTTP/2.0", 200)] * 2, calls


class FlightCounter:
    """A TCP proxy that notes for each connection which way bytes went."""

    def __init__(self, target: int) -> None:
        self.target = target
        #: For each connection "up" and "down" by turns.
        self.flights: list[list[str]] = []
        self.open: set[int] = set()
        self._tasks: list[asyncio.Task] = []

    async def start(self) -> "FlightCounter":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _accept(self, reader, writer) -> None:
        index = len(self.flights)
        self.flights.append([])
        self.open.add(index)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._tasks += [
            asyncio.create_task(self._pump(reader, far_writer, "up", index)),
            asyncio.create_task(self._pump(far_reader, writer, "down", index)),
        ]

    async def _pump(self, source, sink, way: str, index: int) -> None:
        try:
            while data := await source.read(65_536):
                if self.flights[index][-1:] != [way]:
                    self.flights[index].append(way)
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        self.open.discard(index)
        sink.close()

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_a_dispatch_on_a_warm_connection_costs_one_round_trip(programs, room_server, tmp_path):
    nginx = await programs(Nginx(tmp_path, room_server.port))
    counter = await programs(FlightCounter(nginx.port))
    one = await programs(gateway(nginx, port=counter.port))
    # The second ends what the first may have left open, an acknowledgement on its way for example.
    for _ in range(2):
        await gets_an_agent(one)
    await nginx.logged("/rtc/v1?", 2)
    # What stays open when the callers have gone is the connection for the API.
    deadline = asyncio.get_running_loop().time() + 10
    while len(counter.open) > 1:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)
    [api] = counter.open
    counter.flights[api].clear()
    await gets_an_agent(one)
    assert counter.flights[api] == ["up", "down"]
    calls = await nginx.logged(DISPATCH, 3)
    # The first request asked whether the room server is there.
    assert [call.number for call in calls] == [2, 3, 4] and {call.version for call in calls} == {"HTTP/2.0"}, calls


async def test_an_authority_that_did_not_sign_the_certificate_is_named_as_the_reason(programs, room_server, tmp_path):
    (tmp_path / "other").mkdir()
    nginx = await programs(Nginx(tmp_path, room_server.port))
    other = Nginx(tmp_path / "other", room_server.port)
    nginx.authority = other.authority
    one = await programs(gateway(nginx))
    async with VoiceClient(one.url, identity="alice") as alice:
        error = await alice.event("error", within=20)
    assert error["blame"] == "operator" and not error["retry"], error
    assert "the certificate was rejected" in error["message"] and "localhost" not in error["message"], error
