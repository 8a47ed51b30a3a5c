package import EventLoops
package import Observability
package import PeerConnection
package import Signalling
package import Wire

/// A participant in a LiveKit room: joins, publishes one microphone, hears everybody's audio, exchanges data, and gets
/// back when the connection is lost (docs/livekit-protocol.md). Video is never subscribed to: we join with
/// `auto_subscribe` off and ask for audio tracks by name, so that no server can send anything else.
///
/// It is the I/O of its parts: `ConnectionMachine` says what to do about the connection, and each other part keeps what is
/// its own. Belongs to the loop's thread, all of it. Events come through the delegate, synchronously; it may call back from
/// them.
package final class RoomParticipant {
    package let loop: EventLoop
    package weak var delegate: (any RoomParticipantDelegate)?
    /// The room and those in it.
    package private(set) var view = RoomView()
    /// Packets, streams and calls.
    package private(set) var data: DataPlane!
    private let environment: ParticipantEnvironment
    /// Nil where the room is not encrypted end to end.
    private let encryption: RoomEncryption?
    private var configuration: ParticipantConfiguration
    private let log: Log
    private var random: any RandomNumberGenerator
    private var connection: ConnectionMachine
    private var timer: LoopTimer?
    /// Which path worked last.
    private var path: SignalPath
    private var signal: SignalConnection?
    private var session: MediaSession?
    private var microphone: PublishedTrack?
    private var subscriptions: Subscriptions
    private var requests = PendingRequests()
    private var changes: RoomChangeQueue!
    /// How often the signalling connection was to be opened: an answer that comes after the next time is late.
    private var openings = 0
    private var mediaWatch = MediaWatch()
    private var watchTimer: LoopTimer?

    /// Makes a participant that does nothing before `connect`.
    /// - Parameters:
    ///   - random: cryptographically secure; credentials and identifiers come from it.
    ///   - encryption: encrypts sound and data end to end; nil to send in clear.
    package init(
        loop: EventLoop, environment: ParticipantEnvironment, random: any RandomNumberGenerator,
        configuration: ParticipantConfiguration, encryption: RoomEncryption? = nil, log: Log
    ) {
        self.loop = loop
        self.encryption = encryption
        self.environment = environment
        self.random = random
        self.configuration = configuration
        self.log = log
        connection = ConnectionMachine(configuration: configuration, random: random)
        path = configuration.prefersSinglePeerConnection ? .single : .dual
        subscriptions = Subscriptions(maximum: configuration.maximumSubscribedTracks, encryption: encryption)
        data = DataPlane(
            loop: loop, ignoredTopics: configuration.ignoredTopics, encryption: encryption, log: log, owner: self)
        timer = LoopTimer(loop: loop) { [weak self] in self?.timedOut() }
        watchTimer = LoopTimer(loop: loop) { [weak self] in self?.watchMedia() }
        changes = RoomChangeQueue(loop: loop) { [weak self] in self?.tell($0) }
        encryption?.onNews = { [weak self] in self?.emit(.encryption($0)) }
    }

    /// It is over, and nothing comes any more.
    package var isClosed: Bool { connection.phase == .closed }

    /// Where the server says that it takes our media, and at which of these addresses it does.
    package var mediaAddresses: (announced: [TransportAddress], selected: TransportAddress?) {
        session?.serverAddresses ?? ([], nil)
    }

    /// How media goes at the moment: `UDP`, `TCP`, or `TURN over TLS` for instance; nil when it does not.
    package var mediaPath: String? { session?.pathName }

    /// How well sound gets through since the media connection was made; nil while there is none.
    package var linkQuality: LinkQuality? { session?.linkQuality }

    /// Tries the TURN servers that the room server names, beside the media.
    package func examineRelays(
        patience: Duration, completion: @escaping ([RelayExamination.Finding]) -> Void
    ) -> RelayExamination {
        let addresses = mediaAddresses.announced
        return RelayExamination(
            session?.turnServers ?? [], isV6: !addresses.isEmpty && addresses.allSatisfy(\.ip.isV6), loop: loop,
            environment: environment, random: random, patience: patience, completion: completion)
    }

    /// That media does not come up, with what was tried.
    package var mediaUnreachable: ParticipantError { session?.unreachable ?? ParticipantError(.mediaUnreachable) }

    // MARK: What the owner wants

    /// Joins the room. Ends with one `disconnected` event, whatever happens.
    package func connect() {
        loop.preconditionCurrent("a participant")
        guard let encryption else { return handle(.connect) }
        encryption.prepare { [weak self] isReady in
            guard let self, !isClosed else { return }
            let failure = ParticipantError(.localFailure, "the room's key cannot be derived")
            handle(isReady ? .connect : .failed(failure))
        }
    }

    /// Leaves the room: the others see it at once, and why. Does nothing after the end.
    ///
    /// - Parameter reason: servers pass on `clientInitiated`, at which agents close their session with this participant,
    ///   and `userUnavailable`, at which they wait for it to come back (docs/livekit-protocol.md#leaving); others count as the first.
    package func leave(_ reason: DisconnectReason = .clientInitiated) { handle(.leave(reason)) }

    /// Publishes the microphone, once; may be called before joining.
    @discardableResult
    package func publishMicrophone(_ options: MicrophoneOptions = MicrophoneOptions()) -> PublishedTrack {
        if let microphone { return microphone }
        let track = PublishedTrack(cid: makeIdentifier(), options: options, sealer: encryption, loop: loop) {
            [weak self] in self?.request($0)
        }
        microphone = track
        if connection.hasSession, let session {
            session.publish(track)
            session.negotiate()
        }
        return track
    }

    /// Changes our attributes; an empty one deletes its key. The completion gets the server's answer; `ok` in its reason
    /// means done.
    package func update(attributes: [String: String], completion: ((RequestResponse) -> Void)? = nil) {
        request(requests.update(attributes: attributes, completion))
    }

    /// A new identifier in the form of a UUID (version 4).
    package func makeIdentifier() -> String { RandomName.uuid(using: &random) }

    // MARK: What the machine says

    private func handle(_ input: ConnectionMachine.Input) {
        connection.handle(input, now: loop.now)
        perform()
    }

    private func timedOut() {
        connection.handleTimeout(
            isMediaUp: session?.isConnected == true, now: loop.now, mediaError: mediaUnreachable)
        perform()
    }

    private func noteLoss(_ reason: ReconnectReason, _ error: ParticipantError) {
        log.info("connection lost", ["state": "\(connection.phase)", "reason": reason.name, "error": "\(error)"])
    }

    private func perform() {
        while let action = connection.poll() {
            switch action {
            case .open(let attempt): open(attempt)
            case .dropSignalling:
                openings += 1
                signal?.close()
                signal = nil
            case .dropSession: dropSession()
            case .startSession(let join, let attempt): start(join, attempt)
            case .resumeSession(let response): resume(response)
            case .connected(let isBackWithNewSession): connected(isBackWithNewSession)
            case .reconnecting:
                data.wait()
                emit(.reconnecting)
                mediaWatch.begin(now: loop.now)
                watchMedia()
            case .sayLeave(let reason): signal?.sendLeave(reason)
            case .end(let ending): end(ending)
            }
        }
        if !isClosed { timer?.follow(connection.nextDeadline) }
    }

    private func open(_ attempt: ConnectionMachine.Attempt) {
        data.wait()
        openings += 1
        guard attempt != .join, let occupancy = environment.occupancy else { return openSignalling(attempt) }
        occupancy(view.local.identity, view.room.name) { [weak self, openings] occupant in
            guard let self, openings == self.openings, !isClosed else { return }
            if let occupant, occupant != view.local.sid {
                log.info("another participant has the identity", ["sid": view.local.sid, "other": occupant])
                return handle(.replaced)
            }
            openSignalling(attempt)
        }
    }

    private func openSignalling(_ attempt: ConnectionMachine.Attempt) {
        signal = SignalConnection(
            context: environment.webSockets, configuration: configuration,
            resuming: attempt == .resume ? view.local.sid : nil, path: path, log: log, delegate: self)
        signal?.open()
    }

    /// The server has let us in: makes the peer connections, tells of the room, and offers.
    private func start(_ join: JoinResponse, _ attempt: ConnectionMachine.Attempt) {
        guard let signal, let room = join.room, let local = join.participant else { return }
        log.info("joined", ["sid": local.sid, "path": "\(signal.path)"])
        if attempt == .rejoin {
            data.sessionEnded()
            for completion in requests.sessionEnded() { completion(.with { $0.reason = .unclassifiedError }) }
        }
        subscriptions.forgetRequests()
        let session: MediaSession
        do throws(ParticipantError) {
            session = try MediaSession(
                loop: loop, join: join, signal: signal, environment: environment, random: random,
                offerTimeout: configuration.mediaTimeout, log: log, delegate: self)
        } catch {
            return handle(.failed(error))
        }
        self.session = session
        encryption?.serverTrailer = join.sifTrailer
        session.receivingConnection.isEncrypted = encryption != nil
        session.startPings(on: signal)
        data.begin(on: session)
        let news = view.joined(join)
        if attempt == .join { emit(.joined(room, local)) }
        // The delegate may have left, or begun to publish, in the meantime.
        guard !isClosed else { return }
        session.start(with: microphone)
        changes.append(news)
        // After a new session nothing about the others need have changed; our subscriptions are gone all the same.
        subscribeToAll()
    }

    private func resume(_ response: ReconnectResponse) {
        guard let signal, let session else { return }
        session.startPings(on: signal)
        view.resumed()
        data.resume(after: response.lastMessageSeq)
        signal.send(
            .syncState(
                session.syncState(
                    subscribed: subscriptions.requestedSIDs, published: microphone?.publications ?? [],
                    received: data.receiveStates)))
        session.resume(turn: response.iceServers)
    }

    /// Media is up, or up again.
    private func connected(_ isBackWithNewSession: Bool?) {
        for request in requests.takeWaiting() { signal?.send(request) }
        data.open()
        _ = mediaWatch.end()
        emit(isBackWithNewSession.map { .reconnected(isNewSession: $0) } ?? .connected)
    }

    /// Looks whether our sound arrives although the server cannot be asked.
    private func watchMedia() {
        guard mediaWatch.isWatching, !isClosed else { return }
        if let flows = mediaWatch.update(lastArrival: session?.lastArrival, now: loop.now) { emit(.mediaFlows(flows)) }
        watchTimer?.arm(after: MediaWatch.interval)
    }

    private func dropSession() {
        if mediaWatch.end() { emit(.mediaFlows(false)) }
        microphone?.detach()
        for event in subscriptions.sessionEnded() { emit(event) }
        session?.close()
        session = nil
    }

    /// The end: lets go of everything, tells whoever waits, then the delegate.
    private func end(_ ending: ParticipantEnding) {
        timer?.cancel()
        watchTimer?.cancel()
        changes.cancel()
        dropSession()
        signal?.close()
        signal = nil
        for completion in requests.closed() { completion(.with { $0.reason = .unclassifiedError }) }
        data.close()
        ending.tell(log)
        emit(.disconnected(ending))
    }

    /// Sends a request, or keeps it until the connection is back.
    private func request(_ message: SignalRequest.Message) {
        if connection.takesRequests, signal?.send(message) == true { return }
        if !isClosed { requests.keep(message) }
    }

    /// Asks for the audio of everybody, as far as it was not asked for.
    private func subscribeToAll() { subscriptions.requestAll(in: view).map(request) }

    private func tell(_ changes: [RoomChange]) {
        for change in changes {
            guard !isClosed else { return }
            let (events, request) = subscriptions.follow(change, in: view)
            events.forEach(emit)
            if case .participantLeft(let participant, _) = change { data.participantLeft(participant) }
            emit(.room(change))
            request.map(self.request)
        }
        guard let session else { return }
        subscriptions.announce(on: session.receivingConnection, in: view).forEach(emit)
    }
}

