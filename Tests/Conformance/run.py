"""Runs the suite's cases against a WebSocket server that sends every message back, and compares with `expected.txt`."""

import argparse
import asyncio
import collections
import pathlib
import re
import sys
import time

import peer
import suite

EXPECTED = pathlib.Path(__file__).parent / "expected.txt"
HEAD = f"""# What each case of the Autobahn test suite {suite.VERSION} finds: its behaviour, and how the connection ends.
# Written by scripts/websocket-conformance --update. Groups 12 and 13 need permessage-deflate, which is not spoken.
"""


async def run_all(cases, host, port, path):
    """Results by number. Cases about size and speed run one after the other, the others side by side."""
    results = {}
    many, one = asyncio.Semaphore(24), asyncio.Semaphore(1)

    async def run(number, case):
        async with one if number.startswith("9.") else many:
            began = time.monotonic()
            done = await peer.Peer(host, port, path).run(case)
            results[number] = (done.behavior, done.behaviorClose, done.result, done.resultClose, time.monotonic() - began)

    await asyncio.gather(*(run(number, case) for number, case in cases))
    return {number: results[number] for number, _ in cases}


async def probe(program):
    """Starts the echo server; its process and its port."""
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    line = (await process.stdout.readline()).decode()
    if not (found := re.fullmatch(r"listening (\d+)\n", line)):
        raise SystemExit(f"{program} does not listen: {line!r}")
    return process, int(found.group(1))


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=pathlib.Path, required=True, help="the suite's source archive")
    parser.add_argument("--probe", help="an echo server that prints `listening PORT`")
    parser.add_argument("--port", type=int, help="instead: the port of an echo server on loopback")
    parser.add_argument("--path", default="/echo-large")
    parser.add_argument("--cases", default="", help="a pattern that numbers must match at their beginning, such as 6.4")
    parser.add_argument("--update", action="store_true", help="write what is found as what is expected")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    cases = [case for case in suite.load(options.archive) if re.match(options.cases, case[0])]
    process, port = (None, options.port) if options.port else await probe(options.probe)
    began = time.monotonic()
    try:
        results = await run_all(cases, "127.0.0.1", port, options.path)
    finally:
        if process:
            process.stdin.close()
            await process.wait()
    found = {number: f"{number} {result[0]}, {result[1]}" for number, result in results.items()}
    counts = collections.Counter(line.split(" ", 1)[1] for line in found.values())
    print(f"{len(cases)} cases in {time.monotonic() - began:.0f} s: "
          + "; ".join(f"{count} × {kind}" for kind, count in counts.most_common()))
    if options.update:
        EXPECTED.write_text(HEAD + "".join(line + "\n" for line in found.values()))
        return 0
    lines = [line for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#")]
    expected = {line.split()[0]: line for line in lines if re.match(options.cases, line)}
    different = [number for number in {**expected, **found} if expected.get(number) != found.get(number)]
    for number in different:
        print(f"{number}: expected \"{expected.get(number)}\", found \"{found.get(number)}\"")
    for number, result in results.items():
        if options.verbose or number in different:
            print(f"  {number} ({result[4]:.1f} s): {result[2]} {result[3]}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
