package import Wire

/// Offers and answers (RFC 8829, the part that append-only sections need): what is taken from the peer's, and when it takes
/// effect.
extension PeerConnection {
    /// Our side of the negotiation as an offer, for the peer. With `iceRestart` it carries fresh ICE
    /// credentials; media keeps flowing over the old pair until a new one is found.
    /// An offer that is outstanding is replaced.
    package func createOffer(iceRestart: Bool = false, now: Instant) throws(NegotiationError) -> String {
        guard !isClosed else { throw .closed }
        guard phase != .haveRemoteOffer else { throw .wrongState }
        if iceRestart, hasNegotiated {
            ice.restart(now: now)
            settle(now: now)
        }
        phase = .haveLocalOffer
        offeredSections = transceivers.count
        var description = beginDescription()
        for transceiver in transceivers {
            var section = describe(transceiver)
            if transceiver.kind == .audio, !transceiver.isRejected {
                setMedia(
                    &section, codecs: offeredCodecs(transceiver), extensions: offeredExtensions(),
                    direction: transceiver.ready, track: transceiver.localTrack)
            }
            addTransport(&section, setup: .activeOrPassive)
            description.sections.append(section)
        }
        return finishDescription(&description)
    }

    /// Takes the peer's offer. Tracks that it announces are reported; `createAnswer` must follow.
    package func acceptOffer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        guard phase != .haveLocalOffer else { throw .wrongState }
        let offer = try parse(text)
        guard offer.sections.count <= Self.maximumSections else { throw .tooManySections }
        guard offer.sections.count >= transceivers.count else { throw .sectionsChanged }
        try check(offer)
        let fingerprints = try transportFingerprints(of: offer)
        try takeTransport(of: offer, fingerprints: fingerprints, isOffer: true)

