import TestSupport
import Testing
import Wire

@Suite("HMACs of the test support")
struct TestAuthenticationTests {
    struct Vector: Sendable {
        let key: [UInt8]
        let message: [UInt8]
        let code: String
    }

    private static let jefe = (key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8))
    private static let longMessage = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)

    /// RFC 2202, section 3, cases 1, 2, 3 and 6.
    static let sha1Vectors = [
        Vector(
            key: [UInt8](repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            code: "b617318655057264e28bc0b6fb378c8ef146be00"),
        Vector(key: jefe.key, message: jefe.message, code: "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        Vector(
            key: [UInt8](repeating: 0xAA, count: 20), message: [UInt8](repeating: 0xDD, count: 50),
            code: "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
        Vector(
            key: [UInt8](repeating: 0xAA, count: 80), message: longMessage,
            code: "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
    ]

    /// RFC 4231, section 4, cases 1, 2, 3 and 6.
    static let sha256Vectors = [
        Vector(
            key: [UInt8](repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Vector(
            key: jefe.key, message: jefe.message,
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Vector(
            key: [UInt8](repeating: 0xAA, count: 20), message: [UInt8](repeating: 0xDD, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Vector(
            key: [UInt8](repeating: 0xAA, count: 131), message: longMessage,
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ]

    @Test("HMAC-SHA1 gives the codes of RFC 2202", arguments: sha1Vectors)
    func sha1(vector: Vector) {
        #expect(TestAuthentication.plain.hmacSHA1(vector.key, vector.message) == bytes(vector.code))
    }

    @Test("HMAC-SHA256 gives the codes of RFC 4231", arguments: sha256Vectors)
    func sha256(vector: Vector) {
        #expect(TestAuthentication.plain.hmacSHA256(vector.key, vector.message) == bytes(vector.code))
    }
}
