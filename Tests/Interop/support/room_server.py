"""The development room server as a child process, and what tests need to use it."""
import os
import shlex
import signal
import subprocess
import time
import urllib.parse
import urllib.request
import warnings
from pathlib import Path

from livekit import api

from support.processes import DEPLOYMENT, KEY, SECRET, free_port

# The development secret is short on purpose.
warnings.filterwarnings("ignore", message=".*HMAC key is.*")

ROOT = Path(__file__).resolve().parents[3]


def executable():
    """The newest build."""
    found = [ROOT / ".build" / build / "VoiceGateway" for build in ("release", "debug")]
    found = [path for path in found if path.exists()]
    if not found:
        raise FileNotFoundError("build VoiceGateway first")
    return max(found, key=lambda path: path.stat().st_mtime)


def command(port):
    """Any other server under test is named by DEV_ROOM_SERVER, with {port} in it."""
    other = os.environ.get("DEV_ROOM_SERVER")
    if other:
        return shlex.split(other.format(port=port))
    return [os.environ.get("VOICE_GATEWAY") or str(executable()), "dev-server", "--port", str(port)]


class RoomServer:
    """Use as `with RoomServer() as server`. Stands for the deployment that was named, if there is one."""

    def __init__(self, port=None):
        self.url = DEPLOYMENT
        self.process = None
        if DEPLOYMENT:
            address = urllib.parse.urlsplit(DEPLOYMENT)
            self.host, self.port = address.hostname, address.port or (443 if address.scheme == "wss" else 80)
        else:
            self.host, self.port = "127.0.0.1", port or free_port()
            self.url = f"ws://127.0.0.1:{self.port}"
        self.http = "http" + self.url.removeprefix("ws")

    def __enter__(self):
        if DEPLOYMENT:
            return self
        self.process = subprocess.Popen(command(self.port), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(self.http + "/", timeout=1) as answer:
                    assert answer.status == 200
                    return self
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the room server ended with {self.process.returncode}")
                if time.monotonic() > deadline:
                    self.kill()
                    raise
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait(10)


def token(identity, room, kind=None, attributes=None, **grants):
    made = (
        api.AccessToken(KEY, SECRET)
        .with_identity(identity)
        .with_name(identity.title())
        .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, **grants))
    )
    if kind:
        made = made.with_kind(kind)
    if attributes:
        made = made.with_attributes(attributes)
    return made.to_jwt()
