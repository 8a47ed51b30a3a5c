internal import TestSupport

/// One codec with the way in which bytes of an unknown peer reach it. What a target does beyond parsing are checks of what
/// must hold for every input; a check that fails ends the process as a trap does, and counts as a crash.
package enum FuzzTarget: String, CaseIterable, Sendable {
    case stun
    case iceCandidate = "ice-candidate"
    case sdp
    case negotiation
    case rtp
    case rtcp
    case jitterBuffer = "jitter-buffer"
    case peerDatagrams = "peer-datagrams"
    case sctpPacket = "sctp-packet"
    case sctpAssociation = "sctp-association"
    case dataChannelOpen = "data-channel-open"
    case signalProtobuf = "signal-protobuf"
    case signalJSON = "signal-json"
    case joinParameters = "join-parameters"
    case inflate
    case json
    case base64
    case legacyDialect = "legacy-dialect"
    case extendedDialect = "extended-dialect"
    case binaryAudio = "binary-audio"
    case wav
    case webm
    case ogg
    case opus
    case sessionParameters = "session-parameters"
    case accessToken = "access-token"
    case addresses
    case httpRequest = "http-request"
    case httpResponse = "http-response"
    case http2
    case webSocketHandshake = "websocket-handshake"
    case webSocketFrames = "websocket-frames"

    /// Gives an input to the codec.
    package func run(_ input: [UInt8]) {
        switch self {
        case .stun: PacketTargets.stun(input)
        case .iceCandidate: PacketTargets.iceCandidate(input)
        case .sdp: PacketTargets.sdp(input)
        case .rtp: PacketTargets.rtp(input)
        case .rtcp: PacketTargets.rtcp(input)
        case .jitterBuffer: PeerTargets.jitterBuffer(input)
        case .negotiation: PeerTargets.negotiation(input)
        case .peerDatagrams: CallTarget.run(input)
        case .sctpPacket: PacketTargets.sctpPacket(input)
        case .sctpAssociation: AssociationTarget.run(input)
        case .dataChannelOpen: PacketTargets.dataChannelOpen(input)
        case .signalProtobuf: SignallingTargets.protobuf(input)
        case .signalJSON: SignallingTargets.json(input)
        case .joinParameters: SignallingTargets.joinParameters(input)
        case .accessToken: SignallingTargets.accessToken(input)
        case .addresses: SignallingTargets.addresses(input)
        case .inflate: WireTargets.inflate(input)
        case .json: WireTargets.json(input)
        case .base64: WireTargets.base64(input)
        case .legacyDialect: ClientTargets.legacyDialect(input)
        case .extendedDialect: ClientTargets.extendedDialect(input)
        case .binaryAudio: ClientTargets.binaryAudio(input)
        case .sessionParameters: ClientTargets.sessionParameters(input)
        case .wav: ContainerTargets.wav(input)
        case .webm: ContainerTargets.webm(input)
        case .ogg: ContainerTargets.ogg(input)
        case .opus: ContainerTargets.opus(input)
        case .httpRequest: HTTPTargets.request(input)
        case .httpResponse: ResponseTarget.run(input)
        case .http2: HTTP2Target.run(input)
        case .webSocketHandshake: HTTPTargets.handshake(input)
        case .webSocketFrames: HTTPTargets.frames(input)
        }
    }
}

/// Something that must hold for every input does not.
func check(_ isTrue: @autoclosure () -> Bool, _ what: String, file: StaticString = #file, line: UInt = #line) {
    guard isTrue() else { fatalError(what, file: file, line: line) }
}

/// Reads an input from its front: numbers that steer what a target does, and pieces of bytes.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    /// Zero when nothing is left.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Big-endian; zeros for what is missing.
    mutating func number16() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

    /// So many bytes, or what is left.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let taken = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        return taken
    }

    mutating func remaining() -> [UInt8] { bytes(rest.count) }

    /// The rest in pieces whose sizes depend on its first byte: whole, byte by byte, or anything between.
    mutating func pieces() -> [[UInt8]] {
        let seed = byte()
        var random = SplitMix64(seed: UInt64(seed))
        var pieces: [[UInt8]] = []
        while !isAtEnd {
            switch seed {
            case 0: pieces.append(remaining())
            case 1: pieces.append(bytes(1))
            default: pieces.append(bytes(Int.random(in: 1...(1 << (seed & 0x0F)), using: &random)))
            }
        }
        return pieces
    }
}
