import ClientProtocol
import Observability
import Testing
import Wire

@testable import Bridge
@testable import VoiceGateway

@Suite("What backends are told of a call")
struct CallEventTests {
    private func record(_ end: SessionEnd, hasJoined: Bool = true) -> SessionRecord {
        var numbers = SessionStatistics()
        numbers.joinedAfter = hasJoined ? 40 : nil
        return SessionRecord(
            summary: SessionSummary(
                id: "S_1", room: "lobby", identity: "ann",
                input: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000),
                output: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000)),
            agent: "clerk", dialect: "ws", trace: nil, end: end, closeCode: nil, duration: .seconds(7), numbers: numbers
        )
    }

    @Test("a call that its client ends is over, and so is one whose client was at fault")
    func ended() {
        #expect(CallEvent.kind(of: record(.hungUp)) == .ended)
        #expect(CallEvent.kind(of: record(SessionEnd(.slow))) == .ended)
        #expect(CallEvent.kind(of: record(SessionEnd(.idleTimeout, "", nil))) == .ended)
    }

    @Test("a call that somebody else broke, whose agent did not come, or that never was in its room has failed")
    func failed() {
        let error = ClientError(.roomLost, "lost", blame: .room)
        #expect(CallEvent.kind(of: record(SessionEnd(.roomLost, "lost", error))) == .failed)
        #expect(CallEvent.kind(of: record(SessionEnd(.agentTimeout, "", nil))) == .failed)
        #expect(CallEvent.kind(of: record(.hungUp, hasJoined: false)) == .failed)
    }

    @Test("an event has what LiveKit's receivers read, and what the log's line has, with null for what never came")
    func body() throws {
        let fields: Log.Fields = ["reason": "client_hung_up", "joined_ms": -1, "code": -1, "continued": true]
        let call = JSONObject(fields, neverAsNull: ["joined_ms"])
        let event = CallEvent(.ended, record(.hungUp).summary, call, createdAt: 1_790_000_000)
        let json = try JSONValue(parsing: event.body)
        #expect(json["event"] == "call.ended" && json["createdAt"] == 1_790_000_000)
        #expect(json["room"] == ["name": "lobby"] && json["participant"] == ["identity": "ann"])
        #expect(json["id"]?.string?.hasPrefix("EV_") == true && event.session == "S_1")
        #expect(json["call"] == ["reason": "client_hung_up", "joined_ms": nil, "code": -1, "continued": true])
    }
}
