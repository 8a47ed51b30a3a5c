internal import COpenSSL
internal import PeerConnection
internal import Wire

/// The session keys of one direction, for RTP or for RTCP: protects or unprotects packets in place.
///
/// Packet lengths and buffers have been checked by the caller: a protected packet has room for `srtpOverhead` more.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
final class SRTPCipher {
    /// Bytes of GCM's tag (RFC 7714 section 13.2).
    private static let aeadTagLength = 16
    /// Bytes that are left of HMAC-SHA1 (RFC 3711 section 4.2).
    private static let hmacTagLength = 10
    /// Bytes of the word behind an SRTCP packet.
    private static let wordLength = 4

    private let isAEAD: Bool
    private let context: OpaquePointer
    /// 14 bytes, or 12 for GCM.
    private let salt: [UInt8]
    /// HMAC-SHA1 with its key already hashed in, for both passes.
    private var inner = SHA_CTX()
    private var outer = SHA_CTX()

    /// Nil only when memory ran out.
    init?(_ master: SRTPMasterKey, _ kind: SRTPMasterKey.Kind, encrypts: Bool) {
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        guard let key = master.derive(.encryption, kind, count: master.profile.keyLength),
            let salt = master.derive(.salt, kind, count: master.profile.saltLength),
            let authentication = master.derive(.authentication, kind, count: 20),
            let context = unsafe EVP_CIPHER_CTX_new()
        else { return nil }
        self.salt = salt
        unsafe self.context = context
        isAEAD = master.profile == .aeadAES128GCM
        let cipher = unsafe isAEAD ? EVP_aes_128_gcm() : EVP_aes_128_ctr()
        // Counter mode is the same both ways.
        // SAFETY: the key has the cipher's 16 bytes and is copied; the vector is set for each packet.
        guard unsafe EVP_CipherInit_ex(context, cipher, nil, key, nil, encrypts || !isAEAD ? 1 : 0) == 1 else {
            return nil
        }
        // SAFETY: the key has the 20 bytes that are read.
        unsafe copenssl_hmac_sha1_prepare(&inner, &outer, authentication)
    }

    // SAFETY: the contexts are freed once, by their only owner.
    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    // MARK: RTP

