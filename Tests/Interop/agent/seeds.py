"""A livekit-agents worker built as agents in the field are: configured by its job's metadata, with a memory for each
participant's identity, personas that hand over to each other, and JSON data messages beside the transcription.

`python seeds.py start`, with the environment of worker.py; MEMORY_FILE keeps the memory beyond a job.
"""

import json
import os
import pathlib
import uuid

from livekit.agents import Agent, AgentSession, JobContext, RunContext, cli, function_tool, llm, room_io
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from speech import EspeakTTS, PocketsphinxSTT, reply_to
from worker import agent_server, publisher, report

MEMORY = pathlib.Path(os.environ["MEMORY_FILE"])


class RememberingLLM(llm.LLM):
    """Answers by keyword, calls the tool that a sentence names, and knows what a user said in sessions before."""

    def __init__(self, user_id: str) -> None:
        super().__init__()
        self.user_id = user_id

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        return RememberingReply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)

    def answer(self, said: str) -> str:
        known = json.loads(MEMORY.read_text()) if MEMORY.exists() else {}
        if "last time" in said:
            return f"Last time you said {known[self.user_id]}." if self.user_id in known else "We have not met before."
        MEMORY.write_text(json.dumps(known | {self.user_id: said}))
        return reply_to(said)


class RememberingReply(llm.LLMStream):
    async def _run(self) -> None:
        said = [item.text_content or "" for item in self._chat_ctx.items if getattr(item, "role", "") == "user"]
        latest = said[-1] if said else ""
        named = [tool.info.name for tool in self._tools if tool.info.name.split("_")[-1] in latest]
        if named:
            call = llm.FunctionToolCall(name=named[0], arguments="{}", call_id=uuid.uuid4().hex)
            return self._send(tool_calls=[call])
        for word in self._llm.answer(latest).split(" "):
            self._send(content=word + " ")

    def _send(self, **delta) -> None:
        self._event_ch.send_nowait(
            llm.ChatChunk(id=uuid.uuid4().hex, delta=llm.ChoiceDelta(role="assistant", **delta))
        )


class BillingLLM(RememberingLLM):
    def answer(self, said: str) -> str:
        return "Your bill is twelve euros."


class Assistant(Agent):
    def __init__(self, user_id: str) -> None:
        super().__init__(instructions="You are a helpful voice AI assistant.")
        self.user_id = user_id

    @function_tool
    async def transfer_to_billing(self, context: RunContext):
        """Transfer to billing department"""
        await self.session.say("Transferring you to billing.")
        # A new agent as the result is the hand-over.
        return BillingAgent(self.user_id)


class BillingAgent(Agent):
    def __init__(self, user_id: str) -> None:
        super().__init__(instructions="You handle billing questions.", llm=BillingLLM(user_id))

    async def on_enter(self) -> None:
        await self.session.say("Hello, this is billing.")


server = agent_server()


@server.rtc_session(agent_name=os.environ["AGENT_NAME"])
async def entrypoint(context: JobContext) -> None:
    publish = publisher(context)

    @context.room.on("data_received")
    def on_data(packet) -> None:
        told = packet.data.decode(errors="replace")
        publish({"type": "agent.was_told", "topic": packet.topic, "data": told})

    @context.room.on("participant_attributes_changed")
    def on_attributes(changed, participant) -> None:
        if participant.identity != context.room.local_participant.identity:
            publish({"type": "agent.saw_attributes", "identity": participant.identity, "changed": changed})

    await context.connect()
    participant = await context.wait_for_participant()
    settings = json.loads(context.job.metadata or "{}")
    voice_activity = context.proc.userdata["vad"]
    session = AgentSession(
        vad=voice_activity,
        stt=PocketsphinxSTT(voice_activity),
        llm=RememberingLLM(user_id=participant.identity),
        tts=EspeakTTS(),
        turn_detection="vad",
    )
    report(session, publish)
    await session.start(
        agent=Assistant(participant.identity),
        room=context.room,
        room_options=room_io.RoomOptions(
            audio_output=room_io.AudioOutputOptions(sample_rate=24000, num_channels=1),
            audio_input=room_io.AudioInputOptions(sample_rate=16000, num_channels=1),
            # Agents that only know data messages publish no transcription.
            text_output=settings.get("transcription", True),
            participant_identity=participant.identity,
        ),
    )
    publish({"type": "agent.metadata", "metadata": context.job.metadata, "identity": participant.identity})


if __name__ == "__main__":
    cli.run_app(server)
