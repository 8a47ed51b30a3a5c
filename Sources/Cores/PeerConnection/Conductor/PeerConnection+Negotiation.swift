package import Wire

/// Offers and answers: the negotiation reads and writes them, the transport and the streams take what concerns them.
extension PeerConnection {
    /// Our side of the negotiation as an offer, for the peer. With `iceRestart` it carries fresh ICE
    /// credentials; media keeps flowing over the old pair until a new one is found.
    /// An offer that is outstanding is replaced.
    package func createOffer(iceRestart: Bool = false, now: Instant) throws(NegotiationError) -> String {
        guard !isClosed else { throw .closed }
        if iceRestart, negotiation.hasNegotiated, negotiation.phase != .haveRemoteOffer {
            transport.restart(now: now)
            process(now: now)
        }
        return try negotiation.createOffer(transport.local)
    }

    /// Takes the peer's offer. Tracks that it announces are reported; `createAnswer` must follow.
    package func acceptOffer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        let offer = try negotiation.read(offer: text)
        try acceptTransport(of: offer, isOffer: true)
        for update in negotiation.accept(offer: offer) { streams.apply(update) }
        takeDataLimits(of: offer)
        process(now: now)
    }

    /// Our answer to the offer that was accepted last; with it the negotiated state takes effect.
    package func createAnswer(now: Instant) throws(NegotiationError) -> String {
        guard !isClosed else { throw .closed }
        let (answer, updates) = try negotiation.createAnswer(transport.local, role: transport.role)
        for update in updates { streams.apply(update) }
        start(now: now)
        return answer
    }

    /// Takes the peer's answer to the offer that was created last; with it the negotiated state takes effect.
    package func acceptAnswer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        let answer = try negotiation.read(answer: text)
        try acceptTransport(of: answer, isOffer: false)
        for update in negotiation.accept(answer: answer) { streams.apply(update) }
        takeDataLimits(of: answer)
        start(now: now)
    }

    private func acceptTransport(of description: SessionDescription, isOffer: Bool) throws(NegotiationError) {
        guard let remote = try Negotiation.transport(of: description) else { return }
        try transport.accept(remote, isOffer: isOffer, isFirst: !negotiation.hasNegotiated)
    }

    private func takeDataLimits(of description: SessionDescription) {
        guard let limit = Negotiation.maximumMessageSize(of: description) else { return }
        channels.maximumSendMessageSize = limit
    }

    private func start(now: Instant) {
        transport.start(now: now)
        startMedia(now: now)
        process(now: now)
    }

    // MARK: Addresses

    /// Adds a socket of ours that the peer can reach; false if there are too many, or it is known. The first
    /// one is preferred.
    @discardableResult
    package func addLocalCandidate(_ base: TransportAddress) -> Bool { !isClosed && transport.addLocalCandidate(base) }

    /// Lets the connection reach TCP candidates of the peer, of one family; the delegate opens the connections.
    package func addActiveCandidate(isV6: Bool) {
        if !isClosed { transport.addActiveCandidate(isV6: isV6) }
    }

    /// Adds an address at a TURN server; datagrams from it go by way of that server. Returns the candidate as it is trickled,
    /// or nil if the address is known or there are too many.
    package func addRelayedCandidate(_ base: TransportAddress, preference: UInt16, now: Instant) -> String? {
        guard !isClosed, let candidate = transport.addRelayedCandidate(base, preference: preference) else { return nil }
        process(now: now)
        return candidate
    }

    /// An address of ours is gone; why, for people, or nil when it was not needed any more.
    package func removeLocalCandidate(_ base: TransportAddress, reason: String?, now: Instant) {
        guard !isClosed else { return }
        transport.removeLocalCandidate(base, reason: reason, now: now)
        process(now: now)
    }

    /// Nothing can be sent from an address of ours to one of the peer's; why, for people.
    package func pathRefused(
        from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant
    ) {
        guard !isClosed else { return }
        transport.pathRefused(from: base, to: remote, reason: reason, now: now)
        process(now: now)
    }

    /// Adds a listening TCP socket. False if it cannot be used, as when a UDP socket of ours has the same address.
    @discardableResult
    package func addPassiveCandidate(_ base: TransportAddress) -> Bool {
        !isClosed && transport.addPassiveCandidate(base)
    }

    /// Adds an address of the peer: the text of a candidate, with or without `a=candidate:` or `candidate:` in
    /// front. May come before any description. False if it is of no use to us: TCP, a host name, component 2.
    @discardableResult
    package func addRemoteCandidate(_ text: String, now: Instant) -> Bool {
        guard !isClosed, transport.addRemoteCandidate(text) else { return false }
        process(now: now)
        return true
    }

    /// Our candidates as they are trickled: `candidate:…`.
    package var localCandidates: [String] { transport.local.candidates }

    /// The username fragment that the peer's checks carry first; a server with one socket for many connections
    /// finds the connection by it.
    package var localUsernameFragment: String { transport.localUsernameFragment }
    package var iceState: ICEState { transport.iceState }
    /// The pair that carries the media: our socket and the peer's address.
    package var selectedPair: (base: TransportAddress, destination: TransportAddress)? { transport.path }
    /// The best knowledge of the round trip to the peer.
    package var roundTripTime: Duration? { streams.reportedRoundTrip ?? transport.roundTripTime }
}
