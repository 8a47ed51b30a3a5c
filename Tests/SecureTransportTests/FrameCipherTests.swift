import SecureTransport
import Testing

@Suite("Ciphers of frames")
struct FrameCipherTests {
    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.utf8.map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static let key: [UInt8] = Array(0..<16)
    private static let nonce = bytes("6465666768696a6b6c6d6e6f")

    /// (header, text, header with text encrypted and the tag), made by AESGCM of Python's `cryptography` with the key 00 01 … 0f and
    /// the nonce above, the header as further data.
    private static let known = [
        (
            "78", "00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0",
            "781a6540b0c72192cba301115dd291498540ff067a1e3a47fb5cc0072a7839252a5a681ba4898970859a0de9e6af9e6bc04b"
        ),
        ("78", "", "7823f4a52915b931b984e872e0ae52c2a9"),
        ("", "0102030405", "1b604da1dee7c8c5d6f3367fec171a5df3d035500f"),
    ]

    @Test("frames are sealed and opened as another implementation does it", arguments: known)
    func foreign(header: String, text: String, sealed: String) throws {
        let cipher = try #require(FrameCipher(key: Self.key))
        let plain = Self.bytes(header + text)
        let sealed = Self.bytes(sealed)
        var frame = plain + [UInt8](repeating: 0, count: FrameCipher.tagLength) + Self.nonce
        let nonce = plain.count + FrameCipher.tagLength
        #expect(cipher.seal(&frame, header: header.utf8.count / 2, length: plain.count, nonce: nonce))
        #expect(frame == sealed + Self.nonce)
        #expect(cipher.open(&frame, header: header.utf8.count / 2, length: plain.count, nonce: nonce))
        #expect(Array(frame.prefix(plain.count)) == plain)
    }

    @Test("a frame of which one bit is another does not open, and the next one does")
    func forged() throws {
        let cipher = try #require(FrameCipher(key: Self.key))
        let plain: [UInt8] = Array(0..<40)
        var sealed = plain + [UInt8](repeating: 0, count: FrameCipher.tagLength) + Self.nonce
        #expect(cipher.seal(&sealed, header: 1, length: 40, nonce: 56))
        for place in sealed.indices {
            var forged = sealed
            forged[place] ^= 0x10
            #expect(!cipher.open(&forged, header: 1, length: 40, nonce: 56))
        }
        var genuine = sealed
        #expect(cipher.open(&genuine, header: 1, length: 40, nonce: 56))
        #expect(Array(genuine.prefix(40)) == plain)
    }

    @Test(
        "a frame without room for tag or nonce is refused",
        arguments: [(1, 5, 21), (6, 5, 21), (-1, 5, 21), (1, 17, 20)])
    func short(header: Int, length: Int, nonce: Int) throws {
        let cipher = try #require(FrameCipher(key: Self.key))
        var frame = [UInt8](repeating: 0, count: 32)
        #expect(!cipher.seal(&frame, header: header, length: length, nonce: nonce))
        #expect(!cipher.open(&frame, header: header, length: length, nonce: nonce))
        #expect(frame == [UInt8](repeating: 0, count: 32))
    }

    @Test("keys are derived as another implementation does it")
    func derivation() {
        let salt = Array("LKFrameEncryptionKey".utf8)
        // hashlib.pbkdf2_hmac and HKDF of Python's `cryptography`.
        #expect(
            KeyDerivation.pbkdf2(Array("only we know it".utf8), salt: salt, rounds: 100_000, count: 16)
                == Self.bytes("d28247ef88e0e0ac7d50a920204d1433"))
        #expect(
            KeyDerivation.hkdf(Array(0..<32), salt: salt, info: [UInt8](repeating: 0, count: 128), count: 16)
                == Self.bytes("6d0dd7b3d6f4efde47ab9a9e15abde76"))
    }
}
