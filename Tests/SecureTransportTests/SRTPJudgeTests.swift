import CSRTP2
import PeerConnection
import Testing
import Wire

@testable import SecureTransport

/// One end of a connection as libsrtp sees it, to judge our packets by.
// SAFETY: used on the loop's thread, or by one task at a time.
@safe
private final class Judge {
    private let outbound: OpaquePointer
    private let inbound: OpaquePointer

    init(_ keys: SRTPKeys) throws {
        #expect(Self.isReady)
        func session(_ direction: srtp_ssrc_type_t, _ key: [UInt8], _ salt: [UInt8]) -> OpaquePointer? {
            // SAFETY: the memory is used during the call only.
            var policy = unsafe srtp_policy_t()
            if keys.profile == .aeadAES128GCM {
                unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
                unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
            } else {
                unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
                unsafe srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
            }
            unsafe policy.ssrc.type = direction
            unsafe policy.window_size = 1024
            var material = key + salt
            return unsafe material.withUnsafeMutableBufferPointer { bytes in
                unsafe policy.key = bytes.baseAddress
                var session: OpaquePointer?
                return unsafe srtp_create(&session, &policy) == srtp_err_status_ok ? session : nil
            }
        }
        unsafe outbound = try unsafe #require(session(ssrc_any_outbound, keys.localKey, keys.localSalt))
        unsafe inbound = try unsafe #require(session(ssrc_any_inbound, keys.remoteKey, keys.remoteSalt))
    }

    deinit {
        // SAFETY: the memory is used during the call only.
        unsafe srtp_dealloc(outbound)
        unsafe srtp_dealloc(inbound)
    }

    private static let isReady = srtp_init() == srtp_err_status_ok

    typealias Call = (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>?) -> srtp_err_status_t

    private func run(_ call: Call, _ session: OpaquePointer, _ packet: [UInt8]) -> [UInt8]? {
        var bytes = packet + [UInt8](repeating: 0, count: 64)
        var length = Int32(packet.count)
        // SAFETY: the memory is used during the call only.
        guard unsafe call(session, &bytes, &length) == srtp_err_status_ok else { return nil }
        return [UInt8](bytes[..<Int(length)])
    }

    // SAFETY: the memory is used during the call only.
    func protect(_ packet: [UInt8]) -> [UInt8]? { unsafe run(srtp_protect, outbound, packet) }
    // SAFETY: the memory is used during the call only.
    func unprotect(_ packet: [UInt8]) -> [UInt8]? { unsafe run(srtp_unprotect, inbound, packet) }
    // SAFETY: the memory is used during the call only.
    func protectControl(_ packet: [UInt8]) -> [UInt8]? { unsafe run(srtp_protect_rtcp, outbound, packet) }
    // SAFETY: the memory is used during the call only.
    func unprotectControl(_ packet: [UInt8]) -> [UInt8]? { unsafe run(srtp_unprotect_rtcp, inbound, packet) }
}

