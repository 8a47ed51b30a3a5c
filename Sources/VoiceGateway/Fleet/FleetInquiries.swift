internal import Wire

/// Questions to other gateways that wait for answers. A pure state machine: what Redis says, answers and time go in, outcomes come
/// out by `poll`.
///
/// Answers may come before it is known whom the question has reached, since they take another connection.
struct FleetInquiries {
    enum Outcome: Hashable, Sendable {
        /// - Parameter silent: gateways that are there, and have not answered.
        case answered([GatewayAnswer], silent: [String])
        /// Redis cannot be asked.
        case away
    }

    /// How long an answer may take.
    static let patience = Duration.seconds(2)

    private struct Inquiry {
        var number: Int
        var deadline: Instant
        /// Whose leases run; nil until it is known.
        var gateways: [String]?
        /// Of them, those that no message reaches.
        var unreachable: [String] = []
        var answers: [String: GatewayAnswer] = [:]

        var isComplete: Bool {
            gateways.map { $0.allSatisfy { answers[$0] != nil || unreachable.contains($0) } } ?? false
        }
    }

    /// In the order in which they began, which is that of their deadlines.
    private var open: [Inquiry] = []
    private var outcomes = FIFO<(number: Int, outcome: Outcome)>()

    var nextDeadline: Instant? { open.first?.deadline }

    mutating func poll() -> (number: Int, outcome: Outcome)? { outcomes.popFirst() }

    /// A question has been sent.
    ///
    /// - Parameter number: larger than those before.
    mutating func begin(_ number: Int, now: Instant) {
        open.append(Inquiry(number: number, deadline: now + Self.patience))
    }

    /// - Parameter receivers: whether a message reaches them, by gateway.
    mutating func sent(_ number: Int, receivers: [(gateway: String, isReached: Bool)]) {
        change(number) { inquiry in
            inquiry.gateways = receivers.map(\.gateway)
            inquiry.unreachable = receivers.filter { !$0.isReached }.map(\.gateway)
        }
    }

    /// Redis is away, or does not do it.
    mutating func failed(_ number: Int) {
        guard let place = open.firstIndex(where: { $0.number == number }) else { return }
        open.remove(at: place)
        outcomes.append((number, .away))
    }

    mutating func answered(_ number: Int, _ answer: GatewayAnswer) {
        change(number) { $0.answers[answer.gateway.id] = answer }
    }

    mutating func handleTimeout(now: Instant) {
        while let first = open.first, first.deadline <= now {
            open.removeFirst()
            finish(first)
        }
    }

    private mutating func change(_ number: Int, _ body: (inout Inquiry) -> Void) {
        guard let place = open.firstIndex(where: { $0.number == number }) else { return }
        body(&open[place])
        if open[place].isComplete { finish(open.remove(at: place)) }
    }

    private mutating func finish(_ inquiry: Inquiry) {
        guard let gateways = inquiry.gateways else { return outcomes.append((inquiry.number, .away)) }
        let answers = inquiry.answers.values.sorted { $0.gateway.id < $1.gateway.id }
        let silent = gateways.filter { inquiry.answers[$0] == nil }.sorted()
        outcomes.append((inquiry.number, .answered(answers, silent: silent)))
    }
}
