internal import EventLoops
internal import Glibc
internal import HTTP
internal import WebSocket
internal import Wire

/// One client of a load test. Belongs to the loop's thread.
final class LoadClient: WebSocketHandler {
    /// What is known of it in the end.
    struct Record {
        var connectAt: Instant?
        /// Since `connectAt`.
        var opened: Duration?
        var ready: Duration?
        var joined: Duration?
        var firstSound: Duration?
        /// Messages with sound, and those of them that are speech.
        var sent = 0
        var sentLoud = 0
        var sentOnsets = 0
        var heard = 0
        var heardBytes = 0
        var heardLoud = 0
        var heardOnsets = 0
        /// Holes of more than two frames within a spurt.
        var gaps = 0
        /// Opus packets that no client has sent.
        var strangePackets = 0
        var lastHeard: Instant?
        var errors: [String] = []
        /// How the connection ended, when it was not this client that ended it.
        var unexpectedEnd: String?
        var isAlive = false
    }

    /// Which of the two in a room it is: the first one is there before the second one comes.
    let index: Int
    let talks: Bool
    private(set) var record = Record()
    /// When the sound that the other one hears next as the beginning of a spurt was sent.
    private(set) var lastOnset: Instant?
    weak var partner: LoadClient?
    /// Which part of each 20 ms it sends in.
    var slot: Int?

    private unowned let generator: LoadGenerator
    private let frames: [LoadSpeech.Frame]
    private let packets: [[UInt8]: Bool]?
    private var position: Int
    private var socket: WebSocketConnection?
    private var connecting: WebSocketClient?
    private var lastLoud: Instant?
    private var isStreaming = false
    private var isLeaving = false
    private let speaksAtOnce: Bool

    /// Speech after so much quiet begins a spurt. The shortest pause is half a second; less would take a machine that
    /// stood still for a pause.
    private static let quietBeforeOnset = Duration.milliseconds(300)
    private static let gap = Duration.milliseconds(60)
    private static let maximumErrors = 5
    /// Gateways fill pauses with packets of silence, which are no longer than this.
    private static let silentPacketBytes = 3

    /// - Parameters:
    ///   - frames: what it sends; nil for nothing.
    ///   - packets: the Opus packets there are; nil when PCM is heard.
    ///   - speaksAtOnce: it talks as soon as it is connected, not only when the other one is there.
    init(
        index: Int, talks: Bool, frames: [LoadSpeech.Frame]?, position: Int, packets: [[UInt8]: Bool]?,
        speaksAtOnce: Bool, generator: LoadGenerator
    ) {
        self.index = index
        self.talks = talks
        self.frames = frames ?? []
        self.position = position
        self.packets = packets
        self.speaksAtOnce = speaksAtOnce
        self.generator = generator
    }

    var isOpen: Bool { socket != nil && record.unexpectedEnd == nil }
    var hasJoined: Bool { record.joined != nil }

    // MARK: Life

    func connect(to url: HTTPURL, context: WebSocketContext, now: Instant) {
        record.connectAt = now
        var configuration = WebSocketClient.Configuration()
        configuration.connectTimeout = LoadPlan.connectPatience
        configuration.webSocket.closeTimeout = .seconds(2)
        configuration.webSocket.maximumDroppableBytes = 1 << 20
        connecting = WebSocketClient.connect(to: url, context: context, configuration: configuration, handler: self) {
            [weak self] result in
            guard let self else { return }
            connecting = nil
            if case .failure(let error) = result { ended("\(error)") }
        }
    }

    /// Begins to send, at the next time of its slot.
    func startStreaming() {
        guard !isStreaming, !frames.isEmpty, socket != nil else { return }
        isStreaming = true
        generator.add(self)
    }

    func stopStreaming() {
        guard isStreaming else { return }
        isStreaming = false
        generator.remove(self)
    }

