package import Wire

/// Datagrams from the network; here: the checks of the peer (RFC 8445, section 7.3).
extension ICEAgent {
    /// Takes one STUN datagram that came from `remote` to our socket `base`. Whatever is not meant for us, or not
    /// authentic, is answered with an error or dropped, and changes nothing.
    package mutating func receive(
        _ datagram: RawSpan, from remote: TransportAddress, on base: TransportAddress, now: Instant
    ) {
        guard state != .closed, state != .failed, isBase(base),
            let message = try? STUNMessage(parsing: datagram), message.method == STUNMessage.bindingMethod
        else { return }
        clock = now
        switch message.messageClass {
        case .request: handleRequest(message, datagram, from: remote, on: base, now: now)
        case .success, .failure: handleResponse(message, datagram, from: remote, on: base, now: now)
        case .indication: noteTraffic(from: remote, now: now)
        }
        advance(now)
    }

    private mutating func handleRequest(
        _ request: STUNMessage, _ datagram: RawSpan, from remote: TransportAddress, on base: TransportAddress,
        now: Instant
    ) {
        // RFC 8489 would have 400 here. The answer would be twice as long as the question, and whoever asks like
        // this is no ICE agent but perhaps somebody who wants us to shout at the address he pretends to be.
        guard let username = request.username, request.integrityOffset != nil else { return }
        let parts = username.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let ours = [localCredentials, previousLocalCredentials].compactMap { $0 }
        guard parts.count == 2,
            let credentials = ours.first(where: { $0.usernameFragment.utf8.elementsEqual(parts[0]) }),
            request.hasValidIntegrity(in: datagram, key: credentials.key, authentication: authentication)
        else {
            return refuse(request, .unauthenticated, from: remote, on: base, credentials: nil)
        }
        guard request.unknownRequiredAttributes.isEmpty else {
            return refuse(request, .unknownAttribute, from: remote, on: base, credentials: credentials)
        }
        guard resolveConflict(request) else {
            return refuse(request, .roleConflict, from: remote, on: base, credentials: credentials)
        }
        let response = STUNMessage(
            .success, transactionID: request.transactionID, attributes: [.xorMappedAddress(remote)])
        emit(
            .transmit(
                response.serialized(integrityKey: credentials.key, authentication: authentication), from: base,
                to: remote))
        if isSelected(local: base, remote: remote) { selected?.lastHeard = now }
        // With the credentials of before a restart only the old pair is kept alive.
        guard credentials == localCredentials else { return }
        let check = ICEEarlyCheck(
            base: base, remote: remote, priority: request.priority, isNominating: request.hasUseCandidate,
            usernameFragment: String(decoding: parts[1], as: UTF8.self))
        if configuration.isLite || check.usernameFragment == remoteCredentials?.usernameFragment {
            learn(from: check)
        } else {
            remember(check)
        }
    }

    /// Whether the request may be answered, after we have given way if that is what the tie-breakers say
    /// (RFC 8445, section 7.3.1.1).
    private mutating func resolveConflict(_ request: STUNMessage) -> Bool {
        switch role {
        case .controlling:
            guard let theirs = request.controllingTieBreaker else { return true }
            if tieBreaker >= theirs { return false }
            setRole(.controlled)
        case .controlled:
            guard let theirs = request.controlledTieBreaker else { return true }
            guard tieBreaker >= theirs, !configuration.isLite else { return false }
            setRole(.controlling)
        }
        return true
    }

    /// Error responses carry MESSAGE-INTEGRITY only when the request was authentic.
    private mutating func refuse(
        _ request: STUNMessage, _ error: STUNErrorCode, from remote: TransportAddress, on base: TransportAddress,
        credentials: ICECredentials?
    ) {
        var response = STUNMessage(.failure, transactionID: request.transactionID, attributes: [.errorCode(error)])
        if error == .unknownAttribute {
            response.attributes.append(.unknownAttributes(request.unknownRequiredAttributes))
        }
        emit(
            .transmit(
                response.serialized(integrityKey: credentials?.key, authentication: authentication), from: base,
                to: remote))
    }

    private mutating func remember(_ check: ICEEarlyCheck) {
        let known = earlyChecks.firstIndex {
            $0.base == check.base && $0.remote == check.remote && $0.usernameFragment == check.usernameFragment
        }
        if let known {
            earlyChecks[known].isNominating = earlyChecks[known].isNominating || check.isNominating
        } else if earlyChecks.count < Self.maximumEarlyChecks {
            earlyChecks.append(check)
        }
    }

    /// Acts upon an authenticated check of the present generation (RFC 8445, sections 7.3.1.3 to 7.3.1.5).
    mutating func learn(from check: ICEEarlyCheck) {
        guard let index = addPeerReflexivePair(check.base, check.remote, priority: check.priority) else { return }
        pairs[index].isHeard = true
        if configuration.isLite {
            // A lite agent takes the peer's word for it.
            pairs[index].state = .succeeded
            if !hasChecked {
                hasChecked = true
                establishDeadline = clock + configuration.establishTimeout
            }
        }
        if check.isNominating, role == .controlled { pairs[index].isNominated = true }
        switch pairs[index].state {
        case .succeeded:
            if check.isNominating, role == .controlled { acceptNomination(index) }
        case .inProgress:
            // Ours may have been lost on the way to open a gate that is open now: send it again when it is due.
            let key = ICEPairKey(base: check.base, remote: check.remote)
            if !triggered.contains(key) { triggered.append(key) }
        case .waiting, .failed:
            // Once a pair is in use, a controlling agent has nothing to gain from more of them.
            if !(isCompleted && role == .controlling) { trigger(index) }
        }
    }

    /// Controlled side: selects a valid pair that the peer nominated.
    ///
    /// An aggressive peer nominates many pairs at once and means the best of them (RFC 5245); others nominate
    /// one, and later perhaps another because the first has died. So a lesser pair wins only over an old nomination; one that
    /// is as good is mostly the same peer, to which a NAT has given another address.
    mutating func acceptNomination(_ index: Int) {
        let pair = pairs[index]
        if let current = selected, current.generation == generation {
            if current.base == pair.base, current.remote == pair.remote {
                selected?.lastNomination = clock
                return
            }
            guard pair.priority >= current.priority || clock - current.lastNomination >= Self.nominationValidity else {
                return
            }
        }
        select(index)
    }
}
