internal import Wire

/// The watch over the selected pair: consent (RFC 7675), silence, and the time limit before there is one.
extension ICEAgent {
    /// 0.8 to 1.2 times the configured interval, so that many agents do not fall into step.
    mutating func consentPause() -> Duration {
        let nanoseconds = max(configuration.consentInterval.nanoseconds, 0)
        let thousandths = Int64(800 + random.next() % 401)
        let (scaled, overflow) = nanoseconds.multipliedReportingOverflow(by: thousandths)
        return .nanoseconds(overflow ? nanoseconds : scaled / 1000)
    }

    /// Asks the peer from time to time whether it still wants our data. The question also keeps bindings of
    /// NATs open, so there are no separate keep-alives.
    mutating func checkConsent(_ now: Instant) {
        guard var path = selected, let remote = path.remoteCredentials, now >= consentDeadline(path) else { return }
        // A controlling agent repeats the nomination: if our address has changed on the way, the peer learns
        // that the new one is meant.
        let request = makeRequest(
            priority: path.reflexivePriority, isNominating: role == .controlling, local: path.localCredentials,
            remote: remote)
        path.noteCheck(request.transactionID, now: now)
        path.nextConsentCheck = now + consentPause()
        selected = path
        emit(
            .transmit(
                request.serialized(integrityKey: remote.key, authentication: authentication), from: path.base,
                to: path.remote))
    }

    private func retry(_ path: ICESelectedPath) -> ICEConsentRetry? { path.isDetour ? nil : configuration.consentRetry }

    /// When the next check is due: at its time, or soon when the one before it has not been answered.
    private func consentDeadline(_ path: ICESelectedPath) -> Instant {
        guard let retry = retry(path), let since = path.unansweredSince, let last = path.lastConsentCheck else {
            return path.nextConsentCheck
        }
        return min(path.nextConsentCheck, max(since + retry.after, last + retry.every))
    }

    /// When the path counts as silent, if nothing is heard until then.
    private func silenceDeadline(_ path: ICESelectedPath) -> Instant {
        guard let retry = retry(path) else { return path.lastHeard + configuration.disconnectedTimeout }
        guard let since = path.unansweredSince else { return .distantFuture }
        return max(path.lastHeard + retry.silence, since + retry.patience)
    }

    /// Derives the state from how long ago what was heard.
    mutating func watch(_ now: Instant) {
        guard let path = selected else {
            if now >= establishDeadline { setState(.failed) }
            return
        }
        let lastSign = configuration.isLite ? path.lastHeard : path.lastConsent
        if now - lastSign >= configuration.consentTimeout {
            loseSelected(path)
        } else {
            setState(now >= silenceDeadline(path) ? .disconnected : .connected)
        }
    }

    /// The path is dead: there is another one to come, or the end.
    mutating func loseSelected(_ path: ICESelectedPath) {
        selected = nil
        if isRestartUnderWay(path) {
            establishDeadline = clock + configuration.establishTimeout
            setState(.checking)
        } else {
            setState(.failed)
        }
        closeUnusedStreams()
    }

    private func isRestartUnderWay(_ path: ICESelectedPath) -> Bool { path.generation != generation }

    /// When `watch` or `checkConsent` may next come to another result.
    var watchDeadline: Instant? {
        guard let path = selected else { return establishDeadline }
        let lastSign = configuration.isLite ? path.lastHeard : path.lastConsent
        var deadline = lastSign + configuration.consentTimeout
        if state == .connected { deadline = min(deadline, silenceDeadline(path)) }
        if !configuration.isLite, path.remoteCredentials != nil { deadline = min(deadline, consentDeadline(path)) }
        return deadline
    }
}
