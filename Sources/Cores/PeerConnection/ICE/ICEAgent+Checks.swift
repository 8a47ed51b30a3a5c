internal import Wire

/// What the agent does by itself as time goes on.
extension ICEAgent {
    /// Does everything that is due.
    mutating func advance(_ now: Instant) {
        clock = max(clock, now)
        guard isStarted, state != .closed, state != .failed else {
            nextDeadline = nil
            return
        }
        if !configuration.isLite, remoteCredentials != nil {
            if detoursBegin == .distantFuture { detoursBegin = clock + configuration.streamDelay }
            askForRelays()
            retransmit(now)
            tryDirect(now)
            nominate(now)
            sendNextCheck(now)
        }
        if !configuration.isLite { checkConsent(now) }
        watch(now)
        updateDeadline()
    }

    private mutating func retransmit(_ now: Instant) {
        for index in pairs.indices {
            guard var check = pairs[index].check, check.nextTransmission <= now else { continue }
            // TCP repeats by itself.
            guard check.transmissions < configuration.maximumTransmissions, !pairs[index].isStream else {
                fail(index, .noAnswer)
                continue
            }
            check.transmissions += 1
            check.timeout = min(check.timeout * 2, configuration.maximumTimeout)
            check.nextTransmission = now + check.timeout
            pairs[index].check = check
            emit(.transmit(check.bytes, from: pairs[index].base, to: pairs[index].remote))
        }
    }

    /// Controlling side, regular nomination (RFC 8445, section 8.1.1): the best valid pair, at once if nothing
    /// better can come of the checks under way, else after a short patience.
    private mutating func nominate(_ now: Instant) {
        guard let best = pairToNominate else { return }
        guard !isBetterPossible(than: best) || now >= nominationDeadline else { return }
        let measured = pairs[best].roundTripTime.map { max($0 * 2, .milliseconds(100)) }
        send(best, isNominating: true, timeout: min(measured ?? .seconds(60), configuration.initialTimeout), now: now)
    }

    private var pairToNominate: Int? {
        guard role == .controlling, !pairs.contains(where: { $0.check?.isNominating == true }),
            let best = bestValidPair
        else { return nil }
        guard isCompleted, let selected else { return best }
        // Back from a detour: the peer follows a second nomination, which means the better pair (RFC 5245, section 8.1.1.2).
        return selected.isDetour && pairs[best].isDirect && pairs[best].priority > selected.priority ? best : nil
    }

    private func isBetterPossible(than best: Int) -> Bool {
        pairs.contains {
            ($0.state == .waiting || $0.state == .inProgress) && $0.priority > pairs[best].priority
        }
    }

    private var nominationDeadline: Instant {
        let first = pairs.compactMap { $0.state == .succeeded ? $0.validSince : nil }.min()
        return (first ?? clock) + configuration.nominationPatience
    }

    /// One new check each Ta (RFC 8445, section 6.1.4.2): triggered ones first, then by priority.
    private mutating func sendNextCheck(_ now: Instant) {
        guard now >= nextCheck, let index = takeNextPair(now) else { return }
        nextCheck = now + configuration.checkInterval
        guard openStream(index) else {
            pairs[index].state = .inProgress
            return
        }
        if var check = pairs[index].check {
            // A triggered check on a pair in progress repeats the same transaction ahead of time.
            check.nextTransmission = now + check.timeout
            pairs[index].check = check
            emit(.transmit(check.bytes, from: pairs[index].base, to: pairs[index].remote))
        } else {
            sendCheck(index, now: now)
        }
    }

    /// The first check of a pair.
    mutating func sendCheck(_ index: Int, now: Instant) {
        pairs[index].state = .inProgress
        pairs[index].failure = nil
        send(index, isNominating: false, timeout: configuration.initialTimeout, now: now)
    }

