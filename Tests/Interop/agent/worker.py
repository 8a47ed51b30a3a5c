"""A real livekit-agents worker that needs no network but LiveKit's: `python worker.py start`.

LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET and AGENT_NAME come from the environment. AMBIENCE is a file that is
played all the time on a track of its own.
"""

import asyncio
import json
import logging
import os

from livekit.agents import Agent, AgentServer, AgentSession, BackgroundAudioPlayer, JobContext, JobProcess, cli
from livekit.plugins import silero

from speech import EspeakTTS, PocketsphinxSTT, RuleLLM

log = logging.getLogger("test-agent")


def prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load(min_silence_duration=0.4, sample_rate=16000, force_cpu=True)


def agent_server() -> AgentServer:
    return AgentServer(
        port=0,
        host="127.0.0.1",
        num_idle_processes=1,
        initialize_process_timeout=60,
        # A busy test machine must not look like a full worker, or the job is refused.
        load_fnc=lambda *_: 0.05,
        setup_fnc=prewarm,
    )


def publisher(context: JobContext):
    """A function that sends a JSON message into the job's room."""

    def publish(message: dict) -> None:
        # Handlers are synchronous; what must wait becomes a task of its own.
        data = json.dumps(message).encode()
        task = asyncio.create_task(context.room.local_participant.publish_data(data, reliable=True))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    return publish


def report(session: AgentSession, publish) -> None:
    """Publishes what a session hears, says and does, as agents with frontends of their own do."""

    @session.on("user_input_transcribed")
    def on_user(event) -> None:
        publish({"type": "transcript.user", "text": event.transcript, "is_final": event.is_final})

    @session.on("conversation_item_added")
    def on_item(event) -> None:
        if getattr(event.item, "role", None) == "assistant":
            publish({"type": "transcript.assistant", "text": event.item.text_content})

    @session.on("agent_state_changed")
    def on_state(event) -> None:
        publish({"type": "agent.state", "state": event.new_state})


server = agent_server()


@server.rtc_session(agent_name=os.environ.get("AGENT_NAME", "custom-agent"))
async def entrypoint(context: JobContext) -> None:
    voice_activity = context.proc.userdata["vad"]
    session = AgentSession(
        vad=voice_activity,
        stt=PocketsphinxSTT(voice_activity),
        llm=RuleLLM(),
        tts=EspeakTTS(),
        turn_detection="vad",
    )
    publish = publisher(context)
    report(session, publish)
    await context.connect()
    await session.start(agent=Agent(instructions="You answer briefly."), room=context.room)
    if ambience := os.environ.get("AMBIENCE"):
        player = BackgroundAudioPlayer(ambient_sound=ambience)
        await player.start(room=context.room, agent_session=session)
    publish({"type": "agent.metadata", "metadata": context.job.metadata})


if __name__ == "__main__":
    cli.run_app(server)
