import ClientProtocol
import Testing

@Suite("What clients say by subprotocols")
struct OfferedSubprotocolsTests {
    @Test("a key and a token are found, and the answer names neither")
    func credentials() {
        let key = OfferedSubprotocols(["voicegateway.v1, key.alpha-key"])
        #expect(key.agreed == "voicegateway.v1" && key.apiKey == "alpha-key" && key.accessToken == nil)
        let token = OfferedSubprotocols(["access_token", "\tey.J.x "])
        #expect(token.agreed == "access_token" && token.accessToken == "ey.J.x" && token.apiKey == nil)
        let both = OfferedSubprotocols(["voicegateway.v1,access_token,ey.J.x,key.k"])
        #expect(both.agreed == "voicegateway.v1" && both.accessToken == "ey.J.x" && both.apiKey == "k")
        let page = OfferedSubprotocols(["realtime, openai-insecure-api-key.sk-1"])
        #expect(page.agreed == "realtime" && page.apiKey == "sk-1")
    }

    @Test("the key of a room stands apart from that of the API")
    func encryptionKey() {
        let offered = OfferedSubprotocols(["encryption-key.a%20b%2C, key.k, voicegateway.v1"])
        #expect(offered.encryptionKey == "a b," && offered.apiKey == "k" && offered.agreed == "voicegateway.v1")
        #expect(OfferedSubprotocols(["encryption-key."]).encryptionKey == nil)
    }

    @Test(
        "a key is percent-decoded, and a plus in it stays one", arguments: [("a%2Fb%3D", "a/b="), ("a+b&c", "a+b&c")])
    func encoded(text: String, key: String) {
        #expect(OfferedSubprotocols(["voicegateway.v1", "key.\(text)"]).apiKey == key)
    }

    @Test(
        "what is not there is not made up",
        arguments: [[], [""], [","], ["graphql-ws"], ["key."], ["access_token"], ["access_token, "]])
    func nothing(values: [String]) {
        let offered = OfferedSubprotocols(values)
        #expect(offered.apiKey == nil && offered.accessToken == nil)
    }

    @Test(
        "whatever is offered, one of it is named: a known one, else one that is no credential",
        arguments: [
            ([], nil), ([""], nil), ([", ,"], nil), (["graphql-ws"], "graphql-ws"), (["bearer, abc"], "bearer"),
            (["audio", "voicegateway.v1"], "voicegateway.v1"), (["access_token, "], "access_token"),
            (["key.abc, audio"], "audio"), (["key.abc"], "key.abc"), (["key."], "key."),
        ] as [([String], String?)])
    func answer(values: [String], agreed: String?) {
        #expect(OfferedSubprotocols(values).agreed == agreed)
    }
}
