"""libopus by ctypes: a signal through an encoder and a decoder, with loss, in-band FEC or RED."""

import ctypes
import ctypes.util
import random
import time
from dataclasses import dataclass

import numpy as np

library = ctypes.CDLL(ctypes.util.find_library("opus"))
library.opus_encoder_create.restype = ctypes.c_void_p
library.opus_decoder_create.restype = ctypes.c_void_p

APPLICATIONS = {"voip": 2048, "audio": 2049, "lowdelay": 2051}
SET_BITRATE, SET_COMPLEXITY, SET_FEC, SET_LOSS, SET_DTX = 4002, 4010, 4012, 4014, 4016


@dataclass(frozen=True)
class Point:
    """How an encoder is asked: application, complexity, bit/s."""

    application: str
    complexity: int
    bitrate: int
    fec: bool = False

    def __str__(self):
        return f"{self.application} {self.complexity}, {self.bitrate // 1000}"


@dataclass
class Passage:
    """What came out, in step with what went in, and what it cost."""

    samples: np.ndarray
    encode: float  # ms of CPU for each second of sound
    decode: float
    kilobits: float


def passage(samples, rate, point, loss=0, red=0, seed=7):
    """Sends 16-bit samples through libopus in frames of 20 ms.

    loss: percent of packets that are lost at random; red: frames that come again with each packet.
    """
    length = rate // 50
    frames = len(samples) // length
    pcm = np.ascontiguousarray(samples[: frames * length], dtype=np.int16)
    status = ctypes.c_int()
    encoder = ctypes.c_void_p(
        library.opus_encoder_create(rate, 1, APPLICATIONS[point.application], ctypes.byref(status)))
    decoder = ctypes.c_void_p(library.opus_decoder_create(rate, 1, ctypes.byref(status)))
    for request, value in (
        (SET_BITRATE, point.bitrate), (SET_COMPLEXITY, point.complexity), (SET_FEC, int(point.fec)),
        (SET_LOSS, loss if point.fec else 0),
    ):
        library.opus_encoder_ctl(encoder, request, ctypes.c_int(value))
    buffer = ctypes.create_string_buffer(1500)
    address = pcm.ctypes.data
    packets, start = [], time.process_time()
    for number in range(frames):
        count = library.opus_encode(encoder, ctypes.c_void_p(address + number * length * 2), length, buffer, 1500)
        packets.append(buffer.raw[:count])
    encoded = time.process_time()
    chance = random.Random(seed)
    lost = [False] + [chance.random() * 100 < loss for _ in range(frames)]
    out = np.zeros((frames, length), dtype=np.int16)
    begin = time.process_time()
    for number, packet in enumerate(packets):
        place = ctypes.c_void_p(out[number].ctypes.data)
        arrived = next((n for n in range(number, min(number + red, frames - 1) + 1) if not lost[n]), None)
        if arrived is not None:
            library.opus_decode(decoder, packet, len(packet), place, length, 0)
        elif point.fec and number + 1 < frames and not lost[number + 1]:
            library.opus_decode(decoder, packets[number + 1], len(packets[number + 1]), place, length, 1)
        else:
            library.opus_decode(decoder, None, 0, place, length, 0)
    end = time.process_time()
    library.opus_encoder_destroy(encoder)
    library.opus_decoder_destroy(decoder)
    seconds = frames / 50
    copies = 1 + red
    return Passage(
        in_step(pcm, out.reshape(-1), rate), 1000 * (encoded - start) / seconds, 1000 * (end - begin) / seconds,
        copies * sum(map(len, packets)) * 8 / seconds / 1000)


def in_step(before, after, rate):
    """Moves what came out to where it went in: an encoder looks ahead by up to 7 ms."""
    window = slice(rate // 2, min(len(before), rate * 6))
    reference = before[window].astype(float)
    best, at = -np.inf, 0
    for shift in range(rate * 12 // 1000):
        piece = after[window.start + shift : window.stop + shift].astype(float)
        if len(piece) == len(reference) and (match := float(np.dot(piece, reference))) > best:
            best, at = match, shift
    return np.concatenate([after[at:], np.zeros(at, np.int16)])
