import SecureTransport
import Testing
import Wire

@Suite("HMAC by OpenSSL")
struct MessageAuthenticationTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let key: [UInt8]
        let message: [UInt8]
        let digest: String
        var testDescription: String { name }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static let sha1: [Vector] = [
        Vector(
            name: "RFC 2202 case 1", key: .init(repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            digest: "b617318655057264e28bc0b6fb378c8ef146be00"),
        Vector(
            name: "RFC 2202 case 2", key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            digest: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        Vector(
            name: "RFC 2202 case 3", key: .init(repeating: 0xAA, count: 20), message: .init(repeating: 0xDD, count: 50),
            digest: "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
        Vector(
            name: "RFC 2202 case 6", key: .init(repeating: 0xAA, count: 80),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            digest: "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
    ]

    static let sha256: [Vector] = [
        Vector(
            name: "RFC 4231 case 1", key: .init(repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            digest: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Vector(
            name: "RFC 4231 case 2", key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            digest: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Vector(
            name: "RFC 4231 case 6", key: .init(repeating: 0xAA, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            digest: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ]

    @Test("HMAC-SHA1 gives the published digests", arguments: sha1)
    func hmacSHA1(vector: Vector) {
        #expect(Self.hex(MessageAuthentication.openSSL.hmacSHA1(vector.key, vector.message)) == vector.digest)
    }

    @Test("HMAC-SHA256 gives the published digests", arguments: sha256)
    func hmacSHA256(vector: Vector) {
        #expect(Self.hex(MessageAuthentication.openSSL.hmacSHA256(vector.key, vector.message)) == vector.digest)
    }

    @Test("an empty key and an empty message are legal and independent of the call before")
    func empty() {
        let expected = "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"
        #expect(Self.hex(MessageAuthentication.openSSL.hmacSHA1([], [])) == expected)
        _ = MessageAuthentication.openSSL.hmacSHA1([1, 2, 3], [4])
        #expect(Self.hex(MessageAuthentication.openSSL.hmacSHA1([], [])) == expected)
    }

    @Test("random bytes have the length asked for and do not repeat")
    func randomBytes() {
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect(SecureRandom.bytes(13).count == 13)
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }
}
