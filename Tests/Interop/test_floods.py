"""Clients that send as much as they can of what costs a server most: a call beside them does not notice."""

import asyncio
import resource
import time

import aiohttp
import pytest
import pytest_asyncio

from support import floods
from support.beside import CallBeside
from support.client import VoiceClient
from support.processes import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway():
    program = await Gateway("--log-level", "warning").start()
    yield program
    await program.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parallel_call(gateway):
    async with CallBeside(gateway) as beside:
        yield beside


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def the_others_do_not_notice(request):
    if "gateway" not in request.fixturenames:
        yield
        return
    async with request.getfixturevalue("parallel_call").undisturbed():
        yield


def memory(gateway) -> int:
    """The gateway's memory in MiB."""
    with open(f"/proc/{gateway.process.pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20


@pytest.mark.parametrize("path, status", [("/", b"413"), ("/session", b"413"), ("/nowhere", b"413")])
async def test_a_body_in_chunks_of_one_byte_is_cut_short(gateway, parallel_call, path, status):
    async with floods.connection(gateway.port) as (reader, writer):
        head = floods.request(f"POST {path}", "Content-Type: application/json", "Transfer-Encoding: chunked")
        sending = asyncio.create_task(floods.send(writer, head + b"1\r\nx\r\n" * 300_000))
        assert (await reader.readuntil(b"\r\n")).split()[1] == status
        sending.cancel()


async def test_a_client_that_reads_late_gets_all_of_its_answers(gateway, parallel_call):
    wanted = 3000
    async with floods.connection(gateway.port) as (reader, writer):
        sending = asyncio.create_task(floods.send(writer, floods.request("GET /openapi.json") * wanted))
        await asyncio.sleep(1)
        assert await floods.count(reader, b"HTTP/1.1 200 OK\r\n", wanted) == wanted
        await sending


async def test_answers_that_nobody_reads_take_no_memory(gateway, parallel_call):
    before = memory(gateway)
    connections = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(40)]
    for _, writer in connections:
        writer.write(floods.request("GET /openapi.json") * 1300)
    # By the time that a newcomer is served, the others have been looked at.
    async with aiohttp.ClientSession() as http:
        for _ in range(20):
            async with http.get(f"http://127.0.0.1:{gateway.port}/health") as answer:
                assert answer.status == 200
    assert memory(gateway) < before + 40
    for _, writer in connections:
        writer.transport.abort()


async def test_many_small_requests_are_answered_beside_a_call(gateway, parallel_call):
    wanted = 5000
    async with floods.connection(gateway.port) as (reader, writer):
        sending = asyncio.create_task(floods.send(writer, floods.request("GET /health") * wanted))
        assert await floods.count(reader, b"HTTP/1.1 200 OK\r\n", wanted) == wanted
        await sending


FLOODS = {
    "frames of one byte": floods.frame(2, b"\0") * 100_000,
    "a message in frames of one byte": floods.frame(2, b"\0", final=False) + floods.frame(0, b"\0", final=False) * 100_000,
    "pings": floods.frame(9, b"\0") * 100_000,
    "small JSON messages": floods.frame(1, b'{"type":"ping"}') * 20_000,
}


@pytest.mark.parametrize("data", FLOODS.values(), ids=FLOODS.keys())
async def test_many_small_frames_are_taken_beside_a_call(gateway, parallel_call, data):
    reader, writer = await floods.upgrade(gateway.port)

    async def read():
        while await reader.read(1 << 20):
            pass

    reading = asyncio.create_task(read())
    # All is taken when the close frame behind it is answered.
    await floods.send(writer, data + floods.frame(8, b"\x03\xe8"))
    await asyncio.wait_for(reading, 30)
    writer.close()


async def newcomer(gateway):
    """Opens a connection: it and whether it is served. Who is refused gets an answer without a request, or is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(floods.request("GET /health"))
        line = await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        line = b""
    assert line == b"" or b" 200 " in line or b" 503 " in line
    return writer, b" 200 " in line


async def refused_after(gateway, most: int, at_once: int) -> list:
    """Opens connections, so many at once, until none of them is served."""
    connections = []
    while len(connections) < most:
        newcomers = await asyncio.gather(*[newcomer(gateway) for _ in range(at_once)])
        connections += [writer for writer, _ in newcomers]
        if not any(served for _, served in newcomers):
            return connections
    raise AssertionError(f"{most} connections were taken")


async def refusals(gateway) -> int:
    """The gateway's own count, as soon as it takes connections again."""
    deadline = time.monotonic() + 20
    while True:
        try:
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
                    answer.raise_for_status()
                    text = await answer.text()
            return int(text.split('voicegateway_refusals_total{reason="open_files"} ')[1].split()[0])
        except aiohttp.ClientError:
            assert time.monotonic() < deadline, "no connection is taken any more"
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("when", ["from the start", "later"])
async def test_without_descriptors_newcomers_are_refused_and_the_call_goes_on(when):
    program = Gateway("--log-level", "warning")
    if when == "from the start":
        program.command = ["prlimit", "--nofile=150:150", *program.command]
    gateway = await program.start()
    try:
        async with CallBeside(gateway) as beside:
            if when == "later":
                # Below what the gateway has reckoned with: not one descriptor is kept back.
                resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (100, 150))
            async with beside.undisturbed():
                connections = await refused_after(gateway, most=200, at_once=1)
                # All loops run out of descriptors at the same time.
                for _ in range(40):
                    connections += await refused_after(gateway, most=100, at_once=10)
            for writer in connections:
                writer.close()
            # Everything is as before, and the operator knows.
            assert await refusals(gateway) >= 401
            async with VoiceClient(gateway.url, agent="") as client:
                await client.event("session")
            said = [line for line in gateway.lines if "connections refused" in line]
            assert said and len(said) <= 3 and "open files" in said[0], said
    finally:
        await gateway.stop()
