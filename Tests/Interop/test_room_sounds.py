"""A real agent that plays office noise beside its voice, as livekit-agents' BackgroundAudioPlayer does it."""

import pathlib

import livekit.agents

from support.client import VoiceClient
from support.old_client import OldClient
from support.processes import Gateway, Worker
from support.sounds import audible_seconds, spoken

AMBIENCE = pathlib.Path(livekit.agents.__file__).parent / "resources/office-ambience.ogg"
ANSWER = "It is sunny and warm in Berlin today."


async def test_turns_end_with_the_agents_voice_while_its_ambience_goes_on(programs):
    gateway = await programs(Gateway())
    await programs(Worker(gateway.room_url, AMBIENCE=AMBIENCE))
    async with OldClient(gateway.url, room="office", identity="caller") as client:
        # The agent listens to the first that it finds, and has found this one before another comes.
        await client.event("agent.metadata", 60)
        async with VoiceClient(gateway.url, room="office", agent="") as listener:
            # The ambience plays: raw sound has it, files have not.
            await listener.until(lambda: len(listener.samples) > 2 * listener.rate_out, what="two seconds of ambience")
            assert client.pieces == []
            for number in (1, 2):
                before = await client.utter(spoken("what is the weather in berlin"))
                answer = await client.event("text", 60, before)
                await client.turn_is_mine(client.events.index(answer), 60)
                # The agent's own JSON has its own time: its state may follow the end of the turn.
                told = [event["type"] for event in client.told]
                assert told.count("text") == number and told[-1] == "ready"
                assert client.all("text")[-1]["content"] == ANSWER
                reply = sum(audible_seconds(piece, 24_000) for piece in client.sounds(before))
                assert reply > 0.7 * audible_seconds(spoken(ANSWER, 24_000, 150), 24_000)
                # Nothing of the gateway follows the reply, though the room goes on sounding.
                events, heard = len(client.told), len(listener.samples)
                await listener.until(lambda: len(listener.samples) > heard + 2 * listener.rate_out, what="ambience")
                assert client.told[events:] == []