    /// Encrypts what is behind the header and appends the tag; returns the new length.
    func protect(
        _ buffer: UnsafeMutableRawBufferPointer, header: Int, length: Int, ssrc: UInt32, index: UInt64
    ) -> Int? {
        guard setVector(ssrc: ssrc, index: index) else { return nil }
        if isAEAD {
            // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
            guard unsafe authenticate(buffer, 0..<header), unsafe crypt(buffer, header..<length),
                unsafe finishEncryption(buffer, tagAt: length)
            else { return nil }
            return length + Self.aeadTagLength
        }
        guard unsafe crypt(buffer, header..<length) else { return nil }
        unsafe withDigest(of: buffer, length: length, suffix: UInt32(truncatingIfNeeded: index >> 16)) { digest in
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[length..<length + Self.hmacTagLength])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<Self.hmacTagLength]))
        }
        return length + Self.hmacTagLength
    }

    /// Checks the tag and decrypts what is behind the header; returns the length of the plain packet.
    func unprotect(
        _ buffer: UnsafeMutableRawBufferPointer, header: Int, length: Int, ssrc: UInt32, index: UInt64
    ) -> Int? {
        let plain = length - (isAEAD ? Self.aeadTagLength : Self.hmacTagLength)
        guard plain >= header, setVector(ssrc: ssrc, index: index) else { return nil }
        if isAEAD {
            // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
            guard unsafe authenticate(buffer, 0..<header), unsafe crypt(buffer, header..<plain),
                unsafe finishDecryption(buffer, tagAt: plain)
            else { return nil }
            return plain
        }
        let isGenuine = unsafe withDigest(of: buffer, length: plain, suffix: UInt32(truncatingIfNeeded: index >> 16)) {
            unsafe Self.isEqual($0, buffer, at: plain)
        }
        return unsafe isGenuine && crypt(buffer, header..<plain) ? plain : nil
    }

    // MARK: RTCP

    /// As `protect`, with `word` (the flag and the index) behind the packet.
    func protectControl(
        _ buffer: UnsafeMutableRawBufferPointer, header: Int, length: Int, ssrc: UInt32, word: UInt32
    ) -> Int? {
        guard setVector(ssrc: ssrc, index: UInt64(word & 0x7FFF_FFFF)) else { return nil }
        if isAEAD {
            // The word counts as part of the header though it stands at the end (RFC 7714 section 9.2).
            let wordOffset = length + Self.aeadTagLength
            // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
            unsafe buffer.storeBytes(of: word.bigEndian, toByteOffset: wordOffset, as: UInt32.self)
            guard unsafe authenticate(buffer, 0..<header),
                unsafe authenticate(buffer, wordOffset..<wordOffset + Self.wordLength),
                unsafe crypt(buffer, header..<length), unsafe finishEncryption(buffer, tagAt: length)
            else { return nil }
            return wordOffset + Self.wordLength
        }
        guard unsafe crypt(buffer, header..<length) else { return nil }
        unsafe withDigest(of: buffer, length: length, suffix: word) { digest in
            unsafe buffer.storeBytes(of: word.bigEndian, toByteOffset: length, as: UInt32.self)
            let end = length + Self.wordLength
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[end..<end + Self.hmacTagLength])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[..<Self.hmacTagLength]))
        }
        return length + Self.wordLength + Self.hmacTagLength
    }

    /// The word of a protected packet; nil when there is no room for one.
    func controlWord(_ packet: RawSpan, header: Int, length: Int) -> UInt32? {
        let tag = isAEAD ? Self.aeadTagLength : Self.hmacTagLength
        guard length >= header + tag + Self.wordLength else { return nil }
        return packet.bigEndianUInt32(at: length - Self.wordLength - (isAEAD ? 0 : tag))
    }

    /// As `unprotect`; `controlWord` has checked the length.
    func unprotectControl(
        _ buffer: UnsafeMutableRawBufferPointer, header: Int, length: Int, ssrc: UInt32, word: UInt32
    ) -> Int? {
        guard setVector(ssrc: ssrc, index: UInt64(word & 0x7FFF_FFFF)) else { return nil }
        if isAEAD {
            let wordOffset = length - Self.wordLength
            let plain = wordOffset - Self.aeadTagLength
            // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
            guard unsafe authenticate(buffer, 0..<header),
                unsafe authenticate(buffer, wordOffset..<length),
                unsafe crypt(buffer, header..<plain), unsafe finishDecryption(buffer, tagAt: plain)
            else { return nil }
            return plain
        }
        let plain = length - Self.hmacTagLength - Self.wordLength
        let isGenuine = unsafe withDigest(of: buffer, length: plain, suffix: word) {
            unsafe Self.isEqual($0, buffer, at: plain + Self.wordLength)
        }
        return unsafe isGenuine && crypt(buffer, header..<plain) ? plain : nil
    }

    // MARK: The library

    /// The vector of a packet: salt, source and index (RFC 3711 section 4.1.1, RFC 7714 section 8.1).
    private func setVector(ssrc: UInt32, index: UInt64) -> Bool {
        var vector: (UInt64, UInt64) = (0, 0)
        // SAFETY: the storage is a local value, large enough for what is written.
        return unsafe withUnsafeMutableBytes(of: &vector) { bytes in
            for position in salt.indices { unsafe bytes[position] = salt[position] }
            // Counter mode leaves two bytes for the block counter, and so has the source and the index two later.
            let start = isAEAD ? 2 : 4
            for position in 0..<4 {
                unsafe bytes[start + position] ^= UInt8(truncatingIfNeeded: ssrc >> UInt32(24 - 8 * position))
            }
            for position in 0..<6 {
                unsafe bytes[start + 4 + position] ^= UInt8(truncatingIfNeeded: index >> UInt64(40 - 8 * position))
            }
            // SAFETY: the vector has 16 bytes, as many as the cipher reads at most; -1 keeps the direction.
            return unsafe EVP_CipherInit_ex(
                context, nil, nil, nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), -1) == 1
        }
    }

    /// Feeds bytes that are authenticated but stay readable.
    private func authenticate(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) -> Bool {
        var written: Int32 = 0
        // SAFETY: rebasing checks the range; without an output the bytes are only read.
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[range])
        return unsafe EVP_CipherUpdate(
            context, nil, &written, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(bytes.count)) == 1
    }

    /// Encrypts or decrypts in place.
    private func crypt(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return true }
        var written: Int32 = 0
        // SAFETY: rebasing checks the range; both ciphers write as many bytes as they read.
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[range])
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return unsafe EVP_CipherUpdate(context, start, &written, start, Int32(bytes.count)) == 1
            && Int(written) == bytes.count
    }

    private func finishEncryption(_ buffer: UnsafeMutableRawBufferPointer, tagAt offset: Int) -> Bool {
        var written: Int32 = 0
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let tag = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + Self.aeadTagLength])
        // SAFETY: GCM writes nothing at the end but the tag, for which `rebasing` has checked the room.
        return unsafe EVP_CipherFinal_ex(
            context, tag.baseAddress?.assumingMemoryBound(to: UInt8.self), &written) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), tag.baseAddress) == 1
    }

    private func finishDecryption(_ buffer: UnsafeMutableRawBufferPointer, tagAt offset: Int) -> Bool {
        var written: Int32 = 0
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let tag = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + Self.aeadTagLength])
        // SAFETY: as for encryption; the tag is read before anything is written.
        return unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), tag.baseAddress) == 1
            && EVP_CipherFinal_ex(context, tag.baseAddress?.assumingMemoryBound(to: UInt8.self), &written) == 1
    }

    /// HMAC-SHA1 over the first bytes of the packet and the four of `suffix`.
    @discardableResult
    private func withDigest<Result>(
        of buffer: UnsafeMutableRawBufferPointer, length: Int, suffix: UInt32,
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        var digest: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var suffix = suffix.bigEndian
        // SAFETY: the storage is a local value, large enough for what is written.
        return unsafe withUnsafeMutableBytes(of: &digest) { digest in
            // SAFETY: the digest has 20 bytes of the 24; callers have checked `length`.
            unsafe copenssl_hmac_sha1(&inner, &outer, buffer.baseAddress, length, &suffix, digest.baseAddress)
            return unsafe body(digest)
        }
    }

    /// Compares tags in the same time wherever they differ.
    private static func isEqual(
        _ digest: UnsafeMutableRawBufferPointer, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
    ) -> Bool {
        // SAFETY: the lengths have been checked against the buffer, which is used during the call only.
        let found = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<offset + hmacTagLength])
        guard let first = digest.baseAddress, let second = found.baseAddress else { return false }
        // SAFETY: both have at least `hmacTagLength` bytes.
        return unsafe CRYPTO_memcmp(first, second, hmacTagLength) == 0
    }
}
