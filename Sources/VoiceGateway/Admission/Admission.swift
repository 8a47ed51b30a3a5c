internal import Bridge
package import ClientProtocol
internal import EventLoops
package import HTTP
package import HTTPServer
package import Observability
package import Wire

/// Decides who may connect: API keys, rate limits, origins, numbers of connections. One for the whole process; asked at
/// the beginning of each request and connection, from any thread, never while sound flows.
package final class Admission: Sendable {
    package enum Verdict: Hashable, Sendable {
        case admitted(Caller)
        /// - Parameter retryAfterSeconds: for `Retry-After`; nil when trying again does not help.
        case refused(AdmissionRefusal, retryAfterSeconds: Int?)
    }

    /// WebSockets of one address that may wait at the same time for their clients to send a key.
    package static let maximumWaitingPerAddress = 64

    /// How long a client that has shown no key may take to send one as its first message.
    package static let keyWait = Duration.seconds(5)

    private let current: CurrentConfiguration
    let keyWait: Duration
    /// What tells the rooms and identities that are in use from those that are free.
    let identities = IdentityClaims()
    private let log: Log
    private let refusals: [AdmissionRefusal: Counter]
    private let refusalsOfTokens: Counter
    private let refusalsOfParameters: Counter
    private let refusalsOfDuplicates: Counter
    private let refusalsOfExpired: Counter
    private let refusalsOfOpenFiles: Counter
    private let refusalsOfTLS: Counter
    private let isDraining: Gauge
    private let connectionRefusals = RepeatedNotice(every: .seconds(10))
    private let state: Locked<State>

    private struct State {
        var limiter: RateLimiter?
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

    package init(
        _ current: CurrentConfiguration, log: Log, metrics: Metrics, keyWait: Duration = Admission.keyWait
    ) {
        self.current = current
        self.keyWait = keyWait
        self.log = log
        var refusals: [AdmissionRefusal: Counter] = [:]
        for refusal in AdmissionRefusal.allCases { refusals[refusal] = Self.counter(refusal.label, metrics) }
        self.refusals = refusals
        refusalsOfTokens = Self.counter("access_token", metrics)
        refusalsOfParameters = Self.counter("parameter", metrics)
        refusalsOfExpired = Self.counter("session_expired", metrics)
        refusalsOfDuplicates = Self.counter("duplicate_identity", metrics)
        refusalsOfOpenFiles = Self.counter("open_files", metrics)
        refusalsOfTLS = Self.counter("tls", metrics)
        isDraining = metrics.gauge(
            "voicegateway_draining",
            help: "1 when the gateway lets nobody in any more, because it goes or the operator says so.")
        let rateLimit = current.part(\.rateLimit)
        state = Locked(State(limiter: rateLimit.map { RateLimiter(limit: $0, now: .zero) }))
    }

    package var access: AccessPolicy { current.part(\.access) }

    /// The settings have been read again. With another rate limit everybody's allowance is full.
    package func configurationChanged() {
        let rateLimit = current.part(\.rateLimit)
        state.withLock { state in
            guard state.limiter?.limit != rateLimit else { return }
            state.limiter = rateLimit.map { RateLimiter(limit: $0, now: EventLoop.clock()) }
        }
    }

    private static func counter(_ reason: String, _ metrics: Metrics) -> Counter {
        metrics.counter(
            "voicegateway_refusals_total", help: "Requests and connections that were refused, by reason.",
            labels: ["reason": reason])
    }

    // MARK: Requests

    /// The address that a request comes from; what `X-Forwarded-For` says counts only if a trusted proxy says it.
    package func address(of request: HTTPRequest) -> IPAddress {
        ForwardedFor.client(
            peer: request.remoteAddress?.ip ?? .anyV4, values: request.headers.values("X-Forwarded-For"),
            proxies: current.part(\.http.trustedProxies))
    }

    /// Whether a page of this origin may connect; nil for a program that is no browser.
    func allows(origin: String?) -> Bool { current.part(\.http.allowedOrigins).allows(origin) }

    /// The API key that came with a request; its header counts before `?api_key=`, and that before the subprotocols.
    package func presentedKey(of request: HTTPRequest) -> String? {
        APIKeys.presented(
            header: request.headers[access.apiKeyHeaderName], query: request.query.pairs)
            ?? request.offeredSubprotocols.apiKey
    }

    /// Checks the key of an HTTP request and counts the request. An access token is no key: it opens one room, and must
    /// not make more tokens.
    package func check(_ request: HTTPRequest, now: Instant) -> Verdict {
        check(apiKey: presentedKey(of: request), address: address(of: request), now: now)
    }

    /// Whether the request brings a key, or none is needed. Counts nothing.
    package func knows(_ request: HTTPRequest) -> Bool {
        guard let keys = access.apiKeys else { return true }
        if case .accepted = keys.check(presentedKey(of: request)) { return true }
        return false
    }

    /// Checks a key and counts the request: against the key when it is right, otherwise against the address, so that
    /// keys cannot be tried out any faster.
    package func check(apiKey: String?, address: IPAddress, now: Instant) -> Verdict {
        guard let keys = access.apiKeys else { return count(Caller(address: address), now: now) }
        switch keys.check(apiKey) {
        case .accepted(let number): return count(Caller(address: address, key: number), now: now)
        case .missing: return count(Caller(address: address), now: now, or: .missingKey)
        case .wrong: return count(Caller(address: address), now: now, or: .wrongKey)
        }
    }

    /// Counts a request of a caller that needs no key.
    func count(_ caller: Caller, now: Instant) -> Verdict { count(caller, now: now, or: nil) }

    private func count(_ caller: Caller, now: Instant, or refusal: AdmissionRefusal?) -> Verdict {
        let client = caller.key.map { RateLimiter.Client.key($0) } ?? .address(caller.address)
        let verdict = state.withLock { $0.limiter?.admit(client, now: now) ?? .admitted }
        if case .limited(let seconds) = verdict {
            return refused(.rateLimited, caller.address, retryAfterSeconds: seconds)
        }
        if let refusal { return refused(refusal, caller.address) }
        return .admitted(caller)
    }

    /// Counts a refusal and writes it down.
    func refused(_ refusal: AdmissionRefusal, _ address: IPAddress, retryAfterSeconds: Int? = nil) -> Verdict {
        refusals[refusal]?.add()
        log.info("client refused", ["reason": refusal.label, "address": address])
        return .refused(refusal, retryAfterSeconds: retryAfterSeconds)
    }

    /// Counts what a session's policy has refused and writes it down. The client's own values stay out of it.
    func note(_ refusal: SessionRefusal, _ address: IPAddress) {
        let counter =
            switch refusal.reason {
            case .unauthorized, .notAllowed: refusalsOfTokens
            case .duplicateIdentity: refusalsOfDuplicates
            case .sessionExpired: refusalsOfExpired
            default: refusalsOfParameters
            }
        counter.add()
        log.info("client refused", ["reason": refusal.error.code.rawValue, "address": address])
    }

    // MARK: Connections

    /// Counts a connection that was refused before anything of it was read, and writes it down from time to time.
    package func refusedConnection(_ reason: HTTPServer.RefusalReason) {
        switch reason {
        case .tooManyConnections: report("too many connections", refusals[.unavailable])
        case .tooManyOpenFiles: report("too many open files (see ulimit -n)", refusalsOfOpenFiles)
        case .speaksPlain: report(tls: "the client speaks plain HTTP to a port with TLS")
        case .speaksTLS: report(tls: "the client speaks TLS to a port without it (TLS_CERT is not set)")
        case .tlsFailed(let why): report(tls: why)
        }
    }

    private func report(_ why: String, _ counter: Counter?) {
        counter?.add()
        guard let count = connectionRefusals.note(now: EventLoop.clock()) else { return }
        log.warning("connections refused", ["reason": why, "count": count])
    }

    /// Any scanner can bring these about, and nobody has to do something about them.
    private func report(tls why: String) {
        refusalsOfTLS.add()
        log.info("connection refused", ["reason": why])
    }

    /// One WebSocket, or one session that outlives it, among those that are counted. Gives its place back when nobody
    /// holds it any more.
    package final class Place: Sendable {
        let address: IPAddress
        private let admission: Admission
        private let kind = Locked(Kind())

        fileprivate struct Kind {
            var key: Int?
            var isWaiting = false
        }

        fileprivate init(_ admission: Admission, _ address: IPAddress) {
            self.admission = admission
            self.address = address
        }

        deinit {
            let kind = kind.withLock { $0 }
            admission.leave(address, kind)
        }

        /// Counts the connection as one of a key's.
        func take(key: Int) -> Bool {
            guard admission.enter(key: key) else { return false }
            kind.withLock { $0.key = key }
            return true
        }

        /// The client is still to send its key; false when too many clients of its address are.
        func wait() -> Bool {
            guard admission.wait(address) else { return false }
            kind.withLock { $0.isWaiting = true }
            return true
        }

        func stopWaiting() {
            let wasWaiting = kind.withLock { kind in
                defer { kind.isWaiting = false }
                return kind.isWaiting
            }
            if wasWaiting { admission.stopWaiting(address) }
        }
    }

    /// Connections and sessions that hold a place.
    package var placesTaken: Int { state.withLock { $0.connections } }

    /// Checks the operator's key. Wrong ones are counted against the address.
    package func checkOperator(_ request: HTTPRequest, now: Instant) -> Verdict {
        let caller = Caller(address: address(of: request))
        switch current.part(\.admin.key)?.check(request.bearerToken) ?? .wrong {
        case .accepted: return .admitted(caller)
        case .missing: return count(caller, now: now, or: .missingKey)
        case .wrong: return count(caller, now: now, or: .wrongKey)
        }
    }

    /// Lets nobody in until `reopen`.
    package func pause() {
        state.withLock { if $0.door == .open { $0.door = .paused } }
        isDraining.set(1)
    }

    /// - Returns: false when the gateway goes.
    package func reopen() -> Bool {
        let isOpen = state.withLock { state in
            if state.door == .paused { state.door = .open }
            return state.door == .open
        }
        if isOpen { isDraining.set(0) }
        return isOpen
    }

    /// Lets nobody in any more; those who are in stay, and may come back to their sessions.
    ///
    /// - Parameter observer: is told, from any thread, how many are left, and how many there are now.
    package func close(observer: @escaping @Sendable (Int) -> Void) {
        let count = state.withLock { state in
            state.door = .closed
            state.observer = observer
            return state.connections
        }
        isDraining.set(1)
        observer(count)
    }

    /// Whether nobody is let in at the moment.
    package var isClosed: Bool { state.withLock { $0.door != .open } }

    /// Takes a place for a WebSocket.
    func open(_ address: IPAddress) -> Result<Place, AdmissionRefusal> {
        let limits = current.part(\.limits)
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
        if let refusal {
            _ = refused(refusal, address)
            return .failure(refusal)
        }
        return .success(Place(self, address))
    }

    private func enter(key: Int) -> Bool {
        let most = current.part(\.limits.maximumConnectionsPerKey)
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
