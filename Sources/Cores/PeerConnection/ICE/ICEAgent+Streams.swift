package import Wire

/// A TCP connection of ours, from the wish to open it to its end.
struct ICEStream {
    let key: ICEPairKey
    var isOpen = false
}

/// ICE over TCP (RFC 6544). We open connections to passive candidates of the peer, once UDP has had a head start, or take
/// connections at a passive candidate of our own; the owner has the sockets and the framing (RFC 4571).
///
/// A connection belongs to one generation of credentials, since servers tie it to those of its first check. So the active
/// candidates have another port in each, which is never on the wire, and no address, as the kernel chooses it.
extension ICEAgent {
    /// Passive candidates of the peer: whoever describes a session must not have us connect to everybody.
    package static let maximumRemoteStreams = 8
    /// What RFC 6544, section 4.5 has active candidates announce.
    private static let activePort = 9
    private static let activePorts = 1000

    private func activeBase(isV6: Bool) -> TransportAddress {
        TransportAddress(
            ip: isV6 ? .anyV6 : .anyV4, port: UInt16(clamping: Self.activePort + generation % Self.activePorts))
    }

    /// Lets the agent open TCP connections to addresses of one family. Nothing of it is told to the peer, which learns of a
    /// connection from its first check.
    package mutating func addActiveCandidate(isV6: Bool) {
        addLocalCandidate(ICECandidate(stream: activeBase(isV6: isV6), .active, index: localCandidates.count))
    }

    /// Adds a listening TCP socket of ours. False when its address is one of our UDP sockets as well: the two could not be
    /// told apart.
    package mutating func addPassiveCandidate(_ address: TransportAddress) -> Bool {
        addLocalCandidate(ICECandidate(stream: address, .passive, index: localCandidates.count))
    }

    /// What carries packets between two candidates; nil when they do not fit together.
    static func carrier(_ local: ICECandidate, _ remote: ICECandidate.Transport) -> ICECandidatePair.Carrier? {
        switch (local.transport, remote) {
        case (.udp, .udp): local.kind == .relayed ? .relay : .datagrams
        case (.active, .passive): .openedStream
        case (.passive, .active): .acceptedStream
        default: nil
        }
    }

    /// The candidates of a new generation.
    mutating func renewActiveCandidates() {
        for index in localCandidates.indices where localCandidates[index].transport == .active {
            localCandidates[index].address = activeBase(isV6: localCandidates[index].address.ip.isV6)
        }
    }

    // MARK: Staggering

    /// Whether a pair may be checked now: detours wait for their turn.
    func isDue(_ pair: ICECandidatePair, _ now: Instant) -> Bool {
        pair.isDirect || pair.carrier == .acceptedStream || now >= detoursBegin
    }

    // MARK: Connections

    /// Opens the connection of a pair, unless it stands. Returns whether the pair can be checked at once.
    mutating func openStream(_ index: Int) -> Bool {
        guard pairs[index].carrier == .openedStream else { return true }
        let key = ICEPairKey(base: pairs[index].base, remote: pairs[index].remote)
        if let known = streams.first(where: { $0.key == key }) { return known.isOpen }
        streams.append(ICEStream(key: key))
        emit(.openStream(from: key.base, to: key.remote))
        return false
    }

    /// A connection stands: its check goes out.
    package mutating func streamOpened(from base: TransportAddress, to remote: TransportAddress, now: Instant) {
        guard let stream = streamIndex(base, remote), !streams[stream].isOpen else { return }
        streams[stream].isOpen = true
        clock = max(clock, now)
        if let index = pairIndex(base, remote), pairs[index].state == .inProgress, pairs[index].check == nil {
            sendCheck(index, now: now)
        }
        advance(now)
    }

    /// A connection could not be opened, or has ended.
    /// - Parameter reason: what the system said, for people.
    package mutating func streamClosed(
        from base: TransportAddress, to remote: TransportAddress, reason: String, now: Instant
    ) {
        guard let stream = streamIndex(base, remote) else { return }
        let wasOpen = streams.remove(at: stream).isOpen
        clock = max(clock, now)
        if let index = pairIndex(base, remote) { fail(index, wasOpen ? .closed(reason) : .notOpened(reason)) }
        if let path = selected, isSelected(local: base, remote: remote) { loseSelected(path) }
        advance(now)
    }

    private func streamIndex(_ base: TransportAddress, _ remote: TransportAddress) -> Int? {
        streams.firstIndex { $0.key.remote == remote && $0.key.base == base }
    }

    /// Lets go of connections that nothing will go over: not the selected one, and none of a pair that may still win.
    mutating func closeUnusedStreams() {
        for stream in streams where !isSelected(local: stream.key.base, remote: stream.key.remote) {
            if !isCompleted, pairIndex(stream.key.base, stream.key.remote) != nil { continue }
            streams.removeAll { $0.key == stream.key }
            emit(.closeStream(from: stream.key.base, to: stream.key.remote))
        }
    }

    // MARK: The way back to UDP

    /// While a detour carries the data, UDP is tried again from time to time; it is nominated when it answers.
    mutating func tryDirect(_ now: Instant) {
        guard let path = selected, path.isDetour, role == .controlling, isCompleted, now >= nextDirect else { return }
        nextDirect = now + configuration.directInterval
        for index in pairs.indices where pairs[index].isDirect && pairs[index].priority > path.priority {
            if pairs[index].check == nil, pairs[index].state != .succeeded { trigger(index) }
        }
    }
}
