import ClientProtocol
import TestSupport
import Testing
import Wire

@testable import Bridge

@Suite("Who the caller is and what it has chosen")
struct CallerProfileTests {
    private func profile(_ query: String = "", defaultAgent: String = "clerk") throws -> CallerProfile {
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        var random = SplitMix64(seed: 1)
        return CallerProfile(
            parameters, policy: nil, resumeToken: nil, defaultAgent: defaultAgent, random: &random)
    }

    @Test("who names nothing gets a room of its own, and the operator's agent")
    func defaults() throws {
        let caller = try profile()
        #expect(caller.hasOwnRoom && caller.roomName.hasPrefix("room-") && caller.identity.hasPrefix("caller-"))
        #expect(caller.agentName == "clerk" && caller.agentMetadata == nil && caller.knowsRoom)
    }

    @Test("what a config message says counts until the room is asked for")
    func configuration() throws {
        var caller = try profile("agent=")
        #expect(caller.agentName.isEmpty)
        let early: JSONObject = ["room": "lobby", "user_id": "ann", "agent": "other"]
        let error = try caller.configure(early, isInRoom: false)
        #expect(error == nil && !caller.hasOwnRoom)
        let request = caller.roomRequest(session: "S_1", dialect: "ws")
        #expect(request.room == "lobby" && request.identity == "ann" && request.name == "ann")
        #expect(caller.agentName == "other")
        let late = try caller.configure(["room": "elsewhere"], isInRoom: true)
        #expect(late?.code == .tooLate && caller.roomName == "lobby")
        let allowed = try caller.configure(["instructions": "Sing"], isInRoom: true)
        #expect(allowed == nil && caller.briefing.instructions == "Sing")
    }

    @Test("the participant says how the caller came, and what the client has chosen beside it")
    func attributes() throws {
        let caller = try profile(
            "encoding=mulaw&sample_rate=8000&participant_attributes=%7B%22site%22%3A%22berlin%22%7D")
        #expect(
            caller.roomRequest(session: "S_1", dialect: "ws").attributes == [
                "site": "berlin", "voicegateway.session": "S_1", "voicegateway.dialect": "ws",
                "voicegateway.input": "mulaw/8000", "voicegateway.output": "pcm_s16le/24000",
            ])
    }

    @Test("a call that goes on at another gateway keeps the attributes that its client has chosen")
    func attributesOfAClaim() throws {
        var caller = try profile()
        _ = try caller.configure(["participant_attributes": ["site": "berlin"]], isInRoom: false)
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: caller.parameters.formats)
        #expect(parameters.attributes == ["site": "berlin"])
    }

    @Test(
        "attributes that agents take for LiveKit's or the gateway's own, and those that are too many or too long, are refused",
        arguments: [
            #"{"lk.agent.state":"idle"}"#, #"{"sip.phoneNumber":"1"}"#, #"{"voicegateway.session":"S"}"#, #"{"":"x"}"#,
            #"{"a":1}"#, #"["a"]"#, "a=b", #"{"a":"\#(String(repeating: "x", count: 513))"}"#,
            #"{"\#(String(repeating: "n", count: 65))":"x"}"#,
            "{" + (0..<17).map { #""a\#($0)":"x""# }.joined(separator: ",") + "}",
            "{" + (0..<5).map { #""a\#($0)":"\#(String(repeating: "x", count: 500))""# }.joined(separator: ",") + "}",
        ])
    func refusedAttributes(text: String) throws {
        var caller = try profile()
        #expect(throws: SessionRefusal.self) {
            try caller.configure(["participant_attributes": .string(text)], isInRoom: false)
        }
    }

    @Test("what cannot be is refused with the name of the parameter")
    func refusal() throws {
        var caller = try profile()
        #expect(throws: SessionRefusal.self) { try caller.configure(["sample_rate": 96_000], isInRoom: false) }
        #expect(throws: SessionRefusal.self) { try caller.configure(["session": "0.other"], isInRoom: false) }
    }

    @Test("the room's own words about who the caller is replace what was asked for")
    func joined() throws {
        var caller = try profile("room=lobby&identity=ann")
        caller.enter(room: "Lobby", as: "ann-2")
        let summary = caller.summary(session: "S_1")
        #expect(summary.id == "S_1" && summary.room == "Lobby" && summary.identity == "ann-2")
    }
}
