package import Wire

/// Offers and answers (RFC 8829, the part that append-only sections need).
extension PeerConnection {
    /// Our side of the negotiation as an offer, for the far side. With `iceRestart` it carries fresh ICE
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
        var description = beginDescription(isLiteFarSide: ice.isRemoteLite)
        for transceiver in transceivers {
            var section = describe(transceiver)
            if transceiver.kind == .audio, !transceiver.isRejected {
                setMedia(
                    &section, codecs: offeredCodecs(transceiver), extensions: offeredExtensions(transceiver),
                    direction: transceiver.ready, track: transceiver.localTrack)
            }
            addTransport(&section, setup: .activeOrPassive)
            description.sections.append(section)
        }
        return finishDescription(&description)
    }

    /// Takes the far side's offer. Tracks that it announces are reported; `createAnswer` must follow.
    package func acceptOffer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        guard phase != .haveLocalOffer else { throw .wrongState }
        let offer = try parse(text)
        guard offer.sections.count <= Self.maximumSections else { throw .tooManySections }
        guard offer.sections.count >= transceivers.count else { throw .sectionsChanged }
        try check(offer)
        let fingerprints = try transportFingerprints(of: offer)
        try takeTransport(of: offer, fingerprints: fingerprints, isOffer: true, now: now)

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
            if !isUsable(section, in: offer, transceiver) { reject(transceiver) }
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
        var description = beginDescription(isLiteFarSide: ice.isRemoteLite)
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

    /// Takes the far side's answer to the offer that was created last; with it the negotiated state takes effect.
    package func acceptAnswer(_ text: String, now: Instant) throws(NegotiationError) {
        guard !isClosed else { throw .closed }
        guard phase == .haveLocalOffer else { throw .wrongState }
        let answer = try parse(text)
        guard answer.sections.count == transceivers.count else { throw .sectionsChanged }
        try check(answer)
        let fingerprints = try transportFingerprints(of: answer)
        try takeTransport(of: answer, fingerprints: fingerprints, isOffer: false, now: now)

        for (transceiver, section) in zip(transceivers, answer.sections) {
            transceiver.remote = section
            if !isUsable(section, in: answer, transceiver) { reject(transceiver) }
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

    // MARK: Writing

    private func beginDescription(isLiteFarSide: Bool) -> SessionDescription {
        sessionVersion += 1
        var description = SessionDescription(sessionID: sessionID, sessionVersion: sessionVersion)
        description.isICELite = configuration.ice.isLite
        return description
    }

    /// Names the bundle and puts our candidates on the section whose transport it uses.
    private func finishDescription(_ description: inout SessionDescription) -> String {
        description.bundle = description.sections.filter { !$0.isRejected }.compactMap(\.mid)
        if let first = description.sections.firstIndex(where: { !$0.isRejected }), !ice.localCandidates.isEmpty {
            description.sections[first].candidates = localCandidates.map {
                $0.hasPrefix("candidate:") ? String($0.dropFirst("candidate:".count)) : $0
            }
            description.sections[first].hasEndOfCandidates = true
        }
        return description.serialized()
    }

    /// What is the same for offer and answer. Kinds that we do not use are repeated as inactive.
    private func describe(_ transceiver: Transceiver) -> MediaSection {
        var section: MediaSection
        switch transceiver.kind {
        case .application:
            section = MediaSection(
                kind: .application, transport: transceiver.remote?.transport ?? MediaSection.dataTransport,
                formats: [MediaSection.dataFormat])
            section.sctpPort = configuration.dataChannels.association.localPort
            section.maximumMessageSize = configuration.dataChannels.association.maximumReceiveMessageSize
        case .audio:
            section = MediaSection(kind: .audio, transport: MediaSection.secureRTPTransport, formats: [])
        case .video, .other:
            section = MediaSection(
                kind: transceiver.kind, transport: transceiver.remote?.transport ?? MediaSection.secureRTPTransport,
                formats: transceiver.remote?.formats ?? ["0"])
            section.codecs = transceiver.remote?.codecs ?? []
            section.hasRTCPMultiplexing = true
        }
        section.mid = transceiver.mid
        section.direction = .inactive
        if transceiver.isRejected {
            section.port = 0
            if transceiver.kind == .audio {
                section.codecs = transceiver.remote?.codecs ?? [Self.opus(111, parameters: "")]
                section.formats = section.codecs.map { String($0.payloadType) }
            }
            if transceiver.kind == .application, let remote = transceiver.remote { section.formats = remote.formats }
        }
        return section
    }

    private func setMedia(
        _ section: inout MediaSection, codecs: [RTPCodec], extensions: [RTPHeaderExtensionMapping],
        direction: MediaDirection, track: LocalTrack?
    ) {
        section.codecs = codecs
        section.formats = codecs.map { String($0.payloadType) }
        section.headerExtensions = extensions
        section.direction = direction
        section.hasRTCPMultiplexing = true
        section.hasReducedSizeRTCP = true
        if direction.sends, let track {
            let stream = MediaStreamIdentifier(streamID: track.streamID, trackID: track.trackID)
            section.streams = [stream]
            section.sources = [MediaSource(ssrc: track.ssrc, cname: cname, stream: stream)]
        }
    }

    private func addTransport(_ section: inout MediaSection, setup: DTLSSetup) {
        guard !section.isRejected else { return }
        section.iceUsernameFragment = ice.localCredentials.usernameFragment
        section.icePassword = ice.localCredentials.password
        section.iceOptions = ["trickle"]
        section.fingerprints = [dtls.localFingerprint]
        section.setup = setup
    }

    private static func opus(_ payloadType: UInt8, parameters: String) -> RTPCodec {
        RTPCodec(payloadType: payloadType, name: "opus", clockRate: 48_000, channels: 2, formatParameters: parameters)
    }

    /// Opus, and RED where it is wanted, with the numbers that were agreed upon before.
    private func offeredCodecs(_ transceiver: Transceiver) -> [RTPCodec] {
        let known = transceivers.first { $0.opusPayloadType != nil }
        let type = transceiver.opusPayloadType ?? known?.opusPayloadType ?? 111
        var opus = Self.opus(type, parameters: configuration.opusParameters)
        if configuration.usesRetransmission { opus.feedback = ["nack"] }
        guard transceiver.acceptsRED else { return [opus] }
        let redType = transceiver.redPayloadType ?? (type == 63 ? 64 : 63)
        let red = RTPCodec(
            payloadType: redType, name: "red", clockRate: 48_000, channels: 2, formatParameters: "\(type)/\(type)")
        return [opus, red]
    }

    private func offeredExtensions(_ transceiver: Transceiver) -> [RTPHeaderExtensionMapping] {
        // All sections of a bundle share one numbering (RFC 8843 section 9.1).
        var mappings: [RTPHeaderExtensionMapping] = []
        for (uri, preferred) in [(RTPHeaderExtensionMapping.audioLevelURI, 1), (RTPHeaderExtensionMapping.midURI, 4)] {
            var known: UInt8?
            var taken: Set<UInt8> = []
            for other in transceivers {
                for mapping in other.remote?.headerExtensions ?? [] {
                    taken.insert(mapping.id)
                    if mapping.uri == uri, (1...14).contains(mapping.id) { known = known ?? mapping.id }
                }
            }
            for mapping in mappings { taken.insert(mapping.id) }
            let candidates = [UInt8(preferred)] + Array(1...14)
            guard let id = known ?? candidates.first(where: { !taken.contains($0) }) else { continue }
            mappings.append(RTPHeaderExtensionMapping(id: id, uri: uri))
        }
        return mappings
    }

    /// What of an offer's codecs we answer, in our order of preference: RED in front means that we want it sent.
    private func answeredCodecs(_ transceiver: Transceiver, _ section: MediaSection) -> [RTPCodec] {
        guard let offered = section.codecs.first(where: \.isOpus) else { return [] }
        var opus = Self.opus(offered.payloadType, parameters: configuration.opusParameters)
        if configuration.usesRetransmission, offered.hasNACK { opus.feedback = ["nack"] }
        guard transceiver.acceptsRED, var red = section.codecs.first(where: \.isAudioRED) else { return [opus] }
        red.feedback = []
        return section.direction.sends ? [red, opus] : [opus, red]
    }

    /// The header extensions that we know, with the offerer's numbers.
    private static func supported(_ offered: [RTPHeaderExtensionMapping]) -> [RTPHeaderExtensionMapping] {
        offered.filter {
            [RTPHeaderExtensionMapping.midURI, RTPHeaderExtensionMapping.audioLevelURI].contains($0.uri)
                && (1...14).contains($0.id)
        }
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
        of description: SessionDescription, fingerprints: [CertificateFingerprint], isOffer: Bool, now: Instant
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

    private func isUsable(_ section: MediaSection, in description: SessionDescription, _ transceiver: Transceiver)
        -> Bool
    {
        if section.isRejected { return false }
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

    // MARK: Remote tracks

    /// Compares what the far side announces for a section with the track that we know there.
    private func updateRemoteTrack(_ transceiver: Transceiver, _ section: MediaSection) {
        let source = section.sources.first
        let stream = section.streams.first ?? section.sources.compactMap(\.stream).first
        guard section.direction.sends, transceiver.wanted.receives, source != nil || stream != nil else {
            removeRemoteTrack(transceiver)
            return
        }
        let track = RemoteTrack(
            section: transceiver.index, mid: transceiver.mid, streamID: stream?.streamID ?? "",
            trackID: stream?.trackID ?? "", ssrc: source?.ssrc)
        guard transceiver.remoteTrack != track else { return }
        removeRemoteTrack(transceiver)
        addRemoteTrack(track, to: transceiver)
    }

    func addRemoteTrack(_ track: RemoteTrack, to transceiver: Transceiver) {
        transceiver.remoteTrack = track
        if let ssrc = track.ssrc { bind(ssrc, to: transceiver) }
        events.append(.trackAdded(track))
    }

    func removeRemoteTrack(_ transceiver: Transceiver) {
        if let receiver = transceiver.receiver {
            receiver.isRetired = true
            if receiversBySource[receiver.ssrc] === receiver { receiversBySource[receiver.ssrc] = nil }
            if retiredSources.count >= Self.maximumRetiredSources { retiredSources.removeFirst() }
            retiredSources.append(receiver.ssrc)
            transceiver.receiver = nil
        }
        guard let track = transceiver.remoteTrack else { return }
        transceiver.remoteTrack = nil
        events.append(.trackRemoved(track))
    }

    /// From now on packets of this source belong to the section.
    func bind(_ ssrc: UInt32, to transceiver: Transceiver) {
        guard receiversBySource.count < Self.maximumReceivers else { return }
        retiredSources.removeAll { $0 == ssrc }
        if let other = receiversBySource[ssrc], transceivers[other.section].receiver === other {
            transceivers[other.section].receiver = nil
            other.isRetired = true
        }
        let receiver = RTPReceiver(
            ssrc: ssrc, section: transceiver.index, mode: transceiver.receiveMode,
            hasNACK: transceiver.hasNACK && configuration.usesRetransmission)
        transceiver.receiver = receiver
        receiversBySource[ssrc] = receiver
    }
}
