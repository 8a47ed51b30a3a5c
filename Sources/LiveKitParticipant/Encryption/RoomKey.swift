internal import SecureTransport
package import Wire

/// A key that the participants of an encrypted room share, under the number by which frames name it.
package struct RoomKey: Hashable, Sendable {
    /// Bytes of what a newer key is derived from.
    private static let materialLength = 32
    /// As all SDKs of LiveKit have it.
    private static let salt = Array("LKFrameEncryptionKey".utf8)
    private static let rounds = 100_000
    private static let info = [UInt8](repeating: 0, count: 128)

    package let secret: EncryptionSecret
    package let index: UInt8

    package init(_ secret: EncryptionSecret, index: UInt8 = 0) {
        self.secret = secret
        self.index = index
    }

    /// What the first of its keys is derived from.
    var material: [UInt8] {
        switch secret {
        case .passphrase(let bytes), .random(let bytes): bytes
        }
    }

    /// The key of AES-128 that frames are encrypted with. Slow for a passphrase.
    /// - Returns: nil only when memory ran out.
    func encryptionKey(of material: [UInt8]) -> [UInt8]? { derive(material, FrameCipher.keyLength) }

    /// What the next key is derived from, when somebody turns the ratchet. Slow for a passphrase.
    func ratcheted(_ material: [UInt8]) -> [UInt8]? { derive(material, Self.materialLength) }

    private func derive(_ material: [UInt8], _ count: Int) -> [UInt8]? {
        switch secret {
        case .passphrase: KeyDerivation.pbkdf2(material, salt: Self.salt, rounds: Self.rounds, count: count)
        case .random: KeyDerivation.hkdf(material, salt: Self.salt, info: Self.info, count: count)
        }
    }
}
