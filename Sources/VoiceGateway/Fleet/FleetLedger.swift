internal import RESP
internal import Wire

/// What the calls of this gateway hold of limits that count for the whole fleet, and what Redis is told of it. A pure state
/// machine: wishes, answers and the state of the connection go in, commands and decisions come out by `poll`.
///
/// What is held is counted here first. Redis adds up what all gateways hold, each in a hash of its own, which is forgotten when
/// its gateway has not said for `lease` that it lives. While Redis is away the numbers of this process decide.
package struct FleetLedger {
    /// One thing of which a limited number is held.
    package struct Wish: Hashable, Sendable {
        package var field: String
        /// How many of it the fleet may hold; nil: it is only counted.
        package var limit: Int?

        package init(_ field: String, limit: Int?) {
            self.field = field
            self.limit = limit
        }
    }

    package enum Command: Hashable, Sendable {
        /// Replace all that Redis knows of us.
        case replace([String: Int])
        case hold([Wish])
        case release([String])
        /// We live.
        case renew
    }

    package enum Output: Hashable, Sendable {
        /// - Parameter number: comes back with the answer.
        case send(Command, number: Int)
        case granted(Int)
        /// - Parameter field: of which there are as many as may be.
        case refused(Int, field: String)
    }

    package static let lease = Duration.seconds(30)
    /// How often a gateway says that it lives.
    package static let renewal = Duration.seconds(10)

    private enum Pending {
        /// - Parameter replacements: how many had been sent before.
        case hold(id: Int, [Wish], replacements: Int)
        case replace
        case renew
        case release
    }

    private var held: [String: Int] = [:]
    private var isConnected = false
    private var lastNumber = 0
    private var replacements = 0
    private var pending: [Int: Pending] = [:]
    private var outputs = FIFO<Output>()

    package init() {}

    package mutating func poll() -> Output? { outputs.popFirst() }

    /// How many things are held.
    package var count: Int { held.count }

    // MARK: Calls

    /// - Parameter id: of the one who asks, for the decision.
    package mutating func ask(_ id: Int, _ wishes: [Wish]) {
        if let full = wishes.first(where: { wish in wish.limit.map { held[wish.field, default: 0] >= $0 } ?? false }) {
            return outputs.append(.refused(id, field: full.field))
        }
        for wish in wishes { held[wish.field, default: 0] += 1 }
        guard isConnected else { return outputs.append(.granted(id)) }
        send(.hold(wishes), .hold(id: id, wishes, replacements: replacements))
    }

    package mutating func release(_ fields: [String]) {
        drop(fields)
        if isConnected { send(.release(fields), .release) }
    }

    private mutating func drop(_ fields: [String]) {
        for field in fields {
            guard let count = held[field] else { continue }
            held[field] = count > 1 ? count - 1 : nil
        }
    }

    // MARK: Redis

    package mutating func connected() {
        isConnected = true
        replace()
    }

    /// What has not been decided is granted: it is counted here.
    package mutating func disconnected() {
        isConnected = false
        let open = pending
        pending = [:]
        for (_, pending) in open.sorted(by: { $0.key < $1.key }) {
            if case .hold(let id, _, _) = pending { outputs.append(.granted(id)) }
        }
    }

    package mutating func renew() {
        if isConnected { send(.renew, .renew) }
    }

    /// - Parameter value: 0 when all is as it should be; of `hold` otherwise which wish could not be granted, from 1; of `renew` 1
    ///   when Redis knows nothing of us. Nil: Redis could not do it.
    package mutating func answered(_ number: Int, _ value: Int?) {
        switch pending.removeValue(forKey: number) {
        case .hold(let id, let wishes, let before)?:
            guard let value, wishes.indices.contains(value - 1) else { return outputs.append(.granted(id)) }
            let fields = wishes.map(\.field)
            drop(fields)
            // What has been replaced since counted them.
            if replacements > before { send(.release(fields), .release) }
            outputs.append(.refused(id, field: wishes[value - 1].field))
        case .renew?: if value == 1, !held.isEmpty { replace() }
        case .replace?, .release?, nil: break
        }
    }

    private mutating func replace() {
        replacements += 1
        send(.replace(held), .replace)
    }

    private mutating func send(_ command: Command, _ entry: Pending) {
        lastNumber += 1
        pending[lastNumber] = entry
        outputs.append(.send(command, number: lastNumber))
    }
}
