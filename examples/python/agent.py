"""The smallest agent that needs no account and no network: it greets, says back what is typed, and how long you spoke.

    apt-get install espeak-ng
    pip install livekit-agents livekit-plugins-silero
    LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=secret python agent.py start

A real one has a speech recogniser, a language model and a voice in place of these few lines: the gateway sees no difference.
"""

import asyncio
import os
from collections.abc import AsyncIterator

from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli
from livekit.agents.vad import VADEventType
from livekit.agents.voice.room_io import RoomOptions, TextInputEvent, TextInputOptions
from livekit.plugins import silero

RATE = 22_050


async def espeak(text: str) -> AsyncIterator[rtc.AudioFrame]:
    """The text as speech, in frames of 16-bit samples."""
    program = await asyncio.create_subprocess_exec("espeak-ng", "--stdout", text, stdout=asyncio.subprocess.PIPE)
    wav, _ = await program.communicate()
    samples = wav[44 : 44 + (len(wav) - 44) // 2 * 2]
    for start in range(0, len(samples), RATE // 5):
        piece = samples[start : start + RATE // 5]
        yield rtc.AudioFrame(piece, sample_rate=RATE, num_channels=1, samples_per_channel=len(piece) // 2)


class Greeter(Agent):
    async def on_enter(self) -> None:
        say(self.session, "Hello. I am listening.")


def say(session: AgentSession, text: str) -> None:
    session.say(text, audio=espeak(text))


async def typed(session: AgentSession, event: TextInputEvent) -> None:
    await session.interrupt()
    say(session, f"You wrote: {event.text}")


def prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load(force_cpu=True)


server = AgentServer(port=0, host="127.0.0.1", num_idle_processes=1, setup_fnc=prewarm, load_fnc=lambda *_: 0.0)


@server.rtc_session(agent_name=os.environ.get("AGENT_NAME", "custom-agent"))
async def entrypoint(job: JobContext) -> None:
    session = AgentSession()
    listening: list[asyncio.Task[None]] = []

    async def listen(track: rtc.Track) -> None:
        speech = job.proc.userdata["vad"].stream()

        async def feed() -> None:
            async for event in rtc.AudioStream(track, sample_rate=16_000, num_channels=1):
                speech.push_frame(event.frame)

        listening.append(asyncio.create_task(feed()))
        async for event in speech:
            if event.type == VADEventType.END_OF_SPEECH:
                say(session, f"You spoke for {event.speech_duration:.1f} seconds.")

    @job.room.on("track_subscribed")
    def subscribed(track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            listening.append(asyncio.create_task(listen(track)))

    await job.connect()
    await session.start(
        agent=Greeter(instructions=""), room=job.room,
        room_options=RoomOptions(text_input=TextInputOptions(text_input_cb=typed)))


if __name__ == "__main__":
    cli.run_app(server)
