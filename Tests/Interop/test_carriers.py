"""Calls of telephone carriers. The test plays the carrier; Pipecat, which others put where the gateway stands, judges: its
detector has to know the carrier by what the call begins with, and its serializers write what a carrier has to get."""

import asyncio
import base64
import hmac
import json
import time
import xml.etree.ElementTree

import aiohttp
import jwt
import numpy
import pytest
import websockets
from pipecat.frames.frames import InterruptionFrame, OutputAudioRawFrame
from pipecat.runner.utils import _detect_transport_type_from_message as detected
from pipecat.serializers.exotel import ExotelFrameSerializer
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer

from support.carriers import (
    AwaazCall, CarrierAPI, CarrierCall, ExotelCall, PlivoCall, TelnyxCall, TwilioCall, VonageCall)
from support.client import VoiceClient
from support.processes import DEPLOYMENT, KEY, SECRET, Gateway, RoomServer, free_port
from support.sdk_client import Client
from support.sounds import audible_seconds, level, spoken
from twilio.request_validator import RequestValidator

pytestmark = pytest.mark.skipif(bool(DEPLOYMENT), reason="the parrot is the room server's own")

SENTENCE = "good morning to everybody"
CALLS = [TelnyxCall, PlivoCall, ExotelCall, AwaazCall, VonageCall]


def serializer(call: type[CarrierCall]):
    """Pipecat's, where it has one."""
    match call.path:
        case "/telnyx":
            return TelnyxFrameSerializer("32DE0DEA", "PCMU", "PCMU",
                                         params=TelnyxFrameSerializer.InputParams(auto_hang_up=False))
        case "/plivo":
            return PlivoFrameSerializer("b0ffee00", params=PlivoFrameSerializer.InputParams(auto_hang_up=False))
        case "/exotel":
            return ExotelFrameSerializer("MZx1")
        case "/vonage":
            return VonageFrameSerializer()


def shape(message) -> object:
    """What a message is, whatever sound is in it. Pipecat gives Plivo nothing but µ-law."""
    if isinstance(message, bytes):
        return bytes
    passing = {"payload": str, "contentType": str, "sampleRate": int}
    media = {name: passing.get(name, value) for name, value in message["media"].items()}
    return message | {"media": media}


async def conversation(gateway: Gateway, kind: type[CarrierCall]) -> int:
    """Returns how many marks came back to the gateway."""
    sentence = spoken(SENTENCE, kind.rate)
    judge = serializer(kind)
    async with kind(gateway.port, {"agent": "parrot", "level": "2"}) as call:
        call.say(sentence)
        first = await call.until(lambda message: call.sound_in(message) is not None)
        await call.until(lambda message: call.mark_in(message) is not None)
        # Where this machine stands still in a sentence, the parrot takes it for two and has one in mind when the other comes.
        while audible_seconds(call.heard(), kind.rate) < 0.7 * audible_seconds(sentence, kind.rate):
            call.say(sentence)
            await call.until(lambda message: call.mark_in(message) is not None)
        # The parrot stops when it is spoken to. It has said all where this machine was too slow: then it is asked again.
        clear = None
        while clear is None:
            call.say(sentence)
            await call.until(lambda message: call.sound_in(message) is not None)
            call.say(sentence)
            news = await call.until(lambda message: call.clears(message) or call.mark_in(message) is not None)
            clear = news if call.clears(news) else None
        if judge:
            # Its resampler keeps the beginning.
            sound = OutputAudioRawFrame(audio=bytes(2 * kind.rate), sample_rate=kind.rate, num_channels=1)
            written = await judge.serialize(sound)
            assert shape(first) == shape(written if isinstance(written, bytes) else json.loads(written))
            assert clear == json.loads(await judge.serialize(InterruptionFrame()))
    return call.marks


