import Testing
import Wire

@testable import Bridge

@Suite("When the caller speaks")
struct CallerSpeechTests {
    private var speech = CallerSpeech()

    private func at(_ milliseconds: Int64) -> Instant { Instant.zero + .milliseconds(milliseconds) }

    /// What is found on ticks of 20 ms while the caller is heard in these spans of ms.
    private mutating func changes(_ spans: [ClosedRange<Int64>], until end: Int64) -> [String] {
        var changes: [String] = []
        var last: Instant?
        for now in stride(from: Int64(0), through: end, by: 20) {
            if spans.contains(where: { $0.contains(now) }) { last = at(now) }
            if let change = speech.follow(lastSpeech: last, at: Int(now) + 7, now: at(now)) {
                changes.append("\(change.speaks) from \(change.place) at \(now)")
            }
        }
        return changes
    }

    @Test("speech begins when it has lasted a moment, and ends after a pause, each with its place in the sound")
    mutating func turn() {
        #expect(
            changes([1000...2000, 2400...3000], until: 5000) == [
                "true from 1007 at 1100", "false from 3007 at 3500",
            ])
    }

    @Test("noises that are short or far apart are none")
    mutating func noises() {
        #expect(changes([1000...1060, 1300...1360, 4000...4040], until: 6000).isEmpty)
    }

    @Test("a speech that is over is followed by another one")
    mutating func again() {
        #expect(changes([0...200, 1000...1400], until: 3000).count == 4)
    }
}
