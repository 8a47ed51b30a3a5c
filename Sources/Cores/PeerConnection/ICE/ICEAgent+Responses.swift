internal import Wire

/// What the peer answers to our checks (RFC 8445, section 7.2.5).
extension ICEAgent {
    mutating func handleResponse(
        _ response: STUNMessage, _ datagram: RawSpan, from remote: TransportAddress, on base: TransportAddress,
        now: Instant
    ) {
        if let index = selected?.outstandingChecks.firstIndex(of: response.transactionID) {
            handleConsent(response, datagram, index, from: remote, on: base, now: now)
        } else if let index = pairs.firstIndex(where: { $0.check?.transactionID == response.transactionID }),
            let check = pairs[index].check, let remoteCredentials,
            response.hasValidIntegrity(in: datagram, key: remoteCredentials.key, authentication: authentication)
        {
            guard pairs[index].remote == remote, pairs[index].base == base else {
                // The path is not symmetric (RFC 8445, section 7.2.5.2.1).
                return fail(index, .asymmetric)
            }
            pairs[index].isHeard = true
            if response.messageClass == .success, let mapped = response.mappedAddress,
                response.unknownRequiredAttributes.isEmpty
            {
                succeed(index, check, mapped: mapped, now: now)
            } else if response.errorCode?.code == STUNErrorCode.roleConflict.code, !isRemoteLite {
                // The change of role puts this pair, and every other that is being checked, back into the queue.
                yieldRole(check.role)
            } else {
                fail(index, .refused(code: response.errorCode?.code ?? 0))
            }
        }
    }

    private mutating func succeed(_ index: Int, _ check: ICECheck, mapped: TransportAddress, now: Instant) {
        pairs[index].check = nil
        pairs[index].state = .succeeded
        if pairs[index].validSince == nil { pairs[index].validSince = now }
        if check.transmissions == 1 {
            let measured = now - check.firstSent
            pairs[index].roundTripTime = min(pairs[index].roundTripTime ?? measured, measured)
        }
        let key = ICEPairKey(base: pairs[index].base, remote: pairs[index].remote)
        triggered.removeAll { $0 == key }
        learnReflexive(mapped, base: key.base, priority: pairs[index].reflexivePriority)
        switch role {
        case .controlling: if check.isNominating { select(index) }
        case .controlled: if pairs[index].isNominated { acceptNomination(index) }
        }
    }

    /// RFC 8445, section 7.2.5.3.1: the peer sees us at an address that we did not know.
    private mutating func learnReflexive(_ mapped: TransportAddress, base: TransportAddress, priority: UInt32) {
        guard !isBase(mapped), !reflexiveCandidates.contains(where: { $0.address == mapped }),
            reflexiveCandidates.count < Self.maximumLocalCandidates
        else { return }
        reflexiveCandidates.append(
            ICECandidate(
                foundation: ICECandidate.foundation(kind: .peerReflexive, base: base.ip), priority: priority,
                address: mapped, kind: .peerReflexive, relatedAddress: base))
    }

    mutating func fail(_ index: Int, _ failure: ICEPathFailure) {
        pairs[index].check = nil
        pairs[index].failure = failure
        pairs[index].state = .failed
        let key = ICEPairKey(base: pairs[index].base, remote: pairs[index].remote)
        triggered.removeAll { $0 == key }
    }

    /// A request that claimed `claimed` met with 487: give way, unless we have done so meanwhile. The tie-breaker
    /// changes too (RFC 8445, section 7.1.3), which ends the standoff of two equal ones.
    private mutating func yieldRole(_ claimed: ICERole) {
        guard claimed == role, !isRemoteLite else { return }
        tieBreaker = random.next()
        setRole(claimed.opposite)
    }

    /// Only an authentic success response from the very address grants consent (RFC 7675, section 5.1).
    private mutating func handleConsent(
        _ response: STUNMessage, _ datagram: RawSpan, _ index: Int, from remote: TransportAddress,
        on base: TransportAddress, now: Instant
    ) {
        guard let path = selected, let credentials = path.remoteCredentials, path.remote == remote, path.base == base,
            response.hasValidIntegrity(in: datagram, key: credentials.key, authentication: authentication)
        else { return }
        selected?.outstandingChecks.remove(at: index)
        selected?.lastHeard = now
        if response.messageClass == .success {
            selected?.lastConsent = now
        } else if response.errorCode?.code == STUNErrorCode.roleConflict.code, path.generation == generation {
            yieldRole(role)
        }
    }
}
