internal import ClientProtocol
internal import Wire

/// The session's end of the line to its client: the connection, or what stands in for it while the client is away; the
/// dialect that is spoken there; how fast messages may come; and what was counted. Belongs to one loop.
struct ClientLink {
    /// From the client: messages, and bytes of sound in them.
    private(set) var messagesReceived = 0
    private(set) var audioBytesReceived = 0
    /// To the client: messages with sound, their bytes, and messages with events.
    private(set) var audioMessagesSent = 0
    private(set) var audioBytesSent = 0
    private(set) var eventsSent = 0
    /// Whether the client has sent sound in binary messages.
    private(set) var hasSentBinary = false

    private var connection: any ClientConnection
    /// The same object as `connection` while the client is away; nil while it is there.
    private var absent: AbsentClient?
    private var dialect: any DialectCodec
    private var messages: TokenBucket
    /// When the client was last told of errors that may come with every message.
    private var complaints: [ClientError.Code: Instant] = [:]
    /// Messages with sound that were dropped by connections which are gone.
    private var earlierDrops = 0
    private let limits: Limits

    init(_ connection: any ClientConnection, dialect: any DialectCodec, limits: Limits, now: Instant) {
        self.connection = connection
        self.dialect = dialect
        self.limits = limits
        messages = TokenBucket(now: now)
    }

    /// Whether the client's connection is lost, and it may come back.
    var isAway: Bool { absent != nil }

    /// Messages with sound that the client was too slow for, or too long away.
    var droppedAudioMessages: Int { earlierDrops + connection.droppedAudioMessages }

    // MARK: From the client

    /// Counts a message; returns what is wrong when messages come too fast.
    mutating func countMessage(now: Instant) -> ClientError? {
        messagesReceived += 1
        guard messages.take(limits.messageRate, now: now) != nil else { return nil }
        return ClientError(
            .rateLimited, "more than \(limits.messagesPerSecond) messages a second; send larger pieces of sound")
    }

    /// Counts bytes of sound.
    mutating func countAudio(bytes: Int, isBinary: Bool) {
        audioBytesReceived += bytes
        hasSentBinary = hasSentBinary || isBinary
    }

    mutating func decode(_ text: [UInt8]) -> [DialectOutput] { dialect.decode(text: text) }

    /// What the dialect says about a binary message.
    mutating func acknowledge(binaryBytes: Int) -> [DialectOutput] { dialect.noteBinaryAudio(byteCount: binaryBytes) }

    mutating func change(dialect new: any DialectCodec) { dialect = new }

    // MARK: To the client

    mutating func tell(_ event: ServerEvent) {
        if let absent {
            switch event {
            case .transcript(let transcript):
                absent.begin(transcript)
                defer { absent.endTranscript() }
                return send(dialect.encode(event))
            // It is told when it comes back.
            case .agentState: return
            default: break
            }
        }
        send(dialect.encode(event))
    }

    /// Tells of an error that may repeat itself with every message: once a second is enough to say it.
    mutating func complain(_ error: ClientError, now: Instant) {
        if let last = complaints[error.code], now - last < limits.dropReportInterval { return }
        complaints[error.code] = now
        tell(.error(error))
    }

    private mutating func send(_ frames: [ClientFrame]) {
        for frame in frames { send(frame) }
    }

    mutating func send(_ frame: ClientFrame) {
        eventsSent += 1
        switch frame {
        case .text(let text): connection.send(text: text)
        // SAFETY: the bytes are only read during the call.
        case .binary(let bytes): unsafe bytes.withUnsafeBytes { unsafe connection.send(audio: $0) }
        }
    }

    /// Sends a frame, a piece or a packet of the agent's sound.
    mutating func send(sound bytes: UnsafeRawBufferPointer, as delivery: Delivery) {
        audioMessagesSent += 1
        audioBytesSent += bytes.count
        // SAFETY: the bytes are only read during the call.
        absent?.nextSound = unsafe delivery.format.duration(of: bytes)
        switch delivery.framing {
        case .binary: unsafe connection.send(audio: bytes)
        case .json: connection.send(audioText: AudioMessage.json(unsafe [UInt8](bytes)))
        case .wav:
            // SAFETY: the bytes are only read during the call.
            guard let text = AudioMessage.wav(unsafe [UInt8](bytes), format: delivery.format) else { return }
            connection.send(audioText: text)
        }
    }

    /// Throws away sound that is on its way to the client.
    func discardSound() { connection.discardQueuedAudio() }

    func close(code: UInt16, reason: String) { connection.close(code: code, reason: reason) }

    // MARK: Coming back

    /// The connection is lost: from here on everything is kept, within bounds.
    mutating func lose() {
        earlierDrops += connection.droppedAudioMessages
        let stand = AbsentClient(limits: limits)
        absent = stand
        connection = stand
    }

    /// The client has another connection: it gets what was kept for it, and the old one is closed if it is still open.
    /// - Parameter session: told with what the client has missed.
    mutating func resume(on new: any ClientConnection, _ session: SessionSummary) {
        let kept = absent
        absent = nil
        if kept == nil {
            let message = "another connection continues this session"
            tell(.closing(reason: .takenOver, message: message))
            close(code: ClosingReason.takenOver.closeCode, reason: message)
        }
        earlierDrops += connection.droppedAudioMessages
        connection = new
        tell(.ready)
        var session = session
        session.resumption = kept?.resumption ?? SessionSummary.Resumption()
        tell(.session(session))
        kept?.deliver(to: new)
    }
}
