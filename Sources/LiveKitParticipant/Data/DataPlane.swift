internal import EventLoops
internal import Observability
package import Signalling
internal import Wire

/// Why data was not taken.
package enum DataSendError: Error, Hashable, Sendable {
    /// The session is over; for lossy packets also: it has not begun, or is away.
    case notConnected
    /// The token does not allow data.
    case notAllowed
    case tooLarge(maximum: Int)
    /// Too much waits already; try again later.
    case congested
}

/// Whose data it is.
protocol DataPlaneOwner: AnyObject {
    var view: RoomView { get }
    func makeIdentifier() -> String
    func emit(_ event: ParticipantEvent)
}

/// The data of a participant: packets with their sequence numbers, streams, transcripts and remote procedure calls
/// (docs/livekit-protocol.md#data). What is reliable waits while the connection is away.
package final class DataPlane {
    /// Bytes of a packet, at most; servers may announce less.
    static let maximumPacketBytes = 64_000
    /// Reliable packets that wait for a channel.
    static let maximumWaitingPackets = 1024

    /// Packets of one iteration that are looked at as soon as they are there. More than an agent sends at a time; those
    /// beyond wait until sockets and timers have had their share of the loop, however many a server sends.
    static let maximumPacketsAtOnce = 16
    /// Packets that are looked at in one step of background work.
    private static let packetsInStep = 8
    /// Bytes of packets that wait. What is beyond is looked at at once: nothing is lost, and memory counts for more.
    static let maximumBacklogBytes = 4 << 20

    private enum State {
        /// Nothing was asked of the server yet.
        case idle
        /// The channels are away, or not there yet.
        case waiting
        case open
        case closed
    }

    private let loop: EventLoop
    private let log: Log
    private weak var owner: (any DataPlaneOwner)?
    /// Nil where data goes in clear.
    private let encryption: RoomEncryption?
    private weak var session: MediaSession?
    private var state = State.idle
    /// The last of our reliable packets that the server had, between its word and the end of the resume.
    private var resendAfter: UInt32?
    private var outbox = ReliableOutbox()
    private var inbox = ReliableInbox()
    private var backlog = PacketBacklog()
    private var backlogWork: BackgroundWork?
    /// When the last packet came, and how many have been looked at in that iteration.
    private var lastArrival = (at: Instant.zero, taken: 0)
    private var waitingPackets: [DataPacket] = []
    private var assembler: DataStreamAssembler
    private var transcripts = TranscriptBoard()
    private var calls = RPCCalls()
    private var callCompletions: [String: (RPCResult) -> Void] = [:]
    private var callTimer: LoopTimer?

    init(
        loop: EventLoop, ignoredTopics: Set<String>, encryption: RoomEncryption? = nil, log: Log,
        owner: any DataPlaneOwner
    ) {
        self.loop = loop
        self.encryption = encryption
        self.log = log
        self.owner = owner
        assembler = DataStreamAssembler(ignoredTopics: ignoredTopics)
        callTimer = LoopTimer(loop: loop) { [weak self] in self?.callsTimedOut() }
        backlogWork = BackgroundWork(.messages, loop: loop) { [weak self] in self?.takeBacklog() ?? false }
    }

    private func emit(_ event: ParticipantEvent) { owner?.emit(event) }

    // MARK: The connection

    /// The channels are away, or will come: what is reliable waits.
    func wait() { state = .waiting }

    /// A new session: its sequence numbers begin anew.
    func begin(on session: MediaSession) {
        self.session = session
        resendAfter = nil
        outbox = ReliableOutbox()
        inbox = ReliableInbox()
    }

    /// The session goes on, and the server has our packets up to this number.
    func resume(after received: UInt32) { resendAfter = received }

    /// Packets can flow: what the server lacks goes first, then what has waited.
    func open() {
        state = .open
        if let resendAfter {
            for bytes in outbox.resend(after: resendAfter) { session?.send(bytes, isReliable: true) }
        }
        resendAfter = nil
        let packets = waitingPackets
        waitingPackets = []
        for packet in packets { session?.send(outbox.append(packet, now: loop.now), isReliable: true) }
    }

    /// The old session is gone, and what was under way in it will not end by itself.
    func sessionEnded() {
        for event in assembler.senderLeft(sid: nil) { tell(event) }
    }

    func participantLeft(_ participant: ParticipantInfo) {
        for event in assembler.senderLeft(sid: participant.sid) { tell(event) }
        calls.participantLeft(identity: participant.identity)
        drainCalls()
    }

    /// The end; whoever waits is told.
    func close() {
        state = .closed
        callTimer?.cancel()
        backlogWork?.cancel()
        backlog = PacketBacklog()
        waitingPackets = []
        sessionEnded()
        calls.closed()
        drainCalls()
    }

    /// What we have received of each sender, for the server's eyes after a resume.
    var receiveStates: [DataChannelReceiveState] { inbox.states(now: loop.now) }

    // MARK: Sending

    /// Sends an application's bytes, to these identities or to everybody.
    package func send(
        _ payload: [UInt8], topic: String = "", isReliable: Bool = true, to destinations: [String] = []
    ) throws(DataSendError) {
        let packet = DataPacket.with {
            $0.value = .user(
                .with {
                    $0.payload = payload
                    $0.topic = topic.isEmpty ? nil : topic
                })
            $0.destinationIdentities = destinations
        }
        try send(packet, isReliable: isReliable)
    }

    /// Sends one packet. Reliable ones are numbered and kept for a resume; before there is a channel they wait.
    package func send(_ packet: DataPacket, isReliable: Bool = true) throws(DataSendError) {
        guard state != .closed else { throw .notConnected }
        if let permission = owner?.view.local.permission, !permission.canPublishData { throw .notAllowed }
        var packet = packet
        if let encryption {
            // Without a key nothing has begun yet.
            guard let sealed = encryption.seal(packet) else { throw .notConnected }
            packet = sealed
        }
        let maximum = session?.maximumPacketBytes ?? Self.maximumPacketBytes
        guard isReliable else {
            var lossy = packet
            lossy.kind = .lossy
            let bytes = lossy.encoded()
            guard bytes.count <= maximum else { throw .tooLarge(maximum: maximum) }
            guard state == .open, let session else { throw .notConnected }
            session.send(bytes, isReliable: false)
            return
        }
        // The number and its tag come on top.
        guard packet.encoded().count + 16 <= maximum else { throw .tooLarge(maximum: maximum) }
        // During a resume a packet must not overtake those that have to be sent again: the server would drop them.
        guard let session, state == .open else {
            guard waitingPackets.count < Self.maximumWaitingPackets else { throw .congested }
            waitingPackets.append(packet)
            return
        }
        guard session.bufferedBytes <= MediaSession.maximumBufferedBytes else { throw .congested }
        session.send(outbox.append(packet, now: loop.now), isReliable: true)
    }

    // MARK: Streams

    /// Sends a whole text as one stream; the result is the stream's id.
    @discardableResult
    package func sendText(
        _ text: String, topic: String, attributes: [String: String] = [:], to destinations: [String] = []
    ) throws(DataSendError) -> String {
        try sendStream(Array(text.utf8), .text, "text/plain", topic, attributes, destinations)
    }

    /// Sends whole bytes as one stream; the result is the stream's id.
    @discardableResult
    package func sendBytes(
        _ bytes: [UInt8], topic: String, name: String = "", mimeType: String = "application/octet-stream",
        attributes: [String: String] = [:], to destinations: [String] = []
    ) throws(DataSendError) -> String {
        try sendStream(bytes, .bytes(name: name), mimeType, topic, attributes, destinations)
    }

    /// A chat line, as agents read it: a text stream on `lk.chat`.
    @discardableResult
    package func sendChat(_ text: String, to destinations: [String] = []) throws(DataSendError) -> String {
        try sendText(text, topic: "lk.chat", to: destinations)
    }

    private func sendStream(
        _ bytes: [UInt8], _ kind: DataStreamInfo.Kind, _ mimeType: String, _ topic: String,
        _ attributes: [String: String], _ destinations: [String]
    ) throws(DataSendError) -> String {
        guard let id = owner?.makeIdentifier() else { throw .notConnected }
        var stream = OutgoingDataStream(id: id, destinations: destinations)
        try send(
            stream.header(
                topic: topic, kind: kind, mimeType: mimeType, attributes: attributes,
                timestamp: UnixClock.milliseconds(), totalLength: bytes.count))
        for packet in stream.chunks(bytes, isText: kind == .text) { try send(packet) }
        try send(stream.trailer())
        return id
    }

    /// Drops the streams of a topic from now on, or takes them.
    package func setIgnored(_ isIgnored: Bool, topic: String) { assembler.setIgnored(isIgnored, topic: topic) }

    // MARK: Receiving

    /// Takes one packet of the server, now or in one of the next iterations.
    func receive(_ bytes: [UInt8]) {
        guard state != .closed else { return }
        if lastArrival.at != loop.now { lastArrival = (loop.now, 0) }
        if backlog.isEmpty, lastArrival.taken < Self.maximumPacketsAtOnce {
            lastArrival.taken += 1
            return take(bytes)
        }
        backlog.append(bytes)
        while backlog.byteCount > Self.maximumBacklogBytes, let oldest = backlog.popFirst() { take(oldest) }
        backlogWork?.request()
    }

    /// Looks at the next packets that wait.
    /// - Returns: whether there are more.
    private func takeBacklog() -> Bool {
        for _ in 0..<Self.packetsInStep {
            guard let bytes = backlog.popFirst() else { return false }
            take(bytes)
        }
        return !backlog.isEmpty
    }

    private func take(_ bytes: [UInt8]) {
        var packet: DataPacket
        do {
            packet = try DataPacket(decoding: bytes)
        } catch {
            return log.warning("data packet cannot be read", ["error": "\(error)", "bytes": bytes.count])
        }
        guard inbox.accept(packet, now: loop.now) else { return }
        let sender = packet.participantIdentity
        if case .encryptedPacket(let sealed) = packet.value, let encryption {
            guard let value = encryption.open(sealed, from: sender) else {
                return log.warning("data packet cannot be decrypted", ["from": sender])
            }
            packet.value = value
        }
        switch packet.value {
        case .user(let user):
            emit(
                .data(
                    DataMessage(
                        payload: user.payload, topic: user.topic ?? "", senderIdentity: sender,
                        isReliable: packet.kind == .reliable)))
        case .chatMessage(let message): emit(.chat(message, senderIdentity: sender))
        case .streamHeader(let header): assembler.handle(header, in: packet, now: loop.now).forEach(tell)
        case .streamChunk(let chunk): assembler.handle(chunk, now: loop.now).forEach(tell)
        case .streamTrailer(let trailer): assembler.handle(trailer).forEach(tell)
        case .rpcRequest(let request):
            calls.handle(request, from: sender, now: loop.now)
            drainCalls()
        case .rpcAck(let ack):
            calls.handle(ack)
            drainCalls()
        case .rpcResponse(let response):
            calls.handle(response)
            drainCalls()
        case .transcription(let transcription):
            for update in TranscriptUpdate.updates(of: transcription, from: sender) { emit(.transcript(update)) }
        case .sipDtmf(let key): emit(.dtmf(key, senderIdentity: sender))
        case .speaker, .encryptedPacket, nil: break
        }
    }

    /// A stream's news, and the transcript that it may bring.
    private func tell(_ event: DataStreamEvent) {
        emit(.stream(event))
        if let update = transcripts.handle(event) { emit(.transcript(update)) }
    }

    // MARK: Remote procedure calls

    /// Calls a method of another participant. The completion comes exactly once.
    package func call(
        _ method: String, of identity: String, payload: String, timeout: Duration = .seconds(15),
        completion: @escaping (RPCResult) -> Void
    ) {
        guard state != .closed, state != .idle, let owner else {
            return completion(.failure(RPCErrorCode.sendFailed.error()))
        }
        guard owner.view.participant(identity: identity) != nil else {
            return completion(.failure(RPCErrorCode.recipientNotFound.error()))
        }
        let id = owner.makeIdentifier()
        callCompletions[id] = completion
        calls.call(id: id, recipient: identity, method: method, payload: payload, timeout: timeout, now: loop.now)
        drainCalls()
    }

    /// Answers a call that came as an event. Returns the call; nil when nobody waited.
    @discardableResult
    package func respond(toCall id: String, _ result: RPCResult) -> RPCInvocation? {
        let call = calls.respond(id: id, result)
        drainCalls()
        return call
    }

    private func callsTimedOut() {
        calls.handleTimeout(now: loop.now)
        drainCalls()
    }

    private func drainCalls() {
        while let output = calls.poll() {
            switch output {
            case .send(let packet):
                // A call that cannot be sent runs into its timeout, and says so then.
                do {
                    try send(packet)
                } catch {
                    log.warning("RPC packet not sent", ["error": "\(error)"])
                }
            case .finished(let id, let result): callCompletions.removeValue(forKey: id)?(result)
            case .invoked(let invocation): emit(.rpc(invocation))
            }
        }
        if state != .closed { callTimer?.follow(calls.nextDeadline) }
    }
}
