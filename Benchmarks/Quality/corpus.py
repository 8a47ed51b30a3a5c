"""What is spoken and heard: real voices, synthetic ones, noise, music. All of it reproducible."""

import subprocess
import wave
from math import gcd
from pathlib import Path

import numpy as np
from scipy.signal import lfilter, resample_poly

SENTENCES = (
    ("en-us", 170, "The nearest pharmacy is open until half past nine, and the second one closes at seven."),
    ("en-us+f3", 160, "Please send three boxes to sixteen Chestnut Street before the end of next week."),
    ("en-gb+m2", 175, "Which of these flights would be cheaper if I travelled back on Sunday evening?"),
    ("en-us+f4", 150, "She says the fish was fresh, the sauce too salty, and the chocolate just right."),
)


def spoken(folder):
    """LibriVox sentences of Debian's pocketsphinx-testdata: (16 kHz samples, words) each."""
    words = {}
    for line in (folder / "transcription").read_text().splitlines():
        text, name = line.removesuffix(")").split(" (")
        words[name] = text.removeprefix("<s> ").removesuffix(" </s>").replace("a more a amiable", "a more amiable")
    return [(read(folder / f"{name}.wav")[0], text) for name, text in sorted(words.items())]


def synthetic(rate):
    """espeak-ng with four voices, at a rate."""
    pieces = []
    for index in range(len(SENTENCES)):
        pieces += [synthetic_sentence(index, rate), np.zeros(rate // 2)]
    return level(np.concatenate(pieces), 3000)


def synthetic_sentence(index, rate):
    """One of them."""
    voice, speed, text = SENTENCES[index]
    path = Path("/tmp") / f"quality-{voice}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-w", path, text], check=True)
    samples, own = read(path)
    path.unlink()
    return at_rate(samples.astype(float), own, rate)


def read(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def at_rate(samples, before, after):
    common = gcd(before, after)
    return samples if before == after else resample_poly(samples, after // common, before // common)


def level(samples, rms):
    """At a root mean square of 32768, measured where there is sound."""
    loud = samples[np.abs(samples) > 0.02 * np.max(np.abs(samples))]
    return samples * (rms / np.sqrt(np.mean(loud**2)))


def whole(samples):
    return np.clip(samples, -32768, 32767).astype(np.int16)


def higher(samples, rate):
    """A child's voice: pitch and formants a third higher, a little slower than that would make it."""
    return level(resample_poly(samples, 3, 4), np.sqrt(np.mean(samples**2)) * 1.3)


def whispered(samples, rate):
    """The same words without a pitch: noise through the vocal tract (linear prediction of order 18)."""
    step, order = rate // 50, 18
    noise = np.random.default_rng(4).normal(0, 1, len(samples))
    out = np.zeros(len(samples))
    for start in range(0, len(samples) - 2 * step, step):
        frame = samples[start : start + 2 * step] * np.hanning(2 * step)
        correlation = np.correlate(frame, frame, "full")[2 * step - 1 : 2 * step + order]
        correlation[0] = correlation[0] * 1.001 + 1
        coefficients, error = np.array([1.0]), correlation[0]
        for index in range(1, order + 1):
            reflection = -np.dot(coefficients, correlation[index:0:-1]) / error
            longer = np.append(coefficients, 0)
            coefficients = longer + reflection * longer[::-1]
            error *= 1 - reflection**2
        excitation = noise[start : start + 2 * step] * np.sqrt(max(error, 0) / (2 * step))
        out[start : start + 2 * step] += lfilter([1.0], coefficients, excitation * np.hanning(2 * step))
    return level(out, 800)


def babble(count, rate, voices):
    """Six voices at once."""
    mix = np.zeros(count)
    for index in range(6):
        mix += np.resize(np.roll(voices, index * rate * 17 // 5 + 711 * index), count)
    return mix


def noise(kind, count, rate, voices):
    random = np.random.default_rng(11)
    if kind == "white":
        return random.normal(0, 1, count)
    if kind == "car":
        # An engine's low rumble and the road: most of it below 300 Hz.
        rumble = lfilter([1.0], [1, -0.985], random.normal(0, 1, count))
        time = np.arange(count) / rate
        return rumble / np.std(rumble) + 0.3 * np.sin(2 * np.pi * 62 * time) + 0.05 * random.normal(0, 1, count)
    return babble(count, rate, voices)


def in_noise(samples, kind, decibels, rate, voices):
    background = noise(kind, len(samples), rate, voices)
    loud = samples[np.abs(samples) > 0.02 * np.max(np.abs(samples))]
    gain = np.sqrt(np.mean(loud**2)) / np.std(background) * 10 ** (-decibels / 20)
    return samples + background * gain


def music(rate, seconds=8):
    """Chords of plucked strings with ten harmonics, over a steady bass and a hi-hat."""
    time = np.arange(seconds * rate) / rate
    random = np.random.default_rng(5)
    out = 0.3 * sum(np.sin(2 * np.pi * 55 * k * time) / k for k in range(1, 5))
    for beat in range(seconds * 2):
        start = beat * rate // 2
        local = time[: len(time) - start]
        for note in ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 3, 7))[beat // 2 % 4]:
            pitch = 220 * 2 ** (note / 12)
            for harmonic in range(1, 11):
                if pitch * harmonic < rate / 2:
                    out[start:] += np.exp(-local * (2 + harmonic)) * np.sin(
                        2 * np.pi * pitch * harmonic * local) / harmonic
        hat = random.normal(0, 1, min(rate // 20, len(local)))
        out[start : start + len(hat)] += 0.2 * hat * np.exp(-np.arange(len(hat)) / (rate / 100))
    return level(out, 3000)
