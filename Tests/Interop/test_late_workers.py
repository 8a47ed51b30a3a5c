"""Dispatches that bring nobody (any more). The server of this test does as LiveKit's own: without a worker the job is dropped, and the
dispatch stays in the list without one; a job that was taken is listed as running, whatever has become of its agent."""

import time

import aiohttp
import pytest_asyncio
from aiohttp import web
from google.protobuf import message
from livekit.protocol import agent as agents, agent_dispatch, models, room

from support.processes import KEY, SECRET, Gateway, free_port


class DispatchServer:
    """LiveKit's server API, as much of it as places an agent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.dispatches: dict[str, agent_dispatch.AgentDispatch] = {}
        self.calls: list[str] = []
        #: Who is in the room.
        self.identities: list[str] = []

    def add(self, agent: str, metadata: str, age: float, is_taken: bool = False) -> str:
        made = agent_dispatch.AgentDispatch(id=f"AD_{len(self.calls)}_{len(self.dispatches)}", agent_name=agent,
                                            room="desk", metadata=metadata)
        made.state.created_at = int((time.time() - age) * 1e9)
        if is_taken:
            job = made.state.jobs.add(id="AJ_1")
            job.state.status = agents.JobStatus.JS_RUNNING
            job.state.started_at, job.state.participant_identity = made.state.created_at, "agent-AJ_1"
        self.dispatches[made.id] = made
        return made.id

    async def __aenter__(self) -> "DispatchServer":
        application = web.Application()
        application.router.add_post("/twirp/{service}/{method}", self.answer)
        self.runner = web.AppRunner(application)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_) -> None:
        await self.runner.cleanup()

    async def answer(self, request: web.Request) -> web.Response:
        method, body = request.match_info["method"], await request.read()
        self.calls.append(method)
        match method:
            case "CreateRoom":
                return reply(models.Room(name=room.CreateRoomRequest.FromString(body).name))
            case "ListParticipants":
                people = [models.ParticipantInfo(identity=identity) for identity in self.identities]
                return reply(room.ListParticipantsResponse(participants=people))
            case "ListDispatch":
                return reply(agent_dispatch.ListAgentDispatchResponse(agent_dispatches=self.dispatches.values()))
            case "DeleteDispatch":
                wanted = agent_dispatch.DeleteAgentDispatchRequest.FromString(body).dispatch_id
                if (gone := self.dispatches.pop(wanted, None)) is None:
                    return web.json_response({"code": "not_found", "msg": "no such dispatch"}, status=404)
                return reply(gone)
            case "CreateDispatch":
                asked = agent_dispatch.CreateAgentDispatchRequest.FromString(body)
                return reply(self.dispatches[self.add(asked.agent_name, asked.metadata, age=0)])
        return web.json_response({"code": "unimplemented", "msg": method}, status=501)


def reply(answer: message.Message) -> web.Response:
    return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")


@pytest_asyncio.fixture
async def server_and_gateway(programs):
    async with DispatchServer() as server:
        yield server, await programs(
            Gateway(LIVEKIT_URL=f"ws://127.0.0.1:{server.port}", LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET)
        )


async def start_session(gateway: Gateway) -> None:
    url = f"http://127.0.0.1:{gateway.port}/session"
    body = {"userIdentity": "ann", "roomName": "desk"}
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_dispatch_that_nobody_took_is_made_again_at_the_next_visit(server_and_gateway):
    server, gateway = server_and_gateway
    stale = server.add("custom-agent", "", age=60)
    await start_session(gateway)
    assert server.calls[1:] == ["CreateRoom", "ListDispatch", "DeleteDispatch", "CreateDispatch"]
    assert len(server.dispatches) == 1 and stale not in server.dispatches


async def test_a_dispatch_whose_offer_may_still_be_out_is_left_alone(server_and_gateway):
    server, gateway = server_and_gateway
    fresh = server.add("custom-agent", "", age=1)
    await start_session(gateway)
    assert server.calls[1:] == ["CreateRoom", "ListDispatch"] and list(server.dispatches) == [fresh]


async def test_an_agent_that_has_left_comes_again_at_the_next_visit(server_and_gateway):
    server, gateway = server_and_gateway
    server.identities = ["somebody-else"]
    stale = server.add("custom-agent", "", age=300, is_taken=True)
    await start_session(gateway)
    assert server.calls[1:] == ["CreateRoom", "ListDispatch", "ListParticipants", "DeleteDispatch", "CreateDispatch"]
    assert len(server.dispatches) == 1 and stale not in server.dispatches


async def test_an_agent_that_is_in_the_room_comes_no_second_time(server_and_gateway):
    server, gateway = server_and_gateway
    server.identities = ["agent-AJ_1"]
    dispatch = server.add("custom-agent", "", age=300, is_taken=True)
    await start_session(gateway)
    assert server.calls[1:] == ["CreateRoom", "ListDispatch", "ListParticipants"]
    assert list(server.dispatches) == [dispatch]


async def test_an_agent_that_may_still_be_on_its_way_is_not_looked_for(server_and_gateway):
    server, gateway = server_and_gateway
    dispatch = server.add("custom-agent", "", age=10, is_taken=True)
    await start_session(gateway)
    assert server.calls[1:] == ["CreateRoom", "ListDispatch"] and list(server.dispatches) == [dispatch]
