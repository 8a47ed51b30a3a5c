internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import Observability
internal import Wire

/// A call at the moment, as operators see it.
struct CallSnapshot: Sendable {
    /// In the order in which calls began, those of other gateways included.
    let number: Int
    let address: IPAddress
    let session: SessionSnapshot
}

/// Which calls an operator asks for; nil for any.
struct CallFilter: Hashable, Sendable {
    var room: String?
    var identity: String?
    var agent: String?
    /// A session's id.
    var id: String?
}

/// What an operator can do to a call.
enum OperatorCommand: Hashable, Sendable {
    case end
    /// To the agent, as if the caller had written it.
    case text(String)
    /// The agent stops speaking.
    case interrupt
}

/// Numbers the calls of the process, over all loops, by when they begin: in microseconds since 1970, and no two alike.
final class CallNumbers: Sendable {
    private let clock: @Sendable () -> (seconds: Int, nanoseconds: Int)
    private let last = Locked(0)

    init(clock: @escaping @Sendable () -> (seconds: Int, nanoseconds: Int) = UnixClock.now) { self.clock = clock }

    func next() -> Int {
        let (seconds, nanoseconds) = clock()
        return last.withLock { last in
            last = max(last + 1, seconds * 1_000_000 + nanoseconds / 1000)
            return last
        }
    }
}

/// The calls of one loop that are under way, in the order in which they began.
///
/// Belongs to the loop's thread.
final class LiveCalls {
    private struct Entry {
        let number: Int
        let address: IPAddress
        let session: BridgeSession
    }

    private let numbers: CallNumbers
    private var entries: [Entry] = []

    init(_ numbers: CallNumbers) { self.numbers = numbers }

    var count: Int { entries.count }

    /// - Returns: its number.
    func add(_ session: BridgeSession, address: IPAddress) -> Int {
        let number = numbers.next()
        entries.append(Entry(number: number, address: address, session: session))
        return number
    }

    func remove(_ number: Int) {
        let place = place(after: number - 1)
        guard entries.indices.contains(place), entries[place].number == number else { return }
        entries.remove(at: place)
    }

    /// The calls that fit, from those after a number on.
    ///
    /// - Parameter limit: of calls that are looked at closely.
    func snapshots(after number: Int, limit: Int, _ filter: CallFilter) -> [CallSnapshot] {
        var found: [CallSnapshot] = []
        for entry in entries[place(after: number)...] {
            if found.count == limit { break }
            guard filter.fits(entry.session) else { continue }
            found.append(
                CallSnapshot(number: entry.number, address: entry.address, session: entry.session.snapshot))
        }
        return found
    }

    /// - Returns: whether the call is one of this loop.
    func perform(_ command: OperatorCommand, on id: String) -> Bool {
        guard let session = entries.first(where: { $0.session.id == id })?.session, !session.hasEnded else {
            return false
        }
        switch command {
        case .end: session.endCall()
        case .text(let text): session.act(.text(text))
        case .interrupt: session.act(.interrupt)
        }
        return true
    }

    /// By halves: the numbers grow.
    private func place(after number: Int) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number <= number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension CallFilter {
    fileprivate func fits(_ session: BridgeSession) -> Bool {
        if let id, id != session.id { return false }
        guard room != nil || identity != nil || agent != nil else { return true }
        let summary = session.summary
        return (room ?? summary.room) == summary.room && (identity ?? summary.identity) == summary.identity
            && (agent == nil || agent == session.snapshot.agent)
    }
}
