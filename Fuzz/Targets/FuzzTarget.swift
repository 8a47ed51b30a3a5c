internal import ClientProtocol
internal import TestSupport

/// One codec with the way in which bytes of an unknown peer reach it. What a target does beyond parsing are checks of what
/// must hold for every input; a check that fails ends the process as a trap does, and counts as a crash.
package struct FuzzTarget: Sendable {
    /// The name of its folders in Fuzz/.
    package let rawValue: String
    private let body: @Sendable ([UInt8]) -> Void

    private init(rawValue: String, body: @escaping @Sendable ([UInt8]) -> Void) {
        self.rawValue = rawValue
        self.body = body
    }

    /// The target of a name.
    package init?(rawValue: String) {
        guard let target = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = target
    }

    /// Gives an input to the codec.
    package func run(_ input: [UInt8]) { body(input) }

    /// Each client dialect has one of its own.
    package static let allCases: [FuzzTarget] =
        codecs
        + ClientDialects.all.map { dialect in
            FuzzTarget(rawValue: "dialect-\(dialect.descriptor.name)") { ClientTargets.dialect(dialect, $0) }
        }

    private static let codecs = [
        FuzzTarget(rawValue: "stun", body: PacketTargets.stun),
        FuzzTarget(rawValue: "turn-client", body: TURNTarget.run),
        FuzzTarget(rawValue: "stream-framing", body: PacketTargets.streamFraming),
        FuzzTarget(rawValue: "ice-candidate", body: PacketTargets.iceCandidate),
        FuzzTarget(rawValue: "sdp", body: PacketTargets.sdp),
        FuzzTarget(rawValue: "negotiation", body: PeerTargets.negotiation),
        FuzzTarget(rawValue: "rtp", body: PacketTargets.rtp),
        FuzzTarget(rawValue: "rtcp", body: PacketTargets.rtcp),
        FuzzTarget(rawValue: "sealed-frame", body: PacketTargets.sealedFrame),
        FuzzTarget(rawValue: "jitter-buffer", body: PeerTargets.jitterBuffer),
        FuzzTarget(rawValue: "peer-datagrams", body: CallTarget.run),
        FuzzTarget(rawValue: "sctp-packet", body: PacketTargets.sctpPacket),
        FuzzTarget(rawValue: "sctp-association", body: AssociationTarget.run),
        FuzzTarget(rawValue: "data-channel-open", body: PacketTargets.dataChannelOpen),
        FuzzTarget(rawValue: "signal-protobuf", body: SignallingTargets.protobuf),
        FuzzTarget(rawValue: "signal-json", body: SignallingTargets.json),
        FuzzTarget(rawValue: "join-parameters", body: SignallingTargets.joinParameters),
        FuzzTarget(rawValue: "inflate", body: WireTargets.inflate),
        FuzzTarget(rawValue: "json", body: WireTargets.json),
        FuzzTarget(rawValue: "base64", body: WireTargets.base64),
        FuzzTarget(rawValue: "traceparent", body: WireTargets.traceparent),
        FuzzTarget(rawValue: "spool-record", body: WireTargets.spoolRecord),
        FuzzTarget(rawValue: "resp", body: RedisTarget.run),
        FuzzTarget(rawValue: "binary-audio", body: ClientTargets.binaryAudio),
        FuzzTarget(rawValue: "binary-contents", body: ContainerTargets.contents),
        FuzzTarget(rawValue: "wav", body: ContainerTargets.wav),
        FuzzTarget(rawValue: "webm", body: ContainerTargets.webm),
        FuzzTarget(rawValue: "ogg", body: ContainerTargets.ogg),
        FuzzTarget(rawValue: "opus", body: ContainerTargets.opus),
        FuzzTarget(rawValue: "session-parameters", body: ClientTargets.sessionParameters),
        FuzzTarget(rawValue: "access-token", body: SignallingTargets.accessToken),
        FuzzTarget(rawValue: "addresses", body: SignallingTargets.addresses),
        FuzzTarget(rawValue: "http-request", body: HTTPTargets.request),
        FuzzTarget(rawValue: "http-response", body: ResponseTarget.run),
        FuzzTarget(rawValue: "proxy-header", body: HTTPTargets.proxyHeader),
        FuzzTarget(rawValue: "http2", body: HTTP2Target.run),
        FuzzTarget(rawValue: "websocket-handshake", body: HTTPTargets.handshake),
        FuzzTarget(rawValue: "websocket-frames", body: HTTPTargets.frames),
    ]
}

extension FuzzTarget: CustomStringConvertible {
    package var description: String { rawValue }
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
