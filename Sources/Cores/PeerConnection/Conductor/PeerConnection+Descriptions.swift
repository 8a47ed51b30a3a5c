/// What our offers and answers say.
extension PeerConnection {
    func beginDescription() -> SessionDescription {
        sessionVersion += 1
        var description = SessionDescription(sessionID: sessionID, sessionVersion: sessionVersion)
        description.isICELite = configuration.ice.isLite
        return description
    }

    /// Names the bundle and puts our candidates on the section whose transport it uses.
    func finishDescription(_ description: inout SessionDescription) -> String {
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
    func describe(_ transceiver: Transceiver) -> MediaSection {
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
                // What is turned down is repeated: a section without formats could not be read.
                section.transport = transceiver.remote?.transport ?? section.transport
                section.codecs = transceiver.remote?.codecs ?? [Self.opus(111, parameters: "")]
                section.formats = transceiver.remote?.formats ?? section.codecs.map { String($0.payloadType) }
            }
            if transceiver.kind == .application, let remote = transceiver.remote { section.formats = remote.formats }
        }
        return section
    }

    func setMedia(
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

    func addTransport(_ section: inout MediaSection, setup: DTLSSetup) {
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
    func offeredCodecs(_ transceiver: Transceiver) -> [RTPCodec] {
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

    func offeredExtensions() -> [RTPHeaderExtensionMapping] {
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
    func answeredCodecs(_ transceiver: Transceiver, _ section: MediaSection) -> [RTPCodec] {
        guard let offered = section.codecs.first(where: \.isOpus) else { return [] }
        var opus = Self.opus(offered.payloadType, parameters: configuration.opusParameters)
        if configuration.usesRetransmission, offered.hasNACK { opus.feedback = ["nack"] }
        guard transceiver.acceptsRED, var red = section.codecs.first(where: \.isAudioRED) else { return [opus] }
        red.feedback = []
        return section.direction.sends ? [red, opus] : [opus, red]
    }

    /// The header extensions that we know, with the offerer's numbers.
    static func supported(_ offered: [RTPHeaderExtensionMapping]) -> [RTPHeaderExtensionMapping] {
        offered.filter {
            [RTPHeaderExtensionMapping.midURI, RTPHeaderExtensionMapping.audioLevelURI].contains($0.uri)
                && (1...14).contains($0.id)
        }
    }
}
