/// One section of the negotiated session and what flows through it.
final class Transceiver {
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
    var receiveMode: ReceiveMode

    // Audio, as negotiated
    /// The codecs that both sides have, with the offerer's numbers.
    var codecs: [RTPCodec] = []
    var opusPayloadType: UInt8?
    var redPayloadType: UInt8?
    var hasNACK = false
    var headerExtensions: [RTPHeaderExtensionMapping] = []
    var midExtensionID: UInt8?
    var audioLevelExtensionID: UInt8?
    let midBytes: [UInt8]

    // Sending
    var localTrack: LocalTrack?
    var sender: RTPSender?

    // Receiving
    var remoteTrack: RemoteTrack?
    var receiver: RTPReceiver?

    init(
        index: Int, mid: String, kind: MediaKind, wanted: MediaDirection, acceptsRED: Bool, receiveMode: ReceiveMode
    ) {
        self.index = index
        self.mid = mid
        self.kind = kind
        self.wanted = wanted
        self.acceptsRED = acceptsRED
        self.receiveMode = receiveMode
        midBytes = Array(mid.utf8)
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
    func agree(codecs: [RTPCodec], headerExtensions: [RTPHeaderExtensionMapping]) {
        self.codecs = codecs
        self.headerExtensions = headerExtensions
        opusPayloadType = codecs.first { $0.isOpus }?.payloadType
        redPayloadType = codecs.first { $0.isAudioRED }?.payloadType
        hasNACK = codecs.contains { $0.isOpus && $0.hasNACK }
        func id(_ uri: String) -> UInt8? {
            headerExtensions.first { $0.uri == uri && (1...14).contains($0.id) }?.id
        }
        midExtensionID = id(RTPHeaderExtensionMapping.midURI)
        audioLevelExtensionID = id(RTPHeaderExtensionMapping.audioLevelURI)
    }

    var information: SectionInformation {
        SectionInformation(
            index: index, mid: mid, kind: kind, direction: current, remoteDirection: remote?.direction,
            localTrack: localTrack, remoteTrack: remoteTrack, isRejected: isRejected,
            opusPayloadType: opusPayloadType, redPayloadType: redPayloadType)
    }
}