async def test_calls_of_each_carrier_hear_the_parrot_interrupt_it_and_say_what_they_have_heard(programs):
    for kind in CALLS:
        start = next(message for message in kind(0, {}).opening() if "start" in message or kind is VonageCall)
        # Vonage names itself by the event; Awaaz, whose calls begin as Exotel's do, is no carrier of Pipecat's.
        known = {AwaazCall: "exotel", VonageCall: "unknown"}.get(kind, kind.path[1:])
        assert detected(start) == known
    gateway = await programs(Gateway())
    async with asyncio.TaskGroup() as calls:
        conversations = {kind: calls.create_task(conversation(gateway, kind)) for kind in CALLS}
    for kind in CALLS:
        line = await gateway.says(f"dialect={kind.path[1:]} ")
        record = dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
        assert record["reason"] == "client_hung_up" and record["agent"] == "parrot", line
        # One each, unless something had to be said again.
        assert 1 <= int(record["replies_played_out"]) <= conversations[kind].result(), line
        assert int(record["interruptions"]) >= 1, line
        assert record["faulty_messages"] == "0", line


async def test_a_number_at_twilio_needs_no_web_server_and_nobody_else_can_call(programs):
    """Twilio's own library signs."""
    token = "12345"
    validator = RequestValidator(token)
    gateway = await programs(Gateway(TWILIO_AUTH_TOKEN=token, API_KEY_ENABLED="true", API_KEYS="key", AGENT_NAME="parrot"))
    url = f"http://127.0.0.1:{gateway.port}/twilio/voice?level=2"
    form = {"CallSid": "CA1", "From": "+14158675309", "To": "+18005551212"}
    async with aiohttp.ClientSession() as session:
        for signature, status in [(validator.compute_signature(url, form), 200), ("AAAA", 403), (None, 403)]:
            headers = {"X-Twilio-Signature": signature} if signature else {}
            async with session.post(url, data=form, headers=headers) as answer:
                assert answer.status == status
                if status == 200:
                    stream = xml.etree.ElementTree.fromstring(await answer.text()).find("Connect/Stream")
    parameters = {element.get("name"): element.get("value") for element in stream}
    assert parameters == {"level": "2", "from": "+14158675309", "to": "+18005551212"}
    assert stream.get("url") == f"ws://127.0.0.1:{gateway.port}/twilio"
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with TwilioCall(gateway.port, parameters, {"X-Twilio-Signature": "AAAA"}):
            pass
    assert refusal.value.response.status_code == 403
    sentence = spoken(SENTENCE, 8000)
    signature = validator.compute_signature(stream.get("url"), {})
    async with TwilioCall(gateway.port, parameters, {"X-Twilio-Signature": signature}) as call:
        call.say(sentence)
        await call.until(lambda message: call.mark_in(message) is not None)
        assert audible_seconds(call.heard(), 8000) > 0.7 * audible_seconds(sentence, 8000)


async def test_calls_that_plivo_and_vonage_have_signed_need_no_key_and_forgeries_are_refused(programs):
    """PyJWT signs as Vonage does. What Plivo's library computes stands in the unit tests."""
    right = "a secret of 32 bytes or more, of Vonage"
    gateway = await programs(Gateway(
        API_KEY_ENABLED="true", API_KEYS="key", AGENT_NAME="parrot", VONAGE_SIGNATURE_SECRET=right, PLIVO_AUTH_ID="MA1",
        PLIVO_AUTH_TOKEN="token"))

    def vonage(secret: str, age: float = 0) -> dict[str, str]:
        claims = {"iat": int(time.time() - age), "jti": "1", "iss": "Vonage", "api_key": "abcd"}
        return {"Authorization": "Bearer " + jwt.encode(claims, secret, "HS256")}

    def plivo(token: str) -> dict[str, str]:
        signature = hmac.digest(token.encode(), f"ws://127.0.0.1:{gateway.port}/plivo.12345".encode(), "sha256")
        return {"X-Plivo-Signature-V3": f"AAAA,{base64.b64encode(signature).decode()}", "X-Plivo-Signature-V3-Nonce": "12345"}

    for kind, headers in [
            (VonageCall, vonage("another secret of 32 bytes or more")), (VonageCall, vonage(right, age=3600)),
            (VonageCall, {}), (PlivoCall, plivo("another"))]:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with kind(gateway.port, {}, headers):
                pass
        assert refusal.value.response.status_code == 403

    async def talk(kind: type[CarrierCall], headers: dict[str, str], parameters: dict[str, str]) -> None:
        async with kind(gateway.port, parameters, headers) as call:
            call.say(spoken(SENTENCE, kind.rate))
            await call.until(lambda message: call.mark_in(message) is not None)

    async with asyncio.TaskGroup() as calls:
        calls.create_task(talk(VonageCall, vonage(right), {}))
        calls.create_task(talk(PlivoCall, plivo("token"), {}))
        # Who is not signed may have a key.
        calls.create_task(talk(PlivoCall, {}, {"api_key": "key"}))


