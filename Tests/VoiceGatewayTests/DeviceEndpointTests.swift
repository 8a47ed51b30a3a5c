import ClientProtocol
import TestSupport
import Testing
import WebSocket
import Wire

/// The whole gateway over loopback: WebSocket, session, participant, room server, parrot.
@Suite("Clients of /ws", .serialized)
struct DeviceEndpointTests {
    /// Something that codecs and voice detectors take for speech: a tone that changes all the time.
    private func speech(_ frequencies: [Double], seconds: Double) -> [Int16] {
        let pieces = Int(seconds * 10)
        return (0..<pieces).flatMap { piece -> [Int16] in
            var tone = ToneSource(
                frequency: frequencies[piece % frequencies.count], sampleRate: 16_000,
                amplitude: piece % 3 == 2 ? 4000 : 12_000)
            return tone.next(1600)
        }
    }

    @Test("the parrot is dispatched, listens and answers with the caller's words")
    func parrot() async throws {
        try await GatewayStage.play { stage in
            let client = try await stage.connect("?identity=ann")
            // From the first moment on: what comes too early is kept.
            try await stage.until("ready") { client.event("ready") != nil }
            try await stage.speak(speech([800, 1000, 1300], seconds: 1.5), by: client)
            try await stage.until("listening") { client.event("agent_state") != nil }
            try await stage.until("sound of 1.2 s") { client.samples.count { abs($0) > 500 } > 15_000 }
            try await stage.until("transcripts of both") {
                Set(client.events.filter { $0["final"] == true }.compactMap { $0["role"]?.string }).count == 2
            }
            let types = try await stage.onLoop { client.types() }
            #expect(types.prefix(2) == ["ready", "session"])
            #expect(types.contains("agent_joined") && !types.contains("error"))
            let session = try await stage.onLoop { client.event("session") }
            #expect(session?["identity"] == "ann")
        }
    }

    @Test("two clients in one room hear each other, without any agent")
    func twoClients() async throws {
        try await GatewayStage.play { stage in
            let ann = try await stage.connect("?room=lobby&identity=ann&agent=")
            let ben = try await stage.connect("?room=lobby&identity=ben&agent=")
            for client in [ann, ben] { try await stage.until("session") { client.event("session") != nil } }
            try await stage.speak(speech([700, 800], seconds: 8), by: ann)
            try await stage.speak(speech([1500, 1700], seconds: 8), by: ben)
            for (client, own, other) in [(ann, [700.0, 800], [1500.0, 1700]), (ben, [1500, 1700], [700, 800])] {
                try await stage.until("a second of sound") { client.samples.count > 36_000 }
                let heard = try await stage.onLoop { Array(client.samples.suffix(12_000)) }
                let detector = ToneDetector(sampleRate: 24_000)
                let others = other.map { detector.amplitude(of: $0, in: heard) }.max() ?? 0
                let echoes = own.map { detector.amplitude(of: $0, in: heard) }.max() ?? 0
                #expect(others > 1000 && echoes < others / 4)
            }
            try await stage.send(#"{"type":"data","topic":"t","payload":{"n":1}}"#, by: ann)
            try await stage.until("data") { ben.event("data")?["payload"]?["n"] == 1 }
        }
    }

    @Test("an invalid parameter is named after the upgrade, and closes with 4400")
    func invalidParameter() async throws {
        try await GatewayStage.play { stage in
            for query in ["?sample_rate=1", "?encoding=mp3", "?frame_ms=x", "?events=old"] {
                let client = try await stage.connect(query)
                try await stage.until("closed") { client.closure != nil }
                let (code, error) = try await stage.onLoop { (client.closure?.code.rawValue, client.event("error")) }
                #expect(code == 4400 && error?["code"] == "invalid_parameter")
            }
        }
    }

    @Test("hostile messages end nobody else's call, nor the gateway")
    func hostile() async throws {
        try await GatewayStage.play { stage in
            let good = try await stage.connect("?agent=")
            let bad = try await stage.connect("?agent=")
            try await stage.until("ready") { bad.event("ready") != nil }
            for text in ["", "{", "[]", #"{"type":"config","data":{"room":{}}}"#, String(repeating: "[", count: 5000)] {
                try await stage.send(text, by: bad)
            }
            try await stage.send([UInt8](repeating: 0xFF, count: 900_001), by: bad)
            try await stage.until("the bad one is closed") { bad.closure != nil }
            try await stage.send(#"{"type":"ping","id":1}"#, by: good)
            try await stage.until("pong") { good.event("pong") != nil }
        }
    }

    @Test("a client that vanishes leaves the room at once")
    func vanished() async throws {
        try await GatewayStage.play { stage in
            let ann = try await stage.connect("?room=lobby&identity=ann&agent=")
            let ben = try await stage.connect("?room=lobby&identity=ben&agent=")
            for client in [ann, ben] { try await stage.until("session") { client.event("session") != nil } }
            try await stage.cut(ann)
            // The same identity is free again, and nobody is thrown out for it.
            let again = try await stage.connect("?room=lobby&identity=ann&agent=")
            try await stage.until("session") { again.event("session") != nil }
            try await stage.send(#"{"type":"ping"}"#, by: again)
            try await stage.until("pong") { again.event("pong") != nil }
            let closure = try await stage.onLoop { again.closure }
            #expect(closure == nil)
        }
    }

    @Test("when the gateway goes, clients are told and closed with 1001")
    func shutdown() async throws {
        try await GatewayStage.play { stage in
            let client = try await stage.connect()
            try await stage.until("agent") { client.event("agent_joined") != nil }
            await stage.drain()
            try await stage.until("closed") { client.closure != nil }
            let (code, closing) = try await stage.onLoop { (client.closure?.code.rawValue, client.event("closing")) }
            #expect(code == 1001 && closing?["reason"] == "shutdown")
        }
    }
}
