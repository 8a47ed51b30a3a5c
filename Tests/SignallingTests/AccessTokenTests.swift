import SecureTransport
import Signalling
import Testing
import Wire

@Suite struct AccessTokenTests {
    static let now: Int64 = 1_800_000_000

    static var token: AccessToken {
        .with {
            $0.key = "devkey"
            $0.identity = "caller-é"
            $0.name = "A \"caller\""
            $0.metadata = #"{"a":1}"#
            $0.attributes = ["b": "2", "a": "1"]
            $0.kind = .agent
            $0.video = .join(room: "room 1")
            $0.video.canPublishSources = [.microphone, .screenShareAudio]
            $0.roomConfig = .with {
                $0.emptyTimeout = 10
                $0.agents = [
                    .with {
                        $0.agentName = "custom-agent"
                        $0.metadata = "{}"
                    }
                ]
            }
            $0.notBefore = now - 5
            $0.expiresAt = now + 600
        }
    }

    func verify(_ text: String, now: Int64 = now, secret: String? = "secret") throws(AccessTokenError) -> AccessToken {
        try AccessToken(verifying: text, now: now, .openSSL) { $0 == "devkey" ? secret : nil }
    }

    @Test("what was minted verifies to the same claims")
    func roundTrip() throws {
        let text = Self.token.signed(secret: "secret", .openSSL)
        #expect(try verify(text) == Self.token)
        #expect(try AccessToken(unverified: text).identity == "caller-é")
    }

    @Test("a token of another secret or with changed claims is refused")
    func forgery() throws {
        let text = Self.token.signed(secret: "secret", .openSSL)
        #expect(throws: AccessTokenError.badSignature) { try verify(text, secret: "other") }
        var other = Self.token
        other.identity = "mallory"
        let parts = text.split(separator: ".")
        let forged = other.signed(secret: "x", .openSSL).split(separator: ".")
        #expect(throws: AccessTokenError.badSignature) { try verify("\(parts[0]).\(forged[1]).\(parts[2])") }
        #expect(throws: AccessTokenError.unknownKey("devkey")) { try verify(text, secret: nil) }
    }

    @Test("expiry and start are judged with a minute of leeway")
    func times() throws {
        let text = Self.token.signed(secret: "secret", .openSSL)
        let end = Self.now + 600
        _ = try verify(text, now: end + 59)
        #expect(throws: AccessTokenError.expired(at: end, now: end + 60)) { try verify(text, now: end + 60) }
        _ = try verify(text, now: Self.now - 65)
        #expect(throws: AccessTokenError.notYetValid(from: Self.now - 5, now: Self.now - 66)) {
            try verify(text, now: Self.now - 66)
        }
    }

    /// Signs arbitrary JSON, as a foreign minter might.
    static func sign(header: String = #"{"alg":"HS256"}"#, claims: String) -> String {
        let text = [header, claims].map { Base64.encode(Array($0.utf8), .urlSafeUnpadded) }.joined(separator: ".")
        let signature = MessageAuthentication.openSSL.hmacSHA256(Array("secret".utf8), Array(text.utf8))
        return text + "." + Base64.encode(signature, .urlSafeUnpadded)
    }

    @Test("tokens that say too little or something else are refused with the reason")
    func refusals() {
        let cases: [(String, AccessTokenError)] = [
            ("", .malformed("1 parts instead of 3")), ("a.b", .malformed("2 parts instead of 3")),
            (Self.sign(claims: #"{"iss":"devkey"}"#), .noExpiry), (Self.sign(claims: #"{"exp":1}"#), .noIssuer),
            (Self.sign(claims: "[1]"), .malformed("its claims are not a JSON object")),
            (Self.sign(header: #"{"alg":"none"}"#, claims: "{}"), .unsupportedAlgorithm("none")),
            (Self.sign(claims: #"{"iss":"devkey","exp":"soon"}"#), .malformed("its expiry")),
            (
                Self.sign(claims: #"{"iss":"devkey","exp":1,"roomConfig":{"agents":1}}"#),
                .malformed("roomConfig: agents should be an array and is number")
            ),
            ("@.b.c", .malformed("its header are not base64url")),
            (
                Self.sign(header: #"{"alg":"HS256","crit":["b64"],"b64":false}"#, claims: #"{"iss":"devkey","exp":1}"#),
                .malformed("its header demands extensions (crit)")
            ),
        ]
        for start in [#""soon""#, "true", "null", "1e300", "[1]"] {
            let claims = #"{"iss":"devkey","exp":1,"nbf":\#(start)}"#
            #expect(throws: AccessTokenError.malformed("its nbf is not a time")) {
                try verify(Self.sign(claims: claims), now: 0)
            }
        }
        for (text, error) in cases { #expect(throws: error) { try verify(text, now: 0) } }
    }

    @Test("a fractional expiry, the largest one and an identity in jti are understood")
    func oddities() throws {
        let fractional = Self.sign(claims: #"{"iss":"devkey","exp":1000.5,"jti":"old","video":{"roomJoin":true}}"#)
        let token = try verify(fractional, now: 900)
        #expect(token.expiresAt == 1000)
        #expect(token.identity == "old")
        #expect(token.video.roomJoin)
        _ = try verify(Self.sign(claims: #"{"iss":"devkey","exp":9223372036854775807}"#))
    }

    @Test("a grant without switches allows what LiveKit allows by default")
    func defaults() {
        let permission = VideoGrant.with { $0.roomJoin = true }.permission
        #expect(permission.canPublish && permission.canSubscribe && permission.canPublishData)
        #expect(!permission.canUpdateMetadata && !permission.hidden)
        #expect(!VideoGrant.with { $0.canPublish = false }.permission.canPublishData)
    }
}
