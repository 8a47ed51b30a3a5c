"""Which Opus sounds best for what it costs: libopus at several operating points, judged by PESQ and by a recogniser.

`make quality` runs it. Nothing of it needs a network or real time; processes run at low priority.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from pesq import pesq

import corpus
from opus import Point, passage

#: By the rate of the caller's sound, in Hz.
POINTS = [
    Point("voip", 5, 24_000), Point("voip", 0, 24_000), Point("voip", 9, 48_000),
    Point("lowdelay", 0, 32_000), Point("lowdelay", 0, 48_000), Point("lowdelay", 0, 64_000),
    Point("lowdelay", 0, 80_000), Point("lowdelay", 0, 96_000), Point("lowdelay", 5, 80_000),
]
FEW = [POINTS[0], POINTS[2], POINTS[4], POINTS[6], POINTS[7]]
NOISES = [(kind, decibels) for kind in ("babble", "car", "white") for decibels in (15, 10, 5)]
LOSSES = [(5, 0), (10, 0), (10, 2)]


def score(before, after, rate):
    """PESQ (P.862): wide band from 16 kHz on, narrow band below. None where nobody speaks."""
    reference, other = (corpus.at_rate(x.astype(float), rate, 8000 if rate < 16_000 else 16_000) for x in (before, after))
    mode, judged = ("nb", 8000) if rate < 16_000 else ("wb", 16_000)
    return pesq(judged, corpus.whole(reference), corpus.whole(other), mode)


def difference(before, after, rate):
    """How far the spectrum of music is off: mean of the differences in 24 bands, in dB, frames of 20 ms."""
    size = rate // 50
    frames = min(len(before), len(after)) // size
    window = np.hanning(size)
    edges = np.unique(np.geomspace(2, size // 2, 25).astype(int))
    levels = []
    for signal in (before, after):
        spectrum = np.abs(np.fft.rfft(signal[: frames * size].reshape(frames, size) * window, axis=1)) ** 2
        bands = np.add.reduceat(spectrum, edges[:-1], axis=1) + 1e3
        levels.append(10 * np.log10(bands))
    return float(np.mean(np.abs(levels[0] - levels[1])))


def signals(folder, rate):
    """Name → samples at a rate."""
    libri = np.concatenate([samples for samples, _ in corpus.spoken(folder)]).astype(float)
    voices = corpus.at_rate(libri, 16_000, rate)
    synthetic = corpus.synthetic(rate)
    yield "LibriVox", voices
    yield "espeak-ng", synthetic
    if rate in (8000, 16_000):
        short = voices[: rate * 14]
        for kind, decibels in NOISES:
            yield f"{kind} {decibels} dB", corpus.in_noise(short, kind, decibels, rate, synthetic)
        yield "quiet voice (-30 dB)", short * 10 ** (-30 / 20)
        yield "child's voice", corpus.higher(short, rate)
        yield "whisper", corpus.whispered(short, rate)
    yield "music", corpus.music(rate)


def judge(task):
    """One signal at one point: (key, score, cost)."""
    os.nice(5)
    key, samples, rate, point, loss, red = task
    result = passage(samples, rate, point, loss=loss, red=red)
    rated = (difference if key[1] == "music" else score)(samples, result.samples, rate)
    return key, rated, result.encode, result.decode, result.kilobits


def quality(folder, rates, workers):
    tasks = []
    for rate in rates:
        for name, samples in signals(folder, rate):
            for point in POINTS if name in ("LibriVox", "espeak-ng") else FEW:
                tasks.append(((rate, name, str(point)), corpus.whole(samples), rate, point, 0, 0))
    results = {key: rest for key, *rest in workers.map(judge, tasks)}
    for rate in rates:
        columns = [str(point) for point in POINTS]
        print(f"\n| {rate} Hz: application, complexity, kbit/s | " + " | ".join(columns) + " |")
        print("| --- |" + " ---: |" * len(columns))
        rows = list(dict.fromkeys(name for r, name, _ in results if r == rate))
        for name in rows:
            unit = " (dB off)" if name == "music" else ""
            cells = (results.get((rate, name, column)) for column in columns)
            print(f"| {name}{unit} | " + " | ".join(f"{cell[0]:.2f}" if cell else "" for cell in cells) + " |")
        for label, place in (("encode, ms/s", 1), ("decode, ms/s", 2), ("sent, kbit/s", 3)):
            cells = (results[rate, "LibriVox", column][place] for column in columns)
            print(f"| {label} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |")


def losses(folder, workers):
    rate = 16_000
    libri = np.concatenate([samples for samples, _ in corpus.spoken(folder)])
    synthetic = corpus.whole(corpus.synthetic(rate))
    ways = [
        ("voip 5, 24, in-band FEC", Point("voip", 5, 24_000, fec=True), 0),
        ("voip 9, 48, in-band FEC", Point("voip", 9, 48_000, fec=True), 0),
        *[(f"lowdelay 0, 80, {what}", Point("lowdelay", 0, 80_000), red)
          for what, red in (("concealment only", 0), ("RED with one frame", 1), ("RED with two frames", 2))],
    ]
    tasks, rows = [], []
    for voice, samples in (("LibriVox", libri), ("espeak-ng", synthetic)):
        for label, point, red in ways:
            rows.append((voice, label))
            for loss in (0, 2, 5, 10, 20):
                tasks.append(((voice, label, loss), samples, rate, point, loss, red if loss else 0))
    results = {key: rest for key, *rest in workers.map(judge, tasks)}
    print("\n| 16000 Hz, packets lost at random | 0 % | 2 % | 5 % | 10 % | 20 % | kbit/s with loss |")
    print("| --- |" + " ---: |" * 6)
    for voice, label in rows:
        cells = [results[voice, label, loss] for loss in (0, 2, 5, 10, 20)]
        print(f"| {voice}, {label} | " + " | ".join(f"{cell[0]:.2f}" for cell in cells) + f" | {cells[2][3]:.0f} |")


def distance(said, heard):
    """Words that would have to change (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        row, before = [i], row
        for j, other in enumerate(heard, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (word != other)))
    return row[-1]


