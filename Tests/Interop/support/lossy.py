"""A bad network between a participant and its room server: signalling passes, and of the sound on the way up packets are
lost at random and come late."""

import asyncio
import random
import re

from support.processes import free_port
from support.tap import Tap

#: Address and port of a UDP candidate, as signalling has it (RFC 8839 section 5.1).
CANDIDATE = re.compile(rb"(candidate:\S+ \d+ (?:udp|UDP) \d+ 127\.0\.0\.1 )(\d{5})( typ host)")


class LossyNetwork(Tap):
    """Use as `async with LossyNetwork(port, loss=0.1) as network`: participants join at `network.url`.

    The server's UDP candidates get ports of this network, which have as many digits, so that nothing else of what passes
    has to change.
    """

    def __init__(self, port: int, loss: float = 0, delay: float = 0, seed: int = 1, **options) -> None:
        """`loss`: how many of the RTP packets to the server, 0 to 1; `delay`: of all packets, each way, in seconds."""
        super().__init__(port, **options)
        self.loss, self.delay = loss, delay
        self.random = random.Random(seed)
        #: RTP packets to the server.
        self.sent = 0
        self.lost = 0
        #: Bytes of those that came through.
        self.bytes = 0
        #: Nothing comes through any more, in either direction.
        self.is_dead = False
        self._ports: dict[int, int] = {}
        self._nears: list[_Near] = []
        self._transports: list[asyncio.DatagramTransport] = []
        self.tasks: set[asyncio.Task] = set()

    async def __aexit__(self, *arguments) -> None:
        await super().__aexit__(*arguments)
        for transport in self._transports:
            transport.close()

    async def _copy(self, source, sink, connection: int, way: str) -> None:
        if way == "up":
            return await super()._copy(source, sink, connection, way)
        held = b""
        try:
            while data := await source.read(65_536):
                data = held + data
                # A candidate may come in two pieces.
                start = data.rfind(b"candidate:")
                whole = len(data) if start < 0 or b" typ " in data[start:] or len(data) - start > 100 else start
                data, held = data[:whole], data[whole:]
                for port in {int(port) for _, port, _ in CANDIDATE.findall(data)}:
                    await self._open(port)
                sink.write(CANDIDATE.sub(self._replaced, data))
                await sink.drain()
        except OSError:
            pass
        sink.close()

    def _replaced(self, match: re.Match) -> bytes:
        return match[1] + b"%d" % self._ports[int(match[2])] + match[3]

    async def _open(self, port: int) -> None:
        if port in self._ports:
            return
        own = self._ports[port] = free_port()
        loop = asyncio.get_running_loop()
        _, near = await loop.create_datagram_endpoint(lambda: _Near(self, port), local_addr=("127.0.0.1", own))
        self._nears.append(near)

    def keeps(self, datagram: bytes) -> bool:
        """Whether a datagram to the server comes through."""
        if self.is_dead:
            return False
        # STUN and DTLS begin otherwise (RFC 7983), and RTCP has these types (RFC 5761).
        if not 0x80 <= datagram[0] <= 0xBF or 192 <= datagram[1] <= 223:
            return True
        self.sent += 1
        if self.random.random() < self.loss:
            self.lost += 1
            return False
        self.bytes += len(datagram)
        return True

    def rebind(self) -> None:
        """From now on the server sees participants at other addresses, and what it sends to the old ones is lost, as behind a NAT
        that has started anew."""
        for near in self._nears:
            near.forget()

    def later(self, send, *arguments) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, send, *arguments)
        else:
            send(*arguments)


class _Near(asyncio.DatagramProtocol):
    """A port that stands for one of the server; each participant that sends there has a socket of its own to the server."""

    def __init__(self, network: LossyNetwork, port: int) -> None:
        self.network, self.port = network, port
        self.away: dict[tuple, asyncio.DatagramTransport | list[bytes]] = {}

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.network._transports.append(transport)

    def datagram_received(self, data: bytes, sender) -> None:
        if not data or not self.network.keeps(data):
            return
        away = self.away.get(sender)
        if away is None:
            self.away[sender] = [data]
            task = asyncio.create_task(self._connect(sender))
            self.network.tasks.add(task)
            task.add_done_callback(self.network.tasks.discard)
        elif isinstance(away, list):
            away.append(data)
        else:
            self.network.later(self._send, away, data)

    def forget(self) -> None:
        for away in self.away.values():
            if not isinstance(away, list):
                away.close()
        self.away.clear()

    @staticmethod
    def _send(transport, data: bytes, *to) -> None:
        if not transport.is_closing():
            transport.sendto(data, *to)

    async def _connect(self, sender) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Away(self, sender), remote_addr=("127.0.0.1", self.port))
        self.network._transports.append(transport)
        waiting, self.away[sender] = self.away[sender], transport
        for data in waiting:
            self.network.later(self._send, transport, data)


class _Away(asyncio.DatagramProtocol):
    def __init__(self, near: _Near, participant) -> None:
        self.near, self.participant = near, participant

    def datagram_received(self, data: bytes, sender) -> None:
        if self.near.network.is_dead:
            return
        self.near.network.later(self.near._send, self.near.transport, data, self.participant)
