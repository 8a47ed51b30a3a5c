internal import ClientProtocol
internal import Wire

/// The session's end of the line to its client: the connection, or what stands in for it while the client is away; the
/// dialect that is spoken there; how fast messages may come; and what was counted. Belongs to one loop.
struct ClientLink: ~Copyable {
    /// From the client: messages, and bytes of sound in them.
    private(set) var messagesReceived = 0
    private(set) var audioBytesReceived = 0
    /// To the client: messages with sound, their bytes, and messages with events.
    private(set) var audioMessagesSent = 0
    private(set) var audioBytesSent = 0
    private(set) var eventsSent = 0
    /// Messages of the client that could not be read.
    private(set) var faultyMessages = 0
    /// Replies that the client says it has played to their end.
    private(set) var repliesPlayedOut = 0
    /// How often the client came back.
    private var resumes = 0

    private var connection: any ClientConnection
    /// The same object as `connection` while the client is away; nil while it is there.
    private var absent: AbsentClient?
    private(set) var dialect: any ClientDialect
    /// Nil in dialects whose binary messages are what was announced.
    private var sniffer: ContentSniffer?
    /// What may not have arrived; nil when the client cannot come back.
    private var sent: UnacknowledgedMessages?
    private var pacer: SoundPacer
    private var largeMessage = LargeMessageIntake()
    /// A message with sound on its way to the client, with the room that it needs.
    private var soundMessage: [UInt8] = []
    private var messages: TokenBucket
    private let messageRate: RateLimit
    private var news: RepeatedNews
    /// Messages with sound that were dropped by connections which are gone.
    private var earlierDrops = 0
    private let limits: Limits

    /// - Parameter mayResume: the client may come back on another connection.
    init(
        _ connection: any ClientConnection, dialect: any ClientDialect, limits: Limits, mayResume: Bool = false,
        coders: (any AudioCoderFactory)? = nil, now: Instant
    ) {
        self.connection = connection
        self.dialect = dialect
        self.limits = limits
        messages = TokenBucket(now: now)
        messageRate = limits.messageRate
        news = RepeatedNews(interval: limits.dropReportInterval)
        let maximum = limits.maximumHeldSoundBytes + limits.maximumHeldBytes
        sent = mayResume ? UnacknowledgedMessages(maximumBytes: maximum) : nil
        pacer = SoundPacer(dialect.allowance, coders: coders)
        if dialect.descriptor.sniffsBinaryMessages { sniffer = ContentSniffer(limits: limits.recordings) }
    }

    /// Whether the client's connection is lost, and it may come back.
    var isAway: Bool { absent != nil }

    /// Messages with sound that the client was too slow for, or too long away.
    var droppedAudioMessages: Int { earlierDrops + connection.droppedAudioMessages + pacer.dropped }

    /// Whether sound waits because the client could not keep it.
    var isHoldingSound: Bool { pacer.isHolding }
    /// Whether `sendHeldSound` has something to do.
    var hasSoundUnderWay: Bool { pacer.isHolding || pacer.isWatching }

    /// The session has begun.
    mutating func begin(session: String) {
        dialect.begin(session: session)
        tell(.ready)
    }

    // MARK: From the client

    /// Counts a message.
    mutating func countMessage(now: Instant) -> MessageReception {
        messagesReceived += 1
        guard messages.take(messageRate, now: now) != nil else { return .taken }
        let error = ClientError(
            .rateLimited, "more than \(limits.messagesPerSecond) messages a second; send larger pieces of sound")
        guard descriptor.floods == .tells else { return .refused(SessionRefusal(error, .rateLimited)) }
        complain(error, now: now)
        return .passedOver
    }

    /// Sends an answer that the dialect itself gives.
    mutating func answer(_ event: ServerEvent) {
        if case .error = event { faultyMessages += 1 }
        tell(event)
    }

    mutating func notePlayedOut() { repliesPlayedOut += 1 }

    var isInLargeMessage: Bool { largeMessage.isUnderWay }

    mutating func beginLargeMessage(isTaken: Bool, expected: Int) {
        largeMessage.begin(isTaken: isTaken, member: descriptor.soundMember, expected: expected)
    }

