import PeerConnection
import SecureTransport
import Testing
import Wire

@Suite("SRTP context")
struct SRTPContextTests {
    static let profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]

    struct Ends {
        let sender: any SRTPTransform
        let receiver: any SRTPTransform
    }

    static func ends(_ profile: SRTPProfile) throws -> Ends {
        let keys = (0..<4).map { index in
            [UInt8](repeating: UInt8(index + 1), count: index < 2 ? profile.keyLength : profile.saltLength)
        }
        let factory = try OpenSSLTransportFactory()
        let sender = factory.makeSRTP(
            SRTPKeys(profile: profile, localKey: keys[0], localSalt: keys[2], remoteKey: keys[1], remoteSalt: keys[3]))
        let receiver = factory.makeSRTP(
            SRTPKeys(profile: profile, localKey: keys[1], localSalt: keys[3], remoteKey: keys[0], remoteSalt: keys[2]))
        return Ends(sender: try #require(sender), receiver: try #require(receiver))
    }

    /// A packet with payload type 111 and 40 bytes of payload.
    static func rtp(_ sequenceNumber: UInt16, ssrc: UInt8 = 9) -> [UInt8] {
        [0x80, 111, UInt8(sequenceNumber >> 8), UInt8(sequenceNumber & 0xFF), 0, 0, 0, 1, 0, 0, 0, ssrc]
            + (0..<40).map { UInt8($0) }
    }

    /// An empty receiver report.
    static let rtcp: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 9]

    typealias Step = (inout MutableRawSpan, Int) -> Int?

    /// Runs one step over a copy of the packet with room behind it.
    static func apply(_ step: Step, _ packet: [UInt8]) -> [UInt8]? {
        var bytes = packet + [UInt8](repeating: 0, count: srtpOverhead)
        return bytes.withMutableBytes { step(&$0, packet.count) }.map { Array(bytes[..<$0]) }
    }

    @Test("an RTP packet comes out as it went in", arguments: profiles)
    func rtpRoundTrip(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        for sequenceNumber in UInt16(65_500)...65_535 {
            let packet = Self.rtp(sequenceNumber)
            let protected = try #require(Self.apply(ends.sender.protectRTP, packet))
            #expect(protected.count > packet.count && protected.count <= packet.count + srtpOverhead)
            #expect(protected[12...] != packet[12...])
            #expect(Self.apply(ends.receiver.unprotectRTP, protected) == packet)
        }
        // Over the wrap of the sequence number.
        let next = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(0)))
        #expect(Self.apply(ends.receiver.unprotectRTP, next) == Self.rtp(0))
    }

    @Test("an RTCP packet comes out as it went in", arguments: profiles)
    func rtcpRoundTrip(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        let protected = try #require(Self.apply(ends.sender.protectRTCP, Self.rtcp))
        #expect(protected.count <= Self.rtcp.count + srtpOverhead)
        #expect(Self.apply(ends.receiver.unprotectRTCP, protected) == Self.rtcp)
    }

    @Test("packets of several sources in one session do not disturb each other", arguments: profiles)
    func severalSources(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        for ssrc in UInt8(1)...20 {
            let protected = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(5, ssrc: ssrc)))
            #expect(Self.apply(ends.receiver.unprotectRTP, protected) == Self.rtp(5, ssrc: ssrc))
        }
    }

    @Test("a replayed packet is refused", arguments: profiles)
    func replay(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        let protected = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(100)))
        #expect(Self.apply(ends.receiver.unprotectRTP, protected) != nil)
        #expect(Self.apply(ends.receiver.unprotectRTP, protected) == nil)
    }

    @Test("a late packet within the window is accepted", arguments: profiles)
    func latePacket(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        let late = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(100)))
        for sequenceNumber in UInt16(101)...600 {
            let packet = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(sequenceNumber)))
            #expect(Self.apply(ends.receiver.unprotectRTP, packet) != nil)
        }
        #expect(Self.apply(ends.receiver.unprotectRTP, late) == Self.rtp(100))
    }

    @Test("a retransmission may be protected again", arguments: profiles)
    func retransmission(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        _ = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(100)))
        let again = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(100)))
        #expect(Self.apply(ends.receiver.unprotectRTP, again) == Self.rtp(100))
    }

    @Test("a forged or truncated packet is refused and the genuine one still accepted", arguments: profiles)
    func forgery(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        let protected = try #require(Self.apply(ends.sender.protectRTP, Self.rtp(7)))
        for index in protected.indices {
            var forged = protected
            forged[index] ^= 0x10
            #expect(Self.apply(ends.receiver.unprotectRTP, forged) == nil, "byte \(index)")
        }
        for length in protected.indices {
            #expect(Self.apply(ends.receiver.unprotectRTP, [UInt8](protected[..<length])) == nil)
        }
        #expect(Self.apply(ends.receiver.unprotectRTP, protected) == Self.rtp(7))
    }

    @Test("a forged or truncated RTCP packet is refused", arguments: profiles)
    func rtcpForgery(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        let protected = try #require(Self.apply(ends.sender.protectRTCP, Self.rtcp))
        for index in protected.indices {
            var forged = protected
            forged[index] ^= 0x10
            #expect(Self.apply(ends.receiver.unprotectRTCP, forged) == nil)
            #expect(Self.apply(ends.receiver.unprotectRTCP, [UInt8](protected[..<index])) == nil)
        }
    }

    @Test("a buffer without spare bytes is refused instead of overrun", arguments: profiles)
    func noRoom(profile: SRTPProfile) throws {
        let ends = try Self.ends(profile)
        var packet = Self.rtp(1)
        let count = packet.count
        let result = packet.withMutableBytes { ends.sender.protectRTP(&$0, length: count) }
        #expect(result == nil)
    }

    @Test("keys of the wrong length are refused")
    func wrongKeys() throws {
        let keys = SRTPKeys(
            profile: .aeadAES128GCM, localKey: [1], localSalt: [], remoteKey: [2], remoteSalt: [3])
        #expect(try OpenSSLTransportFactory().makeSRTP(keys) == nil)
    }
}
