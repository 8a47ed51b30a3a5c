package import Wire

/// Addresses at TURN servers, from which and to which is relayed (RFC 8445, section 5.1.1.2). The owner has the allocations; here
/// they are candidates like others, of the lowest preference.
extension ICEAgent {
    /// Families of the peer's addresses for which relays would help and were not asked for.
    var missingRelays: [Bool] {
        guard configuration.mayRelay, !isCompleted, askedRelays.count < 2, bestValidPair == nil else { return [] }
        return [false, true].filter { isV6 in
            !askedRelays.contains(isV6)
                && remoteCandidates.contains { $0.transport == .udp && $0.address.ip.isV6 == isV6 }
        }
    }

    /// Asks for relays when detours are due.
    mutating func askForRelays() {
        guard configuration.mayRelay, clock >= detoursBegin else { return }
        for isV6 in missingRelays {
            askedRelays.insert(isV6)
            emit(.relayWanted(isV6: isV6))
        }
    }

    /// Adds an address at a TURN server. Returns the candidate to tell the peer; nil under the conditions of
    /// `addLocalCandidate`.
    /// - Parameter preference: the higher of two is used first.
    package mutating func addRelayedCandidate(_ address: TransportAddress, preference: UInt16) -> ICECandidate? {
        let candidate = ICECandidate(
            foundation: ICECandidate.foundation(kind: .relayed, base: address.ip),
            priority: ICECandidate.priority(kind: .relayed, localPreference: preference), address: address,
            kind: .relayed,
            // Where we really are is nobody's business.
            relatedAddress: TransportAddress(ip: address.ip.isV6 ? .anyV6 : .anyV4, port: 0))
        return addLocalCandidate(candidate) ? candidate : nil
    }

    /// An address of ours is gone: nothing can be sent from it any more.
    /// - Parameter reason: for people; nil when it was given up because it was not needed.
    package mutating func removeLocalCandidate(_ base: TransportAddress, reason: String?, now: Instant) {
        guard let index = localCandidates.firstIndex(where: { $0.address == base }) else { return }
        localCandidates.remove(at: index)
        clock = max(clock, now)
        triggered.removeAll { $0.base == base }
        if let reason {
            for index in pairs.indices where pairs[index].base == base { fail(index, .closed(reason)) }
        } else {
            pairs.removeAll { $0.base == base }
        }
        if let path = selected, path.base == base { loseSelected(path) }
        advance(now)
    }

    /// Nothing can be sent from an address of ours to one of the peer's.
    /// - Parameter reason: for people.
    package mutating func pathRefused(
        from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant
    ) {
        guard let index = pairIndex(base, remote) else { return }
        clock = max(clock, now)
        fail(index, .notOpened(reason))
        if let path = selected, isSelected(local: base, remote: remote) { loseSelected(path) }
        advance(now)
    }
}
