"""What an agent of livekit-agents says about its session, and how it hangs up."""

from support.client import VoiceClient
from support.processes import Gateway, Worker
from support.sounds import audible_seconds, spoken

EVENTS = {"user_state", "item", "tool_started", "tool_finished", "false_interruption", "agent_error"}


async def test_tools_and_turns_are_told_to_who_asks_and_the_last_word_is_heard_before_the_end(programs):
    gateway = await programs(Gateway())
    await programs(Worker(gateway.room_url, script="clerk.py"))
    async with VoiceClient(gateway.url, room="counter", identity="alice", agent_events="true") as client:
        # The agent serves whom it meets first.
        await client.event("agent_state", state="listening", within=60)
        async with VoiceClient(gateway.url, room="counter", identity="bob", agent="") as other:
            await other.event("agent_joined")
            await client.send(type="text", data="weather Berlin")
            said = await client.event("item", role="user", content="weather Berlin")
            assert said["id"] and said["interrupted"] is False
            started = await client.event("tool_started", name="weather")
            assert started["arguments"] == {"word": "Berlin"}
            finished = await client.event("tool_finished", name="weather")
            assert finished == {
                "type": "tool_finished",
                "call_id": started["call_id"],
                "name": "weather",
                "output": "It is sunny in Berlin.",
                "failed": False,
            }
            await client.event("item", role="assistant", content="It is sunny in Berlin.", within=30)
            await client.send(type="text", data="stock apples")
            failed = await client.event("tool_finished", name="stock")
            assert failed["failed"] is True and "nobody knows about apples" in failed["output"]
            await client.event("item", role="assistant", content=failed["output"], within=30)

            client.heard.clear()
            await client.send(type="text", data="end_call")
            closing = await client.event("closing", within=60)
            assert closing["reason"] == "room_deleted"
            assert await client.closed() == 1000
            farewell = audible_seconds(spoken("Goodbye and thank you for calling us today.", 24000, 150), 24000)
            assert audible_seconds(client.samples, 24000) > farewell - 0.35
            # An agent says these things to the whole room. Who has not asked is told as everybody is.
            assert await other.closed() == 1000
            assert {"agent_joined", "transcript"} <= {event["type"] for event in other.events}
            assert not EVENTS & {event["type"] for event in other.events}
