import ClientProtocol
import HTTP
import Testing
import Wire

@testable import VoiceGateway

@Suite("Client secrets")
struct ClientSecretTests {
    private func make(_ stage: HTTPStage, _ body: String?) throws -> HTTPStage.Answer {
        try stage.send(.post, "/v1/realtime/client_secrets", body)
    }

    @Test("a secret is sealed, says what session was asked for, and counts for the time that was asked for")
    func secret() throws {
        let stage = HTTPStage()
        let answer = try make(
            stage,
            #"{"expires_after":{"anchor":"created_at","seconds":60},"session":{"type":"realtime","model":"clerk","instructions":"Be brief.","audio":{"output":{"format":{"type":"audio/pcmu"}}}}}"#
        )
        #expect(answer.status == 200)
        let end = Int64(HTTPStage.unixTime + 60)
        #expect(answer.json["expires_at"]?.integer == end)
        #expect(answer.json["session"]?["instructions"] == "Be brief." && answer.json["session"]?["model"] == "clerk")
        #expect(answer.json["session"]?["audio"]?["output"]?["format"] == ["type": "audio/pcmu"])
        let value = try #require(answer.json["value"]?.string)
        #expect(value.hasPrefix("ek_") && !value.contains("brief"))
        let secret = try #require(ClientSecret(value, secret: HTTPStage.secret))
        #expect(secret.expiry == end)
        #expect(
            secret.parameters == [
                "instructions": "Be brief.", "output_encoding": "mulaw", "output_sample_rate": 8000, "agent": "clerk",
            ])
        #expect(ClientSecret(value, secret: "another") == nil)
        #expect(ClientSecret(value + "A", secret: HTTPStage.secret) == nil)
        #expect(ClientSecret("ek_", secret: HTTPStage.secret) == nil)
    }

    @Test("a request without a body gets a secret for ten minutes; one that cannot be is told why, as OpenAI tells it")
    func requests() throws {
        let stage = HTTPStage { $0.access.apiKeys = APIKeys(["k"]) }
        let plain = try make(stage, nil)
        #expect(plain.json["expires_at"]?.integer == Int64(HTTPStage.unixTime + 600))
        let mistakes = [
            "[]", "{", #"{"expires_after":{"seconds":5}}"#, #"{"session":1}"#,
            #"{"expires_after":"600"}"#, #"{"expires_after":{"anchor":"now"}}"#,
            #"{"session":{"audio":{"input":{"turn_detection":null}}}}"#,
            #"{"session":{"instructions":"\#(String(repeating: "x", count: 4000))"}}"#,
        ]
        for body in mistakes {
            let answer = try make(stage, body)
            #expect(answer.status == 400, "\(body.prefix(40))")
            #expect(answer.json["error"]?["type"] == "invalid_request_error")
        }
        let empty = try make(stage, "null")
        #expect(empty.status == 200 && empty.json["warnings"] == nil)
        let partly = try make(stage, #"{"session":{"output_modalities":["text"],"instructions":"Be brief."}}"#)
        #expect(partly.status == 200 && partly.json["session"]?["instructions"] == "Be brief.")
        #expect(partly.json["warnings"]?.array?.count == 1)
        stage.refusal = RequestRefusal(reason: .wrongKey)
        let refused = try make(stage, nil)
        #expect(refused.status == 403 && refused.json["error"]?["code"] == "invalid_api_key")
    }
}
