package import Wire

/// One SCTP association over DTLS (RFC 9260, RFC 8261) as a sans-I/O object: packets, messages and time in, packets,
/// messages and a deadline out. After every call that mutates, drain `poll()`; packets are built there, so that
/// what was asked for in one call travels together.
///
/// Either end or both may call `start`; an end that did not answers the peer's INIT just the same.
package final class SCTPAssociation {
    /// The states of RFC 9260 section 4; `idle` is its CLOSED before the association, `closed` after it.
    package enum State: Hashable, Sendable {
        case idle, cookieWait, cookieEchoed, established
        case shutdownPending, shutdownSent, shutdownReceived, shutdownAckSent
        case closed
    }

    /// Streams that we announce in both directions: every identifier but the reserved 65535 (RFC 8831 section 6.2).
    package static let announcedStreams: UInt16 = 65535

    let configuration: SCTPConfiguration
    /// Where the association stands.
    package internal(set) var state = State.idle
    package internal(set) var statistics = SCTPStatistics()
    /// Bytes of a message that the peer accepts at most (its `a=max-message-size`; 65536 if it gave none, RFC 8841
    /// section 6.1). Zero means no limit but our send buffer.
    package var maximumSendMessageSize = 65536

    // Ourselves
    let localTag: UInt32
    let initialTSN: UInt32
    /// Marks our state cookies and heartbeats.
    let nonce: UInt64

    // The peer
    var peer: SCTPPeer?
    /// The time of the call that is being handled.
    var now = Instant.zero

    // Sending
    var sendQueue = SCTPSendQueue()
    var outstanding: SCTPOutstandingData
    var congestion: SCTPCongestionControl
    var timeout = SCTPRetransmissionTimeout()
    /// What the peer's receive buffer can still take, in bytes.
    var peerWindow = 0
    /// Bytes that may be in flight until the next call; nil until the drain computes it.
    var flightLimit: Int?
    /// The first retransmission of a fast recovery leaves whatever the window says (RFC 9260 section 7.2.4, rule 3).
    var mayExceedWindow = false
    var isForwardTSNDue = false
    var forwardTSNSentAt: Instant?
    var lastDataSentAt: Instant?
    /// Retransmissions and heartbeats in a row that stayed unanswered.
    var errorCount = 0

    // Receiving
    var received = SCTPReceivedTSNs(cumulative: 0)
    var reassembly: SCTPReassembly
    var isSackDue = false
    var packetsSinceSack = 0

    // Stream reset
    var reset: SCTPStreamReset

    // Timers
    var handshakeDeadline: Instant?
    var handshakeTimeout: Duration = .zero
    var handshakeRetransmissions = 0
    var cookie: [UInt8] = []
    var retransmissionDeadline: Instant?
    var sackDeadline: Instant?
    var shutdownDeadline: Instant?
    var heartbeatDeadline: Instant?
    var heartbeatSentAt: Instant?

    // Outputs
    var events = FIFO<SCTPOutput>()
    /// Packets that travel alone or with a tag of their own.
    var packets = FIFO<[UInt8]>()
    /// Chunks that wait for a packet.
    var controlChunks = FIFO<[UInt8]>()

    /// Draws tag, first TSN and the nonce of cookies from `random`.
    package init(configuration: SCTPConfiguration, random: inout some RandomNumberGenerator) {
        self.configuration = configuration.sanitized
        localTag = UInt32.random(in: 1 ... .max, using: &random)
        initialTSN = random.next()
        nonce = random.next()
        outstanding = SCTPOutstandingData(initialTSN: initialTSN)
        congestion = SCTPCongestionControl(packetSize: self.configuration.maximumPacketSize)
        reassembly = SCTPReassembly(maximumMessageSize: self.configuration.maximumReceiveMessageSize)
        reset = SCTPStreamReset(nextRequest: initialTSN)
    }

    /// Bytes that `send` accepted and the peer has not acknowledged, less what was given up on.
    package var bufferedAmount: Int { sendQueue.bufferedAmount }

    /// The same for one stream.
    package func bufferedAmount(stream: UInt16) -> Int { sendQueue.bufferedAmount(stream: stream) }

    /// Streams that we may send on: the smaller of what we announced and what the peer accepts.
    package var outboundStreamCount: Int {
        min(Int(Self.announcedStreams), Int(peer?.inboundStreams ?? Self.announcedStreams))
    }

    /// Whether messages are still accepted.
    package var isOpenForSending: Bool {
        switch state {
        case .idle, .cookieWait, .cookieEchoed, .established: true
        case .shutdownPending, .shutdownSent, .shutdownReceived, .shutdownAckSent, .closed: false
        }
    }

    /// When `handleTimeout` wants to be called; valid once `poll` has returned nil.
    package var nextDeadline: Instant? {
        var earliest = Instant.earliest(handshakeDeadline, retransmissionDeadline)
        earliest = Instant.earliest(earliest, sackDeadline)
        earliest = Instant.earliest(earliest, shutdownDeadline)
        earliest = Instant.earliest(earliest, heartbeatDeadline)
        return Instant.earliest(earliest, reset.deadline)
    }

    /// Accepts a message. It may be sent before the handshake is over. `stream` is below 65535.
    package func send(
        _ payload: [UInt8], stream: UInt16, payloadProtocol: UInt32, isUnordered: Bool = false,
        reliability: SCTPReliability = .reliable, now: Instant
    ) throws(SCTPSendError) {
        begin(now)
        guard isOpenForSending else { throw .closed }
        guard !payload.isEmpty else { throw .emptyMessage }
        let limit = maximumSendMessageSize == 0 ? configuration.sendBufferLimit : maximumSendMessageSize
        guard payload.count <= limit else { throw .messageTooLarge(size: payload.count, limit: limit) }
        guard Int(stream) < outboundStreamCount else {
            throw .streamOutOfRange(stream: stream, count: outboundStreamCount)
        }
        if !hasRoom(for: payload.count) { statistics.abandonedMessages += sendQueue.dropExpired(now: now) }
        guard hasRoom(for: payload.count) else {
            throw .bufferFull(buffered: bufferedAmount, limit: configuration.sendBufferLimit)
        }
        var maximumRetransmissions: Int?
        var expiry: Instant?
        switch reliability {
        case .reliable: break
        case .maximumRetransmissions(let count): maximumRetransmissions = max(count, 0)
        case .lifetime(let duration): expiry = now + duration
        }
        sendQueue.enqueue(
            SCTPOutboundMessage(
                stream: stream, payloadProtocol: payloadProtocol, isUnordered: isUnordered, payload: payload,
                maximumRetransmissions: maximumRetransmissions, expiry: expiry))
    }

    private func hasRoom(for size: Int) -> Bool {
        bufferedAmount + size <= configuration.sendBufferLimit
            && sendQueue.messageCount < configuration.queuedMessageLimit
    }

    /// Retransmits, acknowledges or gives up, whatever is due.
    package func handleTimeout(now: Instant) {
        begin(now)
        func isDue(_ deadline: Instant?) -> Bool { deadline.map { $0 <= now } ?? false }
        if isDue(handshakeDeadline) { handshakeTimedOut() }
        if isDue(sackDeadline) {
            sackDeadline = nil
            isSackDue = true
        }
        if isDue(retransmissionDeadline) { retransmissionTimedOut() }
        if isDue(reset.deadline) { resetTimedOut() }
        if isDue(shutdownDeadline) { shutdownTimedOut() }
        if isDue(heartbeatDeadline) { heartbeatTimedOut() }
    }

    /// The next thing to do, nil when drained.
    package func poll() -> SCTPOutput? {
        if let packet = packets.popFirst() { return .transmit(packet) }
        if let event = events.popFirst() { return event }
        sendResetIfDue()
        if let packet = makePacket() { return .transmit(packet) }
        // Messages that expired in the meantime may have been all that a reset waited for.
        sendResetIfDue()
        if let event = events.popFirst() { return event }
        return makePacket().map { .transmit($0) }
    }

    /// Begins a call at `now`: a new drain may release a new burst.
    func begin(_ now: Instant) {
        self.now = max(self.now, now)
        flightLimit = nil
    }

    /// One more sign that the peer is away. False if that was one too many, and the association is closed.
    func countError() -> Bool {
        errorCount += 1
        guard errorCount > configuration.maximumRetransmissions else { return true }
        close(.peerUnreachable)
        return false
    }

    /// Ends the association and lets go of everything it holds. Packets that are already built still leave.
    func close(_ reason: SCTPCloseReason) {
        guard state != .closed else { return }
        state = .closed
        sendQueue.removeAll()
        outstanding.removeAll()
        controlChunks.removeAll()
        reassembly = SCTPReassembly(maximumMessageSize: configuration.maximumReceiveMessageSize)
        received = SCTPReceivedTSNs(cumulative: 0)
        reset = SCTPStreamReset(nextRequest: 0)
        cookie = []
        isSackDue = false
        isForwardTSNDue = false
        handshakeDeadline = nil
        retransmissionDeadline = nil
        sackDeadline = nil
        shutdownDeadline = nil
        heartbeatDeadline = nil
        events.append(.closed(reason))
    }
}