    func ping() { socket?.send(text: #"{"type":"ping","id":1}"#) }

    func leave() {
        isLeaving = true
        connecting?.cancel()
        connecting = nil
        socket?.close()
    }

    private func ended(_ reason: String) {
        stopStreaming()
        socket = nil
        if !isLeaving, record.unexpectedEnd == nil { record.unexpectedEnd = reason }
        generator.ended(self)
    }

    // MARK: Sending

    /// Sends the next 20 ms. `now` is the time at which the loop's iteration began.
    func tick(now: Instant) {
        guard isStreaming, let socket else { return }
        let frame = frames[position]
        position += 1
        if position == frames.count { position = 0 }
        guard !frame.message.isEmpty else { return }
        if frame.isOnset || frame.isLoud && record.sentLoud == 0 {
            lastOnset = now
            record.sentOnsets += 1
        }
        record.sent += 1
        if frame.isLoud { record.sentLoud += 1 }
        socket.send(binary: frame.message, .droppable)
    }

    /// Messages that were given up because the gateway reads too slowly, and bytes that still wait.
    var unsent: (messages: Int, bytes: Int) {
        (socket?.dropped.messages ?? 0, socket?.bufferedBytes ?? 0)
    }

    // MARK: Receiving

    func webSocketOpened(_ socket: WebSocketConnection) {
        self.socket = socket
        record.opened = since(record.connectAt)
        if speaksAtOnce, !frames.isEmpty {
            slot = generator.nextSlot
            startStreaming()
        } else {
            // Any message lets the gateway join the room at once.
            socket.send(text: #"{"type":"config","data":{}}"#)
        }
    }

    func webSocket(_ socket: WebSocketConnection, receivedText text: RawSpan) {
        guard let event = try? JSONValue(parsing: [UInt8](copying: text)) else {
            return note(error: "a message that is not JSON")
        }
        switch event["type"]?.string {
        case "ready" where record.ready == nil: record.ready = since(record.connectAt)
        case "session" where record.joined == nil:
            record.joined = since(record.connectAt)
            generator.joined(self)
        case "pong": record.isAlive = true
        case "error": note(error: event["message"]?.string ?? event["code"]?.string ?? "an error")
        case "closing": note(error: "closing: " + (event["message"]?.string ?? event["reason"]?.string ?? ""))
        default: break
        }
    }

    func webSocket(_ socket: WebSocketConnection, receivedBinary bytes: RawSpan) {
        // The loop reads it once an iteration; for spurts, whose delay counts, the clock is read anew.
        var now = socket.loop.now
        record.heard += 1
        record.heardBytes += bytes.byteCount
        record.lastHeard = now
        let isLoud: Bool
        if let packets {
            if let known = packets[[UInt8](copying: bytes)] {
                isLoud = known
            } else {
                isLoud = false
                if bytes.byteCount > Self.silentPacketBytes { record.strangePackets += 1 }
            }
        } else {
            isLoud = LoadSpeech.isLoud(bytes)
        }
        if record.firstSound == nil, let begin = soundExpectedSince {
            now = EventLoop.clock()
            record.firstSound = now - begin
        }
        guard isLoud else { return }
        record.heardLoud += 1
        let quiet = lastLoud.map { now - $0 }
        // Quiet that the other one has not made is a hole, however long it was.
        let isPause = quiet.map { $0 >= Self.quietBeforeOnset } ?? true
        if isPause, record.heardOnsets < partner?.record.sentOnsets ?? .max {
            now = EventLoop.clock()
            record.heardOnsets += 1
            if let onset = partner?.lastOnset { generator.noteDelay(now - onset) }
        } else if let quiet, quiet > Self.gap {
            record.gaps += 1
            generator.noteGap(quiet)
        }
        lastLoud = now
    }

    func webSocketClosed(_ socket: WebSocketConnection, _ closure: WebSocketClosure) {
        let reason = closure.reason.isEmpty ? "" : ": \(closure.reason)"
        ended("closed with \(closure.code.rawValue)\(reason)")
    }

    /// When the wait for the first sound began: the first client of a room waits for the second one's, a client that is
    /// alone for the agent's.
    private var soundExpectedSince: Instant? {
        guard let partner else { return record.connectAt }
        return partner.speaksAtOnce ? partner.record.connectAt : nil
    }

    private func note(error: String) {
        if record.errors.count < Self.maximumErrors { record.errors.append(error) }
    }

    private func since(_ begin: Instant?) -> Duration? { begin.map { EventLoop.clock() - $0 } }
}
