package import Wire

/// Decides when the caller's sound goes to the room: in real time, however it comes. Pure; amounts are in samples at
/// 48 kHz.
///
/// Credit grows with the clock, and every frame costs its length. So a burst leaves in real time, and a client that is
/// late by up to `Limits.catchUp` catches up. A longer pause becomes silence, which is sent for `Limits.trailingSilence`.
/// When the gateway itself is late, as on a busy machine, everything that is due goes at once, or it would stay late for
/// the whole call.
package struct UplinkPacer: Sendable {
    /// What to send now.
    package enum Decision: Hashable, Sendable {
        /// Nothing before the next call.
        case wait
        /// The frame that waits longest. `isStart` after a pause.
        case frame(timestamp: UInt32, isStart: Bool)
        /// 20 ms of silence.
        case silence(timestamp: UInt32, isStart: Bool)
    }

    private enum State: Hashable, Sendable {
        /// Nothing is sent; remembers since when.
        case idle(since: Instant)
        case flowing
        /// Silence follows the caller's last frame, so much of it still.
        case trailing(samples: Int)
    }

    /// Samples of 20 ms.
    package static let frameSamples = 960

    private let catchUp: Int
    private let tick: Int
    private let maximumLateness: Int
    private let slack: Int
    private let trailing: Int
    private var state: State
    private var credit = 0
    /// The part of the credit that is due to calls which came late: the gateway's fault, not the client's.
    private var lateness = 0
    private var last: Instant
    /// The media clock: where the next packet starts.
    private var timestamp: Int = 0
    private var isStart = true
    /// No frame may go; silence goes for as long as it takes.
    package private(set) var isHeld = true
    private var turnHasEnded = false
    /// Since when nothing is sent; nil while something is.
    package var idleSince: Instant? { if case .idle(let since) = state { since } else { nil } }

    package init(limits: Limits, now: Instant) {
        catchUp = limits.catchUp.samplesAt48kHz
        tick = limits.tick.samplesAt48kHz
        maximumLateness = limits.ownLateness.samplesAt48kHz
        slack = limits.slack.samplesAt48kHz
        trailing = limits.trailingSilence.samplesAt48kHz
        state = .idle(since: now)
        last = now
    }

    /// Keeps frames back and sends silence instead, so that the track exists: a room server announces a track only
    /// when its first packet comes, and the agent hears nothing before it has subscribed to it.
    package mutating func hold(now: Instant) {
        guard !isHeld else { return }
        isHeld = true
        if case .idle(let since) = state { skipPause(since: since, now: now) }
        state = .trailing(samples: trailing)
    }

    /// Lets frames go.
    package mutating func release() { isHeld = false }

    /// Falls in step with a live client: from here on its sound leaves as it comes, as if it had flowed all the time.
    ///
    /// - Parameter due: of the sound that waits, so much would have left by now, and may leave at once; beyond
    ///   `Limits.catchUp` it does not.
    package mutating func fallInStep(due: Int, now: Instant) {
        guard !isHeld else { return }
        advance(to: now)
        switch state {
        case .idle(let since): skipPause(since: since, now: now)
        // Real time has been filled with silence up to here.
        case .trailing: credit = min(credit, Self.frameSamples + slack)
        case .flowing: break
        }
        state = .flowing
        credit = max(credit, min(due, allowance))
    }

    /// The caller has finished a turn: silence follows the last frame at once.
    package mutating func endTurn() { turnHasEnded = true }

    /// Sound has come: the turn that ended is not the last one.
    package mutating func noteArrival() { turnHasEnded = false }

    /// Forgets the flow, as when the microphone is muted: nothing is sent until sound comes.
    package mutating func stop(now: Instant) {
        advance(to: now)
        becomeIdle()
    }

    /// What to send at `now`; to be called until it says `wait`.
    /// - Parameters:
    ///   - head: the length of the frame that waits longest; nil when none waits.
    ///   - isNewest: it is the newest of a client that streams frame by frame. Such a one may go a whole frame early: else
    ///     it would wait for the tick, and so would all that follow, because the first one came late.
    package mutating func next(head: Int?, isNewest: Bool = false, now: Instant) -> Decision {
        advance(to: now)
        if isHeld { return nextWhileHeld(now: now) }
        if let head, head > 0 {
            return nextFrame(head, early: isNewest ? max(slack, Self.frameSamples) : slack, now: now)
        }
        return nextWithoutFrame(now: now)
    }

    private mutating func advance(to now: Instant) {
        let elapsed = Self.samples(from: last, to: now)
        guard elapsed > 0 else { return }
        // What rounding leaves over is not lost: only whole samples move the clock.
        last = last.advanced(byNanoseconds: Int64(elapsed) * 1_000_000 / 48)
        if case .idle = state { return }
        credit += elapsed
        if elapsed > tick * 2 { lateness = min(lateness + elapsed - tick, maximumLateness) }
    }

    /// Bounded by a day, so that nothing overflows.
    private static func samples(from start: Instant, to end: Instant) -> Int {
        let nanoseconds = min(max(end.nanoseconds(since: start), -86_400_000_000_000), 86_400_000_000_000)
        return Int(nanoseconds * 48 / 1_000_000)
    }

    /// How far the credit may grow before it means that the client pauses.
    private var allowance: Int { catchUp + lateness }

    private mutating func nextWhileHeld(now: Instant) -> Decision {
        if case .idle(let since) = state {
            skipPause(since: since, now: now)
            state = .trailing(samples: trailing)
            credit = Self.frameSamples
        }
        return silence()
    }

    private mutating func nextFrame(_ head: Int, early: Int, now: Instant) -> Decision {
        switch state {
        case .idle(let since):
            skipPause(since: since, now: now)
            credit = head
        case .trailing:
            // Real time has been filled with silence up to here; the frame takes the place of the next one.
            credit = min(max(credit, head), head + slack)
        case .flowing: break
        }
        state = .flowing
        credit = min(credit, max(allowance, head))
        guard credit + early >= head else {
            lateness = 0
            return .wait
        }
        credit -= head
        defer {
            timestamp += head
            isStart = false
        }
        return .frame(timestamp: UInt32(truncatingIfNeeded: timestamp), isStart: isStart)
    }

    private mutating func nextWithoutFrame(now: Instant) -> Decision {
        switch state {
        case .idle: return .wait
        case .flowing:
            guard credit >= allowance || turnHasEnded else { return .wait }
            // The pause so far becomes part of the media clock; from here silence fills real time.
            let missing = max(0, credit - Self.frameSamples)
            timestamp += missing
            credit -= missing
            turnHasEnded = false
            lateness = 0
            state = .trailing(samples: trailing)
            return silence()
        case .trailing(let left):
            guard left > 0 else {
                becomeIdle()
                return .wait
            }
            return silence()
        }
    }

    private mutating func silence() -> Decision {
        // A clock that stood still, as in a suspended machine, is not filled up with silence.
        if credit > catchUp {
            timestamp += credit - Self.frameSamples
            credit = Self.frameSamples
        }
        guard credit + slack >= Self.frameSamples else { return .wait }
        credit -= Self.frameSamples
        if case .trailing(let left) = state, !isHeld { state = .trailing(samples: left - Self.frameSamples) }
        defer {
            timestamp += Self.frameSamples
            isStart = false
        }
        return .silence(timestamp: UInt32(truncatingIfNeeded: timestamp), isStart: isStart)
    }

    /// Sends nothing from here on. What was sent last lasts until a frame's length after it was due.
    private mutating func becomeIdle() {
        if case .idle = state { return }
        state = .idle(since: last.advanced(byNanoseconds: Int64(Self.frameSamples - credit) * 1_000_000 / 48))
        credit = 0
        isStart = true
    }

    private mutating func skipPause(since: Instant, now: Instant) {
        timestamp += max(0, Self.samples(from: since, to: now))
        last = now
        credit = 0
        isStart = true
    }
}
