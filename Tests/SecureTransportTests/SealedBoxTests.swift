import SecureTransport
import Testing

@Suite("Sealed messages")
struct SealedBoxTests {
    /// (message, sealed), in hexadecimal: made by AESGCM of Python's `cryptography` 50 with the key 00 01 … 1f and no further data,
    /// the nonce in front.
    private static let known = [
        (
            "656e642063616c6c20535f31",
            "6465666768696a6b6c6d6e6f2d75ba461a883af21e3100d9be7101ddf822b7301054cbb485022883"
        ),
        ("", "000000000000000000000000f05d76ae4ab99fe5a6f69b3148c2363d"),
        (
            "00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0",
            "ffffffffffffffffffffffff3a86e1dc7c98f4f7b361e89c7875c125c0a49d977bd7a5409cf30970286fcd9ca7adbd243f93ed889526e87415d27dd58c"
        ),
    ]
    private func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.utf8.map { UInt8($0 > 0x39 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private let box = SealedBox(key: Array(0..<32))

    @Test("what another implementation has sealed is opened", arguments: known)
    func foreign(message: String, sealed: String) {
        #expect(box.open(bytes(sealed)) == bytes(message))
    }

    @Test(
        "what is sealed is longer by nonce and tag, is never the same twice, and opens again",
        arguments: [0, 1, 16, 1000])
    func roundTrip(count: Int) throws {
        let message = [UInt8](repeating: 7, count: count)
        let sealed = try #require(box.seal(message))
        #expect(sealed.count == count + SealedBox.overhead)
        #expect(box.seal(message) != sealed)
        #expect(box.open(sealed) == message)
    }

    @Test("what was changed or cut anywhere, or sealed with another key, is not opened")
    func forged() throws {
        let sealed = bytes(Self.known[0].1)
        for place in sealed.indices {
            var changed = sealed
            changed[place] ^= 1
            #expect(box.open(changed) == nil)
            #expect(box.open(Array(sealed[..<place])) == nil)
        }
        #expect(SealedBox(key: Array(1...32)).open(sealed) == nil)
    }
}
