internal import EventLoops
internal import Observability
package import PeerConnection
internal import Signalling
internal import Wire

/// Peer connections, offers and answers, the microphone, subscriptions.
extension RoomParticipant: MediaSessionDelegate {
    // MARK: Session

    func makeSession(_ join: JoinResponse, _ signal: SignalConnection) throws(ParticipantError) -> MediaSession {
        let isLocal = signal.remoteAddress?.ip.unmapped.isLoopback ?? false
        func transport(_ target: SignalTarget, _ relay: TransportRelay) throws(ParticipantError) -> MediaTransport {
            try MediaTransport(
                loop: loop, target: target, isLocal: isLocal, factory: factory, authentication: authentication,
                random: random, delegate: relay)
        }
        let relay = TransportRelay()
        let publisher = try transport(.publisher, relay)
        var subscriber: MediaTransport?
        if signal.path == .dual {
            do {
                subscriber = try transport(.subscriber, relay)
            } catch {
                publisher.close()
                throw error
            }
        }
        let session = MediaSession(
            loop: loop, publisher: publisher, subscriber: subscriber, join: join, log: log, relay: relay,
            delegate: self)
        return session
    }

    /// Fills the sections of a new session and makes the first offer.
    func startSession() {
        guard let session else { return }
        session.publisher.with { connection, _ in _ = connection.addDataSection() }
        session.openChannels()
        // A spare receiving section saves a round trip for the first track that we hear.
        if session.subscriber == nil {
            session.publisher.with { connection, _ in _ = connection.addAudioSection(direction: .receiveOnly) }
        }
        addMicrophone(to: session)
        negotiate()
    }

    // MARK: Negotiation on the connection that we offer on

    /// Makes an offer now, or as soon as the one that is out has been answered.
    func negotiate(iceRestart: Bool = false) {
        guard let session, let signal else { return }
        guard session.outstandingOffer == nil else {
            session.needsOffer = true
            session.needsICERestart = session.needsICERestart || iceRestart
            return
        }
        session.needsOffer = false
        let restart = iceRestart || session.needsICERestart
        session.needsICERestart = false
        session.isRestarting = restart
        let sdp: String
        do {
            sdp = try session.publisher.with { connection, now throws(NegotiationError) in
                try connection.createOffer(iceRestart: restart, now: now)
            }
        } catch {
            return sessionFailed(
                session, .publisherFailed, ParticipantError(.negotiationFailed, "\(error)"), mayResume: false)
        }
        let offer = SignalDescription.with {
            $0.type = "offer"
            $0.sdp = sdp
            $0.id = session.makeOfferID()
        }
        session.lastOffer = offer
        session.offerTimer.arm(after: configuration.mediaTimeout)
        signal.send(.offer(offer))
    }

    func accept(answer: SignalDescription) {
        guard let session, let outstanding = session.outstandingOffer, answer.id == 0 || answer.id == outstanding else {
            return log.debug("answer to no offer", ["id": answer.id])
        }
        session.outstandingOffer = nil
        session.isRestarting = false
        session.offerTimer.cancel()
        session.take(answer.midToTrackId)
        do {
            try session.publisher.with { connection, now throws(NegotiationError) in
                try connection.acceptAnswer(answer.sdp, now: now)
            }
        } catch {
            return sessionFailed(
                session, .publisherFailed, ParticipantError(.negotiationFailed, "\(error)"), mayResume: false)
        }
        session.lastAnswer = answer
        session.refreshTracks()
        if session.needsOffer { negotiate() }
        mediaConnected()
    }

    /// The server offers on the connection for what we receive (`/rtc` only).
    func accept(offer: SignalDescription) {
        guard let session, let subscriber = session.subscriber, let signal else {
            return log.warning("unexpected offer")
        }
        session.take(offer.midToTrackId)
        let sdp: String
        do {
            sdp = try subscriber.with { connection, now throws(NegotiationError) in
                try connection.acceptOffer(offer.sdp, now: now)
                return try connection.createAnswer(now: now)
            }
        } catch {
            return sessionFailed(
                session, .subscriberFailed, ParticipantError(.negotiationFailed, "\(error)"), mayResume: false)
        }
        let answer = SignalDescription.with {
            $0.type = "answer"
            $0.sdp = sdp
            $0.id = offer.id
        }
        session.subscriberOffer = offer
        session.subscriberAnswer = answer
        signal.send(.answer(answer))
        session.refreshTracks()
    }

    func accept(_ trickle: TrickleRequest) {
        guard let session, let candidate = CandidateInit(json: trickle.candidateInit), !candidate.candidate.isEmpty
        else { return }
        let transport = trickle.target == .subscriber ? session.subscriber : session.publisher
        transport?.with { connection, now in _ = connection.addRemoteCandidate(candidate.candidate, now: now) }
    }

    /// The server lacks sections to send on. Video sections are never added: nothing may fill them.
    func require(_ requirement: MediaSectionsRequirement) {
        guard let session, session.subscriber == nil else { return }
        let wanted = min(Int(requirement.numAudios), configuration.maximumSubscribedTracks)
        session.publisher.with { connection, _ in
            for _ in 0..<wanted { _ = connection.addAudioSection(direction: .receiveOnly) }
        }
        negotiate()
    }