    private mutating func takeNextPair(_ now: Instant) -> Int? {
        while let key = triggered.first {
            triggered.removeFirst()
            if let index = pairIndex(key.base, key.remote), pairs[index].state != .succeeded { return index }
        }
        guard !isCompleted else { return nil }
        var best: Int?
        for index in pairs.indices where pairs[index].state == .waiting && isDue(pairs[index], now) {
            if let found = best, pairs[found].priority >= pairs[index].priority { continue }
            best = index
        }
        return best
    }

    private mutating func send(_ index: Int, isNominating: Bool, timeout: Duration, now: Instant) {
        guard let remoteCredentials else { return }
        let pair = pairs[index]
        let timeout = pair.isStream ? configuration.streamTimeout : timeout
        let request = makeRequest(
            priority: pair.reflexivePriority, isNominating: isNominating, local: localCredentials,
            remote: remoteCredentials)
        let bytes = request.serialized(integrityKey: remoteCredentials.key, authentication: authentication)
        pairs[index].check = ICECheck(
            transactionID: request.transactionID, bytes: bytes, role: role, isNominating: isNominating,
            firstSent: now, timeout: timeout, nextTransmission: now + timeout)
        emit(.transmit(bytes, from: pair.base, to: pair.remote))
        if !hasChecked {
            hasChecked = true
            establishDeadline = now + configuration.establishTimeout
        }
    }

    /// RFC 8445, section 7.2.2.
    mutating func makeRequest(
        priority: UInt32, isNominating: Bool, local: ICECredentials, remote: ICECredentials
    ) -> STUNMessage {
        var attributes: [STUNAttribute] = [
            .username("\(remote.usernameFragment):\(local.usernameFragment)"), .priority(priority),
            role == .controlling ? .iceControlling(tieBreaker) : .iceControlled(tieBreaker),
        ]
        if isNominating { attributes.append(.useCandidate) }
        return STUNMessage(
            .request, transactionID: STUNTransactionID(using: &random), attributes: attributes)
    }

    /// Makes a valid pair the one that carries data.
    mutating func select(_ index: Int) {
        let pair = pairs[index]
        selected = ICESelectedPath(
            base: pair.base, remote: pair.remote, generation: generation, localCredentials: localCredentials,
            remoteCredentials: remoteCredentials, reflexivePriority: pair.reflexivePriority,
            kind: pair.kind, priority: pair.priority,
            lastHeard: clock, lastConsent: clock, lastNomination: clock, nextConsentCheck: clock + consentPause())
        if role == .controlling {
            // The work is done: nothing else may be nominated, so nothing else needs to be checked.
            triggered = []
            for other in pairs.indices {
                pairs[other].check = nil
                if pairs[other].state == .inProgress { pairs[other].state = .waiting }
            }
            nextDirect = clock + configuration.directInterval
        }
        closeUnusedStreams()
        emit(.selectedPair(local: pair.base, remote: pair.remote))
        if isStarted { setState(.connected) }
    }

    /// When the agent next has something to do by itself.
    mutating func updateDeadline() {
        guard isStarted, state != .closed, state != .failed else {
            nextDeadline = nil
            return
        }
        var deadline: Instant?
        if !configuration.isLite, remoteCredentials != nil {
            // What comes after it is planned when the peer's credentials are used for the first time.
            if detoursBegin == .distantFuture { deadline = clock }
            if !missingRelays.isEmpty { deadline = .earliest(deadline, max(detoursBegin, clock)) }
            if !triggered.isEmpty || !isCompleted && pairs.contains(where: { $0.state == .waiting && isDue($0, clock) })
            {
                deadline = .earliest(deadline, max(nextCheck, clock))
            } else if !isCompleted, pairs.contains(where: { $0.state == .waiting }) {
                deadline = .earliest(deadline, detoursBegin)
            }
            if role == .controlling, isCompleted, selected?.isDetour == true {
                deadline = .earliest(deadline, nextDirect)
            }
            for pair in pairs { deadline = .earliest(deadline, pair.check?.nextTransmission) }
            if let best = pairToNominate {
                deadline = .earliest(deadline, isBetterPossible(than: best) ? nominationDeadline : clock)
            }
        }
        nextDeadline = .earliest(deadline, watchDeadline)
    }
}