    /// What is missing of it will not come.
    mutating func giveUpLargeMessage() { largeMessage.giveUp() }

    /// Reads the next piece of a text message.
    mutating func receive(textPiece piece: RawSpan, isLast: Bool) -> [SessionAction] {
        largeMessage.receive(piece, isLast: isLast).map { actions(forText: dialect.decode(large: $0)) } ?? []
    }

    /// Reads a text message.
    mutating func receive(text: [UInt8]) -> [SessionAction] { actions(forText: dialect.decode(text: text)) }

    private mutating func actions(forText outputs: [DialectOutput]) -> [SessionAction] {
        let endsTurn = outputs.contains { $0 == .event(.endTurn) || $0 == .event(.forgetTurn) }
        return actions(for: endsTurn ? outputs + (sniffer?.endTurn() ?? []) : outputs)
    }

    /// Reads a binary message: what is to be done, and then where its sound lies, if it has any.
    mutating func receive(binary message: Span<UInt8>) -> (actions: [SessionAction], sound: Range<Int>?) {
        switch sniffer?.read(message) ?? .sound {
        case .sound: break
        case .text(let text): return (receive(text: text), nil)
        // The dialect takes notice of a message with sound, wherever the sound lies.
        case .recording(let outputs): return (actions(for: dialect.decode(binary: message).outputs + outputs), nil)
        case .refused(let outputs): return (actions(for: outputs), nil)
        }
        let decoded = dialect.decode(binary: message)
        let sound = decoded.sound.clamped(to: 0..<message.count)
        audioBytesReceived += sound.count
        // An empty message is a word of a client that has nothing to configure.
        let hasSound = !sound.isEmpty || message.isEmpty
        return (decoded.outputs.isEmpty ? [] : actions(for: decoded.outputs), hasSound ? sound : nil)
    }

    /// Puts a call of one of the client's methods to it.
    mutating func take(_ call: MethodCall) -> [SessionAction] { actions(for: dialect.take(call)) }

    private mutating func actions(for outputs: [DialectOutput]) -> [SessionAction] {
        var actions: [SessionAction] = []
        for output in outputs {
            switch output {
            case .event(let event):
                if case .audio(let bytes) = event { audioBytesReceived += bytes.count }
                if case .opusPacket(let bytes) = event { audioBytesReceived += bytes.count }
                actions += event.actions
            case .reply(let event): actions.append(.answer(event))
            case .send(let frame): actions.append(.send(frame))
            }
        }
        return actions
    }

    /// The session's parameters are others from here on. Returns whether the client is told of its session now, and was
    /// not before.
    mutating func adopt(_ parameters: SessionParameters) -> Bool {
        let wasTold = dialect.tellsSession
        dialect.adopt(parameters)
        pacer.adopt(dialect.allowance)
        return dialect.tellsSession && !wasTold
    }

    /// What is known about the client's dialect.
    var descriptor: DialectDescriptor { dialect.descriptor }

    /// How the client wants its sound now.
    var delivery: SoundDelivery { dialect.delivery }

    /// Whether the client is told of its session, and with that of the token to continue it.
    var tellsSession: Bool { dialect.tellsSession }

    /// Adds what was counted here.
    func add(to numbers: inout SessionStatistics) {
        numbers.clientMessages = messagesReceived
        numbers.clientAudioBytes = audioBytesReceived
        numbers.audioMessagesSent = audioMessagesSent
        numbers.audioBytesSent = audioBytesSent
        numbers.audioMessagesDropped = droppedAudioMessages
        numbers.eventsSent = eventsSent
        numbers.faultyMessages = faultyMessages
        numbers.repliesPlayedOut = repliesPlayedOut
        numbers.resumes = resumes
    }

    // MARK: To the client

    mutating func tell(_ event: ServerEvent) {
        // It is told when it comes back.
        if isAway, case .agentState = event { return }
        let frames = dialect.encode(event)
        if case .transcript(let transcript) = event, dialect.replacesTranscripts, frames.count == 1,
            case .text(let text) = frames[0]
        {
            return send(text, of: transcript)
        }
        // What belongs to one connection is not said again on the next one.
        switch event {
        case .ready, .session, .closing, .pong, .callEnded: send(frames, isObsolete: true)
        default: send(frames)
        }
    }

