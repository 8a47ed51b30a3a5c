"""Speech offline, on livekit-agents' own base classes: pocketsphinx hears, rules answer, espeak-ng speaks.

The grammar is small on purpose: recognition is then certain enough for a test to assert whole sentences.
"""

import asyncio
import io
import tempfile
import uuid
import wave

import numpy
import pocketsphinx
from livekit.agents import llm, stt, tts, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN

SENTENCES = (
    "hello agent can you hear me",
    "what is the weather in berlin",
    "please tell me a very long story",
    "stop talking now please",
    "my name is alice",
)

LONG_STORY = " ".join(
    f"Chapter {number}. The old sailor looked at the sea and counted the waves until the evening came."
    for number in ("one", "two", "three", "four", "five", "six")
)

REPLIES = {
    "hello": "Yes, I can hear you very well.",
    "weather": "It is sunny and warm in Berlin today.",
    "story": LONG_STORY,
    "stop": "I have stopped.",
    "name": "Nice to meet you, Alice.",
}


def reply_to(sentence: str) -> str:
    for keyword, reply in REPLIES.items():
        if keyword in sentence.lower():
            return reply
    return "Please say that again."


def grammar_file(sentences=SENTENCES) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".gram", delete=False) as file:
        file.write(f"#JSGF V1.0;\ngrammar caller;\npublic <sentence> = {' | '.join(sentences)};\n")
        return file.name


def decoder(sentences=SENTENCES) -> pocketsphinx.Decoder:
    """Hears one of a few sentences in 16-bit samples at 16 kHz."""
    return pocketsphinx.Decoder(
        jsgf=grammar_file(sentences), samprate=16000, loglevel="FATAL", cmninit="40,3,-1"
    )


def as_recorded(frames, random: numpy.random.Generator) -> bytes:
    """16-bit samples with the noise of a room (-55 dB): the model was trained on recordings, and mishears a
    synthetic voice that comes cleaner than any microphone could record it."""
    heard = numpy.concatenate([numpy.frombuffer(bytes(frame.data), dtype=numpy.int16) for frame in frames])
    return numpy.clip(heard + random.normal(0, 60, len(heard)), -32768, 32767).astype(numpy.int16).tobytes()


class PocketsphinxSTT(stt.STT):
    """Streaming recognition: Silero finds where speech starts and ends, pocketsphinx reads along."""

    def __init__(self, voice_activity: vad.VAD) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self._voice_activity = voice_activity
        self._decoder = decoder()

    async def _recognize_impl(self, buffer, *, language=NOT_GIVEN, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        raise NotImplementedError("this recogniser only streams")

    def stream(self, *, language=NOT_GIVEN, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return Recognition(self, self._voice_activity, self._decoder, conn_options)


class Recognition(stt.RecognizeStream):
    def __init__(self, owner, voice_activity, decoder, conn_options) -> None:
        super().__init__(stt=owner, conn_options=conn_options, sample_rate=16000)
        self._speech = voice_activity.stream()
        self._decoder = decoder
        self._random = numpy.random.default_rng(1)

    async def _run(self) -> None:
        async def feed() -> None:
            async for frame in self._input_ch:
                if not isinstance(frame, self._FlushSentinel):
                    self._speech.push_frame(frame)
            self._speech.end_input()

        feeding = asyncio.create_task(feed())
        latest = ""
        listening = False
        try:
            async for event in self._speech:
                if event.type == vad.VADEventType.START_OF_SPEECH:
                    self._send(stt.SpeechEventType.START_OF_SPEECH)
                    self._decoder.start_utt()
                    listening, latest = True, ""
                    self._read(event.frames)
                elif event.type == vad.VADEventType.INFERENCE_DONE and listening:
                    self._read(event.frames)
                    heard = self._heard()
                    # An event without words makes livekit-agents deaf for good.
                    if heard and heard != latest:
                        latest = heard
                        self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, heard)
                elif event.type == vad.VADEventType.END_OF_SPEECH and listening:
                    self._decoder.end_utt()
                    listening = False
                    # The whole utterance once more, from its very first frame: the live pass began when speech
                    # was already certain. And twice, because the first time only tells the decoder how loud the
                    # speaker is.
                    for _ in range(2):
                        self._decoder.start_utt()
                        self._read(event.frames)
                        self._decoder.end_utt()
                    if heard := self._heard():
                        self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, heard)
                    self._send(stt.SpeechEventType.END_OF_SPEECH)
        finally:
            if listening:
                self._decoder.end_utt()
            feeding.cancel()
            await self._speech.aclose()

    def _read(self, frames) -> None:
        if frames:
            self._decoder.process_raw(as_recorded(frames, self._random), False, False)

    def _heard(self) -> str:
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    def _send(self, kind, text="") -> None:
        found = [stt.SpeechData(language="en", text=text, confidence=1.0)] if text else []
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=found))


class RuleLLM(llm.LLM):
    """Answers by keyword; the reply arrives in pieces as a language model's would."""

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        return RuleReply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class RuleReply(llm.LLMStream):
    async def _run(self) -> None:
        said = [item.text_content or "" for item in self._chat_ctx.items if getattr(item, "role", "") == "user"]
        for word in reply_to(said[-1] if said else "").split(" "):
            self._event_ch.send_nowait(
                llm.ChatChunk(id=uuid.uuid4().hex, delta=llm.ChoiceDelta(role="assistant", content=word + " "))
            )


class EspeakTTS(tts.TTS):
    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=22050, num_channels=1)

    def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return EspeakSpeech(tts=self, input_text=text, conn_options=conn_options)


class EspeakSpeech(tts.ChunkedStream):
    async def _run(self, output_emitter) -> None:
        process = await asyncio.create_subprocess_exec(
            "espeak-ng", "--stdout", "-s", "150", self.input_text, stdout=asyncio.subprocess.PIPE
        )
        sound, _ = await process.communicate()
        # espeak-ng cannot know the length when it starts to write: the header says "endless".
        with wave.open(io.BytesIO(sound)) as reader:
            rate = reader.getframerate()
        output_emitter.initialize(
            request_id=uuid.uuid4().hex, sample_rate=rate, num_channels=1, mime_type="audio/pcm"
        )
        output_emitter.push(sound[44:])
        output_emitter.flush()
