import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

@Suite("In step with the client")
struct UplinkStepTests {
    private let quiet = [Int16](repeating: 3, count: 320)

    /// Sends frames of 20 ms in real time; returns how many of them did not leave when they came.
    private func lateFrames(_ harness: Harness, _ frames: Range<Int>, every microseconds: Int64 = 20_000) -> Int {
        var late = 0
        for number in frames {
            let word = ramp(number * 320..<(number + 1) * 320)
            harness.send(word)
            if harness.room.packets.last.map({ samplesOf(Array($0.bytes.suffix(2))) }) != word.suffix(1) { late += 1 }
            harness.clock.advance(by: .microseconds(microseconds))
        }
        return late
    }

    private func stream(_ harness: Harness, quietFrames: Int, every microseconds: Int64 = 20_000) {
        for _ in 0..<quietFrames {
            harness.send(quiet)
            harness.clock.advance(by: .microseconds(microseconds))
        }
    }

    @Test(
        "what was said before the agent hears is played in real time, and leaves as it comes from the next pause on")
    func joining() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(1007))
        harness.stream(ramp(0..<320 * 5))
        harness.send(ramp(320 * 5..<320 * 6))
        // Between two frames of the client, and between two ticks.
        harness.clock.advance(by: .milliseconds(11))
        harness.room.bring(agent: "agent-1", state: "listening")
        // A receiver that begins with a burst speeds it up or throws it away.
        #expect(harness.room.heard == ramp(0..<320))
        harness.clock.advance(by: .milliseconds(9))
        stream(harness, quietFrames: 60)
        #expect(lateFrames(harness, 6..<100) == 0)
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<320 * 100))
    }

    @Test("a longer time is made up for in the next pause")
    func longWait() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(1007))
        harness.stream(slope(0..<320 * 50))
        harness.room.bring(agent: "agent-1", state: "listening")
        #expect(harness.room.heard.count == 320)
        stream(harness, quietFrames: 150)
        #expect(lateFrames(harness, 50..<100) == 0)
        let heard = harness.room.heard.filter { $0 > 10 }
        let areWhole =
            isWhole(Array(heard.dropLast(320 * 50)), 0..<320 * 50)
            && Array(heard.suffix(320 * 50)) == ramp(320 * 50..<320 * 100)
        #expect(areWhole)
    }

    @Test("the media clock has neither holes nor steps back when sound falls in step")
    func mediaClock() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(107))
        harness.stream(ramp(0..<320 * 6))
        harness.room.bring(agent: "agent-1", state: "listening")
        _ = lateFrames(harness, 6..<20)
        for (one, next) in zip(harness.room.packets, harness.room.packets.dropFirst()) {
            #expect(next.timestamp == one.timestamp + 960)
        }
    }

    @Test("a first frame that was late delays none of those behind it")
    func lateBeginning() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(3019))
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .milliseconds(8))
        #expect(lateFrames(harness, 1..<60) == 0)
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<320 * 60))
        #expect(harness.session.currentStatistics.uplinkSkipped == 0)
    }

    @Test("a client that sends frames faster than real time is one frame ahead of it at most")
    func ahead() throws {
        let harness = try Harness()
        harness.room.welcome()
        // Just behind a tick.
        harness.clock.advance(by: .milliseconds(3001))
        for number in 0..<10 {
            harness.send(ramp(number * 320..<(number + 1) * 320))
            harness.clock.advance(by: .microseconds(100))
        }
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<320 * 2))
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<320 * 10))
    }

    @Test("a client whose clock is a thousandth fast or slow loses nothing", arguments: [19_980, 20_020] as [Int64])
    func drift(microseconds: Int64) throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(3007))
        for round in 0..<20 {
            let late = lateFrames(harness, round * 60..<(round + 1) * 60, every: microseconds)
            #expect(late == 0)
            stream(harness, quietFrames: 10, every: microseconds)
        }
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<320 * 1200))
        #expect(harness.session.currentStatistics.uplinkSkipped == 0)
    }

    @Test("long messages stay smooth when the agent begins to hear in the middle of one", arguments: [960, 1600, 4096])
    func longMessages(samples: Int) throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(1007))
        let length = Duration.microseconds(Int64(samples) * 1_000_000 / 16_000)
        let said = ramp(0..<samples * 12)
        for number in 0..<12 {
            harness.send(Array(said[number * samples..<(number + 1) * samples]))
            if number == 0 {
                harness.clock.advance(by: .milliseconds(31))
                harness.room.bring(agent: "agent-1", state: "listening")
                harness.clock.advance(by: length - .milliseconds(31))
            } else {
                harness.clock.advance(by: length)
            }
        }
        harness.clock.advance(by: .milliseconds(300))
        #expect(harness.room.heard == Array(said[..<(said.count / 320 * 320)]))
        let spoken = harness.room.packets.filter { samplesOf(Array($0.bytes.dropFirst())).contains { $0 != 0 } }
        // The first two were due.
        for (one, third) in zip(spoken.dropFirst(2), spoken.dropFirst(4)) {
            #expect(third.at - one.at > .milliseconds(15))
        }
    }

    @Test("a client that sends silence twice as fast as real time does not bring it into the room so fast")
    func tooFast() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(3007))
        let before = harness.room.packets.count
        stream(harness, quietFrames: 500, every: 10_000)
        #expect((245...256).contains(harness.room.packets.count - before))
    }

    @Test("a recording that came before the agent is played from its start in real time")
    func recording() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.send(ramp(0..<320 * 50))
        harness.clock.advance(by: .milliseconds(1007))
        harness.room.bring(agent: "agent-1", state: "listening")
        #expect(harness.room.heard.count <= 320)
        harness.clock.advance(by: .milliseconds(500))
        #expect((320 * 24...320 * 27).contains(harness.room.heard.count))
    }
}
