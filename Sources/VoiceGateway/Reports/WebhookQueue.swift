package import Wire

/// Events on their way to their receivers, as a pure state machine: events, answers and time go in, what is to be done comes
/// out by `poll`.
///
/// What one receiver is told of one call is a lane: its events go one after the other, and the next only when the one before
/// it has been taken or given up. Lanes do not wait for each other. An event that is not taken is sent again after a pause
/// that grows with each attempt.
package struct WebhookQueue {
    /// What became of an attempt.
    package enum Answer: Hashable, Sendable {
        case taken
        /// The receiver wants nothing any more (410).
        case gone
        /// Anything else.
        /// - Parameter retryAfter: what the receiver asks for.
        case failed(retryAfter: Duration?)
    }

    /// Why an event does not arrive.
    package enum Loss: String, CaseIterable, Sendable {
        /// `lifetime` is over.
        case expired
        /// The receiver wants nothing any more.
        case gone
        /// Too much waits already.
        case overflow
    }

    package enum Output: Hashable, Sendable {
        /// Keep it over a restart.
        case store(WebhookDelivery)
        case send(WebhookDelivery)
        /// It is done with: forget it.
        case taken(WebhookDelivery)
        case lost(WebhookDelivery, Loss)
    }

    /// How many events may wait, and their bytes.
    package static let maximumWaiting = 20_000
    package static let maximumWaitingBytes = 64 << 20
    /// Requests under way to one receiver.
    package static let maximumInFlight = 8
    /// How long an event is tried.
    package static let lifetime = Duration.seconds(24 * 3600)
    /// The pauses behind attempts that failed; the last one repeats.
    package static let pauses: [Duration] = [1, 2, 5, 10, 30, 60, 120, 300].map { .seconds($0) }

    private struct LaneName: Hashable {
        let receiver: Int
        let session: String
    }

    private struct Lane {
        var deliveries = FIFO<(delivery: WebhookDelivery, end: Instant)>(keepingCapacity: 4)
        /// Of the first.
        var failures = 0
    }

    private var lanes: [LaneName: Lane] = [:]
    /// Lanes whose first event may be sent, by receiver.
    private var ready: [FIFO<LaneName>]
    private var inFlight: [Int]
    /// Lanes that pause, by the length of their pause: the deadlines of each grow.
    private var pausing = pauses.map { _ in FIFO<(until: Instant, lane: LaneName)>() }
    private var outputs = FIFO<Output>()
    /// Events that wait or are under way.
    package private(set) var waiting = 0
    private var waitingBytes = 0

    package init(receivers: Int) {
        ready = Array(repeating: FIFO(), count: receivers)
        inFlight = Array(repeating: 0, count: receivers)
    }

    package mutating func poll() -> Output? { outputs.popFirst() }

    package var nextDeadline: Instant? { pausing.reduce(nil) { Instant.earliest($0, $1.first?.until) } }

    /// Whether something is under way; what waits for its next attempt does not count.
    package var isSending: Bool { inFlight.contains { $0 > 0 } }

    // MARK: Input

    /// - Parameters:
    ///   - age: for what was kept over a restart, and is in the spool already.
    package mutating func add(_ delivery: WebhookDelivery, age: Duration? = nil, now: Instant) {
        guard waiting < Self.maximumWaiting, waitingBytes + delivery.body.count <= Self.maximumWaitingBytes else {
            return outputs.append(.lost(delivery, .overflow))
        }
        waiting += 1
        waitingBytes += delivery.body.count
        if age == nil { outputs.append(.store(delivery)) }
        let name = LaneName(receiver: delivery.receiver, session: delivery.session)
        if lanes[name] == nil { ready[name.receiver].append(name) }
        lanes[name, default: Lane()].deliveries.append((delivery, now + Self.lifetime - (age ?? .zero)))
        send(to: name.receiver)
    }

    /// An attempt is over.
    package mutating func answered(_ delivery: WebhookDelivery, _ answer: Answer, now: Instant) {
        let name = LaneName(receiver: delivery.receiver, session: delivery.session)
        guard let first = lanes[name]?.deliveries.first, first.delivery.number == delivery.number else { return }
        inFlight[name.receiver] -= 1
        switch answer {
        case .taken: finish(name, .taken(delivery))
        case .gone: finish(name, .lost(delivery, .gone))
        case .failed(let retryAfter): pause(name, first, retryAfter, now: now)
        }
        send(to: name.receiver)
    }

    package mutating func handleTimeout(now: Instant) {
        for step in pausing.indices {
            while let first = pausing[step].first, first.until <= now {
                _ = pausing[step].popFirst()
                ready[first.lane.receiver].append(first.lane)
            }
        }
        for receiver in ready.indices { send(to: receiver) }
    }

    // MARK: Lanes

    private mutating func send(to receiver: Int) {
        while inFlight[receiver] < Self.maximumInFlight, let name = ready[receiver].popFirst() {
            guard let first = lanes[name]?.deliveries.first else { continue }
            inFlight[receiver] += 1
            outputs.append(.send(first.delivery))
        }
    }

    /// The first event of a lane is done with.
    private mutating func finish(_ name: LaneName, _ output: Output) {
        outputs.append(output)
        guard let done = lanes[name]?.deliveries.popFirst() else { return }
        waiting -= 1
        waitingBytes -= done.delivery.body.count
        if lanes[name]?.deliveries.isEmpty == true {
            lanes[name] = nil
        } else {
            lanes[name]?.failures = 0
            ready[name.receiver].append(name)
        }
    }

    private mutating func pause(
        _ name: LaneName, _ first: (delivery: WebhookDelivery, end: Instant), _ retryAfter: Duration?, now: Instant
    ) {
        let failures = lanes[name]?.failures ?? 0
        let own = min(failures, Self.pauses.count - 1)
        let asked = retryAfter.map { asked in Self.pauses.firstIndex { $0 >= asked } ?? Self.pauses.count - 1 } ?? 0
        let step = max(own, asked)
        let until = now + Self.pauses[step]
        guard until < first.end else { return finish(name, .lost(first.delivery, .expired)) }
        lanes[name]?.failures = failures + 1
        pausing[step].append((until, name))
    }
}
