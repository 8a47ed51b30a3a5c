/// One media section of the negotiated session: what we want of it, and what was agreed upon.
struct Transceiver {
    let index: Int
    let mid: String
    let kind: MediaKind
    /// What we would like, seen from our side.
    var wanted: MediaDirection
    /// What was agreed upon, seen from our side.
    var current = MediaDirection.inactive
    /// The peer's latest section; nil before it described one.
    var remote: MediaSection?
    /// Turned down for good.
    var isRejected = false
    /// Whether redundant audio is offered and accepted here.
    var acceptsRED: Bool
    var localTrack: LocalTrack?

    // Audio, as negotiated
    private(set) var opusPayloadType: UInt8?
    private(set) var redPayloadType: UInt8?
    private(set) var hasNACK = false
    private(set) var headerExtensions: [RTPHeaderExtensionMapping] = []

    init(index: Int, mid: String, kind: MediaKind, wanted: MediaDirection, acceptsRED: Bool) {
        self.index = index
        self.mid = mid
        self.kind = kind
        self.wanted = wanted
        self.acceptsRED = acceptsRED
    }

    /// What we are ready for: sending needs a track.
    var ready: MediaDirection {
        guard kind == .audio else { return .inactive }
        return MediaDirection(sends: wanted.sends && localTrack != nil, receives: wanted.receives)
    }

    /// What both sides are ready for.
    func agreed(with remote: MediaSection) -> MediaDirection {
        let theirs = remote.direction.reversed
        return MediaDirection(sends: ready.sends && theirs.sends, receives: ready.receives && theirs.receives)
    }

    /// Takes over the codecs and extensions that both sides have.
    mutating func agree(
        codecs: [RTPCodec], headerExtensions: [RTPHeaderExtensionMapping], usesRetransmission: Bool
    ) {
        self.headerExtensions = headerExtensions
        opusPayloadType = codecs.first { $0.isOpus }?.payloadType
        redPayloadType = codecs.first { $0.isAudioRED }?.payloadType
        hasNACK = usesRetransmission && codecs.contains { $0.isOpus && $0.hasNACK }
    }

    /// Turns the section down for good.
    mutating func reject() {
        isRejected = true
        current = .inactive
    }

    /// Puts a track on the section, or takes it away with nil. Until the next negotiation nothing is sent: a peer that
    /// was told of another track must hear of this one before its packets.
    mutating func setTrack(_ track: LocalTrack?) {
        localTrack = track
        if track == nil || !wanted.sends {
            wanted = MediaDirection(sends: track != nil, receives: wanted.receives)
        }
        current = MediaDirection(sends: false, receives: current.receives)
    }

    /// What the peer says of a track of its own on the section.
    func announcement(in section: MediaSection) -> StreamUpdate.Announcement {
        let source = section.sources.first
        let stream = section.streams.first ?? section.sources.lazy.compactMap(\.stream).first
        guard section.direction.sends, wanted.receives, source != nil || stream != nil else { return .none }
        return .track(
            RemoteTrack(
                section: index, mid: mid, streamID: stream?.streamID ?? "", trackID: stream?.trackID ?? "",
                ssrc: source?.ssrc))
    }

    /// For the section's streams.
    func update(_ announcement: StreamUpdate.Announcement = .unchanged) -> StreamUpdate {
        func id(_ uri: String) -> UInt8? {
            headerExtensions.first { $0.uri == uri && (1...14).contains($0.id) }?.id
        }
        let parameters = StreamParameters(
            section: index, mid: mid, sends: current.sends, receives: current.receives,
            opusPayloadType: opusPayloadType, redPayloadType: redPayloadType, hasNACK: hasNACK,
            midExtensionID: id(RTPHeaderExtensionMapping.midURI),
            audioLevelExtensionID: id(RTPHeaderExtensionMapping.audioLevelURI))
        return StreamUpdate(parameters: parameters, announcement: announcement)
    }

    func information(remoteTrack: RemoteTrack?) -> SectionInformation {
        SectionInformation(
            index: index, mid: mid, kind: kind, direction: current, remoteDirection: remote?.direction,
            localTrack: localTrack, remoteTrack: remoteTrack, isRejected: isRejected,
            opusPayloadType: opusPayloadType, redPayloadType: redPayloadType)
    }
}
