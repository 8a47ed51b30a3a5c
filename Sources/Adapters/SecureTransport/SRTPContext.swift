internal import CSRTP2
package import PeerConnection

/// SRTP and SRTCP of one peer connection over libsrtp2: one session a direction, any SSRC in either.
package final class SRTPContext: SRTPTransform {
    /// Packets that may arrive late and still be accepted; older ones count as replays.
    package static let replayWindow = 1024
    /// Longest packet handled, in bytes: no UDP datagram is longer.
    static let maximumPacketLength = 65_535

    private let outbound: OpaquePointer
    private let inbound: OpaquePointer

    /// Nil when libsrtp refuses the keys.
    package init?(_ keys: SRTPKeys) {
        guard Self.isLibraryReady,
            let outbound = Self.makeSession(
                ssrc_any_outbound, keys.profile, key: keys.localKey, salt: keys.localSalt)
        else { return nil }
        guard
            let inbound = Self.makeSession(
                ssrc_any_inbound, keys.profile, key: keys.remoteKey, salt: keys.remoteSalt)
        else {
            srtp_dealloc(outbound)
            return nil
        }
        self.outbound = outbound
        self.inbound = inbound
    }

    deinit {
        srtp_dealloc(outbound)
        srtp_dealloc(inbound)
    }

    package func protectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? {
        guard length + srtpOverhead <= buffer.count else { return nil }
        // SAFETY: libsrtp stays within `length` plus its trailer, which `srtpOverhead` covers.
        return transform(buffer, length) { unsafe srtp_protect(outbound, $0, $1) }
    }

    package func unprotectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? {
        // SAFETY: unprotecting only shortens the packet.
        transform(buffer, length) { unsafe srtp_unprotect(inbound, $0, $1) }
    }

    package func protectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? {
        guard length + srtpOverhead <= buffer.count else { return nil }
        // SAFETY: as for protectRTP.
        return transform(buffer, length, minimum: 8) { unsafe srtp_protect_rtcp(outbound, $0, $1) }
    }

    package func unprotectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? {
        // SAFETY: as for unprotectRTP.
        transform(buffer, length) { unsafe srtp_unprotect_rtcp(inbound, $0, $1) }
    }

    /// Runs one libsrtp call over the first `length` bytes, which must be `minimum` at least: libsrtp 2.5 reads a
    /// header before it checks that there is one.
    private func transform(
        _ buffer: UnsafeMutableRawBufferPointer, _ length: Int, minimum: Int = 12,
        _ call: (UnsafeMutableRawPointer, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
    ) -> Int? {
        guard length >= minimum, length <= buffer.count, length <= Self.maximumPacketLength,
            let start = buffer.baseAddress
        else { return nil }
        var count = Int32(length)
        // SAFETY: `start` has at least `length` bytes, checked above.
        guard unsafe call(start, &count) == srtp_err_status_ok, count >= 0 else { return nil }
        return Int(count)
    }

    private static func makeSession(
        _ direction: srtp_ssrc_type_t, _ profile: SRTPProfile, key: [UInt8], salt: [UInt8]
    ) -> OpaquePointer? {
        guard key.count == profile.keyLength, salt.count == profile.saltLength else { return nil }
        var policy = srtp_policy_t()
        switch profile {
        case .aeadAES128GCM:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
        case .aes128CMHMACSHA1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp)
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
        }
        policy.ssrc.type = direction
        policy.window_size = UInt(replayWindow)
        // A retransmitted packet (RTCP NACK) goes out with its old sequence number.
        policy.allow_repeat_tx = 1
        var material = key + salt
        return material.withUnsafeMutableBufferPointer { bytes in
            // SAFETY: libsrtp copies the key during srtp_create; the policy does not outlive this closure.
            unsafe policy.key = bytes.baseAddress
            var session: OpaquePointer?
            guard unsafe srtp_create(&session, &policy) == srtp_err_status_ok else { return nil }
            return session
        }
    }

    /// The library is set up once a process; Swift runs this initialiser under a lock.
    private static let isLibraryReady: Bool = srtp_init() == srtp_err_status_ok
}
