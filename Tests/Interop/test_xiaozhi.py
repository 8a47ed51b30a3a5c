"""Devices with the firmware xiaozhi-esp32: by the SDK that people have for it, and by a device of our own."""

import asyncio
import json

import aiohttp
import numpy
import pytest
from xiaozhi_sdk.ota import OtaDevice

from support.processes import DEPLOYMENT, Gateway
from support.room_server import token
from support.sdk_client import Member
from support.sounds import audible_seconds, silence, spoken
from support.xiaozhi import MAC, RATE, Device, SDKDevice

needs_parrot = pytest.mark.skipif(bool(DEPLOYMENT), reason="the parrot is the room server's own")
ROOM = f"xiaozhi-{MAC}"


class Onlooker(Member):
    """Somebody else in the device's room."""

    def __init__(self, url: str, kind: str | None = None) -> None:
        super().__init__()
        self.url, self.kind = url, kind

    async def __aenter__(self) -> "Onlooker":
        await self.room.connect(self.url, token("onlooker", ROOM, self.kind))
        return self

    async def call(self, method: str, payload: str = "") -> str:
        return await self.room.local_participant.perform_rpc(
            destination_identity=MAC, method=method, payload=payload, response_timeout=10)


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_device_of_the_sdk_talks_with_a_real_agent_and_lends_it_its_tools(agent_and_gateway):
    gateway = agent_and_gateway
    async with SDKDevice(gateway.port) as device, Onlooker(gateway.room_url) as agent:
        tools = json.loads(await agent.call("xiaozhi.tools"))
        assert [tool["name"] for tool in tools] == ["set_volume"] and "volume" in tools[0]["inputSchema"]["properties"]
        answer = await agent.call("xiaozhi.tool", json.dumps({"name": "set_volume", "arguments": {"volume": 40}}))
        assert json.loads(answer) == "volume is 40" and device.volume == 40
        # What the recogniser makes nothing of is said again.
        sentence, reply = "what is the weather in berlin", "It is sunny and warm in Berlin today."
        for _ in range(3):
            before, device.sdk.output_audio_queue = len(device.messages), []
            # Its microphone is always open.
            speaking = asyncio.create_task(device.speak(numpy.concatenate([spoken(sentence), silence(20, RATE)])))
            try:
                await device.message("tts", state="sentence_start", text=reply, within=25, after=before)
                break
            except AssertionError:
                speaking.cancel()
        await device.message("tts", state="stop", after=before)
        assert sentence in [m["text"].strip() for m in device.messages[before:] if m["type"] == "stt"]
        kinds = [(m["type"], m.get("state")) for m in device.messages[before:]]
        assert kinds.index(("tts", "start")) < kinds.index(("tts", "stop")), kinds
        assert abs(audible_seconds(device.heard, RATE) - audible_seconds(spoken(reply, RATE, 150), RATE)) < 0.5
        # What is typed is answered, and the answer can be stopped.
        before = len(device.messages)
        await device.sdk.send_text("please tell me a very long story")
        await device.message("tts", state="sentence_start", after=before)
        await device.sdk.send_abort()
        await device.message("tts", state="stop", within=5, after=before)
        speaking.cancel()


@needs_parrot
@pytest.mark.parametrize("version", [2, 3])
async def test_a_device_hears_the_parrot_in_packets_of_60_ms_with_headers(programs, version):
    gateway = await programs(Gateway(AGENT_NAME="parrot"))
    async with Device(gateway.port, version) as device:
        hello = await device.message("hello")
        assert hello["version"] == version and hello["audio_params"]["frame_duration"] == 60 and hello["session_id"]
        await device.send(type="listen", state="start", mode="auto")
        sentence = spoken("good morning to everybody")
        await device.speak(numpy.concatenate([silence(1, RATE), sentence, silence(1.5, RATE)]))
        await device.message("tts", state="start")
        await device.message("tts", state="stop")
        heard = audible_seconds(numpy.concatenate(device.heard), 24_000)
        assert heard > 0.7 * audible_seconds(sentence, RATE)


@needs_parrot
async def test_what_an_agent_says_of_its_mood_is_a_face_on_the_display(programs):
    gateway = await programs(Gateway(AGENT_NAME="parrot"))
    async with Device(gateway.port, 1) as device, Onlooker(gateway.room_url, "agent") as agent:
        await device.message("hello")
        attributes = {"lk.segment_id": "s1", "lk.transcription_final": "true",
                      "lk.expression": json.dumps({"expression": "with a grin", "mood": "playful"})}

        async def says() -> None:
            # Until the gateway knows who speaks.
            while True:
                await agent.room.local_participant.send_text("Look here.", topic="lk.transcription", attributes=attributes)
                await asyncio.sleep(0.5)

        agent.run(says())
        assert (await device.message("llm"))["emotion"] == "winking"
        await device.message("tts", state="sentence_start", text="Look here.")


@needs_parrot
async def test_of_two_devices_with_one_id_the_later_one_goes_on(programs):
    gateway = await programs(Gateway(AGENT_NAME="parrot"))
    async with Device(gateway.port, 1) as first:
        await first.message("hello")
        async with Onlooker(gateway.room_url) as onlooker:
            async with Device(gateway.port, 3) as second:
                await second.message("hello")
                assert (await first.message("closed"))["code"] == 4409
                await first.message("alert")
                assert second.close_code is None
                await second.send(type="listen", state="start", mode="auto")
                await second.send(type="ping")
                await second.message("pong")
            # It ends its connection without a word, and has hung up by that.
            await until(lambda: MAC not in onlooker.room.remote_participants)


@needs_parrot
async def test_a_new_device_shows_a_code_until_the_operator_approves_it(programs, tmp_path):
    gateway = await programs(Gateway(
        AGENT_NAME="parrot", XIAOZHI_DEVICES=tmp_path / "devices", ADMIN_API_KEY="operator", ALLOW_CLIENT_ROOMS="false"))
    base = f"http://127.0.0.1:{gateway.port}"
    ota = OtaDevice(MAC, "cca4d0c6-02f0-5896-9df7-c32fdb3a485a", f"{base}/xiaozhi/ota")
    answer = await ota.activate_device()
    code = answer["activation"]["code"]
    assert not await ota.check_activate(answer["activation"]["challenge"])
    bearer = {"Authorization": f"Bearer {answer['websocket']['token']}", "Client-Id": ota.client_id}
    async with Device(gateway.port, 1, **bearer) as early:
        assert (await early.message("closed"))["code"] == 4403
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer operator"}) as operator:
        async with operator.post(f"{base}/admin/xiaozhi/pairings/{code}", json={"name": "Kitchen"}) as approved:
            assert approved.status == 200 and (await approved.json())["id"] == MAC
    assert await ota.check_activate(answer["activation"]["challenge"])
    assert json.loads((tmp_path / "devices").read_text().strip())["name"] == "Kitchen"
    async with Device(gateway.port, 1, **bearer) as known:
        await known.message("hello")
        async with Onlooker(gateway.room_url) as onlooker:
            await until(lambda: MAC in onlooker.room.remote_participants)
            assert onlooker.room.remote_participants[MAC].name == "Kitchen"
    # The same address with another Client-Id is another device: it is asked for a code, and stays outside.
    assert "activation" in await OtaDevice(MAC, "another", f"{base}/xiaozhi/ota").activate_device()
    async with Device(gateway.port, 1, **(bearer | {"Client-Id": "another"})) as thief:
        assert (await thief.message("closed"))["code"] == 4403
