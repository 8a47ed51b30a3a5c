"""Agents that tell what was said by transcription packets alone, as livekit-agents before 1.0 and agents of one's own."""

import asyncio

import pytest
from livekit import rtc

from support.client import VoiceClient
from support.room_server import token

ROOM = "meeting"


def segment(number: int, text: str, final: bool) -> rtc.TranscriptionSegment:
    return rtc.TranscriptionSegment(
        id=f"SG_{number}", text=text, start_time=0, end_time=0, language="", final=final
    )


@pytest.mark.parametrize("path", ["/ws", "/v1/conversation/ws"])
async def test_words_in_transcription_packets_are_told_once(gateway, path):
    url = gateway.url.removesuffix("/ws") + path
    room = rtc.Room()
    await room.connect(gateway.room_url, token("bot", ROOM, kind="agent"))
    try:
        async with VoiceClient(url, room=ROOM, identity="alice", agent="", events="extended") as caller:
            await caller.event("agent_joined")
            agent = room.local_participant

            async def tell(who: str, number: int, *texts: str) -> None:
                for index, text in enumerate(texts):
                    piece = segment(number, text, final=index == len(texts) - 1)
                    await agent.publish_transcription(
                        rtc.Transcription(participant_identity=who, track_sid="", segments=[piece])
                    )

            await tell("alice", 1, "turn", "turn on", "Turn on the light.")
            await tell("bot", 2, "It is", "It is on.")
            user = await caller.event("transcript", role="user", final=True)
            assert (user["content"], user["segment_id"]) == ("Turn on the light.", "SG_1")
            reply = await caller.event("transcript", role="assistant", final=True)
            assert (reply["content"], reply["segment_id"]) == ("It is on.", "SG_2")
            told = [e["content"] for e in caller.events if e.get("type") == "transcript" and e["role"] == "user"]
            # Of texts that come at once only the newest need be told.
            texts = ["turn", "turn on", "Turn on the light."]
            assert told == [text for text in texts if text in told] and told[-1] == texts[-1]
            # Streams of the same words, as later agents send them beside their packets, say nothing new.
            async def stream(number: int, text: str) -> None:
                writer = await agent.stream_text(
                    topic="lk.transcription",
                    attributes={"lk.transcription_final": "true", "lk.segment_id": f"SG_{number}"},
                )
                await writer.write(text)
                await writer.aclose()

            await stream(9, "It is on.")
            await tell("bot", 3, "Anything else?")
            await stream(10, "Anything else?")
            await caller.event("transcript", content="Anything else?")
            told = [e["content"] for e in caller.events if e.get("type") == "transcript" and e["role"] == "assistant"]
            assert told.count("It is on.") == 1 and told.count("Anything else?") == 1
    finally:
        await room.disconnect()