    /// What waits of a segment is useless once more of it is known. Old clients get each text once, when it is complete.
    private mutating func send(_ text: String, of transcript: Transcript) {
        eventsSent += 1
        let segment = UnacknowledgedMessages.Segment(
            key: transcript.participant + "/" + transcript.segmentID, isLast: transcript.isFinal)
        let isReplacing = connection.send(text: text, replacing: segment.key, isLast: segment.isLast)
        if isReplacing { sent?.forget(segment) }
        note(.text(text), count: text.utf8.count, of: segment)
    }

    /// What has no effect is not passed over in silence.
    mutating func warn(of unknown: [UnknownParameter]) {
        for parameter in unknown { tell(.warning(.unknownParameter(parameter))) }
    }

    /// Tells of an error that may repeat itself with every message: once a second is enough to say it.
    mutating func complain(_ error: ClientError, now: Instant) {
        if news.isDue(error, now: now) { tell(.error(error)) }
    }

    /// The same of a message that was too large to be received, by its size in bytes.
    mutating func complain(ofMessageOf byteCount: Int, now: Instant) {
        let message = "The message has \(byteCount) bytes. At most \(limits.maximumMessageBytes) are accepted."
        complain(ClientError(.invalidMessage, message), now: now)
    }

    private mutating func send(_ frames: [ClientFrame], isObsolete: Bool = false) {
        for frame in frames { send(frame, isObsolete: isObsolete) }
    }

    mutating func send(_ frame: ClientFrame, isObsolete: Bool = false) {
        eventsSent += 1
        switch frame {
        case .text(let text):
            connection.send(text: text)
            note(isObsolete ? .obsolete : .text(text), count: text.utf8.count)
        case .binary(let bytes):
            connection.send(audio: bytes.span.bytes)
            note(isObsolete ? .obsolete : .sound(bytes), count: bytes.count)
        }
    }

    /// Sends a frame, a piece or a packet of the agent's sound, as soon as the client can keep it.
    mutating func send(sound bytes: RawSpan, as delivery: SoundDelivery, now: Instant) {
        let isPaced = pacer.lead != nil || pacer.isHolding
        if isPaced, !pacer.admit(bytes, lasting: delivery.format.duration(of: bytes), now: now) { return }
        send(sound: bytes, as: delivery)
        // A client that reads too slowly learns it while it can still do something about it.
        guard !isAway, let dropped = news.isDue(dropped: connection.droppedAudioMessages, now: now) else { return }
        tell(.warning(.slow(droppedMessages: dropped)))
    }

    /// Sends what has waited and can be kept now.
    mutating func sendHeldSound(as delivery: SoundDelivery, now: Instant) {
        if pacer.isWatching { pacer.noteArrivals(unacknowledged: connection.unacknowledgedBytes, now: now) }
        while let next = pacer.next(as: delivery, now: now) { send(next.piece, next.duration, as: delivery) }
    }

    private mutating func send(_ piece: SoundPacer.Piece, _ duration: Duration, as delivery: SoundDelivery) {
        switch piece {
        case .fresh(let bytes): send(sound: bytes.span.bytes, as: delivery)
        case .again(let message):
            // The client may have gone again meanwhile.
            absent?.nextSound = duration
            send(again: message, duration)
        }
    }

    private mutating func send(sound bytes: RawSpan, as delivery: SoundDelivery) {
        audioMessagesSent += 1
        audioBytesSent += bytes.byteCount
        absent?.nextSound = delivery.format.duration(of: bytes)
        let duration = keepsSent || pacer.catchesUp ? delivery.format.duration(of: bytes) : .zero
        guard delivery.wrapping != .bare else {
            connection.send(audio: bytes)
            let kept = keepsSent ? ClientMessage.sound([UInt8](copying: bytes)) : .obsolete
            return note(kept, count: bytes.byteCount, duration: duration)
        }
        soundMessage.removeAll(keepingCapacity: true)
        dialect.encode(sound: bytes.octets, as: delivery, into: &soundMessage)
        guard !soundMessage.isEmpty else { return }
        if delivery.wrapping == .text {
            connection.send(audioText: soundMessage.span.bytes)
        } else {
            connection.send(audio: soundMessage.span.bytes)
        }
        note(
            delivery.wrapping == .text ? .soundText(soundMessage) : .sound(soundMessage), count: soundMessage.count,
            duration: duration)
    }

