"""Programs under test: the gateway, the room server, the agent worker. Each is started on free loopback ports,
waited for by what it prints or answers, and ended with the test."""

import asyncio
import itertools
import os
import pathlib
import random
import signal
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
GATEWAY = pathlib.Path(os.environ.get("VOICE_GATEWAY", ROOT / ".build/release/VoiceGateway"))

# A LiveKit deployment to run against in place of the room server inside (see README.md).
DEPLOYMENT = os.environ.get("INTEROP_LIVEKIT_URL")
KEY = os.environ.get("INTEROP_LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("INTEROP_LIVEKIT_API_SECRET", "secret")


# Below the ports that the kernel gives to clients, or a connection of somebody else could take one before the program does;
# each once, or two listeners of one program could be given the same.
# Of test processes side by side each has ports of its own.
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
_mine = range(20_000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 32_000, _workers)
_ports = itertools.cycle(_mine)
for _ in range(random.randrange(len(_mine))):
    next(_ports)


def free_port() -> int:
    """A TCP port that nobody listens on, whose UDP twin is free as well."""
    for port in _ports:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Program:
    """A child process whose output is collected line by line and can be waited for."""

    def __init__(self, *command, **environment) -> None:
        self.command = [str(part) for part in command]
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_") and k != "AGENT_NAME"},
            **{k: str(v) for k, v in environment.items()},
        }
        self.stdin = asyncio.subprocess.PIPE
        self.lines: list[str] = []
        self._news = asyncio.Condition()
        self.process = None
        self._reading = []

    async def start(self) -> "Program":
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=self.stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
            cwd="/tmp",
            start_new_session=True,
            limit=1 << 20,
        )
        self._reading = [asyncio.create_task(self._read())]
        return self

    async def _read(self) -> None:
        while line := await self.process.stdout.readline():
            async with self._news:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    async def says(self, text: str, within: float = 20, after: int = 0) -> str:
        """The first line from number `after` on that contains `text`."""

        def found():
            return next((line for line in self.lines[after:] if text in line), None)

        async with self._news:
            try:
                await asyncio.wait_for(
                    self._news.wait_for(lambda: found() is not None or self._reading[0].done()), within
                )
            except asyncio.TimeoutError:
                pass
        assert found() is not None, f"{self.command[:2]} never said {text!r}:\n" + "\n".join(self.lines[-40:])
        return found()

    async def ends(self, within: float = 15) -> int:
        return await asyncio.wait_for(self.process.wait(), within)

    def signal(self, number: int) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, number)

    async def stop(self) -> None:
        if self.process is None:
            return
        if self.process.returncode is None:
            self.signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 8)
            except asyncio.TimeoutError:
                self.signal(signal.SIGKILL)
                await self.process.wait()
        # A worker's job processes outlive their parent's SIGTERM by a while: take the group along.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await asyncio.gather(*self._reading, return_exceptions=True)


async def answers(program: Program, port: int, within: float = 20, host: str = "127.0.0.1") -> None:
    """Waits until the program accepts TCP connections on the port."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return
        except OSError:
            said = "\n".join(program.lines[-40:])
            assert program.process.returncode is None, f"{program.command[:2]} ended: {said}"
            assert asyncio.get_running_loop().time() < deadline, f"nothing listens on port {port}: {said}"
            await asyncio.sleep(0.05)


class Gateway(Program):
    """`VoiceGateway serve`, with the room server inside unless LIVEKIT_URL is given or a deployment was named."""

    def __init__(self, *arguments, **environment) -> None:
        self.port = free_port()
        self.room_port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        if DEPLOYMENT and "LIVEKIT_URL" not in environment:
            environment |= {"LIVEKIT_URL": DEPLOYMENT, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
        # Only tests of draining wait for calls.
        environment = {"DRAIN_SECONDS": 0} | environment
        inside = "LIVEKIT_URL" not in environment
        self.room_url = f"ws://127.0.0.1:{self.room_port}" if inside else environment["LIVEKIT_URL"]
        extra = ["--dev-port", self.room_port] if inside else []
        super().__init__(GATEWAY, "serve", "--port", self.port, *extra, *arguments, **environment)

    async def start(self) -> "Gateway":
        await super().start()
        await answers(self, self.port)
        return self


class RoomServer(Program):
    """`VoiceGateway dev-server`: the room server alone."""

    def __init__(self, *arguments, port: int | None = None, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port or free_port()
        self.url = f"ws://[{host}]:{self.port}" if ":" in host else f"ws://{host}:{self.port}"
        super().__init__(GATEWAY, "dev-server", "--host", host, "--port", self.port, *arguments)

    async def start(self) -> "RoomServer":
        await super().start()
        await answers(self, self.port, host=self.host)
        return self


class Worker(Program):
    """A livekit-agents worker of Tests/Interop/agent, registered with a room server."""

    def __init__(
        self, url: str, name: str = "custom-agent", secret: str = SECRET, script: str = "worker.py", **environment
    ) -> None:
        super().__init__(
            sys.executable,
            ROOT / "Tests/Interop/agent" / script,
            "start",
            LIVEKIT_URL=url,
            LIVEKIT_API_KEY=KEY,
            LIVEKIT_API_SECRET=secret,
            AGENT_NAME=name,
            **environment,
        )

    async def start(self) -> "Worker":
        await super().start()
        await self.says("registered worker", within=60)
        # The first job finds its process ready, however long that takes on a busy machine.
        await self.says("process initialized", within=60)
        return self
