import PeerConnection
import TestSupport
import Testing
import Wire

/// Bytes from hexadecimal text; spaces are for the reader.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Spans do not go into expectations, so these take arrays.
extension STUNMessage {
    static func parse(_ datagram: [UInt8]) throws(STUNError) -> STUNMessage {
        try STUNMessage(parsing: datagram.span.bytes)
    }

    static func looksLikeSTUN(_ datagram: [UInt8]) -> Bool { isSTUN(datagram.span.bytes) }

    static func peek(_ datagram: [UInt8]) -> String? { localUfragment(of: datagram.span.bytes) }

    func isAuthentic(_ datagram: [UInt8], key: [UInt8]) -> Bool {
        hasValidIntegrity(in: datagram.span.bytes, key: key, authentication: TestAuthentication.plain)
    }
}

/// The sample messages of RFC 5769, made by somebody else.
enum STUNVectors {
    /// Section 2.1.
    static let request = bytes(
        """
        00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff
        80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249
        c1b571a2 80280004 e57a3bcf
        """)
    /// Section 2.2.
    static let responseV4 = bytes(
        """
        0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643
        00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96
        """)
    /// Section 2.3.
    static let responseV6 = bytes(
        """
        01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa
        a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c
        """)
    static let password = Array("VOkJxbRl1RmTxUk/WvJxBt".utf8)
    static let all = [request, responseV4, responseV6]
}

@Suite("STUN: the sample messages of RFC 5769")
struct STUNVectorTests {
    @Test("the request is understood, authentic, and fingerprinted")
    func request() throws {
        let message = try STUNMessage.parse(STUNVectors.request)
        #expect(message.messageClass == .request)
        #expect(message.method == STUNMessage.bindingMethod)
        #expect(message.transactionID == STUNTransactionID(high: 0xB7E7_A701, low: 0xBC34_D686_FA87_DFAE))
        #expect(
            message.attributes == [
                .software("STUN test client"), .priority(0x6E00_01FF), .iceControlled(0x932F_F9B1_5126_3B36),
                .username("evtj:h6vY"),
            ])
        #expect(message.hasFingerprint)
        #expect(message.isAuthentic(STUNVectors.request, key: STUNVectors.password))
    }

    @Test("the IPv4 response carries the address")
    func responseV4() throws {
        let message = try STUNMessage.parse(STUNVectors.responseV4)
        #expect(message.messageClass == .success)
        #expect(message.mappedAddress?.description == "192.0.2.1:32853")
        #expect(message.isAuthentic(STUNVectors.responseV4, key: STUNVectors.password))
    }

    @Test("the IPv6 response carries the address")
    func responseV6() throws {
        let message = try STUNMessage.parse(STUNVectors.responseV6)
        #expect(message.mappedAddress?.description == "[2001:db8:1234:5678:11:2233:4455:6677]:32853")
        #expect(message.isAuthentic(STUNVectors.responseV6, key: STUNVectors.password))
    }

    @Test("another password does not fit", arguments: STUNVectors.all)
    func wrongPassword(datagram: [UInt8]) throws {
        let message = try STUNMessage.parse(datagram)
        #expect(!message.isAuthentic(datagram, key: Array("VOkJxbRl1RmTxUk/WvJxBu".utf8)))
    }

    @Test("the user's name before the colon is found without parsing the rest")
    func localFragment() {
        #expect(STUNMessage.peek(STUNVectors.request) == "evtj")
        #expect(STUNMessage.peek(STUNVectors.responseV4) == nil)
    }

    @Test("no truncation is taken for a message, and none traps", arguments: STUNVectors.all)
    func truncations(datagram: [UInt8]) {
        for length in 0..<datagram.count {
            let part = Array(datagram[..<length])
            #expect(throws: STUNError.self) { try STUNMessage.parse(part) }
            #expect(!STUNMessage.looksLikeSTUN(part))
            #expect(STUNMessage.peek(part) == nil)
        }
    }

    @Test("no single flipped bit gives an authentic message, and none traps", arguments: STUNVectors.all)
    func flippedBits(datagram: [UInt8]) {
        for bit in 0..<datagram.count * 8 {
            var damaged = datagram
            damaged[bit / 8] ^= 1 << (bit % 8)
            _ = STUNMessage.peek(damaged)
            guard let message = try? STUNMessage.parse(damaged) else { continue }
            // What passes is a FINGERPRINT that was turned into an unknown optional attribute; behind
            // MESSAGE-INTEGRITY nothing is protected, and nothing is heeded.
            let isBehindIntegrity = bit / 8 >= datagram.count - 8
            #expect(isBehindIntegrity || !message.isAuthentic(damaged, key: STUNVectors.password))
        }
    }
}
