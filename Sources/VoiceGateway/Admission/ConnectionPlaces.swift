internal import ClientProtocol
internal import EventLoops
internal import Wire

/// How many connections and sessions there are, in all, of each address and with each key, and whether there may be more.
/// One for the whole process. May be shared by threads.
package final class ConnectionPlaces: Sendable {
    /// WebSockets of one address that may wait at the same time for their clients to send a key.
    static let maximumWaitingPerAddress = 64

    private struct State {
        var connections = 0
        var perAddress: [IPAddress: Int] = [:]
        var perKey: [Int: Int] = [:]
        var waiting: [IPAddress: Int] = [:]
        var door = Door.open
        /// Is told how many connections and sessions are left.
        var observer: (@Sendable (Int) -> Void)?
    }

    /// Whether newcomers are let in.
    private enum Door {
        case open
        /// Not until the operator says so.
        case paused
        /// Never again: the gateway goes.
        case closed
    }

    private let limits: @Sendable () -> ConnectionLimits
    private let state = Locked(State())

    /// - Parameter limits: as they are now; asked for each newcomer.
    init(limits: @escaping @Sendable () -> ConnectionLimits) { self.limits = limits }

    /// Connections and sessions that hold a place.
    var taken: Int { state.withLock { $0.connections } }

    // MARK: The door

    /// Whether nobody is let in at the moment.
    var isClosed: Bool { state.withLock { $0.door != .open } }

    /// Lets nobody in until `reopen`.
    func pause() { state.withLock { if $0.door == .open { $0.door = .paused } } }

    /// - Returns: false when the gateway goes.
    func reopen() -> Bool {
        state.withLock { state in
            if state.door == .paused { state.door = .open }
            return state.door == .open
        }
    }

    /// Lets nobody in any more; those who are in stay.
    ///
    /// - Parameter observer: is told, from any thread, how many are left, and how many there are now.
    func close(observer: @escaping @Sendable (Int) -> Void) {
        let count = state.withLock { state in
            state.door = .closed
            state.observer = observer
            return state.connections
        }
        observer(count)
    }

    // MARK: Places

    /// Takes a place for a WebSocket.
    func open(_ address: IPAddress) -> Result<Place, AdmissionRefusal> {
        let limits = limits()
        let group = address.accountable
        let refusal = state.withLock { state -> AdmissionRefusal? in
            if state.door != .open { return .draining }
            if state.connections >= limits.maximumConnections { return .unavailable }
            if let most = limits.maximumConnectionsPerAddress, state.perAddress[group, default: 0] >= most {
                return .tooManyForAddress
            }
            state.connections += 1
            state.perAddress[group, default: 0] += 1
            return nil
        }
        return refusal.map { .failure($0) } ?? .success(Place(self, address))
    }

    /// One WebSocket, or one session that outlives it, among those that are counted. Gives its place back when nobody
    /// holds it any more.
    package final class Place: Sendable {
        let address: IPAddress
        private let places: ConnectionPlaces
        private let kind = Locked(Kind())

        fileprivate struct Kind {
            var key: Int?
            var isWaiting = false
        }

        fileprivate init(_ places: ConnectionPlaces, _ address: IPAddress) {
            self.places = places
            self.address = address
        }

        deinit {
            let kind = kind.withLock { $0 }
            places.leave(address, kind)
        }

        /// Counts the connection as one of a key's.
        func take(key: Int) -> Bool {
            guard places.enter(key: key) else { return false }
            kind.withLock { $0.key = key }
            return true
        }

        /// The client is still to send its key; false when too many clients of its address are.
        func wait() -> Bool {
            guard places.wait(address) else { return false }
            kind.withLock { $0.isWaiting = true }
            return true
        }

        func stopWaiting() {
            let wasWaiting = kind.withLock { kind in
                defer { kind.isWaiting = false }
                return kind.isWaiting
            }
            if wasWaiting { places.stopWaiting(address) }
        }
    }

    private func enter(key: Int) -> Bool {
        let most = limits().maximumConnectionsPerKey
        return state.withLock { state in
            if let most, state.perKey[key, default: 0] >= most { return false }
            state.perKey[key, default: 0] += 1
            return true
        }
    }

    private func wait(_ address: IPAddress) -> Bool {
        state.withLock { state in
            guard state.waiting[address.accountable, default: 0] < Self.maximumWaitingPerAddress else { return false }
            state.waiting[address.accountable, default: 0] += 1
            return true
        }
    }

    private func stopWaiting(_ address: IPAddress) {
        state.withLock { Self.decrement(&$0.waiting, address.accountable) }
    }

    private func leave(_ address: IPAddress, _ kind: Place.Kind) {
        let (observer, left) = state.withLock { state in
            state.connections -= 1
            Self.decrement(&state.perAddress, address.accountable)
            if let key = kind.key { Self.decrement(&state.perKey, key) }
            if kind.isWaiting { Self.decrement(&state.waiting, address.accountable) }
            return (state.observer, state.connections)
        }
        observer?(left)
    }

    /// Forgets those who have none left, so that the tables stay as small as the number of connections.
    private static func decrement<Key: Hashable>(_ table: inout [Key: Int], _ key: Key) {
        guard let count = table[key] else { return }
        table[key] = count > 1 ? count - 1 : nil
    }
}
