"""The end of a WebSocket that the suite's cases drive: it sends what RFC 6455 forbids as readily as what it allows."""

import asyncio
import os
import struct
import types

from suite import Protocol

CLOSE_TIMEOUT = 10.0
DROP_TIMEOUT = 3.0
# A busy machine answers later than the suite's authors expected.
PATIENCE = 3.0


class Peer(Protocol):
    """One connection with one case. The members that cases use have the names of the suite's own."""

    def __init__(self, isServer):
        self.state = self.STATE_CONNECTING
        self.factory = types.SimpleNamespace(isServer=isServer)
        self.connectionWasOpen = self.closedByMe = self.failedByMe = self.droppedByMe = self.wasClean = False
        self.localCloseCode = self.localCloseReason = self.remoteCloseCode = self.remoteCloseReason = None
        self.autoFragmentSize = 0
        self.createWirelog = False
        self.trafficStats = None
        self.txFrameStats = {}
        self.outgoing = asyncio.Queue()
        self.timers = []
        self.message, self.messageOpcode = bytearray(), None

    # What cases ask for

    def sendFrame(self, opcode, payload="", fin=True, rsv=0, mask=None, payload_len=None, chopsize=None, sync=False):
        content = payload.encode("latin-1")
        if payload_len is not None:
            content = (content * (payload_len // len(content) + 1))[:payload_len] if content else b""
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1
        key = b"" if self.factory.isServer else mask or os.urandom(4)
        self.write(self.header(opcode, len(content), fin, rsv) + key + masked(content, key), chopsize)

    def sendMessage(self, payload, isBinary=False, fragmentSize=None, sync=False):
        size = fragmentSize or self.autoFragmentSize or max(len(payload), 1)
        pieces = [payload[start:start + size] for start in range(0, len(payload), size)] or [""]
        for index, piece in enumerate(pieces):
            opcode = 0 if index else 2 if isBinary else 1
            self.sendFrame(opcode, piece, fin=index == len(pieces) - 1)

    def beginMessage(self, isBinary=False, opcode=None):
        self.streamOpcode = opcode if opcode is not None else 2 if isBinary else 1

    def beginMessageFrame(self, length):
        self.streamKey, self.streamOffset = b"" if self.factory.isServer else os.urandom(4), 0
        self.write(self.header(self.streamOpcode, length, fin=False, rsv=0) + self.streamKey)
        self.streamOpcode = 0

    def sendMessageFrameData(self, payload, sync=False):
        key = bytes(self.streamKey[(self.streamOffset + index) % 4] for index in range(len(self.streamKey)))
        self.streamOffset += len(payload)
        self.write(masked(payload.encode("latin-1"), key))

    def endMessage(self):
        self.sendFrame(opcode=0, payload="", fin=True)

    def sendClose(self, code=None, reason=None):
        self.sendCloseFrame(code, reason)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        if self.state != self.STATE_OPEN:
            return
        payload = b"" if code is None else struct.pack("!H", code)
        self.localCloseCode, self.localCloseReason = code, reasonUtf8
        self.state, self.closedByMe = self.STATE_CLOSING, not isReply
        self.sendFrame(opcode=8, payload=payload.decode("latin-1") + (reasonUtf8 or ""))
        if not isReply:
            self.later(CLOSE_TIMEOUT, self.drop)

    def killAfter(self, delay):
        self.later(delay * PATIENCE, self.failConnection)

    def closeAfter(self, delay):
        self.later(delay * PATIENCE, self.sendClose)

    def continueLater(self, delay, function, tag=None):
        self.later(delay, function)

    def enableWirelog(self, isEnabled):
        pass

    def failConnection(self):
        self.failedByMe = True
        self.drop()

    # What the cases need for that

    def header(self, opcode, length, fin, rsv):
        start = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        mask = 0 if self.factory.isServer else 0x80
        if length < 126:
            return start + bytes([mask | length])
        return start + (struct.pack("!BH", mask | 126, length) if length < 65536 else struct.pack("!BQ", mask | 127, length))

    def write(self, data, chopsize=None):
        self.outgoing.put_nowait((data, chopsize or len(data)))

    def later(self, delay, function):
        def run():
            if self.state != self.STATE_CLOSED:
                function()
        self.timers.append(asyncio.get_running_loop().call_later(delay, run))

    def drop(self):
        self.droppedByMe = True
        self.writer.transport.abort()

    async def send(self):
        while (part := await self.outgoing.get()) is not None:
            data, size = part
            for start in range(0, len(data), size):
                self.writer.write(data[start:start + size])
                await self.writer.drain()
                await asyncio.sleep(0)
        self.writer.close()

    async def run(self, case_class, opening):
        """Runs one case on the connection that `opening` makes, to its end, and gives the case back."""
        case = case_class(self)
        sender = None
        try:
            self.reader, self.writer = await opening
            sender = asyncio.create_task(self.send())
            self.state, self.connectionWasOpen = self.STATE_OPEN, True
            case.onOpen()
            while True:
                self.received(case, *await self.frame())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.state = self.STATE_CLOSED
            for timer in self.timers:
                timer.cancel()
            if sender:
                sender.cancel()
                self.writer.close()
        case.onClose(self.wasClean, self.remoteCloseCode, self.remoteCloseReason)
        case.onConnectionLost(self.failedByMe)
        return case

    async def frame(self):
        first, second = await self.reader.readexactly(2)
        if first & 0x70 or bool(second & 0x80) != self.factory.isServer:
            raise ConnectionError("a frame has reserved bits, or a mask that it must not have, or none")
        length = second & 0x7F
        if length > 125:
            size = 2 if length == 126 else 8
            length = int.from_bytes(await self.reader.readexactly(size), "big")
        key = await self.reader.readexactly(4) if self.factory.isServer else b""
        return first & 0x0F, bool(first & 0x80), masked(await self.reader.readexactly(length), key)

    def received(self, case, opcode, fin, payload):
        if opcode == 8:
            return self.received_close(payload)
        if opcode == 9:
            self.sendFrame(opcode=10, payload=payload.decode("latin-1"))
            return case.onPing(payload.decode("latin-1"))
        if opcode == 10:
            return case.onPong(payload.decode("latin-1"))
        if (opcode == 0) != (self.messageOpcode is not None) or opcode > 2:
            raise ConnectionError(f"opcode {opcode} fits nothing here")
        self.messageOpcode = opcode or self.messageOpcode
        self.message += payload
        if fin:
            content, isBinary = bytes(self.message), self.messageOpcode == 2
            self.message, self.messageOpcode = bytearray(), None
            if not isBinary:
                content.decode("utf-8")
            case.onMessage(content.decode("latin-1"), isBinary)

    def received_close(self, payload):
        self.remoteCloseCode = struct.unpack("!H", payload[:2])[0] if payload else None
        self.remoteCloseReason = payload[2:].decode("utf-8")
        self.wasClean = True
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(self.remoteCloseCode, isReply=True)
        # The server closes the TCP connection (RFC 6455 section 7.1.1).
        if self.factory.isServer:
            self.outgoing.put_nowait(None)
        else:
            self.later(DROP_TIMEOUT, self.drop)


def masked(content, key):
    if not content or not key:
        return content
    pad = (key * (len(content) // 4 + 1))[:len(content)]
    return (int.from_bytes(content, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(content), "big")
