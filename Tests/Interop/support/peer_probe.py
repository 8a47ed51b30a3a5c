"""Our peer connection as a child process (Tests/PeerProbe): JSON commands in, JSON events out."""
import asyncio
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXECUTABLE = ROOT / ".build" / "debug" / "PeerProbe"


class PeerProbe:
    """Use as `async with PeerProbe() as probe`; leaving ends the process, which must then have nothing left open."""

    def __init__(self, *arguments):
        self.arguments = arguments

    async def __aenter__(self):
        self.events = []
        self._changed = asyncio.Condition()
        self.process = await asyncio.create_subprocess_exec(
            str(EXECUTABLE), *self.arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.stdin.close()
            try:
                await asyncio.wait_for(self.process.wait(), 5)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
                raise AssertionError("the probe did not end by itself")
        await self._reader
        assert self.process.returncode == 0, f"the probe ended with {self.process.returncode}"
        assert self.events[-1] == {"event": "ended", "leftovers": []}

    async def _read(self):
        while line := await self.process.stdout.readline():
            async with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    async def do(self, command, **arguments):
        self.process.stdin.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
        await self.process.stdin.drain()

    async def wait(self, event, timeout=10, **members):
        """The first event of this name with these members, which is then forgotten."""

        def match():
            for found in self.events:
                if found["event"] == "error":
                    raise AssertionError(f"the probe says: {found['text']}")
                if found["event"] == event and all(found.get(key) == value for key, value in members.items()):
                    return found

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(lambda: match() is not None), timeout)
            except asyncio.TimeoutError:
                raise AssertionError(f"no event {event} {members} within {timeout} s; there were {self.events}")
            found = match()
            self.events.remove(found)
            return found