        for (index, section) in offer.sections.enumerated() {
            let transceiver: Transceiver
            if index < transceivers.count {
                transceiver = transceivers[index]
            } else {
                guard
                    let added = appendTransceiver(
                        kind: section.kind, mid: section.mid, wanted: section.kind == .audio ? .receiveOnly : .inactive)
                else { throw .tooManySections }
                transceiver = added
            }
            transceiver.remote = section
            if !isUsable(section, transceiver) { reject(transceiver) }
            guard !transceiver.isRejected, transceiver.kind == .audio else { continue }
            let codecs = answeredCodecs(transceiver, section)
            guard codecs.contains(where: \.isOpus) else {
                reject(transceiver)
                continue
            }
            transceiver.agree(codecs: codecs, headerExtensions: Self.supported(section.headerExtensions))
            updateRemoteTrack(transceiver, section)
        }
        takeDataLimits(of: offer)
        phase = .haveRemoteOffer
        settle(now: now)
    }

    /// Our answer to the offer that was accepted last; with it the negotiated state takes effect.
    package func createAnswer(now: Instant) throws(NegotiationError) -> String {
        guard !isClosed else { throw .closed }
        guard phase == .haveRemoteOffer else { throw .wrongState }
        var description = beginDescription()
        for transceiver in transceivers {
            var section = describe(transceiver)
            if let remote = transceiver.remote {
                section.transport = remote.transport
                if transceiver.kind == .audio, !transceiver.isRejected {
                    // RED may have been switched after the offer came.
                    let codecs = answeredCodecs(transceiver, remote)
                    transceiver.agree(codecs: codecs, headerExtensions: transceiver.headerExtensions)
                    let direction = transceiver.agreed(with: remote)
                    apply(direction, to: transceiver)
                    setMedia(
                        &section, codecs: codecs, extensions: transceiver.headerExtensions, direction: direction,
                        track: transceiver.localTrack)
                    section.hasReducedSizeRTCP = remote.hasReducedSizeRTCP
                }
            }
            addTransport(&section, setup: dtlsRole == .server ? .passive : .active)
            description.sections.append(section)
        }
        phase = .stable
        hasNegotiated = true
        let answer = finishDescription(&description)
        startTransport(now: now)
        return answer
    }

    /// Takes the peer's answer to the offer that was created last; with it the negotiated state takes effect.
    package func acceptAnswer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        guard phase == .haveLocalOffer else { throw .wrongState }
        let answer = try parse(text)
        // Sections that have been added since wait for the next offer.
        guard answer.sections.count == offeredSections else { throw .sectionsChanged }
        try check(answer)
        let fingerprints = try transportFingerprints(of: answer)
        try takeTransport(of: answer, fingerprints: fingerprints, isOffer: false)

        for (transceiver, section) in zip(transceivers, answer.sections) {
            transceiver.remote = section
            if !isUsable(section, transceiver) { reject(transceiver) }
            guard !transceiver.isRejected, transceiver.kind == .audio else { continue }
            let codecs = offeredCodecs(transceiver).compactMap { ours in
                section.codecs.first {
                    $0.payloadType == ours.payloadType && ($0.isOpus && ours.isOpus || $0.isAudioRED && ours.isAudioRED)
                }
            }
            transceiver.agree(codecs: codecs, headerExtensions: Self.supported(section.headerExtensions))
            apply(codecs.isEmpty ? .inactive : transceiver.agreed(with: section), to: transceiver)
            updateRemoteTrack(transceiver, section)
        }
        takeDataLimits(of: answer)
        phase = .stable
        hasNegotiated = true
        startTransport(now: now)
    }

    // MARK: Reading

    private func parse(_ text: String) throws(NegotiationError) -> SessionDescription {
        do { return try SessionDescription(parsing: text) } catch { throw .description(error) }
    }

    /// Sections that we know must be where they were; live ones must share the bundle and multiplex RTCP.
    private func check(_ description: SessionDescription) throws(NegotiationError) {
        for (transceiver, section) in zip(transceivers, description.sections) {
            guard section.kind == transceiver.kind, section.mid == nil || section.mid == transceiver.mid else {
                throw .sectionsChanged
            }
        }
        let live = description.sections.filter { !$0.isRejected }
        if live.count > 1 {
            for section in live {
                guard let mid = section.mid, description.bundle.contains(mid) else { throw .notMultiplexed }
            }
        }
        for section in live where section.kind == .audio && section.direction != .inactive {
            guard section.hasRTCPMultiplexing else { throw .notMultiplexed }
        }
    }

    private func transportFingerprints(
        of description: SessionDescription
    ) throws(NegotiationError) -> [CertificateFingerprint] {
        guard let section = description.transportSection else { return remoteFingerprints }
        guard !section.fingerprints.isEmpty else { throw .missingTransport }
        if dtlsPhase != .waiting, Set(section.fingerprints).isDisjoint(with: remoteFingerprints) {
            throw .fingerprintChanged
        }
        return section.fingerprints
    }

    /// Takes ICE credentials, candidates, fingerprints and DTLS role from the section that stands for the bundle.
    private func takeTransport(
        of description: SessionDescription, fingerprints: [CertificateFingerprint], isOffer: Bool
    ) throws(NegotiationError) {
        guard let section = description.transportSection else { return }
        guard let fragment = section.iceUsernameFragment, let password = section.icePassword,
            let credentials = ICECredentials(usernameFragment: fragment, password: password)
        else { throw .missingTransport }
        if dtlsRole == nil {
            switch section.setup {
            case .active: dtlsRole = .server
            case .passive: dtlsRole = .client
            case .activeOrPassive where isOffer: dtlsRole = configuration.preferredDTLSRole
            // RFC 5763: an offer without the attribute leaves the choice to us; an answer must have chosen.
            case nil where isOffer: dtlsRole = configuration.preferredDTLSRole
            case .activeOrPassive, nil: throw .missingTransport
            }
        }
        remoteFingerprints = fingerprints
        if !hasNegotiated { ice.setRole(isOffer ? .controlled : .controlling) }
        ice.setRemoteCredentials(credentials, isLite: description.isICELite)
        for text in section.candidates {
            if let candidate = Self.candidate(text) { ice.addRemoteCandidate(candidate) }
        }
    }

    private func isUsable(_ section: MediaSection, _ transceiver: Transceiver)
        -> Bool
    {
        if section.isRejected { return false }
        if section.kind == .audio { return section.transport.contains("RTP/") }
        guard section.kind == .application else { return true }
        let isFirst = transceivers.first { $0.kind == .application && !$0.isRejected } === transceiver
        return isFirst && section.transport.contains("SCTP")
            && (section.sctpPort ?? 5000) == configuration.dataChannels.association.remotePort
    }

    private func takeDataLimits(of description: SessionDescription) {
        guard let section = description.sections.first(where: { $0.kind == .application && !$0.isRejected }) else {
            return
        }
        // RFC 8841 section 6.1: without the attribute it is 64 kB.
        channels.maximumSendMessageSize = section.maximumMessageSize ?? 65_536
    }

    private func reject(_ transceiver: Transceiver) {
        transceiver.isRejected = true
        transceiver.current = .inactive
        removeRemoteTrack(transceiver)
    }

    /// Makes a negotiated direction effective.
    private func apply(_ direction: MediaDirection, to transceiver: Transceiver) {
        transceiver.current = direction
        if let sender = transceiver.sender {
            let keepsHistory = transceiver.hasNACK && configuration.usesRetransmission
            if keepsHistory, sender.history == nil { sender.history = RetransmissionHistory() }
            if !keepsHistory { sender.history = nil }
        }
        if !direction.receives { removeRemoteTrack(transceiver) }
    }

    private func startTransport(now: Instant) {
        if ice.state == .new, ice.remoteCredentials != nil { ice.start(now: now) }
        startChannels(now: now)
        armReports(now: now)
        settle(now: now)
    }
}
