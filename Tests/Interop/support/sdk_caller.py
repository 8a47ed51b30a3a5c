"""A caller on the official SDK, as a program of its own so that it can stand in another network: it chirps and records until its
standard input ends, then writes what it heard, when, and what the SDK told it.

    python sdk_caller.py URL ROOM IDENTITY FILE
"""

import asyncio
import json
import pathlib
import sys
import time

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from support.chirp import Chirp  # noqa: E402
from support.chirp_delay import STEP  # noqa: E402
from support.sdk_client import RATE, Client  # noqa: E402


async def talk(client: Client, said: list[float]) -> None:
    """For ever; notes when each piece is said."""
    chirp = Chirp(RATE)
    while True:
        said.append(time.monotonic())
        await client.play(chirp.next(STEP))


async def main(url: str, room: str, identity: str, file: str) -> None:
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    async with Client(None, room, identity, url=url) as client:
        await client.publish()
        print("joined", flush=True)
        said: list[float] = []
        talking = client.run(talk(client, said))
        await over
        talking.cancel()
        pieces = [piece for parts in client.sound.values() for piece in parts]
        numpy.savez(
            file, times=numpy.array([moment for moment, _ in pieces]),
            sound=numpy.array([samples for _, samples in pieces], dtype=numpy.int16).reshape(len(pieces), -1))
        print(json.dumps({"said": said, "events": [name for name, _ in client.events]}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
