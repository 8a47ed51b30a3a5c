"""Many calls at once, then a count of what is left over: `make soak` (20 calls for two minutes, parrot as agent).

Each caller speaks, hears the parrot, hangs up and calls again until the time is over. Afterwards the gateway must
hold no more file descriptors and threads than before, and no more memory than a warmed-up allocator keeps.
"""

import asyncio
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.client import VoiceClient  # noqa: E402
from support.processes import Gateway  # noqa: E402
from support.sounds import audible_seconds, silence, spoken  # noqa: E402


def held(pid: int) -> dict[str, int]:
    """What a process holds: file descriptors, threads, resident kilobytes."""
    process = pathlib.Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {
        "descriptors": len(os.listdir(process / "fd")),
        "threads": int(status["Threads"]),
        "memory_kb": int(status["VmRSS"].split()[0]),
    }


async def one_call(url: str, number: int) -> float:
    """One call; returns the seconds of echo heard."""
    async with VoiceClient(url, identity=f"caller-{number}") as client:
        await client.event("agent_joined", within=30)
        await client.speak(spoken("hello agent can you hear me"))
        await client.speak(silence(4))
        return audible_seconds(client.samples, client.rate_out)


async def many_calls(url: str, callers: int, seconds: float) -> tuple[int, int]:
    """Calls until the time is over; returns how many there were and how many heard nothing."""
    end = asyncio.get_running_loop().time() + seconds
    calls = unheard = 0

    async def caller(number: int) -> None:
        nonlocal calls, unheard
        while asyncio.get_running_loop().time() < end:
            heard = await one_call(url, number)
            calls += 1
            unheard += heard < 1
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return calls, unheard


async def quiet(pid: int, ceiling: dict[str, int], within: float = 40) -> dict[str, int]:
    """Waits until descriptors and threads are back at the ceiling or the time is over."""
    for _ in range(int(within)):
        now = held(pid)
        if now["descriptors"] <= ceiling["descriptors"] and now["threads"] <= ceiling["threads"]:
            break
        await asyncio.sleep(1)
    return held(pid)


async def soak(callers: int, seconds: float) -> dict:
    gateway = await Gateway().start()
    try:
        pid = gateway.process.pid
        await many_calls(gateway.url, 2, 1)
        before = await quiet(pid, held(pid), 1)
        calls, unheard = await many_calls(gateway.url, callers, seconds)
        busy = held(pid)
        after = await quiet(pid, before)
        # A second, equal round: what it adds to the first is a leak, what it does not is the allocator's reserve.
        await many_calls(gateway.url, callers, seconds / 4)
        again = await quiet(pid, before)
        return {"calls": calls, "unheard": unheard, "before": before, "busy": busy, "after": after, "again": again}
    finally:
        await gateway.stop()


def verdict(result: dict) -> list[str]:
    """What is wrong with a result, empty if nothing."""
    wrong = []
    if result["unheard"]:
        wrong.append(f"{result['unheard']} of {result['calls']} calls heard no echo")
    for what in ("descriptors", "threads"):
        if result["again"][what] > result["before"][what]:
            wrong.append(f"{what}: {result['before'][what]} before, {result['again'][what]} after")
    grown = result["again"]["memory_kb"] - result["after"]["memory_kb"]
    if grown > 4096:
        wrong.append(f"memory grew by {grown} KB between two equal rounds")
    return wrong


if __name__ == "__main__":
    outcome = asyncio.run(soak(int(sys.argv[1]) if len(sys.argv) > 1 else 20, float(sys.argv[2]) if len(sys.argv) > 2 else 120))
    for name, value in outcome.items():
        print(f"{name:8} {value}")
    problems = verdict(outcome)
    print("\n".join(problems) or "nothing is left over")
    sys.exit(1 if problems else 0)
