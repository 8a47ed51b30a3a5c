"""Runs the suite's cases against a WebSocket server, or client, that sends every message back, and compares with what is
expected of it."""

import argparse
import asyncio
import collections
import pathlib
import re
import sys
import time

import handshake
import suite
from peer import Peer

HERE = pathlib.Path(__file__).parent
HEAD = f"""# What each case of the Autobahn test suite {suite.VERSION} finds: its behaviour, and how the connection ends.
# Written by scripts/websocket-conformance --update. Groups 12 and 13 need permessage-deflate, which is not spoken.
"""


async def run_all(cases, run_one):
    """Results by number. Cases about size and speed run one after the other, the others side by side."""
    results = {}
    many, one = asyncio.Semaphore(24), asyncio.Semaphore(1)

    async def run(number, case):
        async with one if number.startswith("9.") else many:
            began = time.monotonic()
            done = await run_one(number, case)
            results[number] = (done.behavior, done.behaviorClose, done.result, done.resultClose, time.monotonic() - began)

    await asyncio.gather(*(run(number, case) for number, case in cases))
    return {number: results[number] for number, _ in cases}


async def against_a_server(cases, port, path):
    return await run_all(
        cases, lambda number, case: Peer(isServer=False).run(case, handshake.connect("127.0.0.1", port, path)))


async def against_a_client(cases, tell):
    """The client is told the addresses to connect to, one a line; the path of each is the number of a case."""
    waiting = {}

    async def arrived(reader, writer):
        number = (await handshake.accept(reader, writer)).strip("/")
        waiting.pop(number).set_result((reader, writer))

    server = await asyncio.start_server(arrived, "127.0.0.1", 0, limit=handshake.LIMIT)
    port = server.sockets[0].getsockname()[1]

    async def run_one(number, case):
        waiting[number] = opening = asyncio.get_running_loop().create_future()
        tell(f"connect ws://127.0.0.1:{port}/{number}\n")
        return await Peer(isServer=True).run(case, asyncio.wait_for(opening, 20))

    async with server:
        return await run_all(cases, run_one)


async def start(program):
    """Starts the probe; its process and the port of its server."""
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    line = (await process.stdout.readline()).decode()
    if not (found := re.fullmatch(r"listening (\d+)\n", line)):
        raise SystemExit(f"{program} does not listen: {line!r}")
    return process, int(found.group(1))


async def with_probe(program, role, cases):
    process, port = await start(program)
    reading = asyncio.create_task(process.stdout.read())
    try:
        if role == "server":
            return await against_a_server(cases, port, "/echo-large")
        return await against_a_client(cases, lambda line: process.stdin.write(line.encode()))
    finally:
        process.stdin.close()
        await process.wait()
        await reading


def judge(role, results, options):
    """Prints what was found, and whether it is what was expected."""
    found = {number: f"{number} {result[0]}, {result[1]}" for number, result in results.items()}
    counts = collections.Counter(line.split(" ", 1)[1] for line in found.values())
    print(f"{role}: {len(found)} cases: " + "; ".join(f"{count} × {kind}" for kind, count in counts.most_common()))
    path = HERE / f"expected-{role}.txt"
    if options.update:
        path.write_text(HEAD + "".join(line + "\n" for line in found.values()))
        return True
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    expected = {line.split()[0]: line for line in lines if re.match(options.cases, line)}
    different = [number for number in {**expected, **found} if expected.get(number) != found.get(number)]
    for number in different:
        print(f"  expected \"{expected.get(number)}\", found \"{found.get(number)}\"")
    for number, result in results.items():
        if options.verbose or number in different:
            print(f"  {number} ({result[4]:.1f} s): {result[2]} {result[3]}")
    return not different


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=pathlib.Path, required=True, help="the suite's source archive")
    parser.add_argument("--probe", help="a program that prints `listening PORT`, serves /echo-large, and takes `connect URL`")
    parser.add_argument("--port", type=int, help="in place of the probe's server: the port of another one on loopback")
    parser.add_argument("--path", default="/", help="and the path there")
    parser.add_argument("--role", choices=("server", "client"), help="which end of the probe is tested; both unless given")
    parser.add_argument("--cases", default="", help="a pattern that numbers must match at their beginning, such as 6.4")
    parser.add_argument("--update", action="store_true", help="write what is found as what is expected")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    cases = [case for case in suite.load(options.archive) if re.match(options.cases, case[0])]
    if options.port:
        results = await against_a_server(cases, options.port, options.path)
        return 0 if judge("server", results, options) else 1
    right = True
    for role in [options.role] if options.role else ["server", "client"]:
        right = judge(role, await with_probe(options.probe, role, cases), options) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
