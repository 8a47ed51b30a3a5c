"""Traces from a client's request to the agent, and spans as a collector reads them that is not ours."""

import asyncio
import base64
import json

from aiohttp import web
from google.protobuf.json_format import ParseDict
from livekit import api
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.client import VoiceClient
from support.parrot import says_it_back
from support.processes import KEY, SECRET, Gateway, free_port

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans = []
        self.resources = []
        self._news = asyncio.Event()

    async def start(self) -> "Collector":
        application = web.Application()
        application.router.add_post("/otlp/v1/traces", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.endpoint = f"http://127.0.0.1:{port}/otlp"
        return self

    async def _take(self, request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["authorization"] == "Bearer s,cret"
        body = await request.json()
        # OTLP's JSON has identifiers in hexadecimal, where JSON of protobuf has base64.
        for resource in body["resourceSpans"]:
            for span in (span for scope in resource["scopeSpans"] for span in scope["spans"]):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        message = ParseDict(body, ExportTraceServiceRequest())
        for resource in message.resource_spans:
            self.resources.append({each.key: each.value.string_value for each in resource.resource.attributes})
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self._news.set()
        return web.json_response({})

    async def has(self, name: str):
        """The first span of that name."""
        while not (found := next((span for span in self.spans if span.name == name), None)):
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 20)
        return found

    async def stop(self) -> None:
        await self._runner.cleanup()


async def test_a_trace_goes_from_the_client_to_the_agent_and_its_spans_to_a_collector(programs):
    collector = await Collector().start()
    gateway = await programs(
        Gateway(
            AGENT_NAME="parrot", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20s%2Ccret", OTEL_SERVICE_NAME="voice",
        )
    )
    async with VoiceClient(gateway.url, room="traced", identity="alice", traceparent=f"00-{TRACE}-{PARENT}-01") as alice:
        await says_it_back(alice)
        async with api.LiveKitAPI("http" + gateway.room_url.removeprefix("ws"), KEY, SECRET) as livekit:
            dispatches = await livekit.agent_dispatch.list_dispatch("traced")
    (told,) = [json.loads(each.metadata)["traceparent"] for each in dispatches if each.agent_name == "parrot"]
    assert f"trace_id={TRACE}" in await gateway.says('event="call ended"')

    call = await collector.has("call")
    assert call.trace_id.hex() == TRACE and call.parent_span_id.hex() == PARENT
    assert told == f"00-{TRACE}-{call.span_id.hex()}-01"
    attributes = {each.key: each.value for each in call.attributes}
    assert attributes["voicegateway.identity"].string_value == "alice"
    assert attributes["voicegateway.replies"].int_value >= 1
    for name in ("join room", "dispatch agent", "first sound", "reply"):
        span = await collector.has(name)
        assert span.trace_id.hex() == TRACE and span.parent_span_id == call.span_id, name
        assert call.start_time_unix_nano - 10**6 <= span.start_time_unix_nano <= span.end_time_unix_nano
    assert collector.resources[0]["service.name"] == "voice"
    await gateway.stop()
    await collector.stop()
