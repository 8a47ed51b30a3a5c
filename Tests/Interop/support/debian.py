"""The gateway's Debian package, and Debian machines to install it on: real ones, with systemd, on this machine's kernel and
loopback (systemd-nspawn). What they write is gone with them."""

import asyncio
import os
import pathlib
import re
import shutil
import subprocess

from support.processes import GATEWAY, ROOT, Program

SUDO = [] if os.geteuid() == 0 else ["sudo", "-n"]


def run(*command, **options) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


def fails(*command, **options) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, **options).returncode != 0


def make_package(folder: pathlib.Path, version: str) -> pathlib.Path:
    """The package as scripts/package makes it, packed quickly."""
    environment = {**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}
    script = ROOT / "scripts/package"
    return pathlib.Path(run(script, "--program", GATEWAY, "--version", version, "--output", folder, env=environment))


def repack(package: pathlib.Path, version: str) -> pathlib.Path:
    """The same package with another version."""
    tree = package.with_suffix(".tree")
    run("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
    newer = package.with_name(f"voicegateway_{version}.deb")
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, newer)
    shutil.rmtree(tree)
    return newer


def depends(package: pathlib.Path) -> list[str]:
    field = run("dpkg-deb", "-f", package, "Depends")
    return [entry.split()[0] for entry in field.split(",")]


def debian_root(packages: list[str]) -> pathlib.Path:
    """A minimal Debian with these packages, made once on each machine."""
    return pathlib.Path(run(*SUDO, ROOT / "scripts/debian-root", *packages))


class Machine(Program):
    """A Debian with systemd as its first process. `folder` is /packages in it."""

    def __init__(self, root: pathlib.Path, folder: pathlib.Path) -> None:
        super().__init__(
            *SUDO, "systemd-nspawn", "--quiet", "--directory", root, "--volatile=overlay", "--boot", "--register=no",
            "--keep-unit", f"--machine=voicegateway-{os.getpid()}", f"--bind-ro={folder}:/packages",
            "--resolv-conf=off", "--timezone=off", "--console=pipe",
            SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1)
        self.folder = folder
        self.leader = None

    async def start(self) -> "Machine":
        await super().start()
        deadline = asyncio.get_running_loop().time() + 60
        while not self.leader or not await self.booted():
            assert self.process.returncode is None, "\n".join(self.lines)
            assert asyncio.get_running_loop().time() < deadline, "\n".join(self.lines)
            await asyncio.sleep(0.1)
            self.leader = self.first_process()
        return self

    def first_process(self) -> int | None:
        """The machine's systemd: the child of nspawn, or of the nspawn that sudo started."""
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    return pid
            except OSError:
                continue
            waiting += map(int, children)

    async def booted(self) -> bool:
        code, said = await self.tries("systemctl", "is-system-running")
        return said.strip() in ("running", "degraded")

    async def tries(self, *command) -> tuple[int, str]:
        """Runs a command on the machine; its exit code, and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *SUDO, "nsenter", "--target", str(self.leader), "--all", "--root", "--wd", "--",
            "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8",
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, output.decode(errors="replace")

    async def runs(self, *command) -> str:
        code, output = await self.tries(*command)
        assert code == 0, f"{command} ended with {code}:\n{output}"
        return output.strip()

    async def writes(self, path: str, text: str) -> None:
        await self.runs("sh", "-c", 'printf "%s" "$2" >"$1"', "sh", path, text)

    async def installs(self, package: pathlib.Path) -> str:
        return await self.runs("dpkg", "--install", f"/packages/{package.name}")

    async def property_of_service(self, name: str) -> str:
        return await self.runs("systemctl", "show", "--property", name, "--value", "voicegateway")

    async def until(self, condition, what: str, within: float = 30):
        """Waits for a condition of the machine, a coroutine function; it is asked ten times a second."""
        deadline = asyncio.get_running_loop().time() + within
        while not (found := await condition()):
            if asyncio.get_running_loop().time() > deadline:
                journal = await self.tries("journalctl", "--no-pager", "-u", "voicegateway", "-n", "30", "-o", "cat")
                raise AssertionError(f"never came: {what}\n{journal[1]}")
            await asyncio.sleep(0.1)
        return found

    async def stop(self) -> None:
        # A power cut: what the machine wrote is not kept.
        if self.leader and self.process.returncode is None:
            await asyncio.to_thread(subprocess.run, [*SUDO, "kill", "-KILL", str(self.leader)])
            await asyncio.wait_for(self.process.wait(), 20)
        await super().stop()
