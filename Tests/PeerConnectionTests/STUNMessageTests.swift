import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("STUN messages")
struct STUNMessageTests {
    private let id = STUNTransactionID(high: 1, low: 2)
    private let key = Array("a password of some length".utf8)

    private func written(_ message: STUNMessage, key: [UInt8]? = nil) -> [UInt8] {
        message.serialized(integrityKey: key, authentication: TestAuthentication.plain)
    }

    @Test("what is written is read back", arguments: ["192.0.2.7", "2001:db8::9"])
    func roundTrip(address: String) throws {
        let mapped = TransportAddress(ip: try #require(IPAddress(address)), port: 65535)
        let attributes: [STUNAttribute] = [
            .username("remote:local"), .xorMappedAddress(mapped), .mappedAddress(mapped), .priority(.max),
            .useCandidate, .iceControlling(.max), .iceControlled(7), .errorCode(.roleConflict),
            .unknownAttributes([1, 0x7FFF]), .software("x"),
        ]
        let classes: [STUNMessage.Class] = [.request, .indication, .success, .failure]
        for messageClass in classes {
            let message = STUNMessage(messageClass, method: 0xABC, transactionID: id, attributes: attributes)
            let datagram = written(message, key: key)
            let read = try STUNMessage.parse(datagram)
            #expect(read.messageClass == messageClass)
            #expect(read.method == 0xABC)
            #expect(read.transactionID == id)
            #expect(read.attributes == attributes)
            #expect(read.hasFingerprint)
            #expect(
                read.isAuthentic(datagram, key: key))
            #expect(STUNMessage.looksLikeSTUN(datagram))
        }
    }

    @Test("a message without MESSAGE-INTEGRITY is never authentic")
    func noIntegrity() throws {
        let datagram = written(STUNMessage(.request, transactionID: id, attributes: [.username("a:b")]))
        let read = try STUNMessage.parse(datagram)
        #expect(read.integrityOffset == nil)
        #expect(
            !read.isAuthentic(datagram, key: []))
    }

    /// A header and raw attributes, without FINGERPRINT.
    private func raw(_ attributes: [(kind: UInt16, value: [UInt8])]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt16(0x0001))
        writer.write(UInt16(0))
        writer.write(STUNMessage.magicCookie)
        writer.write([UInt8](repeating: 0, count: 12))
        for attribute in attributes {
            writer.write(attribute.kind)
            writer.write(UInt16(attribute.value.count))
            writer.write(attribute.value)
            writer.pad(to: 4)
        }
        writer.overwrite(at: 2, with: UInt16(writer.count - 20))
        return writer.bytes
    }

    @Test("unknown attributes below 0x8000 are reported, those above are passed over")
    func unknownAttributes() throws {
        let datagram = raw([(0x7FFE, [1]), (0xC057, [0, 0, 0, 1]), (0x0025, [])])
        let read = try STUNMessage.parse(datagram)
        #expect(read.unknownRequiredAttributes == [0x7FFE])
        #expect(read.attributes == [.useCandidate])
    }

    @Test("of a repeated attribute the first counts")
    func repeated() throws {
        let datagram = raw([(0x0024, [0, 0, 0, 1]), (0x0024, [0, 0, 0, 2])])
        #expect(try STUNMessage.parse(datagram).priority == 1)
    }

    static let malformedAttributes: [(UInt16, [UInt8])] = [
        (0x0024, [0, 0, 0]), (0x0024, [0, 0, 0, 1, 0]), (0x0025, [1]), (0x0020, [0, 1, 0, 0]),
        (0x0020, [0, 3, 0, 0, 1, 2, 3, 4]), (0x8029, [1, 2, 3, 4]), (0x0009, [0, 0, 2, 0]), (0x0009, [0, 0, 4, 100]),
        (0x0006, [0xFF]), (0x0008, [0]), (0x8028, [0]), (0x0006, [UInt8](repeating: 0x61, count: 514)), (0x000A, [1]),
    ]

    @Test("an attribute of the wrong size or content is named", arguments: malformedAttributes)
    func malformed(kind: UInt16, value: [UInt8]) {
        let datagram = raw([(kind, value)])
        #expect(throws: STUNError.malformedAttribute(kind)) { try STUNMessage.parse(datagram) }
    }

    @Test("more attributes than anybody needs are refused")
    func tooMany() {
        let datagram = raw((0...STUNMessage.maximumAttributes).map { (UInt16(0xC000 + $0), []) })
        #expect(throws: STUNError.tooManyAttributes) { try STUNMessage.parse(datagram) }
    }

    @Test("bytes behind the length that the header names are refused")
    func tooLong() {
        let datagram = raw([]) + [0, 0, 0, 0]
        #expect(throws: STUNError.wrongLength) { try STUNMessage.parse(datagram) }
    }

    @Test("random bytes behind a valid header never trap")
    func noise() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<5_000 {
            let length = Int(random.next() % 40) * 4
            let body = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next() & random.next()) }
            var datagram = raw([]) + body
            datagram[2] = UInt8(length >> 8)
            datagram[3] = UInt8(length & 0xFF)
            _ = try? STUNMessage.parse(datagram)
            _ = STUNMessage.peek(datagram)
        }
    }

    static let kindsByBytes: [(UInt8, UInt8, PacketKind)] = [
        (0, 1, .stun), (3, 0, .stun), (4, 0, .unknown), (19, 0, .unknown), (20, 0xFE, .dtls), (63, 0, .dtls),
        (64, 0, .unknown), (127, 0, .unknown), (128, 111, .rtp), (0x90, 0xEF, .rtp), (128, 191, .rtp),
        (128, 192, .rtcp), (0x81, 200, .rtcp), (128, 223, .rtcp), (128, 224, .rtp), (191, 96, .rtp),
        (192, 200, .unknown), (255, 0, .unknown),
    ]

    private func wholeKind(_ datagram: [UInt8]) -> PacketKind { PacketKind.classify(datagram.span.bytes) }

    @Test("datagrams are told apart by their first two bytes", arguments: kindsByBytes)
    func kinds(first: UInt8, second: UInt8, kind: PacketKind) {
        #expect(PacketKind.classify(first, second) == kind)
        #expect(wholeKind([first, second]) == kind)
    }

    @Test("a datagram of less than two bytes is of no kind")
    func tooShort() {
        #expect(wholeKind([]) == .unknown)
        #expect(wholeKind([0]) == .unknown)
    }
}
