"""A gateway whose way to the room can be cut while its clients still reach it: it has a network namespace of its own, with one
cable for clients and one for the room. Needs root, or sudo without a password; all of it is gone with the process."""

import os

from support.debian import SUDO, run
from support.processes import Gateway, Program, answers

#: Nobody has this address, so what is sent to it is lost without a word, as in a network that is broken further away.
NOBODY = "02:00:00:00:00:01"
#: Addresses that nobody has who is not testing a network, eight for each process of this machine.
_PROCESS = os.getpid()
_FIRST = f"198.{18 + _PROCESS // 8192 % 2}.{_PROCESS // 32 % 256}.", _PROCESS % 32 * 8
#: This machine's address on the cable for the room, once there is one.
HOME = f"{_FIRST[0]}{_FIRST[1] + 5}"


class Island(Gateway):
    """`start()` lays the cables; `serves()` lets the gateway begin, when what it needs at HOME is there."""

    def __init__(self, **environment) -> None:
        super().__init__(HOST="0.0.0.0", **environment)
        network, first = _FIRST
        self._clients = f"vgc{_PROCESS}", f"{network}{first + 1}", f"{network}{first + 2}"
        self._room = f"vgr{_PROCESS}", HOME, f"{network}{first + 6}"
        self.url = f"ws://{self._clients[2]}:{self.port}/ws"
        waiting = ["unshare", "--net", "sh", "-c", 'echo "process $$"; read -r _; exec "$@"', "sh"]
        self.command = [*SUDO, *(["--preserve-env"] if SUDO else []), *waiting, *self.command]

    async def start(self) -> "Island":
        await Program.start(self)
        self._process = (await self.says("process ")).split()[1]
        self._there("ip", "link", "set", "lo", "up")
        # An answer that comes by the other cable than what it answers is no answer.
        self._there("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter")
        for cable, here, there in (self._clients, self._room):
            self._here("ip", "link", "add", cable, "type", "veth", "peer", "name", cable, "netns", self._process)
            for at, address in ((self._here, here), (self._there, there)):
                at("ip", "address", "add", f"{address}/30", "dev", cable)
                at("ip", "link", "set", cable, "up")
        return self

    async def stop(self) -> None:
        await super().stop()
        # The kernel takes its time with a namespace that nobody is in any more, and with the cables that end there.
        for cable, _, _ in (self._clients, self._room):
            self._here("sh", "-c", f"ip link delete {cable} 2>/dev/null || true")

    async def serves(self) -> "Island":
        self.process.stdin.write(b"\n")
        await answers(self, self.port, host=self._clients[2])
        return self

    def cut(self) -> None:
        """From now on nothing passes between the gateway and the room, in either direction, and nobody is told."""
        self._neighbours("replace", "lladdr", NOBODY, "nud", "permanent")

    def mend(self) -> None:
        self._neighbours("del")

    def loses(self, protocol: str) -> None:
        """From now on nothing of one protocol leaves the gateway, as behind a firewall."""
        self._there("ip", "rule", "add", "pref", "1", "ipproto", protocol, "blackhole")

    def loses_all_but(self, *ports: int) -> None:
        """From now on nothing gets out towards the room but TCP to these ports."""
        self.loses("udp")
        edges = [0, *sorted(ports), 65535]
        for below, above in zip(edges, edges[1:]):
            if below + 1 < above:
                self.loses_ports("tcp", below + 1, above - 1)

    def loses_ports(self, protocol: str, first: int, last: int) -> None:
        """From now on nothing of one protocol gets out to these ports of the room's side."""
        self._there(
            "ip", "rule", "add", "pref", "2", "to", HOME, "ipproto", protocol, "dport", f"{first}-{last}", "blackhole")

    def loses_nothing(self) -> None:
        """From now on everything gets out again."""
        self._there("sh", "-c", "for pref in 1 2; do while ip rule del pref $pref 2>/dev/null; do :; done; done")

    def cut_clients(self) -> None:
        """From now on nothing passes between the gateway and its clients, and nobody is told."""
        self._neighbours("replace", "lladdr", NOBODY, "nud", "permanent", cable=self._clients)

    def mend_clients(self) -> None:
        self._neighbours("del", cable=self._clients)

    def beside(self, *command) -> list[str]:
        """A command, as it runs in the gateway's network."""
        return [*SUDO, "nsenter", f"--net=/proc/{self._process}/ns/net", *map(str, command)]

    def _neighbours(self, change: str, *what: str, cable: tuple[str, str, str] | None = None) -> None:
        cable, here, there = cable or self._room
        self._here("ip", "neighbour", change, there, *what, "dev", cable)
        self._there("ip", "neighbour", change, here, *what, "dev", cable)

    def _here(self, *command: str) -> str:
        return run(*SUDO, *command)

    def _there(self, *command: str) -> str:
        return run(*self.beside(*command))
