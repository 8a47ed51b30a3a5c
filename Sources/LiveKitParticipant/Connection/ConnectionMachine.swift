internal import Signalling
internal import Wire

/// How a participant gets into its room, stays there and gets back (docs/states.md#a-participant). Pure: what happens and
/// the time in, actions out by `poll`, and the time at which it wants to be asked again. It knows no socket and no peer
/// connection; who owns those does what it says, one action after the other.
///
/// A state holds all that is known in it, its deadline included, and each step consumes it: no deadline, attempt or counter
/// outlives its state. There is one signalling connection at a time: before another is opened, `dropSignalling` comes.
struct ConnectionMachine: ~Copyable {
    /// What a signalling connection is opened for.
    enum Attempt: Hashable {
        /// The first session.
        case join
        /// The session that is there (docs/livekit-protocol.md#resuming).
        case resume
        /// A new session in place of the lost one (docs/livekit-protocol.md#rejoining).
        case rejoin
    }

    /// What happens.
    enum Input {
        case connect
        /// The socket is open; the server's first message comes next.
        case signallingOpened
        /// - Parameter isMediaUp: the peer connections of the session are connected.
        case signallingEnded(ParticipantError, hasOpened: Bool, isMediaUp: Bool)
        case joined(JoinResponse)
        case resumed(ReconnectResponse)
        /// Everything is negotiated, and the peer connections are connected.
        case mediaUp
        case mediaLost(ParticipantError, mayResume: Bool)
        /// The server's leave message.
        case sentAway(LeaveRequest)
        /// Somebody else has come under our identity while we were away.
        case replaced
        /// Something of our own does not work.
        case failed(ParticipantError)
        case leave(DisconnectReason)
    }

    /// What is to be done.
    enum Action {
        case open(Attempt)
        case dropSignalling
        /// The session is lost: its peer connections, tracks and channels.
        case dropSession
        /// Make peer connections, and offer.
        case startSession(JoinResponse, Attempt)
        /// Tell the server what there is, and offer with an ICE restart.
        case resumeSession(ReconnectResponse)
        /// Media and data can flow; nil when they never did before.
        case connected(isBackWithNewSession: Bool?)
        case reconnecting
        /// Say why we leave; the end follows.
        case sayLeave(DisconnectReason)
        case end(ParticipantEnding)
    }

    private let configuration: ParticipantConfiguration
    private var state = ConnectionState.idle
    private var steps: ConnectionState.Steps

    init(configuration: ParticipantConfiguration, random: any RandomNumberGenerator) {
        self.configuration = configuration
        steps = ConnectionState.Steps(random: random)
    }

    /// The next thing to do; nil when there is none.
    mutating func poll() -> Action? { steps.actions.isEmpty ? nil : steps.actions.removeFirst() }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? { state.deadline }

    // MARK: What can be asked

    var phase: ConnectionState.Phase { state.phase }

    /// Which attempt is under way, or comes after the pause.
    var attempt: Attempt? { state.attempt }

    /// The server has let us in, and media is up or on its way.
    var hasSession: Bool { phase == .connected || state.awaited == .media }

    /// The server takes requests now. After a resume they wait until media is up.
    var takesRequests: Bool { phase == .connected || state.awaited == .media && attempt != .resume }

    // MARK: What happens

    mutating func handle(_ input: Input, now: Instant) {
        guard phase != .closed else { return }
        let isAwaitingServer = state.awaited == .signalling
        switch input {
        case .connect: state.connect(until: signallingDeadline(now), retries: configuration.joinRetries, &steps)
        case .signallingOpened:
            if isAwaitingServer { state.await(.signalling, until: now + configuration.joinTimeout) }
        case .signallingEnded(let error, let hasOpened, let isMediaUp):
            let isOutOfReach = !hasOpened && error.saysNothingOfSessions
            lost(ConnectionState.Loss(error: error, isSessionKept: isOutOfReach && isMediaUp), now: now)
        case .joined(let join):
            guard isAwaitingServer, let attempt, attempt != .resume, join.room != nil,
                join.participant?.sid.isEmpty == false
            else { return unexpected("an unexpected join response", now: now) }
            state.await(
                .media, until: now + configuration.mediaTimeout,
                mayResume: join.clientConfiguration?.resumeConnection != .disabled)
            steps.actions.append(.startSession(join, attempt))
        case .resumed(let response):
            guard isAwaitingServer, attempt == .resume else { return unexpected("an unexpected resume", now: now) }
            state.await(.media, until: now + configuration.mediaTimeout)
            steps.actions.append(.resumeSession(response))
        case .mediaUp: if state.awaited == .media { state.becomeConnected(&steps, now: now) }
        case .mediaLost(let error, let mayResume):
            // While the signalling socket is being opened again the peer connections may well be down; what counts is
            // whether they come up afterwards.
            if hasSession { lost(ConnectionState.Loss(error: error, mayResume: mayResume), now: now) }
        case .sentAway(let leave): sentAway(leave, now: now)
        case .replaced: state.end(.removed(.duplicateIdentity), &steps)
        case .failed(let error): state.end(.failed(error), &steps)
        case .leave(let reason):
            steps.actions.append(.sayLeave(reason))
            state.end(.left, &steps)
        }
    }

    /// Time has passed.
    ///
    /// - Parameters:
    ///   - isMediaUp: the peer connections of the session are connected, so that a server which does not answer still has
    ///     it.
    ///   - mediaError: why media has not come up, if that is what is waited for.
    mutating func handleTimeout(
        isMediaUp: Bool = false, now: Instant,
        mediaError: @autoclosure () -> ParticipantError = ParticipantError(.mediaUnreachable)
    ) {
        guard let deadline = nextDeadline, deadline <= now else { return }
        switch state.awaited {
        case .signalling:
            lost(ConnectionState.Loss(error: ParticipantError(.timedOut), isSessionKept: isMediaUp), now: now)
        case .media: lost(ConnectionState.Loss(error: mediaError()), now: now)
        case nil: state.openAfterPause(until: signallingDeadline(now), &steps)
        }
    }

    /// The time for opening the socket and for the first message, which counts anew once the socket is open.
    private func signallingDeadline(_ now: Instant) -> Instant {
        now + configuration.connectTimeout + configuration.joinTimeout
    }

    private mutating func lost(_ loss: ConnectionState.Loss, now: Instant) { state.lose(loss, &steps, now: now) }

    private mutating func unexpected(_ what: String, now: Instant) {
        lost(ConnectionState.Loss(error: ParticipantError(.negotiationFailed, what), mayResume: false), now: now)
    }

    private mutating func sentAway(_ leave: LeaveRequest, now: Instant) {
        switch leave.action {
        case .resume, .reconnect:
            // That the server sends us away is no reason not to come back: it wants us to.
            let error = ParticipantError(.unreachable, "\(ParticipantError(.removed(leave.reason)))")
            lost(ConnectionState.Loss(error: error, mayResume: leave.action == .resume), now: now)
        default: state.end(.removed(leave.reason), &steps)
        }
    }
}
