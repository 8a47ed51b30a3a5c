"""Gateways that count together by Debian's redis-server."""

import asyncio
import signal
import subprocess

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import Gateway, Program, answers, free_port


async def let_in(gateway: Gateway) -> bool:
    """Whether a caller with the key is let in for a moment."""
    async with VoiceClient(gateway.url, api_key="key-one") as client:
        await client.until(lambda: client.close_code or any(e["type"] in ("session", "error") for e in client.events))
        if any(event["type"] == "session" for event in client.events):
            return True
        assert await client.closed() == 4429
        return False


async def test_a_limit_holds_for_two_gateways_until_one_dies_and_for_each_when_redis_is_away(programs, room_server, tmp_path):
    port = free_port()
    redis = await programs(
        Program("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--requirepass", "pass@1", "--dir", tmp_path)
    )
    await answers(redis, port)

    def command(*words) -> str:
        run = subprocess.run(
            ["redis-cli", "-p", str(port), "-a", "pass@1", "--no-auth-warning", *words], capture_output=True, check=True)
        return run.stdout.decode().strip()

    settings = {
        "LIVEKIT_URL": room_server.url, "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret", "AGENT_NAME": "parrot",
        "API_KEY_ENABLED": "true", "API_KEYS": "key-one", "MAX_CONNECTIONS_PER_KEY": 1,
        "REDIS_URL": f"redis://:pass%401@127.0.0.1:{port}/3",
    }
    one, other = await programs(Gateway(**settings)), await programs(Gateway(**settings))
    for gateway in (one, other):
        await gateway.says("limits count for the fleet")
    async with VoiceClient(one.url, api_key="key-one") as alice:
        await alice.event("session")
        assert not await let_in(other)
    async with asyncio.timeout(20):
        while not await let_in(other):
            pass

    async with VoiceClient(one.url, api_key="key-one") as alice:
        await alice.event("session")
        one.signal(signal.SIGKILL)
        await one.ends()
    assert not await let_in(other)
    names = command("-n", "3", "ZRANGE", "voicegateway:gateways", "0", "-1").split()
    assert len(names) == 2 and "key-one" not in command("-n", "3", "--scan")
    (dead,) = [name for name in names if name in (await one.says("limits count for the fleet"))]
    assert 0 < int(command("-n", "3", "PTTL", f"voicegateway:held:{dead}")) <= 30_000
    # Its lease is over now.
    command("-n", "3", "ZADD", "voicegateway:gateways", "1", dead)
    async with VoiceClient(other.url, api_key="key-one") as bob:
        await bob.event("session")
        redis.signal(signal.SIGTERM)
        await redis.ends()
        await other.says("Redis is away")
        await says_it_back(bob)
        assert not await let_in(other)
    async with asyncio.timeout(20):
        while not await let_in(other):
            pass
    assert sum("Redis is away" in line for line in other.lines) == 1
    assert "pass@1" not in "\n".join(other.lines + one.lines)
