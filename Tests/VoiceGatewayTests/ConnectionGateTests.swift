import ClientProtocol
import Testing
import WebSocket
import Wire

@testable import VoiceGateway

/// The gate in front of sessions, over loopback.
@Suite("Clients that have to show a key", .serialized)
struct ConnectionGateTests {
    private var closed: AccessPolicy {
        var access = AccessPolicy()
        access.apiKeys = APIKeys(["alpha"])
        return access
    }

    @Test("a client that says nothing is closed with 4401 when its time is over, and nothing was made for it")
    func silence() async throws {
        try await GatewayStage.play(access: closed, keyWait: .milliseconds(10)) { stage in
            let client = try await stage.connect()
            try await stage.until("closed") { client.closure != nil }
            let (closure, types) = try await stage.onLoop { (client.closure, client.types()) }
            #expect(closure?.code.rawValue == 4401 && closure?.reason == "Missing API key")
            #expect(types == ["error", "closing"])
        }
    }

    @Test("an API key may begin as client secrets do")
    func keyLikeASecret() async throws {
        var access = closed
        access.apiKeys = APIKeys(["ek_live_1"])
        try await GatewayStage.play(access: access) { stage in
            let first = try await stage.connect("?api_key=ek_live_1&agent=")
            try await stage.until("ready") { first.event("ready") != nil }
            let second = try await stage.connect("?agent=")
            try await stage.until("connected") { second.isOpen }
            try await stage.send(#"{"type":"auth","apiKey":"ek_live_1"}"#, by: second)
            try await stage.until("ready") { second.event("ready") != nil }
            let third = try await stage.connect("?api_key=ek_live_2")
            try await stage.until("closed") { third.closure?.code.rawValue == 4403 }
        }
    }

    @Test("a key in the first message opens the session, and the messages behind it count")
    func firstMessage() async throws {
        try await GatewayStage.play(access: closed) { stage in
            let client = try await stage.connect()
            try await stage.until("connected") { client.isOpen }
            try await stage.send(#"{"type":"auth","apiKey":"alpha"}"#, by: client)
            try await stage.send(#"{"type":"config","data":{"agent":""}}"#, by: client)
            try await stage.send(#"{"type":"ping","id":7}"#, by: client)
            try await stage.until("pong") { client.event("pong")?["id"] == 7 }
            let types = try await stage.onLoop { client.types() }
            #expect(types.prefix(2) == ["ready", "configured"])
        }
    }

    @Test("a misspelt parameter is named once the client is let in, with the one that was meant")
    func misspeltParameter() async throws {
        try await GatewayStage.play { stage in
            let client = try await stage.connect("?sampleRate=8000&agent=")
            try await stage.until("warning") { client.event("warning") != nil }
            let (types, warning) = try await stage.onLoop { (client.types(), client.event("warning")) }
            #expect(types.prefix(2) == ["ready", "warning"])
            #expect(warning?["parameter"] == "sampleRate" && warning?["meant"] == "sample_rate")
            try await stage.send(#"{"type":"config","data":{"frame-ms":40,"language":"de"}}"#, by: client)
            try await stage.until("second") { client.types().filter { $0 == "warning" }.count == 2 }
            let meant = try await stage.onLoop { client.events.compactMap { $0["meant"]?.string } }
            #expect(meant == ["sample_rate", "frame_ms"])
        }
    }

    @Test("a wrong key in the first message is closed with 4403, whatever follows it")
    func wrongKey() async throws {
        try await GatewayStage.play(access: closed) { stage in
            let client = try await stage.connect()
            try await stage.until("connected") { client.isOpen }
            try await stage.send(#"{"type":"auth","apiKey":"beta"}"#, by: client)
            try await stage.send(#"{"type":"auth","apiKey":"alpha"}"#, by: client)
            try await stage.until("closed") { client.closure != nil }
            let (closure, types) = try await stage.onLoop { (client.closure, client.types()) }
            #expect(closure?.code.rawValue == 4403 && !types.contains("ready"))
        }
    }

    @Test("an identity that is in the room is kept from newcomers")
    func duplicate() async throws {
        var access = AccessPolicy()
        access.duplicateIdentity = .refuse
        try await GatewayStage.play(access: access) { stage in
            let first = try await stage.connect("?room=lobby&identity=ann&agent=")
            try await stage.until("session") { first.event("session") != nil }
            let second = try await stage.connect("?room=lobby&identity=ann&agent=")
            try await stage.until("closed") { second.closure != nil }
            let (closure, error) = try await stage.onLoop { (second.closure, second.event("error")) }
            #expect(closure?.code.rawValue == 4409 && error?["code"] == "duplicate_identity")
            try await stage.send(#"{"type":"ping"}"#, by: first)
            try await stage.until("pong") { first.event("pong") != nil }
        }
    }
}
