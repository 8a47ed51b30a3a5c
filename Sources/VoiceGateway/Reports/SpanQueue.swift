package import Wire

/// Spans on their way to a collector, as a pure state machine: spans, answers and time go in, what is to be done comes out by
/// `poll`. One request at a time; what a collector does not take after a few attempts is dropped, and so is what comes while
/// too much waits.
package struct SpanQueue {
    package enum Answer: Hashable, Sendable {
        case taken
        /// It will never be taken.
        case refused
        /// It may be taken later.
        case failed
    }

    package enum Output: Hashable, Sendable {
        case send([Span])
        case exported(Int)
        case dropped(Int)
    }

    package static let maximumWaiting = 4096
    package static let batch = 512
    /// How long a span waits for others.
    package static let delay = Duration.seconds(5)
    /// The pauses between the attempts of a batch; after the last one it is dropped.
    package static let pauses: [Duration] = [1, 2, 4, 8].map { .seconds($0) }

    private enum State {
        case idle
        case sending
        case pausing(until: Instant)
    }

    private var waiting = FIFO<Span>()
    /// When the oldest has waited long enough.
    private var due: Instant?
    private var state = State.idle
    private var current: [Span] = []
    private var failures = 0
    private var outputs = FIFO<Output>()

    package init() {}

    package mutating func poll() -> Output? { outputs.popFirst() }

    package var nextDeadline: Instant? {
        switch state {
        case .idle: due
        case .sending: nil
        case .pausing(let until): until
        }
    }

    /// Whether something waits or is under way.
    package var isEmpty: Bool { waiting.isEmpty && current.isEmpty }

    package mutating func add(_ span: Span, now: Instant) {
        guard waiting.count < Self.maximumWaiting else { return outputs.append(.dropped(1)) }
        waiting.append(span)
        if due == nil { due = now + Self.delay }
        send(now: now)
    }

    package mutating func answered(_ answer: Answer, now: Instant) {
        guard case .sending = state else { return }
        if answer == .failed, failures < Self.pauses.count {
            state = .pausing(until: now + Self.pauses[failures])
            failures += 1
            return
        }
        outputs.append(answer == .taken ? .exported(current.count) : .dropped(current.count))
        current = []
        failures = 0
        state = .idle
        send(now: now)
    }

    package mutating func handleTimeout(now: Instant) {
        if case .pausing(let until) = state, until <= now {
            state = .sending
            outputs.append(.send(current))
        }
        send(now: now)
    }

    /// Sends what waits now, without waiting for more.
    package mutating func flush(now: Instant) {
        if !waiting.isEmpty { due = now }
        send(now: now)
    }

    private mutating func send(now: Instant) {
        guard case .idle = state, let due, waiting.count >= Self.batch || due <= now else { return }
        while current.count < Self.batch, let span = waiting.popFirst() { current.append(span) }
        // What is left has not waited for longer than the first.
        self.due = waiting.isEmpty ? nil : due
        state = .sending
        outputs.append(.send(current))
    }
}