// MARK: - What comes

extension RoomParticipant: DataPlaneOwner, MediaSessionDelegate, SignalConnectionDelegate {
    func emit(_ event: ParticipantEvent) { delegate?.participant(self, event: event) }

    func session(_ session: MediaSession, event: MediaSessionEvent) {
        guard session === self.session else { return }
        switch event {
        case .progressed: if session.isReady { handle(.mediaUp) }
        case .delayed(let error):
            log.warning("media does not come up", ["error": "\(error)"])
            emit(.mediaDelayed(error))
        case .failed(let reason, let error, let mayResume):
            noteLoss(reason, error)
            handle(.mediaLost(error, mayResume: mayResume))
        case .send(let message): signal?.send(message)
        case .data(let bytes): data.receive(bytes)
        case .trackMap(let map): subscriptions.take(map)
        case .trackAdded(let track):
            subscriptions.added(
                track, on: session.receivingConnection, namesItself: session.tracksNameThemselves, in: view
            ).forEach(emit)
        case .trackRemoved(let section): subscriptions.removed(section: section).forEach(emit)
        }
    }

    func signalOpened(_ signal: SignalConnection) {
        guard signal === self.signal else { return }
        path = signal.path
        handle(.signallingOpened)
    }

    func signalEnded(_ signal: SignalConnection, _ error: ParticipantError?) {
        guard signal === self.signal else { return }
        self.signal = nil
        let error = error ?? ParticipantError(.unreachable, "the signalling connection was closed")
        noteLoss(.signalDisconnected, error)
        let isMediaUp = session?.isConnected == true
        handle(.signallingEnded(error, hasOpened: signal.hasOpened, isMediaUp: isMediaUp))
    }

