import ClientProtocol
import HTTP
import HTTPClient
import LiveKitParticipant
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("POST /session and /session/end")
struct SessionRoutesTests {
    @Test("a session has a token, a room, an agent, and the address for WebSockets")
    func session() throws {
        let stage = HTTPStage()
        let answer = try stage.send(.post, "/session", #"{"userIdentity":" user123 "}"#)
        #expect(answer.status == 200)
        #expect(
            answer.json.object?.members.map(\.key) == [
                "userToken", "roomName", "livekitUrl", "agentDispatched", "agentConfig", "websocketUrl",
            ])
        let room = try #require(answer.json["roomName"]?.string)
        #expect(room.hasPrefix("room-") && room.utf8.count == 41)
        #expect(answer.json["livekitUrl"] == "wss://livekit.example.com" && answer.json["agentDispatched"] == true)
        #expect(answer.json["agentConfig"] == ["stt": "deepgram", "tts": "cartesia", "llm": "gpt-4o-mini"])
        let text = try #require(answer.json["userToken"]?.string)
        let url = try #require(answer.json["websocketUrl"]?.string)
        let beginning = "ws://gateway.example.com/v1/conversation/ws?access_token=\(text)&traceparent="
        #expect(url.hasPrefix(beginning))
        #expect(TraceContext(parsing: url.dropFirst(beginning.count)) != nil)
        let token = try HTTPStage.token(text)
        #expect(token.identity == "user123" && token.expiresAt == Int64(HTTPStage.unixTime) + 600)
        let grant = VideoGrant.with {
            $0.roomJoin = true
            $0.room = room
            $0.canPublish = true
            $0.canSubscribe = true
            $0.canPublishData = true
        }
        #expect(token.video == grant)
        #expect(stage.rooms.opened.map(\.room) == [room])
        #expect(answer.header("Cache-Control") == "no-store")
    }

