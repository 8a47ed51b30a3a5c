internal import COpenSSL
internal import PeerConnection

/// A master key with its salt, and the session keys that come of it (RFC 3711 section 4.3).
struct SRTPMasterKey {
    /// What a session key is for; the raw values are the labels of RFC 3711 section 4.3.1 for RTP. RTCP has those
    /// three higher.
    enum Use: UInt8 {
        case encryption = 0
        case authentication = 1
        case salt = 2
    }

    /// Which packets the keys are for.
    enum Kind: UInt8 {
        case rtp = 0
        case rtcp = 3
    }

    let profile: SRTPProfile
    private let key: [UInt8]
    private let salt: [UInt8]

    /// Nil when a length is not that of the profile.
    init?(profile: SRTPProfile, key: [UInt8], salt: [UInt8]) {
        guard key.count == profile.keyLength, salt.count == profile.saltLength else { return nil }
        self.profile = profile
        self.key = key
        self.salt = salt
    }

    /// `count` bytes of key; nil only when memory ran out.
    func derive(_ use: Use, _ kind: Kind, count: Int) -> [UInt8]? {
        // SAFETY: the context is freed before the call returns, and the buffers are as long as OpenSSL is told.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        // The salt is shifted to the left end of the counter block; a shorter one is filled up with zeros.
        var block = salt + [UInt8](repeating: 0, count: 16 - salt.count)
        block[7] ^= use.rawValue + kind.rawValue
        let zeros = [UInt8](repeating: 0, count: count)
        var derived = zeros
        var written: Int32 = 0
        // SAFETY: key and counter block have 16 bytes each, and a stream cipher writes as much as it reads.
        let isDone =
            unsafe EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, key, block) == 1
            && EVP_EncryptUpdate(context, &derived, &written, zeros, Int32(count)) == 1
        return isDone && Int(written) == count ? derived : nil
    }
}
