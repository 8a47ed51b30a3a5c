internal import PeerConnection
internal import TestSupport
internal import Wire

/// Two peer connections with sound and data, over DTLS and SRTP that hide nothing: the input is what one of them
/// receives beyond what the other sends.
enum CallTarget {
    private static let maximumSteps = 200

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        let ends = [End(1), End(2)]
        var now = Instant.zero
        func exchange() {
            for _ in 0..<6 {
                for (index, end) in ends.enumerated() {
                    let datagrams = end.outbox
                    end.outbox = []
                    for datagram in datagrams { ends[1 - index].take(datagram, from: end.address, now: now) }
                }
            }
        }
        func pass(_ duration: Duration) {
            now = now + duration
            for end in ends {
                if let deadline = end.connection.nextDeadline, deadline <= now {
                    end.connection.handleTimeout(now: now)
                }
            }
            exchange()
        }
        let mode: ReceiveMode = input.byte() & 1 == 0 ? .ordered : .raw
        for end in ends {
            let track = LocalTrack(streamID: "s", trackID: "t", ssrc: UInt32(end.name))
            guard
                let section = end.name == 1 ? end.connection.addAudioSection(direction: .sendReceive, track: track) : 0
            else { return }
            end.connection.setReceiveMode(mode, on: section)
        }
        _ = ends[0].connection.addDataSection()
        guard let offer = try? ends[0].connection.createOffer(now: now),
            (try? ends[1].connection.acceptOffer(offer, now: now)) != nil
        else { fatalError("the offer is refused") }
        _ = ends[1].connection.setLocalTrack(LocalTrack(streamID: "s", trackID: "t", ssrc: 2), on: 0, now: now)
        ends[1].connection.setReceiveMode(mode, on: 0)
        guard let answer = try? ends[1].connection.createAnswer(now: now),
            (try? ends[0].connection.acceptAnswer(answer, now: now)) != nil
        else { fatalError("the answer is refused") }
        for end in ends { _ = end.connection.addRemoteCandidate(ends[2 - end.name].candidate, now: now) }
        for _ in 0..<12 { pass(.milliseconds(50)) }
        var steps = 0
        while !input.isAtEnd, steps < maximumSteps {
            steps += 1
            let kind = input.byte()
            let target = ends[Int(kind >> 7)]
            switch kind & 0x07 {
            case 0, 1: target.take(input.bytes(Int(input.byte())), from: ends[2 - target.name].address, now: now)
            case 2:
                // RTP with the source number that is known.
                let head: [UInt8] = [0x80 | kind & 0x10, input.byte(), input.byte(), input.byte()]
                let middle: [UInt8] = [0, 0, input.byte(), input.byte(), 0, 0, 0, UInt8(3 - target.name)]
                target.take(
                    head + middle + input.bytes(Int(input.byte() & 0x3F)), from: ends[2 - target.name].address, now: now
                )
            case 3:
                // RTCP from the source number that is known.
                let body = input.bytes(Int(input.byte() & 0x3F) * 4)
                let head: [UInt8] = [0x80 | kind >> 3 & 0x0F, 200 + input.byte() % 8, 0, UInt8(body.count / 4 + 1)]
                target.take(
                    head + [0, 0, 0, UInt8(3 - target.name)] + body, from: ends[2 - target.name].address, now: now)
            case 4: target.take([23] + input.bytes(Int(input.byte())), from: ends[2 - target.name].address, now: now)
            case 5: pass(.milliseconds(Int64(input.byte())))
            case 6:
                let stranger = TransportAddress(ip: .v4(UInt32(input.byte())), port: UInt16(input.byte()))
                target.take(input.bytes(Int(input.byte())), from: stranger, now: now)
            default:
                let payload = input.bytes(Int(input.byte() & 0x0F))
                payload.withUnsafeBytes { bytes in
                    _ = target.connection.sendAudio(
                        on: 0, payload: bytes, timestamp: UInt32(steps) * 960,
                        audioLevel: AudioLevel(negatedDecibels: 20, hasVoice: true), now: now)
                }
            }
            exchange()
        }
        pass(.seconds(1))
        for end in ends { end.connection.close(now: now) }
    }

    /// One end of the call.
    private final class End: PeerConnectionDelegate {
        let name: Int
        let address: TransportAddress
        let connection: PeerConnection
        var outbox: [[UInt8]] = []

        init(_ name: Int) {
            self.name = name
            address = TransportAddress(ip: .v4(0xC000_0200 | UInt32(name)), port: 1000)
            connection = PeerConnection(
                configuration: PeerConnectionConfiguration(), factory: PlainTransportFactory(name: UInt8(name)),
                authentication: PacketTargets.authentication, random: SplitMix64(seed: UInt64(name)))
            connection.delegate = self
            _ = connection.addLocalCandidate(address)
        }

        var candidate: String { "candidate:1 1 udp 2130706431 \(address.ip) \(address.port) typ host" }

        func take(_ datagram: [UInt8], from source: TransportAddress, now: Instant) {
            var datagram = datagram
            datagram.withUnsafeMutableBytes { connection.receive($0, from: source, on: address, now: now) }
        }

        func peerConnection(
            _ connection: PeerConnection, transmit datagram: UnsafeRawBufferPointer, from base: TransportAddress,
            to destination: TransportAddress
        ) {
            if outbox.count < 256 { outbox.append(Array(datagram)) }
        }
        func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {}
        func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) {
            _ = connection.forward(packet, on: 0, now: .zero)
        }
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
    func protectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? { length }
    func unprotectRTP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? { length }
    func protectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? { length }
    func unprotectRTCP(_ buffer: UnsafeMutableRawBufferPointer, length: Int) -> Int? { length }
}
