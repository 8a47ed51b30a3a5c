"""The Debian package on a bare Debian 12 with systemd: installed, started, upgraded under a call, and removed."""

import asyncio
import json
import os
import pathlib
import re
import shlex
import signal

import pytest
import pytest_asyncio
from spdx_tools.spdx.model import RelationshipType
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from support import debian
from support.client import VoiceClient
from support.nginx import Certificates
from support.parrot import says_it_back
from support.processes import GATEWAY, ROOT, Gateway, Program, answers, free_port

SETTINGS = "/etc/voicegateway/voicegateway.env"
PARTS = "usr/share/doc/voicegateway/voicegateway.spdx.json"


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> list[pathlib.Path]:
    """Two versions, the older first."""
    folder = tmp_path_factory.mktemp("packages")
    older = debian.make_package(folder, "0.0.1")
    return [older, debian.repack(older, "0.0.2")]


@pytest_asyncio.fixture
async def machine(programs, packages):
    """A Debian that has what the package depends on, and nothing that it does not name."""
    return await programs(debian.Machine(await bare_root(packages), packages[0].parent))


async def bare_root(packages) -> pathlib.Path:
    return await asyncio.to_thread(debian.debian_root, [*debian.depends(packages[0]), "ca-certificates"])


async def voice(machine, room_server, **settings) -> str:
    """Points the service to a room server and restarts it; the address for clients."""
    port = free_port()
    settings = {
        "LIVEKIT_URL": room_server.url, "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret",
        "HOST": "127.0.0.1", "PORT": port, "DRAIN_NOTICE": 0} | settings
    await machine.writes(SETTINGS, "".join(f"{name}={value}\n" for name, value in settings.items()))
    await machine.runs("systemctl", "restart", "voicegateway")
    await answers(machine, port)
    return f"ws://127.0.0.1:{port}/ws"


async def test_install_start_call_upgrade_under_the_call_and_remove(machine, packages, room_server):
    older, newer = packages
    await machine.installs(older)
    assert await machine.runs("systemctl", "is-enabled", "voicegateway") == "enabled"
    assert await machine.runs("stat", "-c", "%a %U %G", SETTINGS) == "640 root voicegateway"

    url = await voice(machine, room_server, UNIX_SOCKET="/run/voicegateway/clients.sock")
    assert await machine.runs("stat", "-c", "%A %G", "/run/voicegateway/clients.sock") == "srw-rw---- voicegateway"
    first = await machine.property_of_service("MainPID")
    assert (await machine.runs("stat", "-c", "%U", f"/proc/{first}")) == "voicegateway"
    await machine.runs("systemctl", "reload", "voicegateway")
    assert await machine.property_of_service("MainPID") == first

    async def read_again():
        return "settings read again" in await machine.runs("journalctl", "-u", "voicegateway", "-o", "cat", "--no-pager")

    await machine.until(read_again, "settings that are read again")
    async with VoiceClient(url, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)

        said = await machine.installs(newer)
        assert "restarts as soon as its calls are over" in said
        assert "0.0.2" in await machine.runs("dpkg-query", "-W", "voicegateway")
        # The settings are the operator's.
        assert room_server.url in await machine.runs("cat", SETTINGS)
        assert await machine.runs("stat", "-c", "%a %U %G", SETTINGS) == "640 root voicegateway"
        before = len(alice.heard)
        await says_it_back(alice)
        assert len(alice.heard) > before
        assert await machine.property_of_service("MainPID") == first

    async def restarted():
        return await machine.property_of_service("MainPID") not in (first, "0")

    await machine.until(restarted, "the new version's process")
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    await answers(machine, port)
    async with VoiceClient(url, identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)

    await machine.runs("dpkg", "--remove", "voicegateway")
    assert await machine.tries("systemctl", "is-active", "voicegateway") == (3, "inactive\n")
    assert room_server.url in await machine.runs("cat", SETTINGS)
    # What was removed comes back with its settings, and is no upgrade of something that was stopped.
    await machine.installs(newer)
    await answers(machine, port)
    await machine.runs("dpkg", "--purge", "voicegateway")
    left = await machine.runs("sh", "-c", "find / -xdev -iname '*voicegateway*' -not -path '/proc/*' -not -path '/var/log/*'")
    assert left == ""
    assert (await machine.tries("getent", "passwd", "voicegateway"))[0] == 2


