internal import COpenSSL
internal import Wire

/// Makes keys of secrets.
package enum KeyDerivation {
    /// PBKDF2 with HMAC-SHA256 (RFC 8018 section 5.2). Slow on purpose: 100,000 rounds are about 30 ms, so that it has no place
    /// on a loop.
    ///
    /// - Parameter count: bytes of the key.
    /// - Returns: nil only when memory ran out.
    package static func pbkdf2(_ secret: [UInt8], salt: [UInt8], rounds: Int, count: Int) -> [UInt8]? {
        var key = [UInt8](repeating: 0, count: count)
        // SAFETY: each count is that of its buffer; signed and unsigned bytes are the same to the library.
        let isMade = unsafe secret.withUnsafeBytes { secret in
            unsafe PKCS5_PBKDF2_HMAC(
                secret.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(secret.count), salt, Int32(salt.count),
                Int32(rounds), EVP_sha256(), Int32(count), &key)
        }
        return isMade == 1 ? key : nil
    }

    /// HKDF with HMAC-SHA256 (RFC 5869).
    ///
    /// - Parameter count: bytes of the key; one block, 32 bytes, at most.
    package static func hkdf(_ secret: [UInt8], salt: [UInt8], info: [UInt8], count: Int) -> [UInt8] {
        precondition((1...32).contains(count), "one block of HKDF")
        let authentication = MessageAuthentication.openSSL
        let pseudorandomKey = authentication.hmacSHA256(salt, secret)
        return Array(authentication.hmacSHA256(pseudorandomKey, info + [1]).prefix(count))
    }
}
