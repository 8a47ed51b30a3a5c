internal import COpenSSL
package import Wire

extension MessageAuthentication {
    /// HMAC-SHA1 and HMAC-SHA256 (RFC 2104) by OpenSSL.
    package static let openSSL = MessageAuthentication(
        // SAFETY: the output has room for the longest digest, and the inputs are read during the call only.
        hmacSHA1: { key, message in unsafe hmac(EVP_sha1(), length: 20, key: key, message: message) },
        hmacSHA256: { key, message in unsafe hmac(EVP_sha256(), length: 32, key: key, message: message) }
    )

    private static func hmac(_ hash: OpaquePointer?, length: Int, key: [UInt8], message: [UInt8]) -> [UInt8] {
        // SAFETY: the output has room for the longest digest, and the inputs are read during the call only.
        unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, count in
            var written: UInt32 = 0
            // An empty array has no address, and OpenSSL reads a NULL key as "the key of the last call".
            let keyBytes = key.isEmpty ? [0] : key
            // SAFETY: EVP_MAX_MD_SIZE bytes are enough for any hash; both inputs are only read during the call.
            let result = unsafe HMAC(
                hash, keyBytes, Int32(key.count), message, message.count, output.baseAddress, &written)
            if unsafe result == nil {
                // Only lack of memory gets here. A digest of the right length that matches nothing fails closed.
                unsafe output.initialize(repeating: 0)
                written = UInt32(length)
            }
            count = Int(written)
        }
    }
}
