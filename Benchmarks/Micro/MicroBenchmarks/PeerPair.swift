internal import PeerConnection
internal import SecureTransport
internal import Wire

/// Two peer connections in one process that have agreed on one section of sound, with real DTLS and SRTP. Datagrams
/// go from one to the other without a network.
final class PeerPair {
    /// One end.
    final class End: PeerConnectionDelegate {
        let connection: PeerConnection
        let address: TransportAddress
        /// What it has sent, while `keepsDatagrams`; otherwise only counted.
        var outbox: [[UInt8]] = []
        var keepsDatagrams = true
        var sentBytes = 0
        var onSound: ((JitterBufferOutput) -> Void)?

        init(port: UInt16, factory: OpenSSLTransportFactory) {
            address = TransportAddress(ip: .loopbackV4, port: port)
            connection = PeerConnection(
                configuration: PeerConnectionConfiguration(), factory: factory, authentication: .openSSL,
                random: SecureRandom())
            connection.delegate = self
            connection.addLocalCandidate(address)
        }

        func peerConnection(
            _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
            to destination: TransportAddress
        ) {
            sentBytes += datagram.byteCount
            if keepsDatagrams { outbox.append([UInt8](copying: datagram)) }
        }

        /// Takes a datagram of the other end.
        func receive(_ datagram: inout [UInt8], from other: End, now: Instant) {
            datagram.withMutableBytes { connection.receive(&$0, from: other.address, on: address, now: now) }
        }

        func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {}

        func peerConnection(_ connection: PeerConnection, section: Int, released output: JitterBufferOutput) {
            onSound?(output)
        }
    }

    let near: End
    let far: End
    private(set) var now = Instant(nanoseconds: 1_000_000_000)

    init() throws {
        let factory = try OpenSSLTransportFactory()
        near = End(port: 1000, factory: factory)
        far = End(port: 1001, factory: factory)
        for (end, name) in [(near, "near"), (far, "far")] {
            let track = LocalTrack(streamID: name, trackID: name, ssrc: end.connection.makeSource())
            if end === near {
                _ = end.connection.addAudioSection(direction: .sendReceive, track: track)
                let offer = try near.connection.createOffer(iceRestart: false, now: now)
                try far.connection.acceptOffer(offer, now: now)
            } else {
                _ = end.connection.setLocalTrack(track, on: 0, now: now)
                let answer = try far.connection.createAnswer(now: now)
                try near.connection.acceptAnswer(answer, now: now)
            }
        }
        for _ in 0..<2000 {
            exchange()
            if near.connection.state == .connected, far.connection.state == .connected { break }
            now += .milliseconds(5)
            near.connection.handleTimeout(now: now)
            far.connection.handleTimeout(now: now)
        }
        guard near.connection.state == .connected, far.connection.state == .connected else {
            throw TextFile.Failure(description: "the peer connections do not connect")
        }
        exchange()
    }

    private func exchange() {
        while !near.outbox.isEmpty || !far.outbox.isEmpty {
            for (from, to) in [(near, far), (far, near)] {
                let datagrams = from.outbox
                from.outbox = []
                for var datagram in datagrams { to.receive(&datagram, from: from, now: now) }
            }
        }
    }

    /// Packets that the far end has sent, ready to be received by the near one.
    func packets(_ sound: OpusPackets, count: Int) -> [[UInt8]] {
        far.keepsDatagrams = true
        for index in 0..<count {
            sound.with(index) { payload in
                _ = far.connection.sendAudio(
                    on: 0, payload: payload, timestamp: UInt32(index * 960),
                    audioLevel: AudioLevel(negatedDecibels: 30, hasVoice: true), now: now)
            }
        }
        defer { far.outbox = [] }
        return far.outbox
    }
}
