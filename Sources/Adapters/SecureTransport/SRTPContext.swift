package import PeerConnection
internal import Wire

/// SRTP and SRTCP of one peer connection (RFC 3711, RFC 7714): any SSRC in either direction. Works in place and
/// allocates nothing once a source is known.
///
/// The ciphers and hashes are OpenSSL's, kept with their keys set. A library of its own for SRTP would bring a second
/// crypto library, and costs three times as much a packet (docs/performance.md).
package final class SRTPContext: SRTPTransform {
    /// Longest packet handled, in bytes: no UDP datagram is longer.
    static let maximumPacketLength = 65_535
    /// Bytes of an RTCP packet's header and first source, which stay readable.
    private static let controlHeaderLength = 8
    /// The bit that says that an SRTCP packet is encrypted; the number of the packet is beside it.
    private static let encryptedFlag: UInt32 = 1 << 31

    private let outbound: SRTPCipher
    private let inbound: SRTPCipher
    private let outboundControl: SRTPCipher
    private let inboundControl: SRTPCipher
    private var sentSources = SRTPSources(hasWindow: false)
    private var receivedSources = SRTPSources(hasWindow: true)
    private var receivedControlSources = SRTPSources(hasWindow: true)
    /// Numbers all our SRTCP packets, whatever their source (31 bits).
    private var nextControlIndex: UInt32 = 0

    /// Nil when the keys have the wrong length, or memory ran out.
    package init?(_ keys: SRTPKeys) {
        let local = SRTPMasterKey(profile: keys.profile, key: keys.localKey, salt: keys.localSalt)
        let remote = SRTPMasterKey(profile: keys.profile, key: keys.remoteKey, salt: keys.remoteSalt)
        guard let local, let remote, let outbound = SRTPCipher(local, .rtp, encrypts: true),
            let inbound = SRTPCipher(remote, .rtp, encrypts: false),
            let outboundControl = SRTPCipher(local, .rtcp, encrypts: true),
            let inboundControl = SRTPCipher(remote, .rtcp, encrypts: false)
        else { return nil }
        self.outbound = outbound
        self.inbound = inbound
        self.outboundControl = outboundControl
        self.inboundControl = inboundControl
    }

    // MARK: RTP

    package func protectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length + srtpOverhead <= buffer.byteCount, let header = Self.headerLength(buffer.bytes, length) else {
            return nil
        }
        let ssrc = buffer.bytes.bigEndianUInt32(at: 8)
        let place = sentSources.place(of: ssrc)
        guard let index = sentSources.index(of: buffer.bytes.bigEndianUInt16(at: 2), at: place) else { return nil }
        // A retransmitted packet (RTCP NACK) goes out with its old sequence number: nothing is refused here.
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let protected = unsafe buffer.withUnsafeMutableBytes {
            unsafe outbound.protect($0, header: header, length: length, ssrc: ssrc, index: index)
        }
        guard let protected else { return nil }
        sentSources.accept(index, ssrc: ssrc, at: place)
        return protected
    }

    package func unprotectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard let header = Self.headerLength(buffer.bytes, length) else { return nil }
        let ssrc = buffer.bytes.bigEndianUInt32(at: 8)
        let place = receivedSources.place(of: ssrc)
        // The window is asked first, and moves only when the packet has proved genuine (RFC 3711 section 3.3).
        guard let index = receivedSources.index(of: buffer.bytes.bigEndianUInt16(at: 2), at: place),
            receivedSources.isNew(index, at: place)
        else { return nil }
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let plain = unsafe buffer.withUnsafeMutableBytes {
            unsafe inbound.unprotect($0, header: header, length: length, ssrc: ssrc, index: index)
        }
        guard let plain else { return nil }
        receivedSources.accept(index, ssrc: ssrc, at: place)
        return plain
    }

    /// Bytes in front of the payload; nil when the packet is too short for its own header, or no RTP at all.
    private static func headerLength(_ packet: RawSpan, _ length: Int) -> Int? {
        guard length >= 12, length <= packet.byteCount, length <= maximumPacketLength, packet[0] >> 6 == 2 else {
            return nil
        }
        var header = 12 + 4 * Int(packet[0] & 0x0F)
        if packet[0] & 0x10 != 0 {
            guard header + 4 <= length else { return nil }
            header += 4 + 4 * Int(packet.bigEndianUInt16(at: header + 2))
        }
        return header <= length ? header : nil
    }

    // MARK: RTCP

    package func protectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length >= Self.controlHeaderLength, length + srtpOverhead <= buffer.byteCount,
            length <= Self.maximumPacketLength, nextControlIndex < Self.encryptedFlag
        else { return nil }
        let index = nextControlIndex
        nextControlIndex += 1
        let ssrc = buffer.bytes.bigEndianUInt32(at: 4)
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        return unsafe buffer.withUnsafeMutableBytes {
            unsafe outboundControl.protectControl(
                $0, header: Self.controlHeaderLength, length: length, ssrc: ssrc, word: index | Self.encryptedFlag)
        }
    }

    package func unprotectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? {
        guard length >= Self.controlHeaderLength, length <= buffer.byteCount, length <= Self.maximumPacketLength,
            let word = inboundControl.controlWord(buffer.bytes, header: Self.controlHeaderLength, length: length),
            word & Self.encryptedFlag != 0
        else { return nil }
        let index = UInt64(word & ~Self.encryptedFlag)
        let ssrc = buffer.bytes.bigEndianUInt32(at: 4)
        let place = receivedControlSources.place(of: ssrc)
        guard receivedControlSources.isNew(index, at: place) else { return nil }
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let plain = unsafe buffer.withUnsafeMutableBytes {
            unsafe inboundControl.unprotectControl(
                $0, header: Self.controlHeaderLength, length: length, ssrc: ssrc, word: word)
        }
        guard let plain else { return nil }
        receivedControlSources.accept(index, ssrc: ssrc, at: place)
        return plain
    }
}