    @Test("the agent is told the configuration with defaults filled in and the rest untouched")
    func metadata() throws {
        let stage = HTTPStage()
        let body = #"""
            {"userIdentity":"a","roomName":"support-room","agentConfig":{"greeting":"Hi {\"x\"}","llm":"gpt-4o","stt":null,
            "voice":{"id":[1,2.5,true,null]},"tts":"","assistant_id":7}}
            """#
        let answer = try stage.send(.post, "/session", body)
        #expect(answer.json["agentConfig"] == ["stt": "deepgram", "tts": "cartesia", "llm": "gpt-4o"])
        let opened = try #require(stage.rooms.opened.first)
        #expect(opened.agent == "custom-agent" && opened.room == "support-room")
        var told = try #require(try JSONValue(parsing: opened.metadata).object)
        told["traceparent"] = nil
        let metadata = JSONValue.object(told)
        #expect(
            metadata == [
                "greeting": "Hi {\"x\"}", "llm": "gpt-4o", "stt": "deepgram",
                "voice": ["id": [1, 2.5, true, nil]], "tts": "cartesia", "assistant_id": 7,
                "prompt": "You are a helpful AI assistant.",
            ])
    }

    @Test(
        "a session belongs to the trace that the backend names, by body, header or agentConfig in this order",
        arguments: [("a", "a"), ("b", "b"), ("c", "c"), ("abc", "a"), ("bc", "b")])
    func trace(where names: String, counts: String) throws {
        func traceparent(_ name: Character) -> String {
            "00-" + String(repeating: String(name), count: 32) + "-00f067aa0ba902b7-01"
        }
        let stage = HTTPStage()
        var body: JSONObject = ["userIdentity": "u"]
        if names.contains("a") { body["traceparent"] = .string(traceparent("a")) }
        if names.contains("c") { body["agentConfig"] = ["traceparent": .string(traceparent("c"))] }
        let answer = try stage.send(
            .post, "/session", JSONValue.object(body).serialized(),
            headers: [("Content-Type", "application/json")]
                + (names.contains("b") ? [("traceparent", traceparent("b"))] : []))
        let expected = traceparent(Character(counts))
        #expect(answer.json["websocketUrl"]?.string?.hasSuffix("&traceparent=" + expected) == true)
        // What the backend tells its agent itself stays as it is.
        let told = try JSONValue(parsing: #require(stage.rooms.opened.first).metadata)["traceparent"]
        #expect(told == .string(names.contains("c") ? traceparent("c") : expected))
    }

    @Test(
        "what is wrong is said in one sentence each, with an example",
        arguments: [
            ("", "userIdentity is required and must be a string"),
            ("{}", "userIdentity is required and must be a string"),
            ("[1]", "userIdentity is required and must be a string"),
            (#"{"userIdentity":7}"#, "userIdentity is required and must be a string"),
            (#"{"userIdentity":null}"#, "userIdentity is required and must be a string"),
            (#"{"userIdentity":" \t"}"#, "userIdentity must not be empty"),
            (#"{"userIdentity":"a\nb"}"#, "userIdentity must have no control characters"),
            (#"{"userIdentity":"a","userName":7}"#, "userName must be a string"),
            (#"{"userIdentity":"a","userName":" "}"#, "userName must not be empty"),
            (#"{"userIdentity":"a","agentName":["b"]}"#, "agentName must be a string"),
            (#"{"userIdentity":"a","metadata":{}}"#, "metadata must be a string of at most 1024 characters"),
            (#"{"userIdentity":"a","ttl":9}"#, "ttl must be a whole number of seconds from 10 to 86400"),
            (#"{"userIdentity":"a","ttl":"600"}"#, "ttl must be a whole number of seconds from 10 to 86400"),
            (#"{"userIdentity":"a","roomName":5}"#, "roomName must be a string"),
            (#"{"userIdentity":"a","roomName":""}"#, "roomName must not be empty"),
            (
                #"{"userIdentity":"a","roomName":"a/b"}"#,
                "roomName may only contain letters, numbers, hyphens and underscores"
            ),
            (#"{"userIdentity":"a","traceparent":7}"#, "traceparent must be a string"),
            (#"{"userIdentity":"a","agentConfig":"x"}"#, "agentConfig must be an object"),
            (#"{"userIdentity":"a","agentConfig":{"llm":4}}"#, "agentConfig.llm must be a string"),
        ])
    func mistakes(body: String, sentence: String) throws {
        let stage = HTTPStage()
        let answer = try stage.send(.post, "/session", body)
        #expect(answer.status == 400 && answer.error == sentence)
        #expect(try stage.send(.post, "/session", answer.json["example"]?.serialized()).status == 200)
        #expect(stage.rooms.opened.count == 1)
    }

    @Test(
        "attributes that agents would take for somebody else's, or that no token can carry, are refused",
        arguments: [
            "[]", #"{"a":1}"#, #"{"":"b"}"#, #"{"a b":"c"}"#, #"{"lk.agent":"b"}"#, #"{"sip.phoneNumber":"b"}"#,
            #"{"voicegateway.session":"b"}"#, #"{"a":"\u0007"}"#, "{\"a\":\"\(String(repeating: "b", count: 129))\"}",
        ])
    func wrongAttributes(attributes: String) throws {
        let answer = try HTTPStage().send(.post, "/session", #"{"userIdentity":"a","attributes":\#(attributes)}"#)
        #expect(answer.status == 400 && answer.error?.hasPrefix("attributes must be an object of at most 16") == true)
    }

    @Test("identities of other systems are taken as they are", arguments: ["auth0|64f1", "a@b.c", "Zoë Müller"])
    func identities(identity: String) throws {
        let answer = try HTTPStage().send(.post, "/session", #"{"userIdentity":"\#(identity)"}"#)
        #expect(answer.status == 200)
        #expect(try HTTPStage.token(#require(answer.json["userToken"]?.string)).identity == identity)
    }

    @Test(
        "an operator may want identities of letters, numbers, hyphens and underscores",
        arguments: ["a b", "é", "a@b.c"])
    func strictIdentities(identity: String) throws {
        let stage = HTTPStage { $0.access.hasStrictIdentities = true }
        let answer = try stage.send(.post, "/session", #"{"userIdentity":"\#(identity)"}"#)
        #expect(answer.status == 400)
        #expect(answer.error == "userIdentity may only contain letters, numbers, hyphens and underscores")
    }

    @Test("a token says the caller's name, metadata and attributes, and is valid as long as the backend wants")
    func participant() throws {
        let body = #"""
            {"userIdentity":"a","userName":"Ann","metadata":"{\"plan\":\"gold\"}","attributes":{"tier":"2"},"ttl":3600}
            """#
        let answer = try HTTPStage().send(.post, "/session", body)
        let token = try HTTPStage.token(#require(answer.json["userToken"]?.string))
        #expect(token.name == "Ann" && token.metadata == #"{"plan":"gold"}"# && token.attributes == ["tier": "2"])
        #expect(token.expiresAt == Int64(HTTPStage.unixTime) + 3600)
    }

    @Test("the largest token that can be asked for is taken by a WebSocket")
    func largestToken() throws {
        let attributes = (0..<16).map { number in
            "\"\(String(repeating: "n", count: 62))\(10 + number)\":\"\(String(repeating: "😀", count: 128))\""
        }
        let name = String(repeating: "😀", count: 128)
        let body = """
            {"userIdentity":"\(name)","userName":"\(name)","metadata":"\(String(repeating: "\\u0001", count: 1024))",
            "attributes":{\(attributes.joined(separator: ","))}}
            """
        let answer = try HTTPStage().send(.post, "/session", body)
        let token = try #require(answer.json["userToken"]?.string)
        #expect(answer.status == 200 && token.utf8.count <= SessionParameters.maximumTokenSize)
    }

    @Test("a backend chooses the agent among those that callers may name")
    func agent() throws {
        let stage = HTTPStage { $0.access.allowedAgents = .only(["custom-agent", "sales & support"], orNone: false) }
        let answer = try stage.send(.post, "/session", #"{"userIdentity":"a","agentName":"sales & support"}"#)
        #expect(stage.rooms.opened.map(\.agent) == ["sales & support"])
        #expect(answer.json["websocketUrl"]?.string?.hasSuffix("&agent=sales%20%26%20support") == true)
        let refusal = try stage.send(.post, "/session", #"{"userIdentity":"a","agentName":"other"}"#)
        #expect(refusal.status == 403)
        #expect(refusal.error == #"This server does not let callers choose the agent "other""#)
        #expect(stage.rooms.opened.count == 1)
    }

    @Test("names have 128 characters at most")
    func length() throws {
        let stage = HTTPStage()
        let longest = String(repeating: "a", count: 128)
        #expect(try stage.send(.post, "/session", #"{"userIdentity":"\#(longest)"}"#).status == 200)
        for body in [#"{"userIdentity":"\#(longest)a"}"#, #"{"userIdentity":"a","roomName":"\#(longest)a"}"#] {
            let answer = try stage.send(.post, "/session", body)
            #expect(answer.status == 400 && answer.error?.hasSuffix(" must be at most 128 characters long") == true)
        }
    }

    @Test("a body that is no JSON is refused: 400 for its text, 415 for its type")
    func notJSON() throws {
        let stage = HTTPStage()
        for path in ["/session", "/session/end"] {
            let malformed = try stage.send(.post, path, #"{"userIdentity":"#)
            #expect(malformed.status == 400 && malformed.error?.hasPrefix("The request body is not valid JSON") == true)
            for type in ["text/plain", "", "application/x-www-form-urlencoded", "text/json"] {
                let answer = try stage.send(.post, path, "{}", headers: [("Content-Type", type)])
                #expect(answer.status == 415 && answer.error == "Content-Type must be application/json")
            }
        }
        let typed = [("Content-Type", "Application/JSON ; charset=utf-8")]
        #expect(try stage.send(.post, "/session", #"{"userIdentity":"a"}"#, headers: typed).status == 200)
    }

    @Test("a dispatch that fails leaves a session without agent, unless nobody could join anyway")
    func failures() throws {
        let stage = HTTPStage()
        stage.rooms.isAgentComing = false
        let alone = try stage.send(.post, "/session", #"{"userIdentity":"a"}"#)
        #expect(alone.status == 200 && alone.json["agentDispatched"] == false)
        let worse: [(ServerAPIError, JSONValue)] = [
            (.refused(.unauthenticated), "unauthorized"), (.refused(.resourceExhausted), "unavailable"),
            (.unreachable(method: "CreateRoom", .clientClosed), "internal"),
        ]
        for (error, reason) in worse {
            stage.rooms.outcome = .failure(error)
            let answer = try stage.send(.post, "/session", #"{"userIdentity":"a"}"#)
            #expect(answer.status == 500 && answer.json == ["error": "Failed to create session", "reason": reason])
        }
    }

    @Test("names are the server's choice where the operator says so, but for callers with a key")
    func permissions() throws {
        var stage = HTTPStage { $0.access.allowsClientRooms = false }
        #expect(try stage.send(.post, "/session", #"{"userIdentity":"a"}"#).status == 200)
        var answer = try stage.send(.post, "/session", #"{"userIdentity":"a","roomName":"b"}"#)
        #expect(answer.status == 403 && answer.error == "This server does not let callers choose roomName")
        stage = HTTPStage { $0.access.allowsClientIdentities = false }
        answer = try stage.send(.post, "/session", #"{"userIdentity":"a"}"#)
        #expect(answer.status == 403 && answer.error == "This server does not let callers choose userIdentity")
        stage = HTTPStage {
            $0.access.allowsClientRooms = false
            $0.access.allowsClientIdentities = false
            $0.access.apiKeys = APIKeys(["k"])
        }
        #expect(try stage.send(.post, "/session", #"{"userIdentity":"a","roomName":"b"}"#).status == 200)
    }

    @Test("a session's room can be ended")
    func ending() throws {
        let stage = HTTPStage()
        let answer = try stage.send(.post, "/session/end", #"{"roomName":" room-1 "}"#)
        #expect(answer.status == 204 && stage.rooms.ended == ["room-1"])
        for body in [nil, "{}", #"{"roomName":" "}"#, #"{"roomName":4}"#, "[]"] {
            let answer = try stage.send(.post, "/session/end", body)
            #expect(answer.status == 400 && answer.json == ["error": "roomName is required"])
        }
        stage.rooms.outcome = .failure(.refused(.notFound))
        let unknown = try stage.send(.post, "/session/end", #"{"roomName":"x"}"#)
        #expect(unknown.status == 404 && unknown.json == ["error": "Session not found for room"])
        stage.rooms.outcome = .failure(.refused(.unavailable))
        let failed = try stage.send(.post, "/session/end", #"{"roomName":"x"}"#)
        #expect(failed.status == 502 && failed.error == "Failed to delete LiveKit room")
        // The server's own words may repeat a token.
        #expect(failed.json["details"] == "LiveKit refused CreateDispatch (unavailable)")
    }

    @Test("the answer comes when the agent's dispatch is decided, not before")
    func later() throws {
        let stage = HTTPStage()
        stage.rooms.isHolding = true
        var status: Int?
        stage.interface.handle(try HTTPStage.request(.post, "/session", #"{"userIdentity":"a"}"#)) {
            status = $0.status
        }
        #expect(status == nil)
        stage.rooms.release()
        #expect(status == 200)
    }
}
