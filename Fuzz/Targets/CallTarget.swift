internal import PeerConnection
internal import TestSupport
internal import Wire

/// A peer connection in the middle of a call with sound and data, over DTLS and SRTP that hide nothing. The input is a
/// script of what it then receives, sends and waits for.
///
/// What leads to the call is recorded once, between two real ends, and played back to one end for each input: two
/// ends and their handshakes would cost a hundred times more than what an input does.
enum CallTarget {
    private static let maximumSteps = 200
    /// First byte of an application datagram of the DTLS stand-in.
    private static let applicationData: UInt8 = 23

    /// By the lowest two bits of an input's first byte: how sound is handed over, and which end it is.
    private static let calls = (0..<4).map {
        RecordedCall(mode: $0 & 1 == 0 ? .ordered : .raw, name: $0 & 2 == 0 ? 1 : 2)
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let call = calls[Int(input.byte() & 3)]
        let end = call.play()
        let remote = CallEnd.address(3 - end.name)
        let ssrc = UInt8(3 - end.name)
        var now = call.end
        func pass(_ duration: Duration) {
            now = now + duration
            if let deadline = end.connection.nextDeadline, deadline <= now { end.connection.handleTimeout(now: now) }
        }
        var steps = 0
        while !input.isAtEnd, steps < maximumSteps {
            steps += 1
            let kind = input.byte()
            switch kind & 0x07 {
            case 0, 1: end.take(input.bytes(Int(input.byte())), from: remote, now: now)
            case 2:
                // RTP with the SSRC that is known.
                let head: [UInt8] = [0x80 | kind & 0x10, input.byte(), input.byte(), input.byte()]
                let middle: [UInt8] = [0, 0, input.byte(), input.byte(), 0, 0, 0, ssrc]
                end.take(head + middle + input.bytes(Int(input.byte() & 0x3F)), from: remote, now: now)
            case 3:
                // RTCP from the SSRC that is known.
                let body = input.bytes(Int(input.byte() & 0x3F) * 4)
                let head: [UInt8] = [0x80 | kind >> 3 & 0x0F, 200 + input.byte() % 8, 0, UInt8(body.count / 4 + 1)]
                end.take(head + [0, 0, 0, ssrc] + body, from: remote, now: now)
            case 4:
                // SCTP with the ports and the tag that are expected; with the highest bit set as it is.
                let chunks = input.bytes(Int(input.byte()))
                let packet = kind >> 7 == 1 ? chunks : AssociationTarget.withChecksum(call.sctpHeader + chunks)
                end.take([applicationData] + packet, from: remote, now: now)
            case 5: pass(.milliseconds(Int64(input.byte())))
            case 6:
                let unknown = TransportAddress(ip: .v4(UInt32(input.byte())), port: UInt16(input.byte()))
                end.take(input.bytes(Int(input.byte())), from: unknown, now: now)
            default:
                let payload = input.bytes(Int(input.byte() & 0x0F))
                _ = end.connection.sendAudio(
                    on: 0, payload: payload.span.bytes, timestamp: UInt32(steps) * 960,
                    audioLevel: AudioLevel(negatedDecibels: 20, hasVoice: true), now: now)
            }
        }
        pass(.seconds(1))
        end.connection.close(now: now)
    }
}

/// Everything that happens to one end of a call until sound and data can flow.
private struct RecordedCall {
    /// What came, and when.
    enum Input {
        case datagram([UInt8], Instant)
        case timeout(Instant)
    }

    let mode: ReceiveMode
    let name: Int
    private let offer: String
    private let answer: String
    private let inputs: [Input]
    /// Ports and verification tag of SCTP packets to this end (RFC 9260 section 3.1).
    let sctpHeader: [UInt8]
    /// When the recording ends.
    let end: Instant

