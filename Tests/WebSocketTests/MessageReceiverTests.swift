import Testing
import Wire

@testable import WebSocket

@Suite("WebSocket frames")
struct MessageReceiverTests {
    enum Event: Hashable {
        case text(String)
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16, String)
        case violation(UInt16)
        case skipped(Int)
        /// The pieces of a large text put together, and how long it was expected to be.
        case pieces(String, expected: Int)
    }

    final class Log: MessageReceiverDelegate {
        var events: [Event] = []
        private var pieces: [[UInt8]] = []

        func received(textPiece: RawSpan, isLast: Bool, expected: Int) {
            pieces.append([UInt8](copying: textPiece))
            guard isLast else { return }
            let text = String(decoding: pieces.flatMap { $0 }, as: UTF8.self)
            if pieces.count > 1 { events.append(.pieces(text, expected: expected)) }
            pieces = []
        }

        func received(message: RawSpan, isText: Bool) {
            let bytes = [UInt8](copying: message)
            events.append(isText ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes))
        }
        func received(ping: RawSpan) { events.append(.ping([UInt8](copying: ping))) }
        func received(pong: RawSpan) { events.append(.pong([UInt8](copying: pong))) }
        func received(close code: WebSocketCloseCode, reason: String) { events.append(.close(code.rawValue, reason)) }
        func skipped(messageOf byteCount: Int) { events.append(.skipped(byteCount)) }
        func violated(_ violation: WebSocketViolation) { events.append(.violation(violation.code.rawValue)) }
    }

    func events(
        _ bytes: [UInt8], role: MessageReceiver.Role = .server, stride: Int = .max, maximum: Int = 70_000,
        skips: Bool = false, piecesBeyond: Int = .max
    ) -> [Event] {
        let receiver = MessageReceiver(
            role: role, maximumMessageBytes: maximum, skipsLargeMessages: skips, piecesBeyond: piecesBeyond)
        let log = Log()
        var start = 0
        while start < bytes.count {
            let end = stride == .max ? bytes.count : min(bytes.count, start + stride)
            var piece = Array(bytes[start..<end])
            piece.withMutableBytes { receiver.receive(&$0, to: log) }
            start = end
        }
        return log.events
    }

    @Test("the examples of RFC 6455 section 5.7 are understood")
    func examples() {
        #expect(events([0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], role: .client) == [.text("Hello")])
        #expect(
            events([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58], role: .server)
                == [.text("Hello")])
        #expect(
            events([0x01, 0x03, 0x48, 0x65, 0x6C, 0x80, 0x02, 0x6C, 0x6F], role: .client) == [.text("Hello")])
        #expect(
            events([0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F], role: .client) == [.ping(Array("Hello".utf8))])
        let bytes = (0..<256).map { UInt8($0) }
        #expect(events([0x82, 0x7E, 0x01, 0x00] + bytes, role: .client) == [.binary(bytes)])
        let large = [UInt8](repeating: 7, count: 65_536)
        #expect(events([0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + large, role: .client) == [.binary(large)])
    }

    @Test("a message that is too large is passed over where that is wanted", arguments: [1, 2, 7, Int.max])
    func skipping(stride: Int) {
        let large = [0x81, 0x06] + Array("too lo".utf8)
        let fragmented =
            [0x01, 0x04] + Array("most".utf8) + [0x89, 0x01, 0x21] + [0x00, 0x02, 0x41, 0x42] + [0x80, 0x01, 0x43]
        let small = [0x81, 0x02] + Array("ok".utf8)
        #expect(
            events(large + small + fragmented + small, role: .client, stride: stride, maximum: 5, skips: true)
                == [.skipped(6), .text("ok"), .ping([0x21]), .skipped(7), .text("ok")])
        #expect(events(large, role: .client, stride: stride, maximum: 5) == [.violation(1009)])
    }

    @Test("a large text comes in pieces where that is wanted, and is checked and bounded all the same")
    func textInPieces() {
        let text = Array("grüße und mehr".utf8)
        let small = [0x81, 0x02] + Array("ok".utf8)
        let whole = [0x81, 0x10] + text
        #expect(
            events(whole + small, role: .client, stride: 3, piecesBeyond: 6)
                == [.pieces("grüße und mehr", expected: 16), .text("ok")])
        let fragmented =
            [0x01, 0x03] + text[..<3] + [0x89, 0x00] + [0x00, 0x06] + text[3..<9] + [0x80, 0x07] + text[9...]
        #expect(
            events(fragmented + [0x80, 0x00], role: .client, stride: 3, piecesBeyond: 6).prefix(2)
                == [.ping([]), .pieces("grüße und mehr", expected: 16)])
        let binary = [0x82, 0x10] + text
        #expect(events(binary, role: .client, stride: 3, piecesBeyond: 6) == [.binary(text)])
        #expect(
            events(whole + small, role: .client, stride: 3, maximum: 10, skips: true, piecesBeyond: 6) == [
                .skipped(16), .text("ok"),
            ])
        #expect(events(fragmented, role: .client, stride: 3, maximum: 10, piecesBeyond: 6).last == .violation(1009))
        #expect(
            events([0x81, 0x10] + text.dropLast() + [0xC3], role: .client, stride: 3, piecesBeyond: 6)
                == [.violation(1007)])
    }

    /// Text, a fragmented binary message with a ping inside, an empty message, a pong, a close.
    static let conversation =
        clientFrame(1, Array("grüße".utf8)) + clientFrame(2, [1, 2, 3], isFinal: false)
        + clientFrame(9, [9]) + clientFrame(0, [], isFinal: false) + clientFrame(0, [4, 5]) + clientFrame(2, [])
        + clientFrame(10, []) + clientFrame(2, [UInt8](repeating: 1, count: 300)) + clientFrame(8, [0x0F, 0xA1, 0x68])

    static let heard: [Event] = [
        .text("grüße"), .ping([9]), .binary([1, 2, 3, 4, 5]), .binary([]), .pong([]),
        .binary([UInt8](repeating: 1, count: 300)), .close(4001, "h"),
    ]

    @Test("pieces of any size give the same messages", arguments: [1, 2, 3, 5, 11, 100, Int.max])
    func pieces(stride: Int) {
        #expect(events(Self.conversation, stride: stride) == Self.heard)
    }

    @Test("a truncated conversation gives the first of its messages and no complaint")
    func truncation() {
        for count in 0..<Self.conversation.count {
            let some = events(Array(Self.conversation[..<count]))
            #expect(some == Array(Self.heard.prefix(some.count)))
        }
    }

    @Test("any single changed bit is survived")
    func bitFlips() {
        for index in Self.conversation.indices {
            for bit in 0..<8 {
                var bytes = Self.conversation
                bytes[index] ^= 1 << UInt8(bit)
                _ = events(bytes)
            }
        }
    }

    @Test(
        "what breaks RFC 6455 is answered with 1002",
        arguments: [
            clientFrame(1, [0x61], isMasked: false), [0xC1, 0x80], [0x83, 0x80], [0x8B, 0x80],
            [0x09, 0x80, 0, 0, 0, 0],
            [0x89, 0xFE, 0, 200, 0, 0, 0, 0], [0x82, 0xFE, 0, 125, 0, 0, 0, 0],
            [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0],
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], clientFrame(0, [1]),
            clientFrame(1, [], isFinal: false) + clientFrame(1, []), clientFrame(8, [3]), clientFrame(8, [3, 0xED]),
            clientFrame(8, [3, 0xE7]), clientFrame(8, [0x27, 0x10]), clientFrame(8, [3, 0xEC]),
        ])
    func violations(bytes: [UInt8]) {
        #expect(events(bytes) == [.violation(1002)])
        #expect(events(bytes, stride: 1) == [.violation(1002)])
        #expect(events(bytes + clientFrame(1, [0x61])) == [.violation(1002)])
    }

    @Test("the codes that libraries may send are taken", arguments: [1000, 1001, 1011, 1012, 1013, 3000, 4999])
    func closeCodes(code: UInt16) {
        #expect(events(clientFrame(8, [UInt8(code >> 8), UInt8(code & 0xFF)])) == [.close(code, "")])
    }

    @Test("a close frame without a code is told apart")
    func noCode() {
        #expect(events(clientFrame(8, [])) == [.close(1005, "")])
    }

    @Test(
        "text that is not UTF-8 is answered with 1007",
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x61, 0xC3]] as [[UInt8]])
    func invalidText(bytes: [UInt8]) {
        #expect(events(clientFrame(1, bytes)) == [.violation(1007)])
        #expect(events(clientFrame(8, [3, 0xE8] + bytes)) == [.violation(1007)])
        #expect(
            events(clientFrame(1, [], isFinal: false) + clientFrame(0, bytes)) == [.violation(1007)])
    }

    @Test(
        "text that cannot become UTF-8 any more is refused before its message is whole",
        arguments: [[0x61, 0xFF], [0xC0], [0xED, 0xA0], [0xF4, 0x90], [0xC3, 0x61]] as [[UInt8]])
    func failsFast(bytes: [UInt8]) {
        #expect(events(clientFrame(1, bytes, isFinal: false)) == [.violation(1007)])
        #expect(events(clientFrame(1, bytes, isFinal: false), stride: 1) == [.violation(1007)])
        let long = clientFrame(1, bytes + [UInt8](repeating: 0x61, count: 1000))
        #expect(events(Array(long.prefix(20))) == [.violation(1007)])
    }

    @Test("messages that do not end take no more memory together than they may, and give it back")
    func unfinishedMessages() {
        let unfinished = UnfinishedMessages(maximumBytes: 300_000)
        let log = Log()
        var receivers: [MessageReceiver] = []
        for _ in 0..<3 {
            let receiver = MessageReceiver(role: .server, maximumMessageBytes: 1 << 20, unfinished: unfinished)
            var bytes = clientFrame(2, [UInt8](repeating: 0, count: 140_000), isFinal: false)
            bytes.withMutableBytes { receiver.receive(&$0, to: log) }
            receivers.append(receiver)
        }
        #expect(log.events == [.violation(1013)])
        // The first ends its message, and there is room for another.
        var end = clientFrame(0, [])
        end.withMutableBytes { receivers[0].receive(&$0, to: log) }
        #expect(log.events.last == .binary([UInt8](repeating: 0, count: 140_000)))
        #expect(unfinished.currentBytes == 140_000)
        receivers = []
        #expect(unfinished.currentBytes == 0)
    }

    @Test("text may be split inside a character")
    func splitCharacter() {
        let bytes = Array("ä".utf8)
        #expect(
            events(clientFrame(1, [bytes[0]], isFinal: false) + clientFrame(0, [bytes[1]])) == [.text("ä")])
    }

    @Test("a message beyond the limit is answered with 1009 before it is read")
    func tooBig() {
        #expect(events(clientFrame(2, [1, 2, 3, 4]), maximum: 4) == [.binary([1, 2, 3, 4])])
        #expect(events([0x82, 0x85], maximum: 4) == [])
        #expect(events([0x82, 0x85, 0, 0, 0, 0], maximum: 4) == [.violation(1009)])
        #expect(
            events(clientFrame(2, [1, 2, 3], isFinal: false) + clientFrame(0, [4, 5]), maximum: 4) == [.violation(1009)]
        )
        let huge: [UInt8] = [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]
        #expect(events(huge) == [.violation(1009)])
        #expect(
            events(clientFrame(2, [1], isFinal: false) + [0x80] + huge[1...], maximum: .max) == [.violation(1009)])
    }

    @Test("masking is undone at any offset")
    func masking() {
        let plain = (0..<37).map { UInt8($0) }
        var whole = plain
        whole.withMutableBytes { WebSocketMask.apply(0x8040_2011, to: &$0, 0..<plain.count) }
        for split in 0...plain.count {
            var parts = whole
            parts.withMutableBytes { bytes in
                WebSocketMask.apply(0x8040_2011, to: &bytes, 0..<split)
                WebSocketMask.apply(0x8040_2011, to: &bytes, split..<plain.count, offset: split)
            }
            #expect(parts == plain)
        }
    }

    @Test("heads are written as they are read", arguments: [0, 1, 125, 126, 65_535, 65_536, 1 << 40])
    func headers(payload: Int) throws {
        for mask: UInt32? in [nil, 0x0403_0201] {
            let header = WebSocketFrameHeader(
                isFinal: payload % 2 == 0, opcode: .text, mask: mask, payloadBytes: payload)
            var bytes = [UInt8](repeating: 0, count: 16)
            let start = bytes.withMutableBytes { header.write(into: &$0, endingAt: 16) }
            let read = try WebSocketFrameHeader(parsing: bytes.span.bytes.extracting(start..<16))
            #expect(read == header)
            let short = try WebSocketFrameHeader(parsing: bytes.span.bytes.extracting(start..<15))
            #expect(short == nil)
        }
    }

    @Test("the key of RFC 6455 section 1.3 is answered as it says")
    func handshakeKey() {
        #expect(WebSocketHandshake.accept(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test("SHA-1 gives the digests of FIPS 180")
    func sha1() {
        func hex(_ text: String) -> String {
            SHA1.digest(Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(
            hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    }
}
