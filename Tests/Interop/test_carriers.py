"""Calls of telephone carriers. The test plays the carrier; Pipecat, which others put where the gateway stands, judges: its
detector has to know the carrier by what the call begins with, and its serializers write what a carrier has to get."""

import asyncio
import json

import pytest
from pipecat.frames.frames import InterruptionFrame, OutputAudioRawFrame
from pipecat.runner.utils import _detect_transport_type_from_message as detected
from pipecat.serializers.exotel import ExotelFrameSerializer
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer

from support.carriers import AwaazCall, CarrierCall, ExotelCall, PlivoCall, TelnyxCall, VonageCall
from support.processes import DEPLOYMENT, Gateway
from support.sounds import audible_seconds, spoken

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


async def conversation(gateway: Gateway, kind: type[CarrierCall]) -> None:
    sentence = spoken(SENTENCE, kind.rate)
    judge = serializer(kind)
    async with kind(gateway.port, {"agent": "parrot", "level": "2"}) as call:
        call.say(sentence)
        first = await call.until(lambda message: call.sound_in(message) is not None)
        await call.until(lambda message: call.mark_in(message) is not None)
        heard = call.heard()
        assert audible_seconds(heard, kind.rate) > 0.7 * audible_seconds(sentence, kind.rate)
        # The parrot stops when it is spoken to.
        call.say(sentence)
        await call.until(lambda message: call.sound_in(message) is not None)
        call.say(sentence)
        clear = await call.until(call.clears)
        if judge:
            # Its resampler keeps the beginning.
            sound = OutputAudioRawFrame(audio=bytes(2 * kind.rate), sample_rate=kind.rate, num_channels=1)
            written = await judge.serialize(sound)
            assert shape(first) == shape(written if isinstance(written, bytes) else json.loads(written))
            assert clear == json.loads(await judge.serialize(InterruptionFrame()))


async def test_calls_of_each_carrier_hear_the_parrot_interrupt_it_and_say_what_they_have_heard(programs):
    for kind in CALLS:
        start = next(message for message in kind(0, {}).opening() if "start" in message or kind is VonageCall)
        # Vonage names itself by the event; Awaaz, whose calls begin as Exotel's do, is no carrier of Pipecat's.
        known = {AwaazCall: "exotel", VonageCall: "unknown"}.get(kind, kind.path[1:])
        assert detected(start) == known
    gateway = await programs(Gateway())
    async with asyncio.TaskGroup() as calls:
        for kind in CALLS:
            calls.create_task(conversation(gateway, kind))
    for kind in CALLS:
        line = await gateway.says(f"dialect={kind.path[1:]} ")
        record = dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
        assert record["reason"] == "client_hung_up" and record["agent"] == "parrot", line
        assert record["replies_played_out"] == "1" and record["interruptions"] == "1", line
        assert record["faulty_messages"] == "0", line
