import Bridge
import ClientProtocol
import Testing
import Wire

@testable import VoiceGateway

@Suite("Tokens to go on with a session")
struct ResumeTokenTests {
    private let claim = SessionClaim(
        session: "S_1", room: "lobby", identity: "auth0|ann", name: "Ann", agent: "clerk", metadata: "{\"a\":1}",
        needsAccessToken: true, isMove: true, trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        formats: ["encoding": "mulaw", "sample_rate": "8000"])

    private func make(_ key: String = ResumeToken.makeKey(loop: 3)) -> String {
        ResumeToken.make(key, claim, gateway: "one", begin: 1000, secret: "secret")
    }

    private func read(
        _ token: String, gateway: String = "other", now: Int64 = 1000, secret: String = "secret"
    ) -> SessionClaim? {
        ResumeToken.claim(in: token, gateway: gateway, now: now, secret: secret)
    }

    @Test("another gateway reads what one has signed")
    func roundTrip() { #expect(read(make()) == claim) }

    @Test("the gateway that has the session knows it by the first parts, whatever the others say")
    func key() {
        let key = ResumeToken.makeKey(loop: 3)
        #expect(ResumeToken.loop(of: key) == 3 && ResumeToken.key(of: make(key)) == key)
        #expect(ResumeToken.key(of: key) == key && ResumeToken.key(of: "nonsense") == "nonsense")
    }

    @Test("who made a token has the session, or it is over")
    func own() { #expect(read(make(), gateway: "one") == nil) }

    @Test("a week after the session's begin nobody believes it")
    func age() {
        #expect(read(make(), now: 1000 + ResumeToken.lifetime - 1) == claim)
        #expect(read(make(), now: 1000 + ResumeToken.lifetime) == nil)
    }

    @Test("another deployment's secret signs nothing")
    func secret() { #expect(read(make(), secret: "another") == nil) }

    @Test("a changed, shortened or foreign token is none", arguments: 0..<4)
    func changed(part: Int) {
        var parts = make().split(separator: ".").map(String.init)
        parts[part] = (parts[part].hasPrefix("0") ? "1" : "0") + parts[part].dropFirst()
        #expect(read(parts.joined(separator: ".")) == nil)
        parts.remove(at: part)
        #expect(read(parts.joined(separator: ".")) == nil)
    }

    @Test(
        "whatever comes as a token is read without harm",
        arguments: ["", ".", "...", "0.a.b.c", "0.é.é.é", "1.2.3.4.5"])
    func noise(text: String) { #expect(read(text) == nil) }

    @Test("the session goes on in the formats that it had, for who and where it was")
    func parameters() throws {
        let parameters = try claim.parameters(SessionParameters(events: .extended), accessToken: "t")
        #expect(parameters.input == AudioFormat(encoding: .mulaw, sampleRate: 8000))
        #expect(parameters.room == "lobby" && parameters.identity == "auth0|ann" && parameters.name == "Ann")
        #expect(parameters.agent == "clerk" && parameters.accessToken == "t")
    }

    @Test(
        "what a client has chosen comes out of its formats again",
        arguments: [
            "encoding=alaw&sample_rate=8000&channels=2&output_sample_rate=16000&output_framing=wav&piece_ms=500&events=final&ambience=false"
                + "&transcript_mode=delta&buffer_ms=200&resume_audio_ms=1500",
            "catch_up=true&output_framing=binary",
        ])
    func formats(query: String) throws {
        var chosen = SessionParameters(events: .extended)
        try chosen.apply(query: QueryString(query).pairs)
        var again = SessionParameters(events: .extended)
        try again.apply(query: chosen.formats)
        #expect(again == chosen)
    }
}
