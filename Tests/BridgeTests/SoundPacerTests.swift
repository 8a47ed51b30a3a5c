import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("Sound for clients that can keep only so much of it")
struct SoundPacerTests {
    private let piece = [UInt8](repeating: 7, count: 10)
    private let length = Duration.milliseconds(60)

    /// What a device has in its queue while it plays: packets that came, less those that it has played.
    private func mostWaiting(_ times: [Instant]) -> Int {
        var playing = Instant.zero
        var most = 0
        var starts: [Instant] = []
        for time in times {
            playing = max(playing, time)
            starts.append(playing)
            playing = playing + length
            most = max(most, starts.filter { $0 > time }.count)
        }
        return most
    }

    @Test("five seconds that come at once never fill a queue of 40 packets, and none is lost")
    func burst() {
        var pacer = SoundPacer(SoundAllowance(lead: .milliseconds(1200)))
        var now = Instant.zero
        var sent: [Instant] = []
        for _ in 0..<83 where pacer.admit(piece.span.bytes, lasting: length, now: now) { sent.append(now) }
        #expect(sent.count == 20 && pacer.isHolding)
        while pacer.isHolding {
            now = now + .milliseconds(20)
            while pacer.next(now: now) != nil { sent.append(now) }
        }
        #expect(sent.count == 83 && pacer.dropped == 0)
        #expect(mostWaiting(sent) < 40)
    }

    @Test("sound that comes as it is spoken is never held back")
    func realTime() {
        var pacer = SoundPacer(SoundAllowance(lead: .milliseconds(1200)))
        var now = Instant.zero
        for _ in 0..<500 {
            let isAdmitted = pacer.admit(piece.span.bytes, lasting: length, now: now)
            #expect(isAdmitted)
            now = now + length
        }
    }

    @Test("an interruption empties the queue, and what comes then goes at once")
    func interruption() {
        var pacer = SoundPacer(SoundAllowance(lead: .milliseconds(120)))
        for _ in 0..<10 { _ = pacer.admit(piece.span.bytes, lasting: length, now: .zero) }
        #expect(pacer.isHolding)
        pacer.discard(now: .zero)
        #expect(!pacer.isHolding)
        let isAdmitted = pacer.admit(piece.span.bytes, lasting: length, now: .zero)
        #expect(isAdmitted)
    }

    @Test("of sound without end the oldest gives way, and is counted")
    func endless() {
        var pacer = SoundPacer(SoundAllowance(lead: .milliseconds(60)))
        for _ in 0..<300 { _ = pacer.admit(piece.span.bytes, lasting: length, now: .zero) }
        #expect(pacer.dropped == 299 - Int(SoundPacer.maximumHeld / length))
    }
}