def recognise(task):
    """Words that a recogniser hears wrongly, of how many."""
    os.nice(5)
    from pocketsphinx import Decoder

    key, sentences = task
    decoder, wrong, count = Decoder(samprate=16_000, loglevel="FATAL"), 0, 0
    for samples, words in sentences:
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp().hypstr.split() if decoder.hyp() else []
        wrong += distance(words.split(), heard)
        count += len(words.split())
    return key, 100 * wrong / count


def words(folder, workers):
    points = [None, POINTS[0], POINTS[2], POINTS[4], POINTS[6]]
    rooms = [("clean", 16_000, None), ("clean", 8000, None), ("babble 10 dB", 16_000, ("babble", 10)),
             ("car 5 dB", 16_000, ("car", 5)), ("white 15 dB", 16_000, ("white", 15))]
    tasks = []
    for label, rate, room in rooms:
        synthetic = corpus.synthetic(rate)
        for point in points:
            sentences = []
            for samples, text in corpus.spoken(folder):
                sound = corpus.at_rate(samples.astype(float), 16_000, rate)
                if room:
                    sound = corpus.in_noise(sound, *room, rate, synthetic)
                sound = corpus.whole(sound)
                if point:
                    sound = passage(sound, rate, point).samples
                sentences.append((corpus.whole(corpus.at_rate(sound.astype(float), rate, 16_000)), text))
            tasks.append(((label, rate, str(point)), sentences))
    results = dict(workers.map(recognise, tasks))
    print("\n| words heard wrongly, % | original | " + " | ".join(str(point) for point in points[1:]) + " |")
    print("| --- |" + " ---: |" * len(points))
    for label, rate, _ in rooms:
        cells = (results[label, rate, str(point)] for point in points)
        print(f"| {label}, {rate} Hz | " + " | ".join(f"{cell:.0f}" for cell in cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path, help="folder with LibriVox sentences of Debian's pocketsphinx-testdata")
    parser.add_argument("--rates", default="8000,12000,16000,24000,48000", help="in Hz")
    parser.add_argument("--only", choices=["points", "losses", "words"], help="one of the tables")
    options = parser.parse_args()
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        if options.only in (None, "points"):
            quality(options.speech, [int(rate) for rate in options.rates.split(",")], workers)
        if options.only in (None, "losses"):
            losses(options.speech, workers)
        if options.only in (None, "words"):
            words(options.speech, workers)


if __name__ == "__main__":
    sys.exit(main())