async def test_keys_that_an_agent_presses_are_heard_where_a_carrier_has_no_word_for_them(programs):
    """The agent is a participant of LiveKit's SDK."""
    server = await programs(RoomServer("--no-parrot"))
    gateway = await programs(Gateway(LIVEKIT_URL=server.url, LIVEKIT_API_KEY=KEY, LIVEKIT_API_SECRET=SECRET))
    async with Client(server, "lobby", "the-agent", kind="agent") as agent:
        parameters = {"room": "lobby", "agent": ""}
        async with (
            TwilioCall(gateway.port, parameters) as twilio, PlivoCall(gateway.port, parameters) as plivo,
            VoiceClient(gateway.url, room="lobby", identity="alice", agent="") as alice,
        ):
            await alice.event("agent_joined")
            await agent.until(lambda: len(agent.happened("track_subscribed")) == 3, 20, "three callers")
            await agent.local.publish_dtmf(code=5, digit="5")
            assert (await alice.event("dtmf"))["digits"] == "5"
            assert await plivo.until(lambda message: message["event"] != "playAudio") == {
                "event": "sendDTMF", "dtmf": "5"}
            await twilio.until(lambda _: audible_seconds(numpy.frombuffer(twilio.sound, numpy.int16), 8000) > 0.09)
            key = twilio.heard()
            # ITU-T Q.23.
            assert min(level(key, hertz, 8000) for hertz in (770, 1336)) > 4 * max(
                level(key, hertz, 8000) for hertz in (697, 852, 941, 1209, 1477, 1633))


async def test_calls_are_ended_at_their_carriers_when_the_room_is_and_not_when_something_fails(programs):
    async with CarrierAPI(free_port()) as api:
        here = f"http://127.0.0.1:{api.port}"
        gateway = await programs(Gateway(
            TWILIO_AUTH_TOKEN="12345", TWILIO_API_URL=here, TELNYX_API_KEY="KEY1", TELNYX_API_URL=here,
            PLIVO_AUTH_ID="MA1", PLIVO_AUTH_TOKEN="token", PLIVO_API_URL=here))
        signature = RequestValidator("12345").compute_signature(f"ws://127.0.0.1:{gateway.port}/twilio", {})
        wanted = {
            TwilioCall: ("POST", "/2010-04-01/Accounts/AC1/Calls/CA1.json", "Basic QUMxOjEyMzQ1", "Status=completed"),
            TelnyxCall: ("POST", "/v2/calls/v2:T02llQ/actions/hangup", "Bearer KEY1", "{}"),
            PlivoCall: ("DELETE", "/v1/Account/MA1/Call/c0ffee00/", "Basic TUExOnRva2Vu", ""),
        }
        for kind, request in wanted.items():
            headers = {"X-Twilio-Signature": signature} if kind is TwilioCall else None
            async with kind(gateway.port, {"room": "lobby", "agent": "parrot"}, headers) as call:
                call.say(spoken(SENTENCE, kind.rate))
                await call.until(lambda message: call.mark_in(message) is not None)
                async with aiohttp.ClientSession() as session, session.post(
                        f"http://127.0.0.1:{gateway.port}/session/end", json={"roomName": "lobby"}) as answer:
                    assert answer.status == 204
                assert await call.ended() == 1000
            async with asyncio.timeout(20):
                assert await api.requests.get() == request
            await gateway.says("call ended at its carrier")
        # A parameter that cannot be is a failure: what the carrier was told to do next is done.
        async with TelnyxCall(gateway.port, {"output_encoding": "mp3"}) as call:
            assert await call.ended() == 1003
        await gateway.says("reason=invalid_parameter")
        assert api.requests.empty()
