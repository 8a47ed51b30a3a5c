internal import Wire

/// What a load test has found out.
package struct LoadResult: Sendable {
    package struct Counters: Hashable, Sendable {
        package var sent = 0
        package var heard = 0
        package var heardBytes = 0
        package var gaps = 0
    }

    /// A process that was measured beside.
    package struct Watched: Sendable {
        /// Before the first client connected.
        package let before: ProcessUsage?
        package var start: ProcessUsage?
        package var end: ProcessUsage?
    }

    /// One thing that must hold, or the figures mean nothing.
    package struct Check: Hashable, Sendable {
        package let name: String
        package let holds: Bool
        package let detail: String
    }

    package let sessions: Int
    package let talking: Int
    package var isInterrupted = false
    package var connected = 0
    package var joined = 0

    // Set-up, since the connection was begun.
    package var opened = LoadDistribution()
    package var ready = LoadDistribution()
    package var joining = LoadDistribution()
    package var firstSound = LoadDistribution()

    // The measured time.
    package var measured = Duration.zero
    package var counters = Counters()
    /// From the first message of a spurt to the message in which the other one hears it.
    package var delay = LoadDistribution()
    package var gap = LoadDistribution()
    /// How late the generator itself sent.
    package var lateness = LoadDistribution()
    /// The generator's own share of a core.
    package var ownLoad = 0.0
    package var watched: [Watched] = []

    // The whole test.
    /// Speech of clients that have a listener, in messages and spurts, and what of it was heard.
    package var speechSent = 0
    package var speechHeard = 0
    package var spurtsSent = 0
    package var spurtsHeard = 0
    package var strangePackets = 0
    package var unsentMessages = 0
    package var silentlyDead = 0
    package var unanswered = 0
    package var worstShare: Double?
    package var errors: [String: Int] = [:]
    package var ends: [String: Int] = [:]

    var measuredAt: Instant?
    var countersAtStart = Counters()

    /// More kinds of errors than this are not told apart.
    private static let maximumKinds = 20

    init(plan: LoadPlan) {
        sessions = plan.sessions
        talking = (0..<plan.sessions).reduce(0) { $0 + (plan.talks($1) ? 1 : 0) }
    }

    mutating func finishMeasuring(
        now: Instant, counters end: Counters, own: ProcessUsage?, watched before: [ProcessUsage?], plan: LoadPlan
    ) {
        measured = measuredAt.map { now - $0 } ?? .zero
        counters = Counters(
            sent: end.sent - countersAtStart.sent, heard: end.heard - countersAtStart.heard,
            heardBytes: end.heardBytes - countersAtStart.heardBytes, gaps: end.gaps - countersAtStart.gaps)
        if let own, let ownNow = ProcessUsage.current, seconds > 0 { ownLoad = (ownNow.total - own.total) / seconds }
        for index in watched.indices {
            watched[index].start = before[index]
            watched[index].end = ProcessUsage(process: plan.watched[index])
        }
    }

    package var seconds: Double { measured / .seconds(1) }

    mutating func take(_ client: LoadClient, topology: LoadPlan.Topology) {
        let record = client.record
        if let value = record.opened {
            opened.add(value)
            connected += 1
        }
        if let value = record.ready { ready.add(value) }
        if let value = record.joined {
            joining.add(value)
            joined += 1
        }
        if let value = record.firstSound { firstSound.add(value) }
        let unsent = client.unsent
        unsentMessages += unsent.messages
        strangePackets += record.strangePackets
        if client.isOpen, !record.isAlive { unanswered += 1 }
        for error in record.errors { count(error, in: \.errors) }
        if let end = record.unexpectedEnd { count(end, in: \.ends) }
        guard topology == .pairs, let partner = client.partner else { return }
        let said = partner.record
        speechSent += said.sentLoud
        speechHeard += record.heardLoud
        spurtsSent += said.sentOnsets
        spurtsHeard += record.heardOnsets
        if said.sentLoud > 0 {
            let share = Double(record.heardLoud) / Double(said.sentLoud)
            if abs(share - 1) > abs((worstShare ?? 1) - 1) || worstShare == nil { worstShare = share }
        }
    }

    private mutating func count(_ text: String, in table: WritableKeyPath<LoadResult, [String: Int]>) {
        if self[keyPath: table][text] == nil, self[keyPath: table].count >= Self.maximumKinds { return }
        self[keyPath: table][text, default: 0] += 1
    }
}

extension ProcessUsage {
    static var current: ProcessUsage? { ProcessUsage(process: ownProcess) }
}
