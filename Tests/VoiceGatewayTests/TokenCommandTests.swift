import SecureTransport
import Signalling
import Testing
import VoiceGateway
import Wire

@Suite("Token subcommand")
struct TokenCommandTests {
    /// The token that a command line prints, read by the verifier.
    private func token(_ line: String, environment: [String: String] = [:]) throws -> AccessToken {
        let invocation = try invoke("token " + line, environment: environment)
        guard case .token(let request) = invocation else { throw UsageError(["not token"]) }
        let text = TokenCommand.sign(request, now: 1000, .openSSL)
        return try AccessToken(verifying: text, now: 1000, .openSSL) { ["devkey": "secret", "k": "s"][$0] }
    }

    @Test("by default a token joins its room with all that calls need, for six hours")
    func defaults() throws {
        let token = try token("--room lobby --identity ann")
        #expect(token.identity == "ann" && token.key == "devkey")
        #expect(token.video == .join(room: "lobby"))
        #expect(token.notBefore == 1000 && token.expiresAt == 1000 + 6 * 3600)
    }

    @Test("name, metadata, attributes, life time, agent and the deployment's keys go in")
    func everything() throws {
        let token = try token(
            "--room r --identity i --name N --metadata {} --attribute a=1 --attribute b=c=d --ttl 15m --agent parrot "
                + "--agent-metadata m",
            environment: deployment)
        #expect(token.key == "k" && token.name == "N" && token.metadata == "{}")
        #expect(token.attributes == ["a": "1", "b": "c=d"])
        #expect(token.expiresAt == 1900)
        #expect(token.roomConfig?.agents.map(\.agentName) == ["parrot"])
        #expect(token.roomConfig?.agents.map(\.metadata) == ["m"])
    }

    @Test("grants can be taken away and added")
    func grants() throws {
        let token = try token(
            "--room r --identity i --grant canPublish=false --grant hidden --grant canPublishSources=microphone,camera")
        #expect(token.video.roomJoin && token.video.hidden)
        #expect(token.video.canPublish == false && token.video.canSubscribe == true)
        #expect(token.video.canPublishSources == [.microphone, .camera])
    }

    @Test("a token for the server API or a worker needs nobody")
    func services() throws {
        let admin = try token("--room r --grant roomAdmin")
        #expect(!admin.video.roomJoin && admin.video.roomAdmin && admin.video.room == "r")
        let worker = try token("--grant agent")
        #expect(worker.video.agent && !worker.video.roomJoin)
    }

    @Test("times have units", arguments: [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("7d", 604_800)])
    func times(text: String, seconds: Int64) throws {
        let token = try token("--room r --identity i --ttl \(text)")
        #expect(token.expiresAt == 1000 + seconds)
    }

    @Test(
        "a time that is none is refused", arguments: ["0", "-5m", "1y", "m", "4000d", "99999999999999999999d", "1.5h"])
    func badTimes(text: String) {
        #expect(
            mistakes("token --room r --identity i --ttl \(text)") == [
                "--ttl is \"\(text)\", but it must be a time such as 90s, 15m, 6h or 7d, at most ten years."
            ])
    }

    @Test(
        "each mistake is one clear sentence",
        arguments: [
            ("--identity i", "token needs --room to grant joining it (or --grant roomJoin=false)."),
            ("--room r", "token needs --identity: who joins the room."),
            ("--room r --identity i --attribute a", "--attribute is \"a\", but it must be NAME=VALUE."),
            ("--room r --identity i --agent-metadata m", "--agent-metadata needs --agent."),
            ("--room r --identity i --grant hidden=no", "--grant hidden is \"no\", but a grant is true or false."),
            (
                "--room r --identity i --grant canPublishSources=mic",
                "--grant canPublishSources needs a list of microphone, camera, screen_share and screen_share_audio."
            ),
        ])
    func sentences(line: String, sentence: String) {
        #expect(mistakes("token " + line) == [sentence])
    }

    @Test("an unknown grant is refused with the list of those there are")
    func unknownGrant() {
        let found = mistakes("token --room r --identity i --grant canFly")
        #expect(found.count == 1 && found[0].hasPrefix("There is no grant canFly. There are roomJoin, "))
    }
}
