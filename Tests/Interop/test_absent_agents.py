"""Why a caller's agent has not come: what the client and the operator are told."""

import asyncio
import contextlib

import aiohttp
from livekit import api
from livekit.protocol import agent

from support.client import VoiceClient
from support.processes import KEY, SECRET, Gateway, RoomServer


@contextlib.asynccontextmanager
async def worker(server: RoomServer, name: str, **answer):
    """A worker that answers each offer so, and does nothing more."""
    token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(agent=True)).to_jwt()
    url = server.url.replace("ws:", "http:") + "/agent"
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.ws_connect(url, headers=headers) as socket:
        hello = agent.WorkerMessage(register=agent.RegisterWorkerRequest(type=agent.JT_ROOM, agent_name=name, version="1"))
        await socket.send_bytes(hello.SerializeToString())
        registered = agent.ServerMessage.FromString(await socket.receive_bytes(timeout=10))
        assert registered.register.worker_id

        async def serve() -> None:
            async for frame in socket:
                message = agent.ServerMessage.FromString(frame.data)
                if message.WhichOneof("message") == "availability":
                    job = message.availability.job.id
                    reply = agent.AvailabilityResponse(job_id=job, participant_identity=f"agent-{job}", **answer)
                    await socket.send_bytes(agent.WorkerMessage(availability=reply).SerializeToString())

        serving = asyncio.create_task(serve())
        try:
            yield registered.register.worker_id
        finally:
            serving.cancel()


async def refusal(gateway: Gateway, name: str) -> dict:
    """What a caller is told who asks for that agent."""
    async with VoiceClient(gateway.url, identity=f"caller-of-{name}", agent=name) as caller:
        return await caller.event("error", within=30)


async def test_a_caller_whose_agent_never_comes_is_told_why(programs):
    server = await programs(RoomServer("--no-parrot"))
    gateway = await programs(Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with worker(server, "hollow", available=True) as hollow, worker(server, "shy", terminate=True):
        nobody, late, declined = await asyncio.gather(*(refusal(gateway, name) for name in ("nobody", "hollow", "shy")))
    for error in (nobody, late, declined):
        assert error["code"] == "agent_timeout" and error["blame"] == "operator", error
        assert error["message"].startswith("no agent has joined within 10 s: "), error
    assert 'no worker has taken the call: none is registered as "nobody"' in nobody["message"] and nobody["retry"]
    assert 'a worker of "hollow" has taken the call, but its agent is not in the room' in late["message"] and late["retry"]
    assert 'a worker of "shy" has declined the call' in declined["message"] and not declined["retry"]
    line = await gateway.says(hollow)
    assert "agent has not come" in line and "room=" in line, line
