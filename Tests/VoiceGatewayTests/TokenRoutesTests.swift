import HTTP
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("/v1/livekit")
struct TokenRoutesTests {
    @Test("the status tells where LiveKit is")
    func status() throws {
        let known = try HTTPStage { $0.tokens.livekitRoomName = "hall" }.send(.get, "/v1/livekit/status")
        #expect(known.json == ["enabled": true, "url": "wss://livekit.example.com", "default_room": "hall"])
    }

    @Test(
        "a token needs no body: the room is the default one, the identity is made up", arguments: [nil, "{}", "null"])
    func defaults(body: String?) throws {
        let answer = try HTTPStage().send(.post, "/v1/livekit/token", body)
        #expect(answer.status == 200)
        #expect(answer.json.object?.members.map(\.key) == ["token", "url", "room_name", "participant_identity"])
        #expect(answer.json["url"] == "wss://livekit.example.com" && answer.json["room_name"] == "gemma-voice-room")
        let identity = try #require(answer.json["participant_identity"]?.string)
        #expect(identity.hasPrefix("user-") && identity.dropFirst(5).allSatisfy(\.isHexDigit) && identity.count == 13)
        let token = try HTTPStage.token(answer.json["token"]?.string)
        #expect(token.identity == identity && token.name == identity)
        #expect(token.expiresAt == Int64(HTTPStage.unixTime) + 86_400)
        #expect(token.video.room == "gemma-voice-room" && token.video.roomJoin)
        #expect(
            token.video.canPublish == true && token.video.canSubscribe == true && token.video.canPublishData == true)
        #expect(token.video.canUpdateOwnMetadata == nil && !token.video.roomAdmin)
    }

    @Test("a token says what was asked for")
    func wishes() throws {
        let stage = HTTPStage { $0.tokens.livekitTokenTTL = 60 }
        let body = #"{"room_name":"r 1","participant_name":"Ann","participant_identity":"ann","other":[1]}"#
        let token = try HTTPStage.token(try stage.send(.post, "/v1/livekit/token", body).json["token"]?.string)
        #expect(token.identity == "ann" && token.name == "Ann" && token.video.room == "r 1")
        #expect(token.expiresAt == Int64(HTTPStage.unixTime) + 60)
    }

    @Test("the agent's token is for the agent, whoever is named")
    func agent() throws {
        let body = #"{"room_name":"r","participant_name":"Ann","participant_identity":"ann"}"#
        let answer = try HTTPStage().send(.post, "/v1/livekit/agent-token", body)
        #expect(answer.json["participant_identity"] == "gemma-voice-agent")
        let token = try HTTPStage.token(answer.json["token"]?.string)
        #expect(token.identity == "gemma-voice-agent" && token.name == "Gemma Voice Agent" && token.video.room == "r")
        #expect(token.video.canUpdateOwnMetadata == true)
    }

    @Test("each member that is wrong is named, all at once")
    func mistakes() throws {
        let long = String(repeating: "é", count: 129)
        let body = #"{"room_name":"","participant_name":5,"participant_identity":"\#(long)"}"#
        let answer = try HTTPStage().send(.post, "/v1/livekit/token", body)
        #expect(answer.status == 422)
        #expect(
            answer.json["detail"] == [
                [
                    "loc": ["body", "room_name"], "msg": "String should have at least 1 character",
                    "type": "string_too_short", "ctx": ["min_length": 1],
                ],
                ["loc": ["body", "participant_name"], "msg": "Input should be a valid string", "type": "string_type"],
                [
                    "loc": ["body", "participant_identity"], "msg": "String should have at most 128 characters",
                    "type": "string_too_long", "ctx": ["max_length": 128],
                ],
            ])
    }

    @Test("a body that is no JSON object is 422, and one of another type 415")
    func notJSON() throws {
        let stage = HTTPStage()
        let malformed = try stage.send(.post, "/v1/livekit/token", #"{"room_name" 1}"#)
        #expect(malformed.status == 422 && malformed.json["detail"]?[0]?["type"] == "json_invalid")
        #expect(malformed.json["detail"]?[0]?["loc"] == ["body", 13])
        let list = try stage.send(.post, "/v1/livekit/token", "[]")
        #expect(list.status == 422 && list.json["detail"]?[0]?["loc"] == ["body"])
        let text = try stage.send(.post, "/v1/livekit/token", "{}", headers: [("Content-Type", "text/plain")])
        #expect(text.status == 415 && text.json["detail"]?[0]?["msg"] == "Content-Type must be application/json")
        let deep = String(repeating: "[", count: 100_000)
        #expect(try stage.send(.post, "/v1/livekit/token", deep).status == 422)
    }

    @Test("names are the server's choice where the operator says so")
    func permissions() throws {
        let stage = HTTPStage {
            $0.access.allowsClientRooms = false
            $0.access.allowsClientIdentities = false
        }
        #expect(try stage.send(.post, "/v1/livekit/token").status == 200)
        for (member, path) in [
            ("room_name", "token"), ("participant_identity", "token"), ("room_name", "agent-token"),
        ] {
            let answer = try stage.send(.post, "/v1/livekit/\(path)", #"{"\#(member)":"x"}"#)
            #expect(answer.status == 403)
            #expect(answer.detail == "This server does not let callers choose \(member)")
        }
    }
}
