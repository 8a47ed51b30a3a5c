"""A livekit-agents worker for measurements: each agent greets once and then plays a tone whose pitch tells the time, and keeps
what it hears. CHIRPING_FOLDER gets `greetings`, a line for each greeting, and IDENTITY.raw, what that caller said (16 bits,
16 kHz). Callers in rooms whose name begins with `quiet` hear a second of it and are not heard. All agents are threads of one
process, so that a small machine carries many.
"""

import asyncio
import os
import pathlib
import sys

from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, AutoSubscribe, JobContext, JobExecutorType, cli
from livekit.agents.voice import io
from livekit.agents.voice.room_io import AudioInputOptions, RoomOptions, TextOutputOptions

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from support.chirp import Chirp  # noqa: E402

RATE = 24_000
FOLDER = pathlib.Path(os.environ["CHIRPING_FOLDER"])
#: Longer than any measurement.
SECONDS = 3600
#: How many seconds of sound wait to be played.
AHEAD = 1.0


async def chirp(seconds: float):
    tone, clock = Chirp(RATE), asyncio.get_running_loop()
    begin = clock.time()
    for number in range(round(seconds * 10)):
        samples = tone.next(0.1)
        yield rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))
        # A session takes whatever it gets, and keeps what is not played yet.
        await asyncio.sleep(max(0, begin + number / 10 - AHEAD - clock.time()))


class Recorded(io.AudioInput):
    """Passes on what the caller says, and writes it down."""

    def __init__(self, source: io.AudioInput, file) -> None:
        super().__init__(label="recorded", source=source)
        self._heard, self._file = source, file

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await self._heard.__anext__()
        self._file.write(bytes(frame.data))
        return frame


class Chirping(Agent):
    def __init__(self, identity: str) -> None:
        super().__init__(instructions="")
        self._identity = identity

    async def on_enter(self) -> None:
        with (FOLDER / "greetings").open("a") as file:
            print(self._identity, file=file)
        seconds = 1 if self._identity.startswith("quiet") else SECONDS
        self.session.say("Hello.", audio=chirp(seconds), allow_interruptions=False)


server = AgentServer(
    port=0, host="127.0.0.1", num_idle_processes=1, job_executor_type=JobExecutorType.THREAD, load_fnc=lambda *_: 0.0)


@server.rtc_session(agent_name=os.environ.get("AGENT_NAME", "custom-agent"))
async def entrypoint(job: JobContext) -> None:
    # What is received is decoded, even if nobody listens, so half of the time of an agent is saved where nobody speaks.
    is_quiet = job.job.room.name.startswith("quiet")
    await job.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE if is_quiet else AutoSubscribe.SUBSCRIBE_ALL)
    caller = await job.wait_for_participant()
    # Without what costs an agent its time: it is the calls that are measured.
    session = AgentSession(vad=None)
    await session.start(
        agent=Chirping(caller.identity), room=job.room, room_options=RoomOptions(
            audio_input=False if is_quiet else AudioInputOptions(sample_rate=16_000),
            text_output=TextOutputOptions(sync_transcription=False)))
    if is_quiet:
        return
    file = (FOLDER / f"{caller.identity}.raw").open("ab", buffering=0)
    session.input.audio = Recorded(session.input.audio, file)

    async def close() -> None:
        file.close()

    job.add_shutdown_callback(close)


if __name__ == "__main__":
    cli.run_app(server)
