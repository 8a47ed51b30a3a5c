import Testing
import Wire

@testable import Bridge
@testable import ClientProtocol

@Suite("What is written down of a session that is over")
struct SessionEndTests {
    private func joined(_ query: String = "") throws -> Harness {
        let harness = try Harness(query)
        harness.room.emit(.joined(room: "lobby", identity: "ann"))
        return harness
    }

    @Test("the record says who, where, with which agent, in which dialect and for how long")
    func record() throws {
        let harness = try joined("agent=clerk")
        harness.clock.advance(by: .seconds(7))
        harness.session.clientClosed()
        let record = try #require(harness.record)
        #expect(record.summary.room == "lobby" && record.summary.identity == "ann")
        #expect(record.agent == "clerk" && record.dialect == "ws")
        #expect(record.duration >= .seconds(7) && record.numbers.joinedAfter != nil)
        #expect(record.end == .hungUp && record.end.blame == nil)
    }

    @Test(
        "a client that did not hang up has a reason of its own",
        arguments: zip(ClientLoss.allCases, [nil, Blame.client, nil, nil, .client] as [Blame?]))
    func loss(loss: ClientLoss, blame: Blame?) throws {
        let harness = try joined()
        harness.session.clientLost(loss, mayResume: false)
        let record = try #require(harness.record)
        #expect(record.end.reason == loss.rawValue && record.end.blame == blame && record.closeCode == nil)
    }

    @Test("an agent that never came is the operator's affair, and not the end of a normal call")
    func agentNeverCame() throws {
        let harness = try joined()
        harness.clock.advance(by: Limits().agentAbsence + .seconds(1))
        let record = try #require(harness.record)
        #expect(record.end.reason == "agent_timeout" && record.end.blame == .operator && record.closeCode == 4504)
    }

    @Test("the close code is the one that the client was given, in its dialect")
    func closeCodeOfDialect() throws {
        let harness = try Harness(dialect: CarrierDialect<Twilio>.self)
        let format = #"{"encoding":"audio/x-amr","sampleRate":8000,"channels":1}"#
        harness.send(text: #"{"event":"start","start":{"streamSid":"M","mediaFormat":\#(format)},"streamSid":"M"}"#)
        let record = try #require(harness.record)
        #expect(record.end.reason == "invalid_parameter" && record.closeCode == 1003)
        #expect(harness.client.closure?.code == 1003)
    }

    @Test("a room that is lost is the room's affair, and one that somebody deleted is nobody's")
    func roomEnds() throws {
        let lost = try joined()
        lost.room.emit(.ended(.connectionLost))
        #expect(lost.record?.end.reason == "room_lost" && lost.record?.end.blame == .room)
        let deleted = try joined()
        deleted.room.emit(.ended(.roomDeleted))
        #expect(deleted.record?.end.reason == "room_deleted" && deleted.record?.end.blame == nil)
    }

    @Test("a client that does not come back in time has the reason for which it was lost")
    func neverBack() throws {
        let harness = try Harness(resumeToken: "t") { $0.limits.resumeGrace = .seconds(10) }
        harness.room.emit(.joined(room: "lobby", identity: "ann"))
        harness.session.clientLost(.vanished)
        #expect(harness.record == nil)
        harness.clock.advance(by: .seconds(11))
        #expect(harness.record?.end.reason == "client_vanished")
    }
}
