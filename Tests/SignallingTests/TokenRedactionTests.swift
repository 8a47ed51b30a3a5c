import Testing

@testable import Signalling

@Suite("Tokens in texts")
struct TokenRedactionTests {
    @Test(
        "a token is taken out of a server's answer, and nothing else",
        arguments: [
            (
                "invalid token: eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJr.A-b_c0, error: bad signature",
                "invalid token: (token), error: bad signature"
            ),
            ("eyJhbGciOiJIUzI1NiJ9.eyJpc3M", "(token)"),
            ("two: eyJa.b.c and \"eyJd.e.f\"", "two: (token) and \"(token)\""),
            ("they say keyJob is no token", "they say keyJob is no token"),
            ("", ""),
            ("Grüße", "Grüße"),
        ])
    func redaction(text: String, expected: String) {
        #expect(TokenRedaction.withoutTokens(text) == expected)
    }

    @Test("an answer of the server API that repeats our token does not keep it")
    func twirp() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrIn0.c2lnbmF0dXJl"
        let error = TwirpError(status: 401, body: Array("invalid token: \(token), error: x".utf8))
        #expect(error == TwirpError(.unauthenticated, "invalid token: (token), error: x", foreignStatus: 401))
        let json = TwirpError(status: 401, body: Array(#"{"code":"unauthenticated","msg":"bad \#(token)"}"#.utf8))
        #expect(json == TwirpError(.unauthenticated, "bad (token)"))
    }

    @Test("a page of a proxy is told in one line")
    func pages() {
        let error = TwirpError(status: 404, body: Array("<html>\r\n  <p>not\there</p>\n".utf8))
        #expect(error == TwirpError(.badRoute, "<html> <p>not here</p>", foreignStatus: 404))
    }
}
