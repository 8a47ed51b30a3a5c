"""What other clients of a loop wait while one client sends messages of several megabytes.

A gateway with one loop; one connection asks `ping` again and again, another one sends a recorded utterance as old frontends
do (JSON with a WAV file as base64) or as JSON that is something else. The longest wait for an answer is what the message
held the loop for, and whatever else the machine did: so the smallest of several rounds counts, and a round without a
message stands beside it.

    .venv/bin/python Benchmarks/Waits/large_messages.py [.build/release/VoiceGateway]
"""

import asyncio
import base64
import json
import os
import socket
import struct
import subprocess
import sys
import time

import websockets

ROUNDS = 7


def free_port():
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


def wav(seconds, rate, channels=1):
    samples = bytes(range(256)) * (seconds * rate * channels * 2 // 256)
    return b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16) + b"data" + struct.pack(
        "<I", len(samples)) + samples


def messages():
    sound = lambda *format: json.dumps({"type": "audio", "data": base64.b64encode(wav(*format)).decode()})
    yield "nothing", None
    yield "8 s at 48 kHz", sound(8, 48_000)
    yield "59 s at 44.1 kHz", sound(59, 44_100)
    yield "59 s at 16 kHz", sound(59, 16_000)
    yield "59 s at 48 kHz, stereo", sound(59, 48_000, 2)
    yield "a WAV file of 8 MB in a binary message", wav(59, 72_000)
    yield "no sound: many members", json.dumps({"type": "data", "list": list(range(1_000_000))})
    yield "no sound: a long text", json.dumps({"type": "text", "data": "a" * 12_000_000})


async def longest_wait(pinging, sending, message):
    """In ms, while a message goes out and until half a second after it."""
    done = asyncio.Event()

    async def ask():
        longest = 0
        while not done.is_set():
            begin = time.monotonic()
            await pinging.send('{"type":"ping"}')
            while json.loads(await pinging.recv())["type"] != "pong":
                pass
            longest = max(longest, time.monotonic() - begin)
            await asyncio.sleep(0.004)
        return longest * 1000

    asking = asyncio.create_task(ask())
    if message is not None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--send", sending, stdin=subprocess.PIPE)
        binary = isinstance(message, bytes)
        await process.communicate((b"B" if binary else b"T") + (message if binary else message.encode()))
    await asyncio.sleep(0.5)
    done.set()
    return await asking


def send(port):
    """A client of its own: what it costs Python to mask the message is not the gateway's. Bare, for speed."""
    kind, payload = sys.stdin.buffer.read(1), None
    payload = sys.stdin.buffer.read()
    with socket.create_connection(("127.0.0.1", int(port))) as tcp:
        tcp.sendall(b"GET /v1/conversation/ws?agent= HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        while b"\r\n\r\n" not in tcp.recv(65536):
            pass
        time.sleep(0.4)
        # A mask of zeros leaves the payload as it is.
        head = bytes([0x82 if kind == b"B" else 0x81, 0xFF]) + struct.pack(">Q", len(payload)) + bytes(4)
        tcp.sendall(head + payload)
        time.sleep(0.3)


async def main(program):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT_")}
    port = free_port()
    environment["PORT"] = str(port)
    gateway = subprocess.Popen(
        [program, "serve", "--port", str(port), "--host", "127.0.0.1", "--threads", "1", "--log-level", "error"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        async with websockets.connect(f"ws://127.0.0.1:{port}/ws?agent=", max_size=None) as pinging:
            for name, message in messages():
                waits = [await longest_wait(pinging, str(port), message) for _ in range(ROUNDS)]
                size = f"{len(message) / 1e6:.1f} MB" if message else ""
                print(f"{name:42} {size:>8}  {min(waits):6.1f} ms  (of {', '.join(f'{w:.0f}' for w in sorted(waits))})", flush=True)
    finally:
        gateway.terminate()
        gateway.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        send(sys.argv[2])
    else:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else ".build/release/VoiceGateway"))