    /// Whether what is sent now may have to be sent again.
    private var keepsSent: Bool { sent != nil && absent == nil }

    private mutating func note(
        _ message: ClientMessage, count: Int, duration: Duration = .zero,
        of segment: UnacknowledgedMessages.Segment? = nil
    ) {
        pacer.noteSent(count, lasting: duration)
        guard keepsSent else { return }
        sent?.note(message, count: count, duration: duration, of: segment)
        if sent?.isDue == true { sent?.noteArrivals(unacknowledged: connection.unacknowledgedBytes) }
    }

    /// Throws away sound that is on its way to the client.
    mutating func discardSound(now: Instant) {
        pacer.discard(now: now)
        let before = connection.unacknowledgedBytes
        connection.discardQueuedAudio()
        sent?.discardSound(queued: before - connection.unacknowledgedBytes)
    }

    func close(code: UInt16, reason: String) { connection.close(code: code, reason: reason) }

    /// The same in the words of the dialect.
    func close(_ reason: ClosingReason, message: String) {
        let closure = dialect.closure(reason, message: message)
        close(code: closure.code, reason: closure.reason)
    }

    /// The WebSocket close code by which the dialect says that.
    func closeCode(_ reason: ClosingReason, message: String) -> UInt16 {
        dialect.closure(reason, message: message).code
    }

    private mutating func send(again message: ClientMessage, _ duration: Duration) {
        switch message {
        case .text(let text):
            connection.send(text: text)
            note(message, count: text.utf8.count)
        case .sound(let bytes):
            connection.send(audio: bytes.span.bytes)
            note(message, count: bytes.count, duration: duration)
        case .soundText(let bytes):
            connection.send(audioText: bytes.span.bytes)
            note(message, count: bytes.count, duration: duration)
        case .obsolete: break
        }
    }

    // MARK: Coming back

    /// The connection is lost: from here on everything is kept, within bounds.
    mutating func lose() {
        giveUpLargeMessage()
        dialect.connectionChanged(isThere: false)
        let stand = makeStand()
        absent = stand
        connection = stand
    }

    /// What stands in for the client, with what has not arrived on the connection that is lost.
    private mutating func makeStand() -> AbsentClient {
        earlierDrops += connection.droppedAudioMessages
        var limits = limits
        if let replay = dialect.allowance.replay { limits.heldSound = min(replay, limits.heldSound) }
        let stand = AbsentClient(limits: limits)
        sent?.noteArrivals(unacknowledged: connection.unacknowledgedBytes)
        sent?.hand(to: stand)
        return stand
    }

    /// The client has another connection: it gets what was kept for it, and the old one is closed if it is still open.
    /// - Parameters:
    ///   - session: told with what the client has missed.
    ///   - agent: told behind that.
    mutating func resume(
        on new: any ClientConnection, _ session: SessionSummary, _ agent: AgentState?, now: Instant
    ) {
        resumes += 1
        giveUpLargeMessage()
        let kept = absent ?? makeStand()
        if absent == nil {
            let message = "another connection continues this session"
            tell(.closing(reason: .takenOver, message: message))
            close(code: ClosingReason.takenOver.closeCode, reason: message)
        }
        // What was held back is the latest of what the client has not got.
        (absent, connection) = (kept, kept)
        for held in pacer.takeAll(now: now) { send(held.piece, held.duration, as: delivery) }
        earlierDrops += kept.droppedAudioMessages
        absent = nil
        sent?.forget()
        connection = new
        news.begin(dropped: new.droppedAudioMessages)
        dialect.connectionChanged(isThere: true)
        tell(.ready)
        var session = session
        session.resumption = kept.resumption
        tell(.session(session))
        for (message, duration) in kept.takeAll() {
            let isPaced = message.isSound && pacer.lead != nil
            if !isPaced || pacer.admit(message, lasting: duration, now: now) { send(again: message, duration) }
        }
        if let agent { tell(.agentState(agent)) }
    }
}
