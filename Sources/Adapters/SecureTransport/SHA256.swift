internal import COpenSSL

/// SHA-256 (FIPS 180-4) by OpenSSL.
package enum SHA256 {
    /// The digest of a message: 32 bytes.
    package static func digest(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        // SAFETY: the digest has the 32 bytes that the function writes; each count is that of its buffer.
        _ = unsafe COpenSSL.SHA256(message, message.count, &digest)
        return digest
    }
}
