package import Wire

/// What the application wants of each section. Nothing takes effect before the next offer and answer, except that
/// sending stops at once when a track is taken away.
extension PeerConnection {
    /// All sections as they are now, by index.
    package var sections: [SectionInformation] { transceivers.map(\.information) }

    /// Adds an audio section for the next offer and returns its index; nil when there are `maximumSections`.
    package func addAudioSection(direction: MediaDirection, track: LocalTrack? = nil) -> Int? {
        guard let added = appendTransceiver(kind: .audio, mid: nil, wanted: direction) else { return nil }
        if let track { install(track, on: added) }
        return added.index
    }

    /// Adds the section for data channels, once; returns its index.
    package func addDataSection() -> Int? {
        if let known = transceivers.first(where: { $0.kind == .application && !$0.isRejected }) { return known.index }
        return appendTransceiver(kind: .application, mid: nil, wanted: .sendReceive)?.index
    }

    /// Puts a track on a section, or takes it away with nil. A free section gets a new sender; its source number
    /// must not have been used here before. False if the section cannot carry audio.
    @discardableResult
    package func setLocalTrack(_ track: LocalTrack?, on section: Int, now: Instant) -> Bool {
        guard transceivers.indices.contains(section), !isClosed else { return false }
        let transceiver = transceivers[section]
        guard transceiver.kind == .audio, !transceiver.isRejected else { return false }
        guard transceiver.localTrack != track else { return true }
        if let sender = transceiver.sender, sender.packetCount > 0 { sendGoodbye(for: [sender.ssrc], now: now) }
        install(track, on: transceiver)
        settle(now: now)
        return true
    }

    /// What we want of a section from the next offer on, seen from our side.
    package func setDirection(_ direction: MediaDirection, on section: Int) {
        guard transceivers.indices.contains(section) else { return }
        transceivers[section].wanted = direction
    }

    /// How the sound of a section is handed over; applies to tracks that are added from now on.
    package func setReceiveMode(_ mode: ReceiveMode, on section: Int) {
        guard transceivers.indices.contains(section) else { return }
        transceivers[section].receiveMode = mode
    }

    /// Whether redundant audio is offered or accepted on a section, from the next description on.
    package func setAcceptsRED(_ accepts: Bool, on section: Int) {
        guard transceivers.indices.contains(section) else { return }
        transceivers[section].acceptsRED = accepts
    }

    /// A source number that nobody uses in this connection.
    package func makeSource() -> UInt32 {
        while true {
            let candidate = UInt32.random(in: 1 ... .max, using: &random)
            if sendersBySource[candidate] == nil, receiversBySource[candidate] == nil, candidate != reporterSource {
                return candidate
            }
        }
    }

    /// How well a section's sound arrives: nil without a source, or in `raw` mode for the jitter buffer's part.
    package func receptionStatistics(of section: Int) -> (
        lost: Int64, jitter: Duration, jitterBuffer: JitterBufferStatistics?
    )? {
        guard transceivers.indices.contains(section), let receiver = transceivers[section].receiver else { return nil }
        return (receiver.statistics.lost, receiver.statistics.jitterDuration, receiver.jitterBuffer?.statistics)
    }

    func appendTransceiver(kind: MediaKind, mid: String?, wanted: MediaDirection) -> Transceiver? {
        guard !isClosed, transceivers.count < Self.maximumSections else { return nil }
        let index = transceivers.count
        let transceiver = Transceiver(
            index: index, mid: mid ?? freshMID(), kind: kind, wanted: wanted, acceptsRED: configuration.acceptsRED,
            receiveMode: configuration.receiveMode)
        transceivers.append(transceiver)
        return transceiver
    }

    /// The lowest number from the section's index on that is not taken.
    private func freshMID() -> String {
        var number = transceivers.count
        while transceivers.contains(where: { $0.mid == String(number) }) { number += 1 }
        return String(number)
    }

    private func install(_ track: LocalTrack?, on transceiver: Transceiver) {
        if let old = transceiver.sender { sendersBySource[old.ssrc] = nil }
        transceiver.localTrack = track
        transceiver.sender = track.map { RTPSender(ssrc: $0.ssrc, random: &random) }
        if let track {
            sendersBySource[track.ssrc] = transceiver
            if !transceiver.wanted.sends {
                transceiver.wanted = MediaDirection(sends: true, receives: transceiver.wanted.receives)
            }
            // A peer that was told of another track must hear of this one before its packets.
            transceiver.current = MediaDirection(sends: false, receives: transceiver.current.receives)
        } else {
            transceiver.wanted = MediaDirection(sends: false, receives: transceiver.wanted.receives)
            transceiver.current = MediaDirection(sends: false, receives: transceiver.current.receives)
        }
        if transceiver.hasNACK, configuration.usesRetransmission {
            transceiver.sender?.history = RetransmissionHistory()
        }
    }
}
