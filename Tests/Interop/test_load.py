"""`VoiceGateway load` against a real gateway: what one client says, the other must hear, and a lie must fail."""
import json

from aiohttp import WSMsgType, web
from support.processes import GATEWAY, Program


async def load(programs, path, url, *arguments):
    program = await programs(
        Program(GATEWAY, "load", url, "--rate", 20, "--warm-up", 1, "--duration", 4, "--json", path, *arguments)
    )
    code = await program.ends(within=60)
    return code, json.loads(path.read_text()), program.lines


def held(result):
    return {check["name"]: check["holds"] for check in result["checks"]}


async def test_what_is_sent_is_heard(programs, gateway, tmp_path):
    _, result, lines = await load(
        programs, tmp_path / "load.json", gateway.url, "--sessions", 6, "--watch", gateway.process.pid
    )
    # How late the generator is depends on the machine, so its own verdict does not count here.
    checks = held(result)
    for name in ["every session joined", "no session ended by itself", "no errors", "no session silently dead",
                 "every session answers a ping", "everything sent was taken"]:
        assert checks[name], lines
    speech = result["speech"]
    assert speech["sent"] > 6 * 100
    assert abs(speech["heard"] / speech["sent"] - 1) < 0.05, lines
    assert result["setup_ms"]["first_sound"]["count"] == 3
    assert result["delay_ms"]["count"] > 0
    gateway_process = result["watched"][0]
    assert gateway_process["name"] == "VoiceGateway" and gateway_process["resident_end"] > 0


async def test_opus_packets_arrive_as_they_were_sent(programs, gateway, tmp_path):
    _, result, lines = await load(
        programs, tmp_path / "load.json", gateway.url, "--sessions", 2, "--format", "opus"
    )
    assert held(result)["nothing heard that nobody sent"], lines
    assert abs(result["speech"]["heard"] / result["speech"]["sent"] - 1) < 0.05, lines


async def test_a_gateway_that_swallows_sound_makes_the_test_fail(programs, tmp_path):
    """Says all the right things and passes nothing on."""

    async def handle(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"type":"ready"}')
        await socket.send_str('{"type":"session","id":"S"}')
        async for message in socket:
            if message.type == WSMsgType.TEXT and "ping" in message.data:
                await socket.send_str('{"type":"pong","id":1}')
        return socket

    application = web.Application()
    application.router.add_get("/ws", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]
        code, result, _ = await load(
            programs, tmp_path / "load.json", f"ws://127.0.0.1:{port}/ws", "--sessions", 4
        )
    finally:
        await runner.cleanup()
    checks = held(result)
    assert code == 1 and not result["valid"]
    assert checks["every session joined"]
    assert not checks["sound heard = sound sent"] and not checks["spurts heard = spurts sent"]
    assert not checks["no session silently dead"]


async def test_the_gateway_counts_what_it_passes_on(programs, gateway, tmp_path):
    import aiohttp

    await load(programs, tmp_path / "load.json", gateway.url, "--sessions", 2)
    async with aiohttp.ClientSession() as http:
        async with http.get(f"http://127.0.0.1:{gateway.port}/metrics") as answer:
            text = await answer.text()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    up = int(values['voicegateway_audio_packets_total{direction="up"}'])
    down = int(values['voicegateway_audio_packets_total{direction="down"}'])
    assert up > 200 and down > 200
    for direction in ["up", "down"]:
        name = f'voicegateway_audio_delay_seconds_count{{direction="{direction}"}}'
        assert int(values[name]) > 200
    assert int(values["voicegateway_joined_seconds_count"]) == 2
    assert int(values["voicegateway_published_seconds_count"]) == 2
