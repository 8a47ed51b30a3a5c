import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

@Suite("A caller who is late gets back into real time")
struct LateCallerTests {
    private static let second = 16_000

    private func welcomed(
        _ query: String = "", configure: (inout BridgeConfiguration) -> Void = { _ in }
    ) throws -> Harness {
        let harness = try Harness(query, configure: configure)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        return harness
    }

    /// Frames of 20 ms as a client sends them, PCM or (what `FakeCoders` take for) Opus.
    private func frame(_ samples: [Int16], _ query: String) -> [UInt8] {
        query.isEmpty ? bytesOf(samples) : [0xF8] + bytesOf(samples)
    }

    private func stream(_ samples: [Int16], _ query: String = "", on harness: Harness) {
        for start in stride(from: 0, to: samples.count, by: 320) {
            harness.send(bytes: frame(Array(samples[start..<start + 320]), query))
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    /// Sound of the caller that waits.
    private func delay(_ harness: Harness) -> Int { harness.session.snapshot.queuedMilliseconds }

    @Test(
        "after an outage of 5 s of unbroken speech within 20 s, and not a sound of it is missing",
        arguments: ["", "encoding=opus"])
    func outage(query: String) throws {
        let harness = try welcomed(query)
        let said = slope(0..<Self.second * 13)
        stream(Array(said[..<Self.second]), query, on: harness)
        harness.room.emit(.interrupted)
        stream(Array(said[Self.second..<Self.second * 6]), query, on: harness)
        #expect(delay(harness) >= 5000)
        harness.room.emit(.resumed)
        stream(Array(said[(Self.second * 6)...]), query, on: harness)
        // What it says afterwards is like what it said before.
        for _ in 0..<2 { stream(Array(said[..<(Self.second * 13 / 2)]), query, on: harness) }
        #expect(delay(harness) <= 100)
        harness.clock.advance(by: .milliseconds(200))
        let heard = harness.room.heard.filter { $0 >= 600 }
        // The last of it is joined to what it said again.
        let sure = Self.second * 12
        let isKept = isWhole(heard.prefix { $0 < said[sure] }, 0..<sure)
        #expect(isKept)
        let statistics = harness.session.currentStatistics
        #expect(statistics.uplinkDropped == 0)
        #expect((4800...5100).contains(statistics.uplinkSkipped / 48))
    }

    @Test("no faster than 1.35 times as fast as it spoke")
    func speed() throws {
        let harness = try welcomed()
        harness.room.emit(.interrupted)
        stream(slope(0..<Self.second * 5), on: harness)
        harness.room.emit(.resumed)
        for _ in 0..<9 {
            let before = harness.session.currentStatistics.uplinkSkipped
            stream(slope(0..<Self.second), on: harness)
            let gained = (harness.session.currentStatistics.uplinkSkipped - before) / 48
            #expect((300...370).contains(gained))
        }
    }

    @Test("Opus is decoded meanwhile, and passes again afterwards")
    func passesAgain() throws {
        let harness = try welcomed("encoding=opus")
        harness.room.emit(.interrupted)
        stream(slope(0..<Self.second), "encoding=opus", on: harness)
        harness.room.emit(.resumed)
        for _ in 0..<6 { stream(slope(0..<Self.second), "encoding=opus", on: harness) }
        harness.clock.advance(by: .milliseconds(200))
        let before = harness.room.packets.count
        // No encoder of ours makes such a packet.
        let own: [UInt8] = [0xF8] + bytesOf(slope(0..<7))
        harness.send(bytes: own)
        #expect(harness.room.packets[before...].contains { $0.bytes == own })
        for (one, next) in zip(harness.room.packets, harness.room.packets.dropFirst()) where !next.isStart {
            #expect(next.timestamp == one.timestamp + 960)
        }
    }

    @Test("a client whose connection stood still for 5 s is late for no longer than one whose room did")
    func stalledClient() throws {
        let harness = try welcomed()
        let said = slope(0..<Self.second * 10)
        stream(Array(said[..<Self.second]), on: harness)
        harness.clock.advance(by: .seconds(5))
        for start in stride(from: Self.second, to: Self.second * 6, by: 320) {
            harness.send(Array(said[start..<start + 320]))
        }
        stream(Array(said[(Self.second * 6)...]), on: harness)
        for _ in 0..<16 { stream(slope(0..<Self.second), on: harness) }
        #expect(delay(harness) <= 100)
        #expect(harness.session.currentStatistics.uplinkDropped == 0)
    }

    @Test("pauses are left out before words are played faster: the first 800 ms of each stay")
    func pausesFirst() throws {
        let harness = try welcomed()
        harness.room.emit(.interrupted)
        stream(slope(0..<Self.second), on: harness)
        stream([Int16](repeating: 3, count: Self.second * 4), on: harness)
        harness.room.emit(.resumed)
        stream([Int16](repeating: 3, count: Self.second * 4), on: harness)
        #expect(delay(harness) <= 40)
        #expect(harness.session.currentStatistics.uplinkDropped == 0)
    }

    @Test("beyond 8 s pauses that wait are shortened first: words of a caller who waits long for an agent stay")
    func longWait() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        stream(slope(0..<Self.second * 3), on: harness)
        stream([Int16](repeating: 3, count: Self.second * 12), on: harness)
        #expect(delay(harness) <= 8100)
        harness.room.bring(agent: "agent-1", state: "listening")
        stream([Int16](repeating: 3, count: Self.second * 6), on: harness)
        let words = harness.room.heard.filter { $0 >= 600 }
        let areKept = isWhole(words, 0..<Self.second * 3)
        #expect(areKept)
        #expect(!harness.client.events("error").contains { $0["code"] == "audio_dropped" })
        #expect(delay(harness) <= 40)
    }

    @Test("beyond 8 s of words the oldest give way, are counted, and the client is told that it is not to blame")
    func beyondMaximum() throws {
        let harness = try welcomed()
        harness.room.emit(.interrupted)
        stream(slope(0..<Self.second * 10), on: harness)
        #expect((7900...8100).contains(delay(harness)))
        #expect((1900...2100).contains(harness.session.currentStatistics.uplinkDropped / 48))
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "audio_dropped" && error["blame"] == "room")
        harness.room.emit(.resumed)
        stream(slope(0..<320), on: harness)
        let first = try #require(harness.room.heard.first)
        #expect(
            (slope(Self.second * 19 / 10..<Self.second * 2)[0]...slope(0..<Self.second * 21 / 10).last!).contains(first)
        )
    }

    @Test("a client that brings more than it may is to blame itself")
    func clientsFault() throws {
        let harness = try welcomed { $0.limits.maximumBacklog = .seconds(2) }
        for start in stride(from: 0, to: Self.second * 5, by: 320) { harness.send(slope(start..<start + 320)) }
        for _ in 0..<2 { stream(slope(0..<Self.second), on: harness) }
        let error = try #require(harness.client.events("error").first)
        #expect(error["code"] == "audio_dropped" && error["blame"] == "client")
        #expect(delay(harness) <= 2000)
    }

    @Test("what was recorded is no delay: it is played as it is, in one message or in many", arguments: [1, 250])
    func recorded(messages: Int) throws {
        let harness = try welcomed()
        let said = slope(0..<Self.second * 5)
        let length = said.count / messages
        for start in stride(from: 0, to: said.count, by: length) {
            harness.send(Array(said[start..<start + length]))
            harness.clock.advance(by: .milliseconds(messages == 1 ? 0 : 4))
        }
        harness.clock.advance(by: .seconds(6))
        let isUntouched = harness.room.heard == said
        #expect(isUntouched)
        #expect(harness.session.currentStatistics.uplinkSkipped == 0)
    }

    @Test("a caller who has stopped is worked off as well, and the turn ends where its words do")
    func stopped() throws {
        let harness = try Harness(dialect: ConversationDialect.self) { $0.turnRPCMethod = "turn" }
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        harness.room.emit(.interrupted)
        stream(slope(0..<Self.second * 4), on: harness)
        harness.send(text: #"{"type":"end_turn"}"#)
        harness.room.emit(.resumed)
        harness.clock.advance(by: .milliseconds(2900))
        #expect(harness.room.calls.isEmpty)
        harness.clock.advance(by: .milliseconds(700))
        #expect(harness.room.calls.map(\.method) == ["turn"])
        let isKept = isWhole(harness.room.heard, 0..<Self.second * 4)
        #expect(isKept)
    }
}
