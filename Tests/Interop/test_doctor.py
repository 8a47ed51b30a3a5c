"""`VoiceGateway doctor` in broken set-ups: what it says stands in docs/doctor.md, word for word."""

import asyncio
import json
import os
import re
import shlex

import pytest

from support.broken import Silent, Website
from support.coturn import PASSWORD, Coturn
from support.nginx import Certificates
from support.processes import DEPLOYMENT, GATEWAY, KEY, ROOT, SECRET, RoomServer, free_port

PAGE = ROOT / "docs/doctor.md"
pytestmark = pytest.mark.skipif(bool(DEPLOYMENT), reason="these set-ups are broken on purpose")

# TCP and nothing else crosses into the network namespace of the command: a relay listens at the room server's port there.
BEHIND_A_FIREWALL = """
ip link set lo up && exec python3 - {port} {path} {command} <<'PROGRAM'
import asyncio, sys

async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def accept(reader, writer):
    far_reader, far_writer = await asyncio.open_unix_connection(sys.argv[2])
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

async def main():
    async with await asyncio.start_server(accept, "127.0.0.1", int(sys.argv[1])):
        process = await asyncio.create_subprocess_exec(*sys.argv[3:])
        sys.exit(await process.wait())

asyncio.run(main())
PROGRAM
"""


def deployment(url: str, key: str = KEY, secret: str = SECRET) -> dict:
    return {"LIVEKIT_URL": url, "LIVEKIT_API_KEY": key, "LIVEKIT_API_SECRET": secret}


async def doctor(*arguments, wrapper=(), **environment) -> tuple[int, str]:
    """Its exit code and what it said; warnings about the settings, which go to standard error, left out."""
    process = await asyncio.create_subprocess_exec(
        *wrapper, str(GATEWAY), "doctor", "--patience", "2", *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, cwd="/tmp",
        env={name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT_")}
        | {name: str(value) for name, value in environment.items()},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, said.decode()


async def without_udp(server: RoomServer, folder) -> tuple[int, str]:
    """An examination in a network namespace into which TCP alone leads."""
    path = folder / "relay"

    async def accept(reader, writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def pump(source, sink):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    command = shlex.join([str(GATEWAY), "doctor", "--patience", "2"])
    script = BEHIND_A_FIREWALL.format(port=server.port, path=path, command=command)
    async with await asyncio.start_unix_server(accept, path):
        process = await asyncio.create_subprocess_exec(
            "unshare", "--net", "sh", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd="/tmp", env=dict(os.environ) | deployment(server.url), start_new_session=True,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


def comparable(text: str) -> str:
    """Without what differs from run to run: times, ports, names that were thrown."""
    for pattern, word in [
        (r" *\d+ ms", " 0 ms"), (r"127\.0\.0\.1:\d+", "127.0.0.1:7880"), (r"localhost:\d+", "localhost:7880"),
        (r"voicegateway-doctor-[0-9a-f]+", "voicegateway-doctor-1f"), (r"TR_\w+", "TR_1"), (r"agent-AJ_\w+", "agent-AJ_1"),
        (r"\d+ s (behind|ahead)", r"3600 s \1"), (r"after [0-9.]+ m?s", "after 1.2 s"),
        (r"[0-9.]+ m?s after", "1.2 s after"), (r"from [0-9.]+:\d+(, \S+:\d+)*", "from 192.0.2.7:50000"),
    ]:
        text = re.sub(pattern, word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def documented() -> dict[str, str]:
    """What the page has under each heading."""
    found = re.findall(r"^### (.+?)\n.*?^```\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return {title: comparable(text) for title, text in found}


async def test_what_is_said_in_each_broken_set_up_stands_in_the_documentation(programs, tmp_path):
    certificates = Certificates(tmp_path)
    certificates.make("rooms", "localhost")
    pair = (tmp_path / "rooms.pem", tmp_path / "rooms.key")
    rooms = await programs(RoomServer())
    lonely = await programs(RoomServer("--no-parrot"))
    silent, website = await programs(Silent()), await programs(Website())
    slow = await programs(Website("invalid token: token is not valid yet", seconds=3600))
    secure = await programs(Website(certificate=pair))
    coturn = await programs(Coturn("127.0.0.1"))
    relayed = await programs(
        RoomServer(
            "--ice-server", coturn.url("udp"), "--ice-server", coturn.url("tcp").replace(PASSWORD, "another"),
            "--ice-server", coturn.url("tls")))
    runs = {
        "All is well": doctor(DEV_PORT=free_port()),
        "A setting is wrong": doctor(**deployment(rooms.url), THREADS="many", PORT="http"),
        "The room server's name is misspelt": doctor(**deployment("ws://livekit.invalid")),
        "Nothing listens there": doctor(**deployment(f"ws://127.0.0.1:{free_port()}")),
        "TLS is asked for, and not spoken": doctor(**deployment(f"wss://127.0.0.1:{rooms.port}")),
        "The certificate is not trusted": doctor(**deployment(f"wss://localhost:{secure.port}")),
        "The certificate is another host's": doctor(
            **deployment(f"wss://127.0.0.1:{secure.port}"), LIVEKIT_CA_FILE=certificates.authority),
        "Something accepts, and says nothing": doctor(**deployment(f"ws://127.0.0.1:{silent.port}")),
        "The clocks differ": doctor(**deployment(f"ws://127.0.0.1:{slow.port}")),
        "Something else than LiveKit answers": doctor(**deployment(f"ws://127.0.0.1:{website.port}")),
        "The key is another deployment's": doctor(**deployment(rooms.url, key="APIother")),
        "The secret is wrong": doctor(**deployment(rooms.url, secret="not-the-secret")),
        "TURN servers are named": doctor(**deployment(relayed.url)),
        "UDP is blocked": without_udp(rooms, tmp_path),
        "No worker is registered": doctor(**deployment(lonely.url)),
    }
    results = dict(zip(runs, await asyncio.gather(*runs.values())))
    codes = {title: code for title, (code, _) in results.items()}
    others = {"All is well": 0, "TURN servers are named": 0, "A setting is wrong": 2}
    assert codes == {title: others.get(title, 1) for title in runs}
    pages = documented()
    for title, (_, said) in results.items():
        assert comparable(said) == pages.get(title), f"{title}:\n{said}"
    assert set(pages) == set(runs)


async def test_programs_get_one_json_object_and_no_room_is_left_behind(programs):
    rooms = await programs(RoomServer())
    code, said = await doctor("--json", **deployment(rooms.url))
    report = json.loads(said)
    assert code == 0 and report["healthy"] and report["steps"][-1]["step"] == "reply", said
    from livekit import api

    async with api.LiveKitAPI(rooms.url, KEY, SECRET) as client:
        left = await client.room.list_rooms(api.ListRoomsRequest())
    assert not left.rooms
