package import Wire

/// One ICE agent for one component (RFC 8445): finds a pair of addresses over which both sides reach each other,
/// and watches that they still do. Full or lite, controlling or controlled. SCOPE.md says what is left out.
///
/// Pure: the owner passes datagrams and the time in, and after every call drains `poll()` and re-arms its timer
/// for `nextDeadline`. A deadline may lie in the past, which means at once. Only STUN datagrams belong here
/// (`PacketKind`); media and DTLS bypass the agent.
///
/// Nothing that comes from the network can make it trap or grow without bound.
package struct ICEAgent {
    /// Sockets of our own.
    package static let maximumLocalCandidates = 16
    /// Addresses of the peer, signalled and peer-reflexive together.
    package static let maximumRemoteCandidates = 64
    /// Rows of the checklist (RFC 8445, section 6.1.2.5 recommends 100).
    package static let maximumPairs = 100
    /// Checks that came before we knew the peer's credentials.
    package static let maximumEarlyChecks = 32
    /// A nomination of this age gives way to one for a pair of lower priority: the peer has changed its mind, or its address. Less
    /// than the shortest pause between two checks of a participant, so that the first from elsewhere is followed.
    static let nominationValidity = Duration.milliseconds(700)

    package let configuration: ICEConfiguration
    let authentication: MessageAuthentication
    var random: any RandomNumberGenerator

    package internal(set) var state = ICEState.new
    package internal(set) var role: ICERole
    /// Ours, of the present generation; a restart changes them.
    package internal(set) var localCredentials: ICECredentials
    /// The peer's; nil until they are signalled, and again after `restart`.
    package internal(set) var remoteCredentials: ICECredentials?
    package internal(set) var isRemoteLite = false
    /// Ours, in order of preference.
    package internal(set) var localCandidates: [ICECandidate] = []
    /// The peer's, of the present generation, signalled or learned.
    package internal(set) var remoteCandidates: [ICECandidate] = []
    /// Our own addresses as the peer sees them, where they differ from all that we know of.
    package internal(set) var reflexiveCandidates: [ICECandidate] = []
    /// When `handleTimeout` wants to be called; nil when there is nothing to wait for.
    package internal(set) var nextDeadline: Instant?

    var tieBreaker: UInt64
    var generation = 0
    /// Our credentials before the last restart: the peer may use them until it has heard of the new ones.
    var previousLocalCredentials: ICECredentials?
    /// Signalled candidates whose generation is not the present one; it may be the next.
    var pendingCandidates: [ICECandidate] = []
    var earlyChecks: [ICEEarlyCheck] = []
    var pairs: [ICECandidatePair] = []
    /// Pairs to check before all others (RFC 8445, section 6.1.4.1), first in, first out.
    var triggered: [ICEPairKey] = []
    var selected: ICESelectedPath?
    var isStarted = false
    /// The latest time that the owner told.
    var clock = Instant.zero
    var nextCheck = Instant.zero
    var hasChecked = false
    var establishDeadline = Instant.distantFuture
    /// Connections of ours over TCP.
    var streams: [ICEStream] = []
    /// When ways other than UDP straight to the peer are tried; set when the peer's credentials are known.
    var detoursBegin = Instant.distantFuture
    /// Families for which addresses at TURN servers were asked for, of the present generation.
    var askedRelays: Set<Bool> = []
    /// When UDP is tried again beside a detour.
    var nextDirect = Instant.distantFuture
    private var outputs: [ICEOutput] = []
    private var firstOutput = 0

    /// - Parameter random: tie-breakers, transaction ids and passwords come from it; cryptographically secure
    ///   outside tests.
    package init(
        configuration: ICEConfiguration, authentication: MessageAuthentication, random: any RandomNumberGenerator
    ) {
        self.configuration = configuration
        self.authentication = authentication
        var random = random
        role = configuration.isLite ? .controlled : configuration.role
        localCredentials = configuration.credentials ?? ICECredentials(using: &random)
        tieBreaker = random.next()
        self.random = random
    }

    // MARK: Addresses and credentials

    /// Adds an address of ours for component 1: a socket, a way to open or to take TCP connections, or one at a TURN
    /// server. False for others, for one that is there already, and beyond `maximumLocalCandidates`. Possible at any time.
    @discardableResult
    package mutating func addLocalCandidate(_ candidate: ICECandidate) -> Bool {
        guard candidate.kind == .host || candidate.kind == .relayed, candidate.component == 1,
            localCandidates.count < Self.maximumLocalCandidates, !isBase(candidate.address)
        else { return false }
        localCandidates.append(candidate)
        for remote in remoteCandidates { addPair(candidate, remote) }
        updateDeadline()
        return true
    }

    /// Adds a socket of ours and returns the candidate to tell the peer; nil under the conditions of
    /// `addLocalCandidate`.
    package mutating func addLocalCandidate(host base: TransportAddress) -> ICECandidate? {
        let candidate = ICECandidate(host: base, index: localCandidates.count)
        return addLocalCandidate(candidate) ? candidate : nil
    }

    /// Takes the credentials of the peer and whether it is lite, from its session description. If we knew
    /// others before, the peer has restarted: this restarts us too, with fresh credentials of our own, which
    /// the answer must carry. The same ones again change nothing.
    package mutating func setRemoteCredentials(_ credentials: ICECredentials, isLite: Bool = false) {
        guard state != .closed, credentials != remoteCredentials else { return }
        if remoteCredentials != nil { beginGeneration() }
        remoteCredentials = credentials
        isRemoteLite = isLite
        if isLite && !configuration.isLite { setRole(.controlling) }
        let pending = pendingCandidates
        pendingCandidates = []
        for candidate in pending { addRemoteCandidate(candidate) }
        let early = earlyChecks
        earlyChecks = []
        for check in early where check.usernameFragment == credentials.usernameFragment {
            learn(from: check)
        }
        updateDeadline()
    }

    /// Adds an address of the peer, in any order with everything else. False when it is of no use here: neither UDP
    /// nor a TCP socket that takes connections, not component 1, port 0, a link-local IPv6 address (whose zone a
    /// candidate cannot say), or beyond `maximumRemoteCandidates` or `maximumRemoteStreams`. A candidate that names another generation than the present one waits for it.
    @discardableResult
    package mutating func addRemoteCandidate(_ candidate: ICECandidate) -> Bool {
        let address = candidate.address
        guard state != .closed, candidate.transport == .udp || candidate.transport == .passive,
            candidate.component == 1, address.port != 0,
            !(address.ip.isV6 && address.ip.isLinkLocal), address.ip != .anyV4, address.ip != .anyV6
        else { return false }
        if let fragment = candidate.usernameFragment, fragment != remoteCredentials?.usernameFragment {
            // The oldest are the likeliest to belong to a generation that has passed.
            if pendingCandidates.count >= Self.maximumRemoteCandidates { pendingCandidates.removeFirst() }
            pendingCandidates.append(candidate)
            return true
        }
        if let known = remoteCandidates.firstIndex(where: {
            $0.address == address && $0.transport == candidate.transport
        }) {
            guard remoteCandidates[known].kind == .peerReflexive else { return true }
            // Learned from a check before it was signalled: now we know what it really is.
            remoteCandidates[known] = candidate
            for index in pairs.indices where pairs[index].remote == address && !pairs[index].isStream {
                pairs[index].remotePriority = candidate.priority
                pairs[index].updatePriority(role: role)
            }
            return true
        }
        let streams = remoteCandidates.count { $0.transport.isStream }
        guard !candidate.transport.isStream || streams < Self.maximumRemoteStreams, makeRoomForRemoteCandidate()
        else { return false }
        remoteCandidates.append(candidate)
        for local in localCandidates { addPair(local, candidate) }
        updateDeadline()
        return true
    }

    /// Says who controls, before the start or beside a restart. A lite agent stays controlled.
    package mutating func setRole(_ newRole: ICERole) {
        guard !configuration.isLite, newRole != role else { return }
        role = newRole
        for index in pairs.indices {
            pairs[index].updatePriority(role: newRole)
            if newRole == .controlling { pairs[index].isNominated = false }
            // Checks that claim the old role would only meet with 487.
            guard pairs[index].check != nil else { continue }
            pairs[index].check = nil
            if pairs[index].state == .inProgress { trigger(index) }
        }
    }

    // MARK: Life

    /// Begins to send checks as soon as there is something to check.
    package mutating func start(now: Instant) {
        guard !isStarted, state == .new else { return }
        isStarted = true
        clock = now
        establishDeadline = now + configuration.establishTimeout
        setState(.checking)
        advance(now)
    }

    /// Begins a new generation with fresh credentials of ours, for an offer. The selected pair, if there is one,
    /// keeps carrying data until one of the new generation is selected. Candidates of the peer are forgotten.
    package mutating func restart(now: Instant) {
        guard state != .closed else { return }
        clock = now
        beginGeneration()
        updateDeadline()
    }

    /// Ends everything. Outputs not yet taken are dropped, except the change of state.
    package mutating func close() {
        guard state != .closed else { return }
        outputs = []
        firstOutput = 0
        pairs = []
        streams = []
        triggered = []
        earlyChecks = []
        pendingCandidates = []
        selected = nil
        setState(.closed)
        nextDeadline = nil
    }

    /// Call when `nextDeadline` has come; at other times it does no harm.
    package mutating func handleTimeout(now: Instant) { advance(now) }

    /// The next thing to do or to know; nil when there is nothing more.
    package mutating func poll() -> ICEOutput? {
        guard firstOutput < outputs.count else { return nil }
        let output = outputs[firstOutput]
        firstOutput += 1
        if firstOutput == outputs.count {
            outputs.removeAll(keepingCapacity: true)
            firstOutput = 0
        }
        return output
    }

    // MARK: Questions of the owner

    /// The pair that carries data, ours first.
    package var selectedPair: (local: TransportAddress, remote: TransportAddress)? {
        selected.map { ($0.base, $0.remote) }
    }

    /// How data goes at the moment; nil when it does not.
    package var selectedKind: ICEPathReport.Kind? { selected?.kind }

    /// Where to send data now: the selected pair, or before there is one the best valid pair, over which data
    /// may flow already (RFC 8445, section 12.1). A DTLS handshake saves a round trip by it.
    package var sendingPair: (local: TransportAddress, remote: TransportAddress)? {
        if let selected { return (selected.base, selected.remote) }
        guard state == .checking, let best = bestValidPair else { return nil }
        return (pairs[best].base, pairs[best].remote)
    }

    /// Whether this is the selected pair.
    package func isSelected(local: TransportAddress, remote: TransportAddress) -> Bool {
        guard let selected else { return false }
        return selected.remote == remote && selected.base == local
    }

    /// The round trip of the selected pair, as its checks measured it.
    package var roundTripTime: Duration? {
        guard let selected else { return nil }
        return pairs.first { $0.base == selected.base && $0.remote == selected.remote }?.roundTripTime
    }

    /// Data came from an address: the peer lives, if that is the selected one. Keeps `disconnected` (and for a
    /// lite agent `failed`) away; it is no consent. One comparison: may be called for every packet.
    package mutating func noteTraffic(from remote: TransportAddress, now: Instant) {
        guard selected?.remote == remote else { return }
        selected?.lastHeard = now
        if state == .disconnected { advance(now) }
    }

    // MARK: Shared by the extensions

    mutating func emit(_ output: ICEOutput) { outputs.append(output) }

    mutating func setState(_ newState: ICEState) {
        guard newState != state else { return }
        state = newState
        emit(.stateChanged(newState))
    }

    func isBase(_ address: TransportAddress) -> Bool {
        localCandidates.contains { $0.address == address } || selected?.base == address
    }

    /// Whether the present generation has its pair.
    var isCompleted: Bool { selected?.generation == generation }
}