    /// - Parameter name: 1 for the end that offers, 2 for the other one.
    init(mode: ReceiveMode, name: Int) {
        self.mode = mode
        self.name = name
        let ends = [CallEnd(1), CallEnd(2)]
        var now = Instant.zero
        offer = ends[0].makeOffer(mode)
        answer = ends[1].makeAnswer(to: offer, mode)
        ends[0].accept(answer)
        for _ in 0..<40 {
            for _ in 0..<6 {
                for (index, end) in ends.enumerated() {
                    let datagrams = end.outbox
                    end.outbox = []
                    for datagram in datagrams {
                        let other = ends[1 - index]
                        other.inputs.append(.datagram(datagram, now))
                        other.take(datagram, from: end.address, now: now)
                    }
                }
            }
            if ends.allSatisfy({ $0.isReady }) { break }
            now = now + .milliseconds(50)
            for end in ends {
                guard let deadline = end.connection.nextDeadline, deadline <= now else { continue }
                end.inputs.append(.timeout(now))
                end.connection.handleTimeout(now: now)
            }
        }
        check(ends.allSatisfy { $0.isReady }, "the call to be recorded does not connect")
        inputs = ends[name - 1].inputs
        let packets = inputs.compactMap { input -> [UInt8]? in
            if case .datagram(let bytes, _) = input, bytes.first == 23, bytes.count >= 13 { bytes } else { nil }
        }
        sctpHeader = packets.last.map { Array($0[1..<9]) + [0, 0, 0, 0] } ?? []
        self.end = now
    }

    /// A fresh end to which all of it has happened.
    func play() -> CallEnd {
        let played = CallEnd(name)
        if name == 1 {
            _ = played.makeOffer(mode)
            played.accept(answer)
        } else {
            _ = played.makeAnswer(to: offer, mode)
        }
        let remote = CallEnd.address(3 - name)
        for input in inputs {
            switch input {
            case .datagram(let bytes, let now): played.take(bytes, from: remote, now: now)
            case .timeout(let now): played.connection.handleTimeout(now: now)
            }
        }
        check(played.isReady, "the recorded call does not connect")
        return played
    }
}

/// One end of the call.
private final class CallEnd: PeerConnectionDelegate {
    let name: Int
    let connection: PeerConnection
    /// What it has sent, while it is being recorded.
    var outbox: [[UInt8]] = []
    var inputs: [RecordedCall.Input] = []
    /// The channel of data is open.
    private var hasChannel = false

    init(_ name: Int) {
        self.name = name
        connection = PeerConnection(
            configuration: PeerConnectionConfiguration(), factory: PlainTransportFactory(name: UInt8(name)),
            authentication: PacketTargets.authentication, random: SplitMix64(seed: UInt64(name)))
        connection.delegate = self
        _ = connection.addLocalCandidate(address)
    }

    static func address(_ name: Int) -> TransportAddress {
        TransportAddress(ip: .v4(0xC000_0200 | UInt32(name)), port: 1000)
    }

    var address: TransportAddress { Self.address(name) }
    var isReady: Bool { connection.state == .connected && hasChannel }

    private var track: LocalTrack { LocalTrack(streamID: "s", trackID: "t", ssrc: UInt32(name)) }

    func makeOffer(_ mode: ReceiveMode) -> String {
        guard let section = connection.addAudioSection(direction: .sendReceive, track: track) else { return "" }
        connection.setReceiveMode(mode, on: section)
        _ = connection.addDataSection()
        _ = try? connection.openChannel(label: "data", now: .zero)
        return (try? connection.createOffer(now: .zero)) ?? ""
    }

    func makeAnswer(to offer: String, _ mode: ReceiveMode) -> String {
        try? connection.acceptOffer(offer, now: .zero)
        connection.setLocalTrack(track, on: 0, now: .zero)
        connection.setReceiveMode(mode, on: 0)
        return (try? connection.createAnswer(now: .zero)) ?? ""
    }

    func accept(_ answer: String) { try? connection.acceptAnswer(answer, now: .zero) }

    func take(_ datagram: [UInt8], from source: TransportAddress, now: Instant) {
        var datagram = datagram
        datagram.withMutableBytes { connection.receive(&$0, from: source, on: address, now: now) }
    }

    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        if outbox.count < 32 { outbox.append([UInt8](copying: datagram)) }
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        if case .channelOpened = event { hasChannel = true }
    }

    func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) {
        _ = connection.forward(packet, on: 0, now: .zero)
    }
}

/// The handshake of the tests, and packets as they are.
private final class PlainTransportFactory: SecureTransportFactory {
    private let handshakes: NullTransportFactory

    init(name: UInt8) { handshakes = NullTransportFactory(name: name) }

    func makeDTLS() -> any DTLSTransport { handshakes.makeDTLS() }
    func makeSRTP(_ keys: SRTPKeys) -> (any SRTPTransform)? { PlainTransform() }
}

private final class PlainTransform: SRTPTransform {
    func protectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? { length }
    func unprotectRTP(_ buffer: inout MutableRawSpan, length: Int) -> Int? { length }
    func protectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? { length }
    func unprotectRTCP(_ buffer: inout MutableRawSpan, length: Int) -> Int? { length }
}
