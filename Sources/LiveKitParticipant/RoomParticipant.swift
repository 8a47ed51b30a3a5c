package import EventLoops
package import Observability
package import PeerConnection
package import Signalling
package import WebSocket
package import Wire

/// A participant in a LiveKit room: joins, publishes one microphone, hears everybody's audio, exchanges data, and gets
/// back when the connection is lost (docs/livekit-protocol.md). Video is never subscribed to: we join with
/// `auto_subscribe` off and ask for audio tracks by name, so that no server can send anything else.
///
/// Belongs to the loop's thread, all of it. Events come through the delegate, synchronously; it may call back from
/// them.
package final class RoomParticipant {
    /// How far the participant has come.
    package enum State: Hashable, Sendable {
        case idle
        case joining
        case connected
        case reconnecting
        case closed
    }

    package let loop: EventLoop
    package weak var delegate: (any RoomParticipantDelegate)?
    package internal(set) var state = State.idle
    /// The room and those in it.
    package internal(set) var view = RoomView()

    let webSockets: WebSocketContext
    let factory: any SecureTransportFactory
    let authentication: MessageAuthentication
    let configuration: ParticipantConfiguration
    var random: any RandomNumberGenerator
    let log: Log

    // Signalling
    /// The newest access token.
    var token: String
    /// Nil while no attempt is under way.
    var signal: SignalConnection?
    /// Which path worked last.
    var path: SignalPath
    /// What the current attempt is waiting for.
    var stage = Stage.none
    var stageTimer: LoopTimer?
    /// Requests from the time while the connection was away.
    var waitingRequests: [SignalRequest.Message] = []
    var lastRequestID: UInt32 = 0
    var pendingUpdates: [UInt32: (RequestResponse) -> Void] = [:]

    // Reconnecting
    var policy = ReconnectPolicy(mayResume: false)
    var attempt: ReconnectPolicy.Attempt?
    /// Since when media has been up.
    var connectedAt: Instant?
    var retriesLeft: Int
    /// The last failure, told when there are no attempts left.
    var lastFailure: ParticipantError?
    /// What the server had of our reliable packets, between its word and the end of the resume.
    var resendAfter: UInt32?

    // Media
    var session: MediaSession?
    var microphone: Microphone?
    /// Audio tracks that we asked for.
    var requestedTracks: Set<String> = []

    // Data
    var outbox = ReliableOutbox()
    var inbox = ReliableInbox()
    /// Reliable packets from before there was a channel.
    var waitingPackets: [DataPacket] = []
    var assembler: DataStreamAssembler
    var transcripts = TranscriptBoard()
    var calls = RPCCalls()
    var callCompletions: [String: (RPCResult) -> Void] = [:]
    var callTimer: LoopTimer?

    /// What an attempt to connect is waiting for.
    enum Stage {
        case none
        /// The pause before the next attempt.
        case pause
        /// The socket, then the first message.
        case signal
        /// The peer connections.
        case media
    }

    /// Makes a participant that does nothing before `connect`.
    /// - Parameters:
    ///   - webSockets: the loop's sockets, with the authorities to trust.
    ///   - factory: makes DTLS and SRTP.
    ///   - random: cryptographically secure; credentials and identifiers come from it.
    package init(
        loop: EventLoop, webSockets: WebSocketContext, factory: any SecureTransportFactory,
        authentication: MessageAuthentication, random: any RandomNumberGenerator,
        configuration: ParticipantConfiguration, log: Log
    ) {
        self.loop = loop
        self.webSockets = webSockets
        self.factory = factory
        self.authentication = authentication
        self.random = random
        self.configuration = configuration
        self.log = log
        token = configuration.token
        path = configuration.prefersSinglePeerConnection ? .single : .dual
        retriesLeft = configuration.joinRetries
        assembler = DataStreamAssembler(ignoredTopics: configuration.ignoredTopics)
        stageTimer = LoopTimer(loop: loop) { [weak self] in self?.stageTimedOut() }
        callTimer = LoopTimer(loop: loop) { [weak self] in self?.callsTimedOut() }
    }

    // MARK: Joining and leaving

    /// Joins the room. Ends with one `disconnected` event, whatever happens.
    package func connect() {
        loop.preconditionCurrent("a participant")
        guard state == .idle else { return }
        state = .joining
        openSignal()
    }

    /// Leaves the room: the others see it at once, and why. Does nothing after the end.
    ///
    /// - Parameter reason: servers pass on `clientInitiated`, at which agents close their session with this participant,
    ///   and `userUnavailable`, at which they wait for it to come back (docs/livekit-protocol.md#leaving); others count as the first.
    package func leave(_ reason: DisconnectReason = .clientInitiated) {
        guard state != .closed else { return }
        signal?.send(
            .leave(
                .with {
                    $0.reason = reason
                    $0.action = .disconnect
                }))
        finish(.left)
    }

    /// The end: lets go of everything, tells whoever waits, then the delegate.
    func finish(_ ending: ParticipantEnding) {
        guard state != .closed else { return }
        state = .closed
        stageTimer?.cancel()
        callTimer?.cancel()
        session?.close()
        session = nil
        signal?.close()
        signal = nil
        waitingRequests = []
        waitingPackets = []
        let updates = pendingUpdates.values
        pendingUpdates = [:]
        for update in updates {
            update(.with { $0.reason = .unclassifiedError })
        }
        for event in assembler.senderLeft(sid: nil) { emit(event) }
        calls.closed()
        drainCalls()
        switch ending {
        case .left: log.info("participant left")
        case .removed(let reason): log.info("participant removed", ["reason": reason.name])
        case .failed(let error): log.warning("participant ended", ["error": "\(error)"])
        }
        emit(.disconnected(ending))
    }

    func emit(_ event: ParticipantEvent) { delegate?.participant(self, event: event) }

    /// A new identifier in the form of a UUID (version 4).
    package func makeIdentifier() -> String { RandomName.uuid(using: &random) }
}
