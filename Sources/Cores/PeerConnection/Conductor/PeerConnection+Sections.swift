package import Wire

/// What the application wants of each section, and what is known of it. Nothing takes effect before the next offer and
/// answer, except that sending stops at once when a track is taken away.
extension PeerConnection {
    /// All sections as they are now, by index.
    package var sections: [SectionInformation] {
        negotiation.transceivers.map { transceiver in
            let index = transceiver.index
            let known = streams.sections.indices.contains(index) ? streams.sections[index].remoteTrack : nil
            return transceiver.information(remoteTrack: known)
        }
    }

    /// Adds an audio section for the next offer and returns its index; nil when there are `maximumSections`.
    package func addAudioSection(direction: MediaDirection, track: LocalTrack? = nil) -> Int? {
        guard !isClosed, let index = negotiation.addAudioSection(direction: direction) else { return nil }
        streams.apply(negotiation.transceivers[index].update())
        if let track { install(track, on: index) }
        return index
    }

    /// Adds the section for data channels, once; returns its index.
    package func addDataSection() -> Int? {
        guard !isClosed, let index = negotiation.addDataSection() else { return nil }
        streams.apply(negotiation.transceivers[index].update())
        return index
    }

    /// Puts a track on a section, or takes it away with nil. A free section gets a new sender; its SSRC must not have
    /// been used here before. False if the section cannot carry audio.
    @discardableResult
    package func setLocalTrack(_ track: LocalTrack?, on section: Int, now: Instant) -> Bool {
        guard !isClosed, negotiation.canCarryAudio(section) else { return false }
        guard negotiation.transceivers[section].localTrack != track else { return true }
        install(track, on: section)
        process(now: now)
        return true
    }

    private func install(_ track: LocalTrack?, on section: Int) {
        negotiation.change(section) { $0.setTrack(track) }
        streams.setSender(track?.ssrc, on: section)
    }

    /// What we want of a section from the next offer on, seen from our side.
    package func setDirection(_ direction: MediaDirection, on section: Int) {
        negotiation.change(section) { $0.wanted = direction }
    }

    /// How the sound of a section is handed over; applies to tracks that are added from now on.
    package func setReceiveMode(_ mode: ReceiveMode, on section: Int) { streams.setReceiveMode(mode, on: section) }

    /// Where the sound of a section in `ordered` mode goes from now on; nil for the delegate. Held weakly.
    package func setSink(_ sink: (any TrackSink)?, on section: Int) { streams.setSink(sink, on: section) }

    /// Encrypts our own sound on a section end to end. Its frames go alone then: redundant audio is not to be accepted.
    package func setSealer(_ sealer: (any FrameSealer)?, on section: Int) { streams.setSealer(sealer, on: section) }

    /// Decrypts the sound of a section in `ordered` mode.
    package func setOpener(_ opener: (any FrameOpener)?, on section: Int) { streams.setOpener(opener, on: section) }

    /// Whether sound is encrypted end to end: that of sections without an opener is dropped then, in clear or not.
    package var isEncrypted: Bool {
        get { streams.isEncrypted }
        set { streams.isEncrypted = newValue }
    }

    /// Whether redundant audio is offered or accepted on a section, from the next description on.
    package func setAcceptsRED(_ accepts: Bool, on section: Int) {
        negotiation.change(section) { $0.acceptsRED = accepts }
    }

    /// An SSRC that nobody uses in this connection.
    package func makeSource() -> UInt32 { streams.makeSource() }

    /// How well a section's sound arrives: nil without an SSRC, or in `raw` mode for the jitter buffer's part.
    package func receptionStatistics(of section: Int) -> (
        lost: Int64, jitter: Duration, jitterBuffer: JitterBufferStatistics?
    )? { streams.receptionStatistics(of: section) }

    /// Counters over all sections.
    package var statistics: PeerConnectionStatistics { streams.statistics }

    /// Percent of our packets that the peer says it lost lately: rises with a report at once, falls over a few.
    package var reportedLossPercent: Int { streams.reportedLossPercent }

    /// How well sound gets through on this connection, in both directions.
    package var linkQuality: LinkQuality { streams.linkQuality }

    /// Where the peer says that it can be reached, and at which of these addresses it is.
    package var remoteAddresses: (announced: [TransportAddress], selected: TransportAddress?) {
        (transport.announcedAddresses, transport.path?.destination)
    }

    /// How data goes at the moment; nil when it does not.
    package var pathKind: ICEPathReport.Kind? { transport.pathKind }

    /// Our address from which data goes, once the connection stands by it and no other is needed.
    package var settledBase: TransportAddress? { state == .connected ? transport.settledBase : nil }

    /// What was tried to reach the peer at its present addresses, and how it went.
    package var pathReports: [ICEPathReport] { transport.pathReport }

    /// Whether frames go along with later ones while packets are lost (RFC 2198).
    package var allowsRedundancy: Bool {
        get { streams.allowsRedundancy }
        set { streams.allowsRedundancy = newValue }
    }
}
