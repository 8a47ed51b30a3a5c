package import Wire

/// One allocation at a TURN server (RFC 8656), for one address family: asked for, kept alive, and given back. SCOPE.md says what
/// is left out.
///
/// Pure: datagrams of the server and the time in, datagrams out by `poll`, and a deadline. Over TCP and TLS the owner frames
/// them (`StreamFraming.turn`). Nothing that comes from the server can make it trap or grow without bound.
package struct TURNClient {
    /// Nonces that may be stale one after the other before the server is taken for a liar.
    static let maximumChallenges = 3
    /// Seconds that an allocation is asked for, and what is believed of the answer.
    static let lifetime: UInt32 = 600
    static let lifetimes: ClosedRange<UInt32> = 30...3600

    private enum State { case idle, allocating, allocated, over }

    /// The address at the server; nil until there is one.
    package private(set) var relayed: TransportAddress?
    private let isV6: Bool
    private let isReliable: Bool
    private let authentication: MessageAuthentication
    private var random: any RandomNumberGenerator
    private var credentials: TURNCredentials
    private var state = State.idle
    private var transactions: [TURNTransaction] = []
    private var channels = TURNChannels()
    private var refresh = Instant.distantFuture
    private var outputs: [TURNOutput] = []

    /// - Parameters:
    ///   - isV6: the family of the peers, and of the address at the server.
    ///   - isReliable: the way to the server is TCP or TLS, which repeats by itself.
    ///   - random: cryptographically secure outside tests.
    package init(
        username: String, password: String, isV6: Bool, isReliable: Bool, authentication: MessageAuthentication,
        random: any RandomNumberGenerator
    ) {
        credentials = TURNCredentials(username: username, password: password)
        self.isV6 = isV6
        self.isReliable = isReliable
        self.authentication = authentication
        self.random = random
    }

    package var isOver: Bool { state == .over }

    package mutating func poll() -> TURNOutput? { outputs.isEmpty ? nil : outputs.removeFirst() }

    /// When `handleTimeout` wants to be called.
    package var nextDeadline: Instant? {
        guard state == .allocating || state == .allocated else { return nil }
        let first = Instant.earliest(transactions.map(\.next).min(), channels.nextRenewal)
        let earliest = Instant.earliest(first, refresh)
        return earliest == .distantFuture ? nil : earliest
    }

    // MARK: Life

    /// Asks for the allocation.
    package mutating func start(now: Instant) {
        guard state == .idle else { return }
        state = .allocating
        ask(.allocate, now: now)
    }

    /// Gives the allocation back, also one whose answer is under way; `poll` has the request, whose answer does not matter.
    package mutating func close(now: Instant) {
        let mayExist = state == .allocated || state == .allocating && credentials.key != nil
        if mayExist { ask(.refresh(seconds: 0), now: now) }
        finish()
    }

    package mutating func handleTimeout(now: Instant) {
        guard !isOver else { return }
        for index in transactions.indices where transactions[index].next <= now {
            guard transactions[index].retransmit(now: now) else { return fail(.noAnswer) }
            outputs.append(.transmit(transactions[index].bytes))
        }
        if refresh <= now {
            refresh = .distantFuture
            ask(.refresh(seconds: Self.lifetime), now: now)
        }
        while let peer = channels.takeDue(now) { ask(.bind(peer: peer), now: now) }
    }

    private mutating func fail(_ failure: TURNFailure) {
        guard !isOver else { return }
        finish()
        outputs.append(.failed(failure))
    }

    private mutating func finish() {
        state = .over
        transactions = []
        channels.removeAll()
    }

    // MARK: Requests

    private mutating func ask(_ purpose: TURNTransaction.Purpose, challenges: Int = 0, now: Instant) {
        let method: UInt16
        var attributes: [STUNAttribute]
        switch purpose {
        case .allocate:
            method = STUNMessage.allocateMethod
            attributes = [
                .requestedTransport(STUNAttribute.udp), .requestedFamily(isV6: isV6), .lifetime(Self.lifetime),
            ]
        case .refresh(let seconds):
            method = STUNMessage.refreshMethod
            attributes = [.lifetime(seconds), .requestedFamily(isV6: isV6)]
        case .bind(let peer):
            method = STUNMessage.channelBindMethod
            attributes = [.channelNumber(channels.number(peer)), .xorPeerAddress(channels.address(peer))]
        }
        attributes += credentials.attributes
        let request = STUNMessage(
            .request, method: method, transactionID: STUNTransactionID(using: &random), attributes: attributes)
        let bytes = request.serialized(integrityKey: credentials.key, authentication: authentication)
        transactions.append(
            TURNTransaction(
                id: request.transactionID, purpose: purpose, bytes: bytes, challenges: challenges,
                isReliable: isReliable, now: now))
        outputs.append(.transmit(bytes))
    }

    // MARK: Datagrams to peers

    /// The frame that `wrap` made last.
    package var frame: [UInt8] { channels.frame }

    /// Makes `frame` of a datagram for a peer; false while the peer has no channel. Then a few wait for it.
    package mutating func wrap(_ datagram: RawSpan, to peer: TransportAddress, now: Instant) -> Bool {
        guard state == .allocated, peer.ip.isV6 == isV6 else { return false }
        switch channels.wrap(datagram, to: peer) {
        case .framed: return true
        case .held: return false
        case .needsBinding(let index):
            ask(.bind(peer: index), now: now)
            return false
        }
    }

    // MARK: Datagrams of the server

    /// Takes one datagram that came from the server.
    package mutating func receive(_ datagram: RawSpan, now: Instant) -> TURNReceived {
        guard !isOver, !datagram.isEmpty else { return .taken }
        if datagram[0] >> 6 == 1 {
            return channels.unwrap(datagram).map { .data($0.range, from: $0.peer) } ?? .taken
        }
        // Peers are bound before anything is sent to them, so there is nothing of use in an indication, and the server may
        // not ask us for anything.
        guard let message = try? STUNMessage(parsing: datagram),
            let index = transactions.firstIndex(where: { $0.id == message.transactionID })
        else { return .taken }
        switch message.messageClass {
        case .success:
            // Whoever does not know the password has not made the allocation.
            guard let key = credentials.key, message.unknownRequiredAttributes.isEmpty,
                message.hasValidIntegrity(in: datagram, key: key, authentication: authentication)
            else { return .taken }
            succeeded(transactions.remove(at: index).purpose, message, now: now)
        case .failure: refused(transactions.remove(at: index), message, now: now)
        case .request, .indication: break
        }
        return .taken
    }

    private mutating func succeeded(_ purpose: TURNTransaction.Purpose, _ message: STUNMessage, now: Instant) {
        switch purpose {
        case .allocate:
            guard let relayed = message.relayedAddress, relayed.ip.isV6 == isV6, relayed.port != 0,
                relayed.ip != .anyV4, relayed.ip != .anyV6
            else { return fail(.unusable) }
            state = .allocated
            self.relayed = relayed
            planRefresh(message, now: now)
            outputs.append(.allocated(relayed))
        case .refresh: planRefresh(message, now: now)
        case .bind(let peer):
            for frame in channels.bound(peer, now: now) { outputs.append(.transmit(frame)) }
        }
    }

    /// The allocation is refreshed when a quarter of its life is left.
    private mutating func planRefresh(_ message: STUNMessage, now: Instant) {
        let seconds = message.lifetime ?? Self.lifetime
        let believed = min(max(seconds, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
        refresh = now + .milliseconds(Int64(believed) * 750)
    }

    private mutating func refused(_ transaction: TURNTransaction, _ message: STUNMessage, now: Instant) {
        let code = message.errorCode?.code ?? 0
        // The first 401 asks for credentials, a later one refuses them, unless there is an allocation by them: then the server
        // has started anew, and says more once it knows us.
        if code == 438 || code == 401 && (credentials.key == nil || state == .allocated) {
            guard transaction.challenges < Self.maximumChallenges, credentials.take(message) else {
                return fail(code == 401 ? .unauthorized : .unusable)
            }
            return ask(transaction.purpose, challenges: transaction.challenges + 1, now: now)
        }
        guard case .bind(let peer) = transaction.purpose, !TURNFailure.endsAllocation(code) else {
            return fail(TURNFailure(code: code))
        }
        channels.refused(peer)
        outputs.append(.peerRefused(channels.address(peer), TURNFailure(code: code)))
    }
}