    func signal(_ signal: SignalConnection, received message: SignalResponse.Message) {
        guard signal === self.signal, !isClosed else { return }
        if let event = microphone?.handle(message) { return emit(event) }
        if let news = view.handle(message) { return changes.append(news) }
        switch message {
        case .join(let join): handle(.joined(join))
        case .reconnect(let response): handle(.resumed(response))
        case .leave(let leave):
            log.info("server says leave", ["reason": leave.reason.name, "action": leave.action.name])
            handle(.sentAway(leave))
        case .answer(let answer): session?.accept(answer: answer)
        case .offer(let offer): session?.accept(offer: offer)
        case .trickle(let trickle): session?.accept(trickle)
        case .mediaSectionsRequirement(let requirement):
            session?.addReceivingSections(min(Int(requirement.numAudios), configuration.maximumSubscribedTracks))
        case .roomMoved(let move):
            if !move.token.isEmpty { configuration.token = move.token }
            subscriptions.forgetRequests()
            changes.append(view.moved(move))
            subscribeToAll()
        case .refreshToken(let newer): configuration.token = newer
        case .requestResponse(let response):
            if let completion = requests.completion(for: response) { return completion(response) }
            guard response.reason != .ok else { return }
            log.warning("request refused", ["reason": response.reason.name, "message": response.message])
        case .subscriptionResponse(let response):
            subscriptions.refused(sid: response.trackSid)
            log.warning("subscription failed", ["track": response.trackSid, "error": response.err.name])
        default: break
        }
    }
}
