import ClientProtocol
import HTTP
import SecureTransport
import Testing
import Wire

@testable import VoiceGateway

@Suite("Signatures of carriers on the handshake of a call")
struct CarrierSignatureTests {
    private static let nonce = "05429567804466091622"

    // MARK: Plivo

    @Test(
        "signatures that Plivo's own library makes fit, in each spelling of the address",
        arguments: [
            "1Gc8HEr6XWpSwVlvlrYRKY6568qTpT/5DvNEjEEUFh4=", "hskP9l4rBEX+9zj9a/lnNrCqRhRkHB9FFBFTSk9Obsw=",
            "tyHN+UdVlcXlvCxsYYlLL499dIOCscXz1jteKIrY85M=",
        ])
    func plivo(signature: String) {
        let url = "wss://voice.example.com/plivo"
        func isValid(_ texts: [String], nonce: String? = Self.nonce, of url: String, token: String) -> Bool {
            PlivoSignature.isValid(texts, nonce: nonce, of: url, token: token)
        }
        #expect(isValid([signature], of: url, token: "my_auth_token"))
        #expect(isValid(["AAAA, \(signature)"], of: url, token: "my_auth_token"))
        #expect(isValid(["!", signature], of: url, token: "my_auth_token"))
        #expect(!isValid([signature], of: url, token: "my_auth_tokens"))
        #expect(!isValid([signature], of: url + "x", token: "my_auth_token"))
        #expect(!isValid([signature], of: url + "?x=1", token: "my_auth_token"))
        #expect(!isValid([signature], nonce: Self.nonce + "1", of: url, token: "my_auth_token"))
        #expect(!isValid([signature], nonce: nil, of: url, token: "my_auth_token"))
        #expect(!isValid([], of: url, token: "my_auth_token"))
        #expect(!isValid([String(repeating: "AAAA,", count: 16) + signature], of: url, token: "my_auth_token"))
    }