    /// What the server shall know after a resume.
    func syncState(_ session: MediaSession) -> SyncState {
        .with { state in
            state.answer = session.subscriber == nil ? session.lastAnswer : session.subscriberAnswer
            state.offer = session.subscriber == nil ? session.lastOffer : session.subscriberOffer
            state.subscription = .with {
                $0.subscribe = true
                $0.trackSids = requestedTracks.sorted()
            }
            if let microphone, let info = microphone.info {
                state.publishTracks = [
                    .with {
                        $0.cid = microphone.cid
                        $0.track = info
                    }
                ]
            }
            state.dataChannels = session.channelInformation
            state.datachannelReceiveStates = inbox.states(now: loop.now)
        }
    }

    // MARK: MediaSessionDelegate

    func sessionChanged(_ session: MediaSession) {
        if session === self.session { mediaConnected() }
    }

    func sessionFailed(
        _ session: MediaSession, _ reason: ReconnectReason, _ error: ParticipantError, mayResume: Bool
    ) {
        guard session === self.session else { return }
        // While the signalling socket is being opened again the peer connection may well be down; what counts is
        // whether it comes up afterwards.
        if state == .reconnecting, stage != .media { return }
        lost(reason, error, mayResume: mayResume)
    }

    func session(_ session: MediaSession, publicationOf sid: String) -> (
        track: TrackInfo, participant: ParticipantInfo
    )? {
        view.track(sid: sid)
    }

    func session(_ session: MediaSession, subscribed track: SubscribedTrack) { emit(.trackSubscribed(track)) }

    func session(_ session: MediaSession, unsubscribed track: SubscribedTrack) { emit(.trackUnsubscribed(track)) }

    // MARK: Subscriptions

    /// Asks for the audio of everybody, as far as it was not asked for.
    func subscribeToAll() {
        subscribe(view.participants.values.sorted { $0.identity < $1.identity }.flatMap(\.tracks))
    }

    /// Asks for those tracks that are audio.
    func subscribe(_ tracks: [TrackInfo]) {
        let wanted = tracks.filter { $0.type == .audio && !requestedTracks.contains($0.sid) }.map(\.sid)
            .prefix(max(0, configuration.maximumSubscribedTracks - requestedTracks.count))
        guard !wanted.isEmpty else { return }
        requestedTracks.formUnion(wanted)
        request(
            .subscription(
                .with {
                    $0.trackSids = Array(wanted)
                    $0.subscribe = true
                }))
    }
}

/// The microphone.
extension RoomParticipant {
    /// Publishes the microphone, once; may be called before joining.
    package func publishMicrophone(_ options: MicrophoneOptions = MicrophoneOptions()) {
        guard microphone == nil, state != .closed else { return }
        microphone = Microphone(cid: makeIdentifier(), options: options)
        if let session, stage == .media || state == .connected {
            addMicrophone(to: session)
            negotiate()
        }
    }

    /// Announces the microphone and gives it a section of a session.
    func addMicrophone(to session: MediaSession) {
        guard let microphone, !session.hasMicrophone else { return }
        session.hasMicrophone = true
        microphone.sid = nil
        microphone.info = nil
        signal?.send(
            .addTrack(
                .with {
                    $0.cid = microphone.cid
                    $0.name = microphone.options.name
                    $0.type = .audio
                    $0.source = microphone.options.source
                    $0.muted = microphone.isMuted
                    $0.disableRed = true
                    $0.audioFeatures = microphone.options.features
                }))
        microphone.section = session.publisher.with { connection, _ in
            let track = LocalTrack(streamID: "-", trackID: microphone.cid, ssrc: connection.makeSource())
            let section = connection.addAudioSection(direction: .sendOnly, track: track)
            if let section { connection.setAcceptsRED(false, on: section) }
            return section
        }
    }

    func published(_ response: TrackPublishedResponse) {
        guard let track = response.track, let microphone, response.cid == microphone.cid, !track.sid.isEmpty else {
            return
        }
        microphone.sid = track.sid
        microphone.info = track
        // Muting or unmuting may have happened since the announcement.
        if microphone.isMuted != track.muted { sendMute(microphone.isMuted) }
        emit(.microphonePublished(track))
    }

    /// Tells the others whether our track is silent. Sending goes on or stops with it.
    package func setMicrophoneMuted(_ isMuted: Bool) {
        guard let microphone, microphone.isMuted != isMuted else { return }
        microphone.isMuted = isMuted
        sendMute(isMuted)
    }

    private func sendMute(_ isMuted: Bool) {
        guard let sid = microphone?.sid else { return }
        request(
            .mute(
                .with {
                    $0.sid = sid
                    $0.muted = isMuted
                }))
    }

    /// Sends one Opus packet. `level` tells the server how loud it is; without it nobody is shown as speaking.
    /// Allocates nothing.
    /// - Parameter timestamp: where the packet begins on the track's one media clock, in samples at 48 kHz from any origin.
    ///   It goes on over pauses, mutes and reconnects; a sender adds its random offset, and nothing else (RFC 3550 5.1).
    /// - Returns: false when it is not sent: before the track is published, while it is muted, and without a connection.
    @discardableResult
    package func sendAudio(_ packet: UnsafeRawBufferPointer, timestamp: UInt32, level: AudioLevel?) -> Bool {
        guard let microphone, microphone.sid != nil, !microphone.isMuted, let section = microphone.section, let session
        else { return false }
        // SAFETY: the bytes are borrowed for this call, and the connection keeps none of them.
        return unsafe session.publisher.connection.sendAudio(
            on: section, payload: packet, timestamp: timestamp, audioLevel: level, now: loop.now)
    }

    /// Percent of our packets that the server says were lost lately, on the way to it or to those who listen.
    package var reportedLossPercent: Int { session?.publisher.connection.reportedLossPercent ?? 0 }
}
