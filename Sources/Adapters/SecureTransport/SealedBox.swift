internal import COpenSSL

/// Encrypts messages among those who share a key, so that nobody else reads, changes or makes one: AES-256-GCM (NIST SP 800-38D)
/// with a random nonce for each message, in front of it, and the tag behind it.
package struct SealedBox: Sendable {
    package static let keyLength = 32
    /// In bytes.
    package static let nonceLength = 12
    static let tagLength = 16
    /// By how many bytes a sealed message is longer.
    package static let overhead = nonceLength + tagLength

    private let key: [UInt8]

    /// - Parameter key: 32 bytes.
    package init(key: [UInt8]) {
        precondition(key.count == Self.keyLength, "a key of AES-256")
        self.key = key
    }

    /// Nil only when memory ran out.
    package func seal(_ message: [UInt8]) -> [UInt8]? {
        let nonce = SecureRandom.bytes(Self.nonceLength)
        // SAFETY: the context is only used during the call.
        return unsafe crypt(message[...], nonce: nonce, encrypts: true) { context, text in
            var tag = [UInt8](repeating: 0, count: Self.tagLength)
            // SAFETY: the tag has the bytes that are written.
            guard unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagLength), &tag) == 1 else {
                return nil
            }
            return nonce + text + tag
        }
    }

    /// Nil for what was not sealed with our key, or was changed.
    package func open(_ sealed: [UInt8]) -> [UInt8]? {
        guard sealed.count >= Self.overhead else { return nil }
        var tag = Array(sealed.suffix(Self.tagLength))
        let text = sealed[Self.nonceLength..<(sealed.count - Self.tagLength)]
        // SAFETY: the context is only used during the call.
        return unsafe crypt(
            text, nonce: Array(sealed.prefix(Self.nonceLength)), encrypts: false,
            before: { context in
                // SAFETY: the tag has the bytes that are read.
                unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagLength), &tag) == 1
            }
        ) { _, text in text }
    }

    /// - Parameters:
    ///   - before: what has to be done before the end.
    ///   - after: makes the result of the text.
    private func crypt(
        _ input: ArraySlice<UInt8>, nonce: [UInt8], encrypts: Bool, before: (OpaquePointer) -> Bool = { _ in true },
        after: (OpaquePointer, [UInt8]) -> [UInt8]?
    ) -> [UInt8]? {
        guard input.count <= Int32.max, let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
        // SAFETY: the context is ours, and nobody holds it after that.
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        // SAFETY: key and nonce have the cipher's lengths and are copied.
        guard unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypts ? 1 : 0) == 1 else {
            return nil
        }
        let source = Array(input)
        var output = [UInt8](repeating: 0, count: source.count)
        var written: Int32 = 0
        var last: [UInt8] = [0]
        // SAFETY: a stream cipher writes as many bytes as it reads, and nothing at the end.
        let isWhole =
            unsafe (source.isEmpty
            || EVP_CipherUpdate(context, &output, &written, source, Int32(source.count)) == 1)
            && before(context) && EVP_CipherFinal_ex(context, &last, &written) == 1
        return isWhole ? unsafe after(context, output) : nil
    }
}