async def test_wrong_settings_are_not_tried_again_and_a_taken_port_is(machine, packages, room_server):
    await machine.installs(packages[0])
    await machine.writes(SETTINGS, "PORT=nonsense\n")
    await machine.tries("systemctl", "restart", "voicegateway")

    async def failed():
        return await machine.property_of_service("ActiveState") == "failed"

    await machine.until(failed, "a service that has given up")
    assert await machine.property_of_service("ExecMainStatus") == "2"
    assert "nonsense" in await machine.runs("journalctl", "-u", "voicegateway", "-o", "cat", "--no-pager")

    taken = room_server.port
    await machine.writes(SETTINGS, f"HOST=127.0.0.1\nPORT={taken}\nDEV_PORT={free_port()}\n")
    # systemctl waits until the gateway serves, and says that it does not.
    code, _ = await machine.tries("systemctl", "restart", "voicegateway")
    assert code == 1

    async def tried_again():
        return int(await machine.property_of_service("NRestarts")) >= 2

    await machine.until(tried_again, "a second attempt")
    await room_server.stop()
    await answers(machine, taken)


async def test_the_socket_of_the_package_is_off_and_starts_the_service_with_the_first_client_when_it_is_on(
    machine, packages, room_server
):
    await machine.installs(packages[0])
    assert await machine.tries("systemctl", "is-enabled", "voicegateway.socket") == (1, "disabled\n")
    await voice(machine, room_server)
    await machine.runs("systemctl", "stop", "voicegateway")
    port = free_port()
    await machine.runs("mkdir", "-p", "/etc/systemd/system/voicegateway.socket.d")
    await machine.writes(
        "/etc/systemd/system/voicegateway.socket.d/override.conf",
        f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
    await machine.runs("systemctl", "daemon-reload")
    await machine.runs("systemctl", "enable", "--now", "voicegateway.socket")
    async with VoiceClient(f"ws://127.0.0.1:{port}/ws") as alice:
        await alice.event("session")
    await machine.runs("dpkg", "--purge", "voicegateway")
    assert await machine.tries("systemctl", "is-active", "voicegateway.socket") == (3, "inactive\n")
    await machine.runs("test", "!", "-e", "/etc/systemd/system/sockets.target.wants/voicegateway.socket")


async def test_the_unit_is_valid_and_the_service_may_do_little(machine, packages):
    await machine.installs(packages[0])
    assert await machine.runs("systemd-analyze", "verify", "--man=no", "voicegateway.service", "voicegateway.socket") == ""
    # Tenths of what systemd calls exposure: 96 for a service without any of its restrictions.
    await machine.runs("systemd-analyze", "security", "--no-pager", "--threshold=15", "voicegateway.service")


def test_the_package_says_what_it_is_made_of_and_what_it_needs(packages, tmp_path):
    debian.run("dpkg-deb", "--extract", packages[0], tmp_path)
    document = parse_file(str(tmp_path / PARTS))
    assert validate_full_spdx_document(document) == []

    parts = {part.spdx_id: part for part in document.packages}

    def related(kind: RelationshipType) -> set[str]:
        """The names of the packages that stand in this relation to the program."""
        ends = {end for link in document.relationships if link.relationship_type == kind
                for end in (link.spdx_element_id, link.related_spdx_element_id)}
        return {parts[end].name for end in ends if end in parts} - {"voicegateway"}

    product = parts["SPDXRef-voicegateway"]
    assert (product.name, product.version) == ("voicegateway", "0.0.1")
    assert product.checksums[0].value == debian.run("sha256sum", tmp_path / product.file_name).split()[0]
    assert related(RelationshipType.STATIC_LINK) == {"swift", "swift-corelibs-libdispatch"}
    needed = re.findall(r"NEEDED +(\S+)", debian.run("objdump", "-p", tmp_path / product.file_name))
    owners = {debian.run("dpkg", "--search", f"*/{library}").split(":")[0] for library in needed if "ld-linux" not in library}
    libraries = related(RelationshipType.DYNAMIC_LINK)
    assert libraries == owners
    assert libraries | related(RelationshipType.RUNTIME_DEPENDENCY_OF) == set(debian.depends(packages[0]))
    for part in document.packages:
        if part.name in libraries:
            assert part.version == debian.run("dpkg-query", "-W", "-f", "${Version}", part.name)
            assert part.external_references[0].locator.startswith(f"pkg:deb/debian/{part.name.replace('+', '%2B')}@")


def test_a_program_without_symbols_is_not_described(tmp_path):
    stripped = tmp_path / "stripped"
    debian.run("strip", "-o", stripped, GATEWAY)
    assert debian.fails(ROOT / "scripts/sbom", "--program", stripped, "--version", "1", "--depends", "libc6")


def last_stage() -> dict[str, list[str]]:
    """The Dockerfile's instructions from its last FROM on: what the image is and how it runs."""
    text = (ROOT / "docker/Dockerfile").read_text().split("\nFROM ")[-1].replace("\\\n", " ")
    found = {}
    for line in re.findall(r"^[A-Z]+ .*$", text, re.M):
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


async def test_the_image_is_made_without_systemd_and_runs_as_nobody_on_a_read_only_root(programs, packages, tmp_path):
    """The Dockerfile's own RUN, USER, ENTRYPOINT, CMD and HEALTHCHECK, in a Debian without Docker."""
    stage = last_stage()
    [run] = stage["RUN"]
    install = re.sub(r"--mount=\S+", "", run)
    command = json.loads(stage["ENTRYPOINT"][0]) + json.loads(stage["CMD"][0])
    check = json.loads(stage["HEALTHCHECK"][0].partition("CMD ")[2])
    user, group = stage["USER"][0].split(":")
    (tmp_path / "voicegateway.deb").hardlink_to(packages[0])
    port = free_port()
    # What is needed is there, so that nothing comes from the network: apt is made to believe that there is none.
    script = f"""
        unshare --net sh -c {shlex.quote(install)} && mount -o remount,ro / || exit 1
        ! touch /written || exit 1
        test -s /{PARTS} || exit 1
        exec setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
            {shlex.join(command)}"""
    root = await bare_root(packages)
    container = await programs(Program(
        *debian.SUDO, "systemd-nspawn", "--quiet", "--directory", root, "--volatile=overlay",
        "--register=no", "--keep-unit", f"--machine=image-{os.getpid()}", f"--bind-ro={tmp_path}:/packages",
        "--resolv-conf=off", "--timezone=off", "--console=pipe", "--kill-signal=SIGTERM",
        f"--setenv=PORT={port}", f"--setenv=DEV_PORT={free_port()}", "sh", "-c", script))
    await container.says("serving", within=60)
    async with VoiceClient(f"ws://127.0.0.1:{port}/ws", identity="alice") as alice:
        await alice.event("session")
        await says_it_back(alice)
        debian.run(*check, env={"PORT": str(port)})
    # nspawn passes it on to the first process, as Docker does.
    container.signal(signal.SIGTERM)
    assert await container.ends() == 0
    assert debian.fails(*check, env={"PORT": str(port)})


async def test_the_images_health_check_speaks_tls_where_the_gateway_does(programs, tmp_path):
    check = json.loads(last_stage()["HEALTHCHECK"][0].partition("CMD ")[2])
    certificates = Certificates(tmp_path)
    certificates.make("gateway", "localhost")
    settings = {"TLS_CERT": str(tmp_path / "gateway.pem"), "TLS_KEY": str(tmp_path / "gateway.key")}
    gateway = await programs(Gateway(**settings))
    environment = {**os.environ, "PORT": str(gateway.port), **settings}
    debian.run(*check, env=environment)
    await gateway.stop()
    assert debian.fails(*check, env=environment)


def test_make_install_puts_the_same_in_place_without_a_package_and_keeps_settings(tmp_path):
    environment = {**os.environ, "PROGRAM": str(GATEWAY), "MAKEFLAGS": ""}
    install = ["make", "--directory", ROOT, "install", f"DESTDIR={tmp_path}", "PREFIX=/opt/voice"]
    debian.run(*install, env=environment)
    assert os.access(tmp_path / "opt/voice/bin/VoiceGateway", os.X_OK)
    assert (tmp_path / "opt/voice/share/man/man1/VoiceGateway.1.gz").is_file()
    unit = (tmp_path / "opt/voice/lib/systemd/system/voicegateway.service").read_text()
    assert "ExecStart=/opt/voice/bin/VoiceGateway serve --env-file /etc/voicegateway/voicegateway.env\n" in unit
    settings = tmp_path / SETTINGS.lstrip("/")
    assert settings.stat().st_mode & 0o777 == 0o640
    settings.write_text("PORT=4000\n")
    debian.run(*install, env=environment)
    assert settings.read_text() == "PORT=4000\n"
