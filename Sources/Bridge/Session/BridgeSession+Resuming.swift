internal import ClientProtocol
internal import Wire

/// A client that loses its connection and comes back on another one.
extension BridgeSession {
    /// Whether the session waits for its client to come back.
    package var isClientAbsent: Bool { lifecycle.isClientAbsent }

    /// The client's connection ended without a goodbye. The session waits for the client, or ends if it must not; then
    /// its agent still waits for a while for a new session of the same caller.
    ///
    /// - Parameter mayResume: false when no later connection can continue the session.
    package func clientLost(mayResume: Bool = true) {
        guard !hasEnded, absentClient == nil else { return }
        // Who knows no `session` event has no token to come back with.
        lifecycle.handle(.clientLost(mayResume: mayResume && parameters.events == .extended), now: now)
        if lifecycle.isClientAbsent {
            finishSentence()
            earlierAudioDrops += client.droppedAudioMessages
            let stand = AbsentClient(limits: limits)
            absentClient = stand
            client = stand
        }
        perform()
    }

    /// The client has a new connection: it gets what was kept for it, and the old one is closed if it is still open.
    ///
    /// - Returns: false when the session is not there any more.
    package func resume(with new: any ClientConnection) -> Bool {
        guard !hasEnded, isRoomReady else { return false }
        lifecycle.handle(.clientResumed, now: now)
        let absent = absentClient
        absentClient = nil
        if absent == nil {
            finishSentence()
            let message = "another connection continues this session"
            tell(.closing(reason: .takenOver, message: message))
            client.close(code: ClosingReason.takenOver.closeCode, reason: message)
        }
        earlierAudioDrops += client.droppedAudioMessages
        client = new
        tell(.ready)
        tellSession(resumption: absent?.resumption ?? SessionSummary.Resumption())
        absent?.deliver(to: new)
        if let state = replies.state { tell(.agentState(state)) }
        perform()
        return true
    }

    func tellSession(resumption: SessionSummary.Resumption? = nil) {
        tell(
            .session(
                SessionSummary(
                    id: id, room: roomName, identity: identity, resumeToken: resumeToken, resumption: resumption,
                    input: parameters.input, output: parameters.output)))
    }

    /// Half a sample and half a frame of the old connection must not run into the sound of the next one.
    private func finishSentence() { uplink?.endTurn(now: now) }
}