    @Test("the query is signed decoded and in order, whatever order it came in")
    func plivoQuery() {
        let signature = "SLiupSQ1lJNPsZgoXzd5oGf2OpeOUG37iWAJlDqDDQg="
        for query in ["room=b%20c&agent=support&agent=a&empty=", "empty&agent=a&agent=support&room=b+c"] {
            #expect(
                PlivoSignature.isValid(
                    [signature], nonce: Self.nonce, of: "wss://voice.example.com/plivo?\(query)",
                    token: "my_auth_token"))
        }
    }

    @Test("a nonce has a limit")
    func plivoNonce() {
        for (count, isValid) in [(256, true), (257, false), (0, false)] {
            let nonce = String(repeating: "1", count: count)
            let signature = Base64.encode(
                MessageAuthentication.openSSL.hmacSHA256(Array("t".utf8), Array("wss://a.test/plivo.\(nonce)".utf8)))
            #expect(PlivoSignature.isValid([signature], nonce: nonce, of: "wss://a.test/plivo", token: "t") == isValid)
        }
    }

    // MARK: Vonage

    /// From the tests of Vonage's library for Python, with its secret.
    private static let published =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJPbmxpbmUgSldUIEJ1aWxkZXIiLCJpYXQiOjE2OTc2MzQ2ODAsImV4cCI6MzMyNTQ1NDA4MjgsImF1ZCI6IiIsInN1YiI6IiJ9.88vJc3I2HhuqEDixHXVhc9R30tA6U_HQHZTC29y6CGM"
    private static let secret = "qwertyuiopasdfghjklzxcvbnm123456"

    @Test(
        "a token of Vonage's own example fits while it is new",
        arguments: [(0, true), (300, true), (-300, true), (301, false), (-301, false)])
    func vonage(age: Int64, isValid: Bool) {
        let now = 1_697_634_680 + age
        #expect(VonageSignature.isValid(Self.published, secret: Self.secret, now: now) == isValid)
        #expect(!VonageSignature.isValid(Self.published, secret: "asdf", now: now))
    }

    private func token(_ header: JSONValue, _ claims: JSONValue) -> String {
        let text = [header, claims].map { Base64.encode($0.serializedBytes(), .urlSafeUnpadded) }.joined(separator: ".")
        let signature = MessageAuthentication.openSSL.hmacSHA256(Array("secret".utf8), Array(text.utf8))
        return text + "." + Base64.encode(signature, .urlSafeUnpadded)
    }

    @Test("claims and header have to be what they may be, though the signature fits")
    func vonageClaims() {
        func isValid(_ header: JSONValue, _ claims: JSONValue) -> Bool {
            VonageSignature.isValid(token(header, claims), secret: "secret", now: 1000)
        }
        #expect(isValid(["alg": "HS256"], ["iat": 1000]))
        #expect(isValid(["alg": "HS256"], ["iat": 1000.5, "exp": 1001, "payload_hash": "00"]))
        #expect(!isValid(["alg": "HS256"], ["iat": 1000, "exp": 700]))
        #expect(!isValid(["alg": "HS256"], ["iat": 1000, "exp": "soon"]))
        #expect(!isValid(["alg": "HS256"], ["exp": 1001]))
        #expect(!isValid(["alg": "HS256"], ["iat": .integer(.min)]))
        #expect(!isValid(["alg": "HS256"], ["iat": 1e300]))
        #expect(!isValid(["alg": "none"], ["iat": 1000]))
        #expect(!isValid(["alg": "HS256", "crit": ["x"]], ["iat": 1000]))
        #expect(!isValid("HS256", ["iat": 1000]))
        #expect(!isValid(["alg": "HS256"], ["iat": 1000, "x": .string(String(repeating: "x", count: 4096))]))
    }

    @Test("what is no token fits nothing", arguments: [nil, "", ".", "..", "...", "a.b.c", "e30.e30.", "ä.ä.ä"])
    func noToken(text: String?) {
        #expect(!VonageSignature.isValid(text, secret: "secret", now: 1000))
    }

    // MARK: Who has to sign

    private func signature(
        on path: String, _ headers: [(String, String)], _ fill: (inout CarrierSettings) -> Void
    ) throws -> CarrierSignature {
        let fields = HTTPHeaders([("Host", "a.test")] + headers)
        let request = try #require(HTTPRequest(method: .get, target: path, headers: fields, isHTTP11: true))
        var configuration = GatewayConfiguration()
        fill(&configuration.carriers)
        return CarrierSignature(
            of: request, in: ClientDialects.dialect(atEndOf: path).descriptor, configuration, now: 1000)
    }

    @Test("who has a secret of Vonage wants its signature, and who has a token of Plivo wants none that is wrong")
    func duty() throws {
        let bearer = ("Authorization", "Bearer " + token(["alg": "HS256"], ["iat": 1000]))
        #expect(try signature(on: "/vonage", [bearer]) { _ in } == .none)
        #expect(try signature(on: "/vonage", [bearer]) { $0.vonageSignatureSecret = "secret" } == .valid)
        let unsigned = try signature(on: "/vonage", []) { $0.vonageSignatureSecret = "secret" }
        guard case .wrong(let reason) = unsigned else { throw Unexpected() }
        #expect(reason.contains("VONAGE_SIGNATURE_SECRET"))

        let made = Base64.encode(
            MessageAuthentication.openSSL.hmacSHA256(Array("t".utf8), Array("ws://a.test/plivo.1".utf8)))
        let nonce = ("X-Plivo-Signature-V3-Nonce", "1")
        for name in PlivoSignature.headers {
            #expect(try signature(on: "/plivo", [(name, made), nonce]) { $0.plivoAuthToken = "t" } == .valid)
            let wrong = try signature(on: "/plivo", [(name, made), nonce]) { $0.plivoAuthToken = "other" }
            guard case .wrong(let reason) = wrong else { throw Unexpected() }
            #expect(reason.contains("PLIVO_AUTH_TOKEN"))
            #expect(try signature(on: "/telnyx", [(name, made), nonce]) { $0.plivoAuthToken = "other" } == .none)
        }
        #expect(try signature(on: "/plivo", [nonce]) { $0.plivoAuthToken = "t" } == .none)
        guard case .wrong = try signature(on: "/twilio", [], { $0.twilioAuthToken = "t" }) else { throw Unexpected() }
    }

    private struct Unexpected: Error {}
}
