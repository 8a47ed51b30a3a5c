/// What our offers and answers say.
extension Negotiation {
    /// Writes a description of all sections; `media` fills in what differs between offer and answer.
    func write(
        _ local: LocalTransport, setup: DTLSSetup, media: (Transceiver, inout MediaSection) -> Void
    ) -> String {
        var description = SessionDescription(sessionID: sessionID, sessionVersion: sessionVersion)
        description.isICELite = local.isLite
        for transceiver in transceivers {
            var section = describe(transceiver)
            media(transceiver, &section)
            if !section.isRejected { section.setTransport(local, setup: setup) }
            description.sections.append(section)
        }
        description.bundle = description.sections.filter { !$0.isRejected }.compactMap(\.mid)
        // Candidates stand on the section whose transport the bundle uses.
        if let first = description.sections.firstIndex(where: { !$0.isRejected }), !local.candidates.isEmpty {
            description.sections[first].candidates = local.candidates.map {
                $0.hasPrefix("candidate:") ? String($0.dropFirst("candidate:".count)) : $0
            }
            description.sections[first].hasEndOfCandidates = true
        }
        return description.serialized()
    }

    /// What is the same for offer and answer. Kinds that we do not use are repeated as inactive.
    private func describe(_ transceiver: Transceiver) -> MediaSection {
        var section: MediaSection
        let remote = transceiver.remote
        switch transceiver.kind {
        case .application:
            section = MediaSection(
                kind: .application, transport: remote?.transport ?? MediaSection.dataTransport,
                formats: [MediaSection.dataFormat])
            section.sctpPort = options.localPort
            section.maximumMessageSize = options.maximumMessageSize
        case .audio:
            section = MediaSection(kind: .audio, transport: MediaSection.secureRTPTransport, formats: [])
        case .video, .other:
            section = MediaSection(
                kind: transceiver.kind, transport: remote?.transport ?? MediaSection.secureRTPTransport,
                formats: remote?.formats ?? ["0"])
            section.codecs = remote?.codecs ?? []
            section.hasRTCPMultiplexing = true
        }
        section.mid = transceiver.mid
        section.direction = .inactive
        if transceiver.isRejected {
            section.port = 0
            if transceiver.kind == .audio {
                // What is turned down is repeated: a section without formats could not be read.
                section.transport = remote?.transport ?? section.transport
                section.codecs = remote?.codecs ?? [RTPCodec.opus(111, parameters: "")]
                section.formats = remote?.formats ?? section.codecs.map { String($0.payloadType) }
            }
            if transceiver.kind == .application, let remote { section.formats = remote.formats }
        }
        return section
    }

    /// The payload type of Opus that was agreed upon first, for sections that have none yet.
    var agreedOpusPayloadType: UInt8? { transceivers.lazy.compactMap(\.opusPayloadType).first }

    /// Opus, and RED where it is wanted, with the numbers that were agreed upon before.
    func offeredCodecs(_ transceiver: Transceiver, opus agreed: UInt8?) -> [RTPCodec] {
        let type = transceiver.opusPayloadType ?? agreed ?? 111
        var opus = RTPCodec.opus(type, parameters: options.opusParameters)
        if options.usesRetransmission { opus.feedback = ["nack"] }
        guard transceiver.acceptsRED else { return [opus] }
        let redType = transceiver.redPayloadType ?? (type == 63 ? 64 : 63)
        let red = RTPCodec(
            payloadType: redType, name: "red", clockRate: 48_000, channels: 2, formatParameters: "\(type)/\(type)")
        return [opus, red]
    }

    /// All sections of a bundle share one numbering (RFC 8843 section 9.1).
    func offeredExtensions() -> [RTPHeaderExtensionMapping] {
        var known: [String: UInt8] = [:]
        var taken: Set<UInt8> = []
        for transceiver in transceivers {
            for mapping in transceiver.remote?.headerExtensions ?? [] {
                taken.insert(mapping.id)
                if (1...14).contains(mapping.id), known[mapping.uri] == nil { known[mapping.uri] = mapping.id }
            }
        }
        var mappings: [RTPHeaderExtensionMapping] = []
        for (uri, preferred) in [(RTPHeaderExtensionMapping.audioLevelURI, 1), (RTPHeaderExtensionMapping.midURI, 4)] {
            let candidates = [UInt8(preferred)] + Array(1...14)
            guard let id = known[uri] ?? candidates.first(where: { !taken.contains($0) }) else { continue }
            taken.insert(id)
            mappings.append(RTPHeaderExtensionMapping(id: id, uri: uri))
        }
        return mappings
    }

    /// What of an offer's codecs we answer, in our order of preference: RED in front means that we want it sent.
    func answeredCodecs(_ transceiver: Transceiver, _ section: MediaSection) -> [RTPCodec] {
        guard let offered = section.codecs.first(where: \.isOpus) else { return [] }
        var opus = RTPCodec.opus(offered.payloadType, parameters: options.opusParameters)
        if options.usesRetransmission, offered.hasNACK { opus.feedback = ["nack"] }
        guard transceiver.acceptsRED, var red = section.codecs.first(where: \.isAudioRED) else { return [opus] }
        red.feedback = []
        return section.direction.sends ? [red, opus] : [opus, red]
    }
}

extension RTPCodec {
    static func opus(_ payloadType: UInt8, parameters: String) -> RTPCodec {
        RTPCodec(payloadType: payloadType, name: "opus", clockRate: 48_000, channels: 2, formatParameters: parameters)
    }

    /// Whether both are Opus, or both redundant audio, with one number.
    func isSame(as other: RTPCodec) -> Bool {
        payloadType == other.payloadType && (isOpus && other.isOpus || isAudioRED && other.isAudioRED)
    }
}

extension RTPHeaderExtensionMapping {
    /// The header extensions that we know, with the offerer's numbers.
    static func supported(_ offered: [RTPHeaderExtensionMapping]) -> [RTPHeaderExtensionMapping] {
        offered.filter { [midURI, audioLevelURI].contains($0.uri) && (1...14).contains($0.id) }
    }
}

extension MediaSection {
    /// Describes audio as `track` would be sent in `direction`.
    mutating func setMedia(
        codecs: [RTPCodec], extensions: [RTPHeaderExtensionMapping], direction: MediaDirection, track: LocalTrack?,
        cname: String
    ) {
        self.codecs = codecs
        formats = codecs.map { String($0.payloadType) }
        headerExtensions = extensions
        self.direction = direction
        hasRTCPMultiplexing = true
        hasReducedSizeRTCP = true
        if direction.sends, let track {
            let stream = MediaStreamIdentifier(streamID: track.streamID, trackID: track.trackID)
            streams = [stream]
            sources = [MediaSource(ssrc: track.ssrc, cname: cname, stream: stream)]
        }
    }

    fileprivate mutating func setTransport(_ local: LocalTransport, setup: DTLSSetup) {
        iceUsernameFragment = local.credentials.usernameFragment
        icePassword = local.credentials.password
        iceOptions = ["trickle"]
        fingerprints = [local.fingerprint]
        self.setup = setup
    }
}
