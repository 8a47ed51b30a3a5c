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

    /// How long a client that has shown no key may take to send one as its first message.
    package static let keyWait = Duration.seconds(5)

    private let current: CurrentConfiguration
    let keyWait: Duration
    /// What tells the rooms and identities that are in use from those that are free.
    let identities = IdentityClaims()
    /// The devices that may connect.
    let devices: DeviceRegistry
    private let refusals: RefusalLog
    private let places: ConnectionPlaces
    private let limiter: Locked<RateLimiter?>
    private let isDraining: Gauge

    package init(
        _ current: CurrentConfiguration, log: Log, metrics: Metrics, keyWait: Duration = Admission.keyWait
    ) {
        self.current = current
        self.keyWait = keyWait
        refusals = RefusalLog(log, metrics)
        devices = DeviceRegistry(current, log: log)
        places = ConnectionPlaces { current.part(\.limits) }
        isDraining = metrics.gauge(
            "voicegateway_draining",
            help: "1 when the gateway lets nobody in any more, because it goes or the operator says so.")
        let rateLimit = current.part(\.rateLimit)
        limiter = Locked(rateLimit.map { RateLimiter(limit: $0, now: .zero) })
    }

    package var access: AccessPolicy { current.part(\.access) }

    /// The settings have been read again. With another rate limit everybody's allowance is full.
    package func configurationChanged() {
        devices.configurationChanged()
        let rateLimit = current.part(\.rateLimit)
        limiter.withLock { limiter in
            guard limiter?.limit != rateLimit else { return }
            limiter = rateLimit.map { RateLimiter(limit: $0, now: EventLoop.clock()) }
        }
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

    /// The same, where an API key may stand in place of an access token.
    func presentedKey(of request: HTTPRequest, bearerMayBeKey: Bool) -> String? {
        presentedKey(of: request) ?? (bearerMayBeKey ? request.bearerToken : nil)
    }

    /// Checks the key of an HTTP request and counts the request. An access token is no key: it opens one room, and must
    /// not make more tokens.
    package func check(_ request: HTTPRequest, bearerMayBeKey: Bool = false, now: Instant) -> Verdict {
        let key = presentedKey(of: request, bearerMayBeKey: bearerMayBeKey)
        return check(apiKey: key, address: address(of: request), now: now)
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

    // MARK: Client secrets

    /// A secret for a client of whoever has sent a request, which was let in; nil only when memory ran out.
    func makeClientSecret(for request: HTTPRequest, _ parameters: JSONObject, expiry: Int64) -> String? {
        let secret = current.part(\.roomServer.credentials.secret)
        var owner: [UInt8] = []
        if let keys = access.apiKeys,
            case .accepted(let number) = keys.check(presentedKey(of: request, bearerMayBeKey: true)),
            let key = keys.fingerprint(of: number)
        {
            owner = ClientSecret.owner(of: key, secret: secret)
        }
        return ClientSecret(owner: owner, expiry: expiry, parameters: parameters).sealed(secret: secret)
    }

    /// The client secret that stands in place of an API key; nil for a key. Its time may be over.
    func clientSecret(in key: String?) -> ClientSecret? {
        key.flatMap { ClientSecret($0, secret: current.part(\.roomServer.credentials.secret)) }
    }

    /// Checks a client secret and counts the request for the API key with which it was made, while there is such a key.
    func check(
        _ secret: ClientSecret, address: IPAddress, unixTime: Int64 = UnixClock.seconds(), now: Instant
    ) -> Verdict {
        var caller = Caller(address: address)
        caller.hasClientSecret = true
        guard unixTime < secret.expiry else { return count(caller, now: now, or: .wrongKey) }
        guard let keys = access.apiKeys else { return count(caller, now: now) }
        let deployment = current.part(\.roomServer.credentials.secret)
        caller.key = keys.number { ClientSecret.owner(of: $0, secret: deployment) == secret.owner }
        return count(caller, now: now, or: caller.key == nil ? .wrongKey : nil)
    }

    /// Counts a request of a caller that needs no key.
    func count(_ caller: Caller, now: Instant) -> Verdict { count(caller, now: now, or: nil) }

    private func count(_ caller: Caller, now: Instant, or refusal: AdmissionRefusal?) -> Verdict {
        let client = caller.key.map { RateLimiter.Client.key($0) } ?? .address(caller.address)
        let verdict = limiter.withLock { $0?.admit(client, now: now) ?? .admitted }
        if case .limited(let seconds) = verdict {
            return refused(.rateLimited, caller.address, retryAfterSeconds: seconds)
        }
        if let refusal { return refused(refusal, caller.address) }
        return .admitted(caller)
    }

    /// Counts a refusal and writes it down.
    func refused(_ refusal: AdmissionRefusal, _ address: IPAddress, retryAfterSeconds: Int? = nil) -> Verdict {
        refusals.note(refusal, address)
        return .refused(refusal, retryAfterSeconds: retryAfterSeconds)
    }

    /// Counts what a session has refused.
    func note(_ refusal: SessionRefusal, _ address: IPAddress) { refusals.note(refusal, address) }

    /// Checks the operator's key. Wrong ones are counted against the address.
    package func checkOperator(_ request: HTTPRequest, now: Instant) -> Verdict {
        let caller = Caller(address: address(of: request))
        switch current.part(\.admin.key)?.check(request.bearerToken) ?? .wrong {
        case .accepted: return .admitted(caller)
        case .missing: return count(caller, now: now, or: .missingKey)
        case .wrong: return count(caller, now: now, or: .wrongKey)
        }
    }

    /// Who a client is by its certificate; nil where certificates say nothing about identities.
    func certified(_ request: HTTPRequest) -> Caller.Certified? {
        guard let template = current.part(\.tls?.identity) else { return nil }
        return template.identity(of: request.peer.certificate).map { .identity($0) } ?? .nobody
    }

    // MARK: Connections

    /// Counts a connection that was refused before anything of it was read.
    package func refusedConnection(_ reason: HTTPServer.RefusalReason) { refusals.note(reason) }

    /// Connections and sessions that hold a place.
    package var placesTaken: Int { places.taken }

    /// Whether nobody is let in at the moment.
    package var isClosed: Bool { places.isClosed }

    /// Takes a place for a WebSocket.
    func open(_ address: IPAddress) -> Result<ConnectionPlaces.Place, AdmissionRefusal> {
        let place = places.open(address)
        if case .failure(let refusal) = place { refusals.note(refusal, address) }
        return place
    }

    /// Lets nobody in until `reopen`.
    package func pause() {
        places.pause()
        isDraining.set(1)
    }

    /// - Returns: false when the gateway goes.
    package func reopen() -> Bool {
        let isOpen = places.reopen()
        if isOpen { isDraining.set(0) }
        return isOpen
    }

    /// Lets nobody in any more; those who are in stay, and may come back to their sessions.
    ///
    /// - Parameter observer: is told, from any thread, how many are left, and how many there are now.
    package func close(observer: @escaping @Sendable (Int) -> Void) {
        isDraining.set(1)
        places.close(observer: observer)
    }
}