@Suite("SRTP against libsrtp and the RFCs")
struct SRTPJudgeTests {
    static let profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80]

    /// Keys as we have them, and as the peer has them.
    private static func keys(_ profile: SRTPProfile) -> (ours: SRTPKeys, theirs: SRTPKeys) {
        let keys = (0..<4).map { index in
            (0..<(index < 2 ? profile.keyLength : profile.saltLength)).map {
                UInt8(truncatingIfNeeded: 37 * index + $0)
            }
        }
        return (
            SRTPKeys(profile: profile, localKey: keys[0], localSalt: keys[2], remoteKey: keys[1], remoteSalt: keys[3]),
            SRTPKeys(profile: profile, localKey: keys[1], localSalt: keys[3], remoteKey: keys[0], remoteSalt: keys[2])
        )
    }

    private static func ends(_ profile: SRTPProfile) throws -> (ours: SRTPContext, judge: Judge) {
        let keys = keys(profile)
        return (try #require(SRTPContext(keys.ours)), try Judge(keys.theirs))
    }

    /// A packet with contributing sources, an extension and `count` bytes of payload.
    private static func rtp(_ sequenceNumber: UInt16, ssrc: UInt8, payload count: Int) -> [UInt8] {
        [0x92, 111, UInt8(sequenceNumber >> 8), UInt8(sequenceNumber & 0xFF), 1, 2, 3, 4, 0xAB, 0, 0, ssrc]
            + [9, 9, 9, 9, 8, 8, 8, 8] + [0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]
            + (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }

    private static let report: [UInt8] =
        [0x81, 201, 0, 7, 0xAB, 0, 0, 9] + (0..<24).map { UInt8($0) }

    @Test("packets of ours are libsrtp's, byte by byte, over two wraps of the sequence number", arguments: profiles)
    func sameBytes(profile: SRTPProfile) throws {
        let keys = Self.keys(profile)
        let (ours, judge) = try Self.ends(profile)
        let mirror = try Judge(keys.ours)
        for step in 0..<3000 {
            let number = UInt16(truncatingIfNeeded: 100 + 61 * step)
            let packet = Self.rtp(number, ssrc: UInt8(step % 3), payload: step % 200)
            let protected = try #require(SRTPContextTests.apply(ours.protectRTP, packet))
            #expect(mirror.protect(packet) == protected)
            #expect(judge.unprotect(protected) == packet)
            let answer = try #require(judge.protect(packet))
            #expect(SRTPContextTests.apply(ours.unprotectRTP, answer) == packet)
        }
    }

    @Test("libsrtp reads our RTCP and we read its", arguments: profiles)
    func control(profile: SRTPProfile) throws {
        let (ours, judge) = try Self.ends(profile)
        for _ in 0..<300 {
            let protected = try #require(SRTPContextTests.apply(ours.protectRTCP, Self.report))
            #expect(judge.unprotectControl(protected) == Self.report)
            let answer = try #require(judge.protectControl(Self.report))
            #expect(SRTPContextTests.apply(ours.unprotectRTCP, answer) == Self.report)
            #expect(SRTPContextTests.apply(ours.unprotectRTCP, answer) == nil, "a replay")
        }
    }

    @Test("late packets, repetitions and jumps are judged as libsrtp judges them", arguments: profiles)
    func replays(profile: SRTPProfile) throws {
        let keys = Self.keys(profile)
        let (ours, sender) = try Self.ends(profile)
        let mirror = try Judge(keys.ours)
        let sent = try (0..<4000).map { step in
            try #require(sender.protect(Self.rtp(UInt16(truncatingIfNeeded: step), ssrc: 1, payload: 20)))
        }
        let order = [5, 4, 6, 6, 900, 5, 7, 899, 1500, 477, 476, 478, 3999, 2977, 2978, 3999, 3000, 1500, 3001]
        for index in order {
            let isAccepted = SRTPContextTests.apply(ours.unprotectRTP, sent[index]) != nil
            #expect(isAccepted == (mirror.unprotect(sent[index]) != nil), "packet \(index)")
        }
    }

    @Test("session keys come of the master key as in RFC 3711, appendix B.3")
    func keyDerivation() throws {
        let master = try #require(
            SRTPMasterKey(
                profile: .aes128CMHMACSHA1_80, key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
                salt: hex("0EC675AD498AFEEBB6960B3AABE6")))
        #expect(master.derive(.encryption, .rtp, count: 16) == hex("C61E7A93744F39EE10734AFE3FF7A087"))
        #expect(master.derive(.salt, .rtp, count: 14) == hex("30CBBC08863D8C85D49DB34A9AE1"))
        #expect(master.derive(.authentication, .rtp, count: 20) == hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
    }

    private func hex(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while !rest.isEmpty {
            bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    @Test("the replay window knows each packet of the latest 1024, however far it jumps")
    func window() {
        var window = SRTPReplayWindow()
        var highest: UInt64 = 0
        var seen: Set<UInt64> = []
        var state: UInt64 = 7
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let step = Int64(state >> 33) % 100 < 1 ? Int64(state >> 40) % 5000 : Int64(state >> 40) % 64 - 40
            let index = UInt64(max(0, Int64(highest) + step))
            if index <= highest, highest - index >= 1024 { continue }
            #expect((index <= highest && window.contains(index)) == seen.contains(index))
            window.insert(index, highest: highest)
            seen.insert(index)
            highest = max(highest, index)
        }
    }

    @Test("more sources than are kept push out the one that was silent longest, not the one that speaks")
    func manySources() {
        var sources = SRTPSources(hasWindow: true)
        sources.accept(5, ssrc: 1, at: nil)
        for ssrc in UInt32(2)...UInt32(SRTPSources.maximumCount + 50) {
            sources.accept(1, ssrc: ssrc, at: sources.place(of: ssrc))
            sources.accept(UInt64(ssrc) + 5, ssrc: 1, at: sources.place(of: 1))
        }
        #expect(sources.isNew(UInt64(SRTPSources.maximumCount) + 55, at: sources.place(of: 1)) == false)
        #expect(sources.place(of: 2) == nil)
    }
}
