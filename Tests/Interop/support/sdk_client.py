"""A participant of the real LiveKit Python SDK that notes what it hears and is told."""
import asyncio
import time

import numpy
from livekit import rtc

from support.room_server import token

RATE = 48_000


class Member:
    """A participant of the SDK, and tasks that end when it leaves."""

    def __init__(self):
        self.room = rtc.Room()
        self.tasks = set()

    def run(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        return task

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.wait_for(self.room.disconnect(), 10)


class Client(Member):
    """Use as `async with Client(server, room, identity, mode) as client`; mode is `v1` or `v0`, `e2ee` the SDK's
    options of end-to-end encryption."""

    def __init__(self, server, room, identity, mode="v1", url=None, e2ee=None, **grants):
        super().__init__()
        self.url, self.room_name, self.identity = url or server.url, room, identity
        self.token = token(identity, room, **grants)
        self.mode = mode
        self.e2ee = e2ee
        self.events = []
        self.sound = {}
        self.texts = []
        self._listening = {}
        self._source = None
        for name in (
            "participant_connected", "participant_disconnected", "track_published", "track_unpublished",
            "track_subscribed", "track_unsubscribed", "track_muted", "track_unmuted", "data_received",
            "participant_attributes_changed", "participant_metadata_changed", "room_metadata_changed",
            "active_speakers_changed", "disconnected", "reconnecting", "reconnected", "local_track_subscribed",
        ):
            self.room.on(name, self._note(name))

    def _note(self, name):
        def handler(*arguments):
            self.events.append((name, arguments))
            if name == "track_subscribed":
                track, _, participant = arguments
                self._listening[track.sid] = self.run(self._listen(track, participant.identity))
            elif name == "track_unsubscribed":
                # Servers may put the next track on the same transceiver, where this stream would go on.
                if task := self._listening.pop(arguments[0].sid, None):
                    task.cancel()

        return handler

    async def _listen(self, track, identity):
        heard = self.sound.setdefault(identity, [])
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            heard.append((time.monotonic(), numpy.frombuffer(event.frame.data, dtype=numpy.int16).astype(float)))

    async def __aenter__(self):
        options = rtc.RoomOptions(auto_subscribe=True, single_peer_connection=self.mode == "v1", e2ee=self.e2ee)
        await asyncio.wait_for(self.room.connect(self.url, self.token, options), 15)
        return self

    @property
    def local(self):
        return self.room.local_participant

    def happened(self, name):
        return [arguments for event, arguments in self.events if event == name]

    async def until(self, condition, timeout=10, what="the expected"):
        """Waits until `condition()` is true, and returns what it returned."""
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            assert time.monotonic() < deadline, f"{self.identity} did not see {what} within {timeout} s"
            await asyncio.sleep(0.02)
        return result

    async def event(self, name, timeout=10, where=lambda *_: True):
        """The arguments of the first such event, past or to come."""
        found = await self.until(
            lambda: [a for a in self.happened(name) if where(*a)], timeout, f"the event {name}")
        return found[0]

    def hears_texts(self, topic):
        """Collects text streams of a topic into `texts`: (identity, attributes at the end, text)."""

        def handler(reader, identity):
            async def read():
                text = await reader.read_all()
                self.texts.append((identity, dict(reader.info.attributes or {}), text))

            self.run(read())

        self.room.register_text_stream_handler(topic, handler)

    # Sound

    async def publish(self, name="microphone"):
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track(name, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        return await asyncio.wait_for(self.local.publish_track(track, options), 10), track

    async def play(self, samples):
        """Plays 16-bit samples in real time."""
        samples = numpy.asarray(samples, dtype=numpy.int16)
        for start in range(0, len(samples) - 479, 480):
            part = samples[start : start + 480]
            await self._source.capture_frame(rtc.AudioFrame(part.tobytes(), RATE, 1, 480))

    def play_tone(self, frequency, amplitude=8000):
        """Plays a tone until the client is closed."""

        async def run():
            position = 0
            while True:
                await self.play(tone(frequency, 0.1, amplitude, position))
                position += RATE // 10

        return self.run(run())

    def heard(self, identity, seconds=1.0):
        """Frequency and amplitude of the strongest tone in the last sound of a participant; (0, 0) for too little."""
        parts = [pcm for _, pcm in self.sound.get(identity, [])]
        pcm = numpy.concatenate(parts)[-int(seconds * RATE) :] if parts else numpy.zeros(0)
        if len(pcm) < seconds * RATE:
            return 0, 0
        spectrum = numpy.abs(numpy.fft.rfft(pcm * numpy.hanning(len(pcm))))
        strongest = int(spectrum.argmax())
        return strongest * RATE / len(pcm), spectrum[strongest] * 4 / len(pcm)

    def forget_sound(self):
        for heard in self.sound.values():
            heard.clear()

    async def hears(self, identity, frequency, timeout=10):
        await self.until(
            lambda: abs(self.heard(identity)[0] - frequency) < 5 and self.heard(identity)[1] > 3000, timeout,
            f"{frequency} Hz from {identity}")

    def loud_times(self, identity, threshold=500):
        """When sound of a participant louder than the threshold (RMS) was heard."""
        return [t for t, pcm in self.sound.get(identity, []) if numpy.sqrt((pcm**2).mean()) > threshold]


def tone(frequency, seconds, amplitude=8000, position=0):
    index = position + numpy.arange(int(seconds * RATE))
    return (amplitude * numpy.sin(2 * numpy.pi * frequency * index / RATE)).astype(numpy.int16)


def silence(seconds):
    return numpy.zeros(int(seconds * RATE), dtype=numpy.int16)
