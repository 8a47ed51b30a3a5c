import Bridge
import ClientProtocol
import Foundation
import Testing
import Wire

@Suite("A client that catches up")
struct ClientCatchUpTests {
    /// A frame of 20 ms at a client, and when it begins to be played.
    private struct Played {
        var samples: [Int16]
        var at: Instant
        var crossings: Int { ClientCatchUpTests.crossings(samples) }
    }

    /// How often the wave crosses zero.
    private static func crossings(_ samples: [Int16]) -> Int {
        zip(samples, samples.dropFirst()).count { ($0 < 0) != ($1 < 0) }
    }

    private static let rate = 8000
    private static let frame = 160

    private func harness(_ query: String) throws -> Harness {
        let harness = try Harness(query + "&output_sample_rate=8000", resumeToken: "0.token") {
            $0.limits.resumeGrace = .seconds(30)
        }
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR", participant: "agent-1"))
        return harness
    }

    /// The agent sounds in real time.
    private func sound(_ harness: Harness, _ hertz: Double, _ duration: Duration, from start: Int = 0) {
        for index in 0..<Int(duration / .milliseconds(20)) {
            let first = start + index * Self.frame
            let samples = (first..<first + Self.frame).map {
                Int16(8000 * sin(2 * .pi * hertz * (Double($0) + 0.5) / Double(Self.rate)))
            }
            harness.sound(samples, track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    private func comeBack(_ harness: Harness) throws -> FakeClient {
        let client = FakeClient(clock: harness.clock)
        try #require(harness.session.resume(with: client))
        return client
    }

    /// What a client plays that plays what it has in real time, one message behind the other.
    private func played(_ client: FakeClient, opus: Bool = false) -> [Played] {
        var playedOut = Instant.zero
        return zip(client.audio, client.audioTimes).map { message, time in
            let samples = samplesOf(Array(message.dropFirst(opus ? 1 : 0)))
            let start = max(playedOut, time)
            playedOut = start + .microseconds(Int64(samples.count) * 1_000_000 / Int64(Self.rate))
            return Played(samples: samples, at: start)
        }
    }

    /// The agent sounds for 5 s while the client is away, and for 20 s after it is back; how late the client is then.
    private func delayAfterTwentySeconds(_ query: String, opus: Bool = false) throws -> (late: Duration, low: [Played])
    {
        let harness = try harness(query)
        sound(harness, 300, .milliseconds(200))
        harness.session.clientLost()
        sound(harness, 300, .seconds(5))
        let client = try comeBack(harness)
        sound(harness, 300, .seconds(20))
        let change = harness.clock.now
        sound(harness, 600, .seconds(1))
        harness.clock.advance(by: .seconds(8))
        let all = played(client, opus: opus)
        // 20 ms of 300 Hz cross zero 12 times, of 600 Hz 24 times.
        let first = try #require(all.firstIndex { $0.crossings > 18 })
        #expect(all[first...].dropLast(2).allSatisfy { $0.crossings > 18 }, "nothing of what was before comes again")
        #expect(harness.session.currentStatistics.audioMessagesDropped == 0)
        return (all[first].at - change, Array(all[..<first]))
    }

    @Test(
        "five seconds that were kept are made up for within twenty of speech without a pause, the pitch kept",
        arguments: ["catch_up=true", "catch_up=true&buffer_ms=60", "catch_up=true&output_encoding=opus"])
    func madeUpFor(query: String) throws {
        let isOpus = query.hasSuffix("opus")
        let (late, low) = try delayAfterTwentySeconds(query, opus: isOpus)
        #expect(late <= .milliseconds(100))
        let crossings = Self.crossings(low.flatMap(\.samples))
        #expect(abs(crossings - 12 * low.count) <= 12 * low.count / 50, "pitch, within 2 %")
        let seconds = Double(low.count) / 50
        #expect(seconds > 25 / 1.37 && seconds < 20.3, "25 s were said, and hardly more than 20 s was time for them")
        #expect(low.allSatisfy { $0.samples.count == low[0].samples.count }, "frames are as long as ever")
        for (one, next) in zip(low, low.dropFirst()) { #expect(next.at - one.at == .milliseconds(20), "no hole") }
    }

    @Test("without it a client that plays in real time stays as late as it was")
    func without() throws {
        #expect(try delayAfterTwentySeconds("buffer_ms=100").late >= .milliseconds(4950))
    }

    @Test("once in time, sound passes again as it is, and it passes so for a client that never was late")
    func passes() throws {
        let harness = try harness("catch_up=true")
        for index in 0..<100 {
            harness.sound(ramp(index * Self.frame..<(index + 1) * Self.frame), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.samples == ramp(0..<100 * Self.frame))
        harness.session.clientLost()
        sound(harness, 300, .seconds(1))
        let client = try comeBack(harness)
        sound(harness, 300, .seconds(5))
        let before = client.audio.count
        let marked = ramp(0..<50 * Self.frame)
        for index in 0..<50 {
            harness.sound(Array(marked[index * Self.frame..<(index + 1) * Self.frame]), track: "TR")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(client.audio[before...].flatMap(samplesOf) == marked)
    }

    @Test("silence goes first: words with pauses are in time sooner, and no word is shorter for it than it need be")
    func silence() throws {
        let harness = try harness("catch_up=true")
        harness.session.clientLost()
        sound(harness, 300, .seconds(1))
        for _ in 0..<15 { sound(harness, 0, .milliseconds(20)) }
        sound(harness, 300, .seconds(1))
        let client = try comeBack(harness)
        harness.clock.advance(by: .seconds(5))
        let silent = played(client).filter { $0.crossings == 0 }
        #expect((1...5).contains(silent.count), "300 ms, of which 100 stay at most")
    }

    @Test("what a connection held up that stood still is made up for, on the same connection")
    func stall() throws {
        let harness = try harness("catch_up=true")
        let client = harness.client
        sound(harness, 300, .seconds(1))
        client.hangs = true
        let stalled = client.audio.count
        sound(harness, 300, .seconds(5))
        #expect(client.audio.count - stalled <= 50, "a second is on its way, and the rest waits here")
        client.hangs = false
        client.unacknowledgedBytes = 0
        let end = harness.clock.now
        for index in stalled..<client.audio.count { client.audioTimes[index] = end }
        sound(harness, 300, .seconds(20))
        let change = harness.clock.now
        sound(harness, 600, .seconds(1))
        harness.clock.advance(by: .seconds(2))
        let all = played(client)
        let first = try #require(all.firstIndex { $0.crossings > 18 })
        #expect(all[first].at - change <= .milliseconds(100))
        #expect(harness.session.currentStatistics.audioMessagesDropped == 0)
    }

    @Test("a stall that is shorter than what may be on its way is made up for as well")
    func shortStall() throws {
        let harness = try harness("catch_up=true")
        let client = harness.client
        client.hangs = true
        sound(harness, 300, .milliseconds(800))
        client.hangs = false
        client.unacknowledgedBytes = 0
        for index in client.audioTimes.indices { client.audioTimes[index] = harness.clock.now }
        sound(harness, 300, .seconds(5))
        let change = harness.clock.now
        sound(harness, 600, .seconds(1))
        harness.clock.advance(by: .seconds(1))
        let first = try #require(played(client).first { $0.crossings > 18 })
        #expect(first.at - change <= .milliseconds(100))
    }

    @Test("an interruption drops what was to be caught up with, and a client that goes again gets the rest afterwards")
    func endsEarly() throws {
        let interrupted = try harness("catch_up=true")
        interrupted.session.clientLost()
        sound(interrupted, 300, .seconds(2))
        let client = try comeBack(interrupted)
        interrupted.clock.advance(by: .milliseconds(200))
        interrupted.send(text: #"{"type":"interrupt"}"#)
        let count = client.audio.count
        interrupted.clock.advance(by: .seconds(2))
        #expect(client.audio.count == count)

        let gone = try harness("catch_up=true")
        gone.session.clientLost()
        sound(gone, 300, .seconds(2))
        let second = try comeBack(gone)
        gone.clock.advance(by: .milliseconds(300))
        second.hangs = true
        gone.session.clientLost()
        let third = try comeBack(gone)
        gone.clock.advance(by: .seconds(5))
        let frames = second.audio.count + third.audio.count
        #expect((72...102).contains(frames), "2 s, at 1.35 times the speed at most: \(frames)")
    }

    @Test("another format in the middle of it: what waits is heard as it was made, and what follows in the new one")
    func otherFormat() throws {
        let harness = try harness("catch_up=true")
        harness.session.clientLost()
        sound(harness, 300, .seconds(2))
        let client = try comeBack(harness)
        harness.clock.advance(by: .milliseconds(200))
        harness.send(text: #"{"type":"config","data":{"output_encoding":"opus"}}"#)
        sound(harness, 300, .seconds(3))
        harness.clock.advance(by: .seconds(4))
        let pcm = client.audio.prefix { $0.count == 2 * Self.frame }
        #expect(pcm.count > 80 && client.audio[pcm.count...].allSatisfy { $0.count == 2 * Self.frame + 1 })
        #expect(client.audio.count - pcm.count > 100)
    }
}
