internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// What the client says.
extension NetworkParticipant: SignalSessionOwner {
    func signal(_ session: SignalSession, received message: SignalRequest.Message) {
        guard !hasEnded, session === self.session else { return }
        switch message {
        case .offer(let offer): receive(offer: offer)
        case .answer(let answer): receive(answer: answer)
        case .trickle(let trickle): receive(trickle: trickle)
        case .addTrack(let request):
            host.perform { $0.addTrack(sid, request) }
            // The offer may have come before the announcement.
            if !announced.isEmpty { takeAnnounced() }
        case .mute(let request):
            host.perform { _ = $0.mute(sid, track: request.sid, isMuted: request.muted, byServer: false) }
        case .subscription(let request): host.perform { $0.updateSubscription(sid, request) }
        case .trackSetting(let request): host.perform { $0.updateTrackSettings(sid, request) }
        case .leave(let request): host.perform { $0.leave(sid, host.time, request.reason) }
        case .subscriptionPermission(let request): host.perform { $0.setTrackPermission(sid, request) }
        case .syncState(let state): if host.perform({ $0.synchronize(sid, state) }) == false { mismatch() }
        case .simulate(let scenario): simulate(scenario)
        case .ping: send(.pong(host.time.unixMilliseconds))
        case .pingReq(let ping):
            send(
                .pongResp(
                    .with {
                        $0.lastPingTimestamp = ping.timestamp
                        $0.timestamp = host.time.unixMilliseconds
                    }))
        case .updateMetadata(let request): host.perform { $0.updateMetadata(sid, request) }
        case .updateAudioTrack(let request): host.perform { $0.setFeatures(sid, request) }
        }
    }

    func signalClosed(_ session: SignalSession) {
        guard session === self.session else { return }
        self.session = nil
        // A participant that was connected may come back as long as its media path lives.
        if !hasConnected { host.perform { $0.disconnect(sid, .signalClose, host.time) } }
    }

    private func receive(trickle: TrickleRequest) {
        guard let candidate = CandidateInit(json: trickle.candidateInit), !candidate.candidate.isEmpty else { return }
        let peer = trickle.target == .subscriber ? subscriber ?? publisher : publisher
        peer.connection.addRemoteCandidate(candidate.candidate, now: now)
        peer.update()
    }

    /// Faults on demand, for testing SDKs.
    private func simulate(_ request: SimulateScenario) {
        switch request.scenario {
        case .serverLeave: host.perform { $0.disconnect(sid, .serverShutdown, host.time) }
        case .leaveRequestFullReconnect: mismatch()
        case .nodeFailure, .migration, .disconnectSignalOnResume, .disconnectSignalOnResumeNoMessages:
            session?.close()
            session = nil
        case .speakerUpdate, .switchCandidateProtocol, .subscriberBandwidth, nil: break
        }
    }
}
