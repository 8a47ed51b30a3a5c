"""The same job on LiveKit's official Python SDK: a WebSocket client sends 16 kHz PCM in frames of 20 ms and gets 24 kHz
PCM in frames of 20 ms; for each one a participant publishes the sound as an Opus track at 24 kbit/s with DTX and plays
what others publish.

Written as one would write it who cares about speed: one process, one event loop, frames passed on without copies of our
own, binary messages, no logging on the way of the sound. It leaves out all else that the gateway does (agents,
transcripts, pacing, mixing, limits, silence suppression towards the client), which is to its advantage.

    python bridge.py --port 3100       with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment
"""

import argparse
import asyncio
import contextlib
import json
import os

from aiohttp import WSMsgType, web
from livekit import api, rtc

INPUT_RATE = 16_000
OUTPUT_RATE = 24_000
FRAME_MS = 20


def token(room: str, identity: str) -> str:
    grants = api.VideoGrants(room_join=True, room=room)
    return (
        api.AccessToken(os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"])
        .with_identity(identity)
        .with_grants(grants)
        .to_jwt()
    )


async def play(track: rtc.Track, socket: web.WebSocketResponse) -> None:
    """What another participant says, to the client."""
    stream = rtc.AudioStream(track, sample_rate=OUTPUT_RATE, num_channels=1, frame_size_ms=FRAME_MS)
    try:
        async for event in stream:
            await socket.send_bytes(event.frame.data.cast("B"))
    except ConnectionError:
        pass
    finally:
        await stream.aclose()


async def bridge(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
    await socket.prepare(request)
    await socket.send_str('{"type":"ready"}')
    name = request.query.get("room", "lobby")
    identity = request.query.get("identity", "caller")
    room = rtc.Room()
    players: set[asyncio.Task] = set()

    @room.on("track_subscribed")
    def subscribed(track, publication, participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            task = asyncio.create_task(play(track, socket))
            players.add(task)
            task.add_done_callback(players.discard)

    source = rtc.AudioSource(INPUT_RATE, 1)
    try:
        await room.connect(os.environ["LIVEKIT_URL"], token(name, identity))
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=True, red=False)
        options.audio_encoding.max_bitrate = 24_000
        await room.local_participant.publish_track(track, options)
        await socket.send_str(json.dumps({"type": "session", "room": name, "identity": identity}))
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                data = message.data
                await source.capture_frame(rtc.AudioFrame(data, INPUT_RATE, 1, len(data) // 2))
            elif message.type == WSMsgType.TEXT:
                event = json.loads(message.data)
                if event.get("type") == "ping":
                    await socket.send_str(json.dumps({"type": "pong", "id": event.get("id")}))
    finally:
        for task in list(players):
            task.cancel()
        with contextlib.suppress(Exception):
            await room.disconnect()
        await source.aclose()
    return socket


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=3100)
    arguments = parser.parse_args()
    application = web.Application()
    application.router.add_get("/ws", bridge)
    web.run_app(application, host="127.0.0.1", port=arguments.port, access_log=None, handle_signals=True)


if __name__ == "__main__":
    main()
