"""Recordings as browsers' MediaRecorders make them, by ffmpeg's muxers and encoders."""

import io

import av
import numpy


class _Pipe(io.RawIOBase):
    """What a browser writes to: it never goes back."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content += bytes(data)
        return len(data)


def recorded(samples: numpy.ndarray, container: str, codec: str, rate: int = 16000, **options) -> bytes:
    """A recording as a browser's MediaRecorder makes it, by ffmpeg's muxers and encoders."""
    pipe = _Pipe()
    with av.open(pipe, "w", format=container, options={k: str(v) for k, v in options.items()}) as output:
        stream = output.add_stream(codec, rate=48000)
        stream.layout = "mono"
        planar = {"aac": "fltp", "libmp3lame": "s16p"}
        resampler = av.AudioResampler(planar.get(codec, "s16"), "mono", 48000)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(piece):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return bytes(pipe.content)


def webm(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Chromium: WebM/Opus, written live, so that no length is known."""
    return recorded(samples, "webm", "libopus", rate, live=1, cluster_time_limit=1000)


def ogg(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Firefox: Ogg/Opus."""
    return recorded(samples, "ogg", "libopus", rate)


def mp4(samples: numpy.ndarray, rate: int = 16000) -> bytes:
    """As Safari: fragmented MP4 with AAC."""
    # Whole frames of the encoder: the muxer does not take less.
    samples = numpy.concatenate([samples, numpy.zeros(-len(samples) % 1024, dtype=numpy.int16)])
    return recorded(samples, "mp4", "aac", rate, movflags="frag_keyframe+empty_moov+default_base_moof")


def in_pieces(recording: bytes, seconds: float) -> list[bytes]:
    """A recording as it is sent: a piece each 250 ms, cut wherever that falls."""
    size = -(-len(recording) // max(1, round(seconds / 0.25)))
    return [recording[start : start + size] for start in range(0, len(recording), size)]
