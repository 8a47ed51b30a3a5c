import Testing
import Wire

@testable import Bridge

@Suite("Pacing")
struct UplinkPacerTests {
    private let limits = Limits()

    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    /// Everything that is due, with `frames` waiting.
    private func drain(_ pacer: inout UplinkPacer, frames: inout Int, at time: Int) -> [UplinkPacer.Decision] {
        var decisions: [UplinkPacer.Decision] = []
        while true {
            let decision = pacer.next(head: frames > 0 ? 960 : nil, now: ms(time))
            if decision == .wait { return decisions }
            if case .frame = decision { frames -= 1 }
            decisions.append(decision)
        }
    }

    @Test("a burst leaves one frame at a time")
    func burst() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 50
        #expect(drain(&pacer, frames: &frames, at: 0) == [.frame(timestamp: 0, isStart: true)])
        for tick in 1..<50 {
            let sent = drain(&pacer, frames: &frames, at: tick * 20)
            #expect(sent == [.frame(timestamp: UInt32(tick * 960), isStart: false)])
        }
        #expect(frames == 0)
    }

    @Test("frames that come a little early or late go when they come")
    func jitter() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var sent = 0
        for (index, time) in [0, 17, 43, 60, 79, 101, 118, 140].enumerated() {
            var frames = 1
            sent += drain(&pacer, frames: &frames, at: time).count
            #expect(sent == index + 1)
        }
    }

    @Test("a client that was late catches up at once")
    func catchUp() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 1
        _ = drain(&pacer, frames: &frames, at: 0)
        #expect(drain(&pacer, frames: &frames, at: 100) == [])
        frames = 6
        let sent = drain(&pacer, frames: &frames, at: 120)
        #expect(sent.count == 6)
        #expect(sent.last == .frame(timestamp: 6 * 960, isStart: false))
    }

    @Test("a pause becomes silence for two seconds, then nothing; the media clock goes on")
    func pause() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 1
        _ = drain(&pacer, frames: &frames, at: 0)
        var silences = 0
        var last: UInt32 = 0
        for tick in 1...300 {
            for decision in drain(&pacer, frames: &frames, at: tick * 20) {
                guard case .silence(let timestamp, _) = decision else {
                    Issue.record("a frame out of nothing")
                    continue
                }
                #expect(timestamp > last)
                last = timestamp
                silences += 1
            }
        }
        #expect(silences == 100)
        frames = 1
        let resumed = drain(&pacer, frames: &frames, at: 10_000)
        #expect(resumed == [.frame(timestamp: 480_000, isStart: true)])
    }

    @Test("the end of a turn brings silence without the wait")
    func endOfIteration() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 2
        pacer.endTurn()
        #expect(drain(&pacer, frames: &frames, at: 0).count == 1)
        #expect(drain(&pacer, frames: &frames, at: 20) == [.frame(timestamp: 960, isStart: false)])
        #expect(drain(&pacer, frames: &frames, at: 40) == [.silence(timestamp: 1920, isStart: false)])
    }

    @Test("while held, silence goes and frames stay; released, they go in real time")
    func held() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        var frames = 10
        for tick in 0..<200 {
            let sent = drain(&pacer, frames: &frames, at: tick * 20)
            #expect(sent == [.silence(timestamp: UInt32(tick * 960), isStart: tick == 0)])
        }
        #expect(frames == 10)
        pacer.release()
        #expect(drain(&pacer, frames: &frames, at: 3995).count == 1)
        for tick in 0..<9 { #expect(drain(&pacer, frames: &frames, at: 4015 + tick * 20).count == 1) }
        #expect(frames == 0)
    }

    @Test("packets of any length are paced by it", arguments: [120, 480, 1920, 2880, 5760])
    func packetLengths(samples: Int) {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var sent = 0
        for time in 0...1200 { while pacer.next(head: samples, now: ms(time)) != .wait { sent += samples } }
        // Real time, the first packet that goes at once, and the slack.
        #expect((57_600...57_600 + samples + 240).contains(sent))
    }

    @Test("what falls due while the gateway itself is late goes at once, however often that happens")
    func ownLateness() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 1
        _ = drain(&pacer, frames: &frames, at: 0)
        for turn in 1...25 {
            // Timers come before sockets: the first look finds nothing, then everything is there.
            #expect(drain(&pacer, frames: &frames, at: turn * 400) == [])
            frames = 20
            let sent = drain(&pacer, frames: &frames, at: turn * 400)
            #expect(sent.count == 20)
            #expect(sent.last == .frame(timestamp: UInt32(turn * 20 * 960), isStart: false))
        }
    }

    @Test("a pause of the client is noticed after the gateway was late, too")
    func pauseAfterLateness() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 1
        _ = drain(&pacer, frames: &frames, at: 0)
        #expect(drain(&pacer, frames: &frames, at: 400) == [])
        let silent = (21...40).flatMap { drain(&pacer, frames: &frames, at: $0 * 20) }
        #expect(silent.first == .silence(timestamp: 29 * 960, isStart: false))
        #expect(silent.count == 12)
    }

    @Test("a clock that stood still leads to no flood")
    func standstill() {
        var pacer = UplinkPacer(limits: limits, now: .zero)
        pacer.release()
        var frames = 1
        _ = drain(&pacer, frames: &frames, at: 0)
        #expect(drain(&pacer, frames: &frames, at: 3_600_000).count == 1)
        frames = 1000
        #expect(drain(&pacer, frames: &frames, at: 7_200_000).count <= 11)
    }
}
