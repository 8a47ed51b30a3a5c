internal import COpenSSL

/// AES-128-GCM (NIST SP 800-38D) with one key, for frames of sound: works in place, with its contexts kept, and allocates nothing.
/// Belongs to one thread.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class FrameCipher {
    /// All in bytes.
    package static let keyLength = 16
    package static let nonceLength = 12
    package static let tagLength = 16

    private let encryption: OpaquePointer
    private let decryption: OpaquePointer

    /// - Parameter key: 16 bytes.
    /// - Returns: nil only when memory ran out.
    package init?(key: [UInt8]) {
        precondition(key.count == Self.keyLength, "a key of AES-128")
        guard let encryption = unsafe EVP_CIPHER_CTX_new() else { return nil }
        guard let decryption = unsafe EVP_CIPHER_CTX_new() else {
            // SAFETY: nobody else has it.
            unsafe EVP_CIPHER_CTX_free(encryption)
            return nil
        }
        unsafe self.encryption = encryption
        unsafe self.decryption = decryption
        // SAFETY: the key has the cipher's 16 bytes and is copied; the nonce is set for each frame.
        guard unsafe EVP_CipherInit_ex(encryption, EVP_aes_128_gcm(), nil, key, nil, 1) == 1,
            unsafe EVP_CipherInit_ex(decryption, EVP_aes_128_gcm(), nil, key, nil, 0) == 1
        else { return nil }
    }

    deinit {
        // SAFETY: the contexts are freed once, by their only owner.
        unsafe EVP_CIPHER_CTX_free(encryption)
        unsafe EVP_CIPHER_CTX_free(decryption)
    }

    /// Encrypts `header..<length`, vouches for `0..<header` as well, and writes the tag at `length`. The nonce is read at
    /// `nonce`, and may never be the same for two frames.
    /// - Returns: false when there is no room for that.
    package func seal(_ bytes: inout [UInt8], header: Int, length: Int, nonce: Int) -> Bool {
        guard Self.fits(bytes.count, header: header, length: length, nonce: nonce) else { return false }
        // SAFETY: the ranges have been checked against the buffer, which is used during the call only.
        return unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
                unsafe crypt(encryption, base, header: header, length: length, nonce: nonce)
            else { return false }
            var written: Int32 = 0
            // SAFETY: nothing is written at the end but the tag.
            return unsafe EVP_CipherFinal_ex(encryption, base + length, &written) == 1
                && EVP_CIPHER_CTX_ctrl(encryption, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), base + length) == 1
        }
    }

    /// Undoes `seal`. What does not authenticate is no text, whatever stands in the buffer then.
    /// - Parameter length: where the tag begins.
    package func open(_ bytes: inout [UInt8], header: Int, length: Int, nonce: Int) -> Bool {
        guard Self.fits(bytes.count, header: header, length: length, nonce: nonce) else { return false }
        // SAFETY: the ranges have been checked against the buffer, which is used during the call only.
        return unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let base = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self),
                unsafe crypt(decryption, base, header: header, length: length, nonce: nonce)
            else { return false }
            var written: Int32 = 0
            // SAFETY: the tag is read, and nothing is written at the end.
            return unsafe EVP_CIPHER_CTX_ctrl(
                decryption, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), base + length) == 1
                && EVP_CipherFinal_ex(decryption, base + length, &written) == 1
        }
    }

    private static func fits(_ count: Int, header: Int, length: Int, nonce: Int) -> Bool {
        0 <= header && header <= length && length + tagLength <= count && 0 <= nonce && nonce + nonceLength <= count
            && count <= Int32.max
    }

    private func crypt(
        _ context: OpaquePointer, _ base: UnsafeMutablePointer<UInt8>, header: Int, length: Int, nonce: Int
    ) -> Bool {
        var written: Int32 = 0
        // SAFETY: the caller has checked the ranges; -1 keeps the direction; a stream cipher writes as many bytes as it reads.
        return unsafe EVP_CipherInit_ex(context, nil, nil, nil, base + nonce, -1) == 1
            && (header == 0 || EVP_CipherUpdate(context, nil, &written, base, Int32(header)) == 1)
            && (length == header
                || EVP_CipherUpdate(context, base + header, &written, base + header, Int32(length - header)) == 1)
    }
}
