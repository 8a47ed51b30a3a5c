internal import Wire

/// Names a pair while indices move.
struct ICEPairKey: Hashable {
    let base: TransportAddress
    let remote: TransportAddress
}

/// An authenticated check of a peer whose credentials we do not know yet (RFC 8445, section 7.3: answered at
/// once, acted upon later).
struct ICEEarlyCheck {
    let base: TransportAddress
    let remote: TransportAddress
    let priority: UInt32?
    var isNominating: Bool
    /// The peer's own fragment, from the end of USERNAME.
    let usernameFragment: String
}

/// The checklist and its bounds.
extension ICEAgent {
    func pairIndex(_ base: TransportAddress, _ remote: TransportAddress) -> Int? {
        pairs.firstIndex { $0.remote == remote && $0.base == base }
    }

    /// The valid pair of the highest priority.
    var bestValidPair: Int? {
        var best: Int?
        for index in pairs.indices where pairs[index].state == .succeeded {
            if let found = best, pairs[found].priority >= pairs[index].priority { continue }
            best = index
        }
        return best
    }

    /// Adds a row unless it is there, the addresses do not match, or the list is full of better ones.
    @discardableResult
    mutating func addPair(_ local: ICECandidate, _ remote: ICECandidate) -> Int? {
        if let known = pairIndex(local.address, remote.address) { return known }
        guard local.address.ip.isV6 == remote.address.ip.isV6,
            let carrier = Self.carrier(local, remote.transport)
        else { return nil }
        let localPreference = UInt16(truncatingIfNeeded: local.priority >> 8)
        var pair = ICECandidatePair(
            base: local.address, remote: remote.address, carrier: carrier, localPriority: local.priority,
            reflexivePriority: ICECandidate.priority(
                kind: .peerReflexive, localPreference: localPreference, isStream: local.transport.isStream),
            remotePriority: remote.priority)
        pair.updatePriority(role: role)
        if pairs.count >= Self.maximumPairs {
            guard let victim = expendablePair(below: pair.priority) else { return nil }
            pairs.remove(at: victim)
        }
        pairs.append(pair)
        return pairs.count - 1
    }

    /// The row to give up for a new one: a failed one, else the least of those that are not in use.
    private func expendablePair(below priority: UInt64) -> Int? {
        if let failed = pairs.firstIndex(where: { $0.state == .failed }) { return failed }
        let candidates = pairs.indices.filter { index in
            let pair = pairs[index]
            let isInUse = pair.check?.isNominating == true || isSelected(local: pair.base, remote: pair.remote)
            return !isInUse && (configuration.isLite || pair.state == .waiting && pair.priority < priority)
        }
        return candidates.min { pairs[$0].priority < pairs[$1].priority }
    }

    /// Whether one more address of the peer can be kept; forgets a learned one that leads nowhere if need be.
    mutating func makeRoomForRemoteCandidate() -> Bool {
        guard remoteCandidates.count >= Self.maximumRemoteCandidates else { return true }
        let victim = remoteCandidates.firstIndex { candidate in
            candidate.kind == .peerReflexive && selected?.remote != candidate.address
                && !pairs.contains { $0.remote == candidate.address && $0.check?.isNominating == true }
        }
        guard let victim else { return false }
        let removed = remoteCandidates.remove(at: victim)
        pairs.removeAll { $0.remote == removed.address && $0.isStream == removed.transport.isStream }
        return true
    }

    /// Adds the address that an authenticated check came from, unless it is known, and its row.
    mutating func addPeerReflexivePair(
        _ base: TransportAddress, _ remote: TransportAddress, priority: UInt32?
    ) -> Int? {
        guard let local = localCandidates.first(where: { $0.address == base }) else { return nil }
        if let known = pairIndex(base, remote) { return known }
        let transport: ICECandidate.Transport =
            switch local.transport {
            case .udp: .udp
            case .tcp(let type): type == "passive" ? .active : .passive
            }
        if let found = remoteCandidates.first(where: { $0.address == remote && $0.transport == transport }) {
            return addPair(local, found)
        }
        guard makeRoomForRemoteCandidate() else { return nil }
        let fallback = ICECandidate.priority(kind: .peerReflexive, localPreference: 0)
        let learned = ICECandidate(
            foundation: ICECandidate.foundation(kind: .peerReflexive, base: remote.ip), transport: transport,
            priority: min(priority ?? fallback, ICECandidate.maximumPriority), address: remote, kind: .peerReflexive)
        remoteCandidates.append(learned)
        return addPair(local, learned)
    }

    /// Puts a pair at the end of the triggered-check queue.
    mutating func trigger(_ index: Int) {
        pairs[index].state = .waiting
        let key = ICEPairKey(base: pairs[index].base, remote: pairs[index].remote)
        if !triggered.contains(key) { triggered.append(key) }
    }

    /// Our side of a restart: fresh credentials, an empty checklist.
    mutating func beginGeneration() {
        generation += 1
        previousLocalCredentials = localCredentials
        localCredentials = ICECredentials(using: &random)
        remoteCredentials = nil
        isRemoteLite = false
        remoteCandidates = []
        reflexiveCandidates = []
        earlyChecks = []
        pairs = []
        triggered = []
        hasChecked = false
        detoursBegin = .distantFuture
        askedRelays = []
        renewActiveCandidates()
        closeUnusedStreams()
        establishDeadline = clock + configuration.establishTimeout
        if isStarted, selected == nil { setState(.checking) }
    }
}
