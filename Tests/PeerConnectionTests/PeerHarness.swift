import PeerConnection
import TestSupport
import Testing
import Wire

/// One side of a test call: records what its connection tells it.
final class TestPeer: PeerConnectionDelegate {
    let connection: PeerConnection
    let address: TransportAddress
    var outbox: [(bytes: [UInt8], from: TransportAddress, to: TransportAddress)] = []
    var events: [PeerConnectionEvent] = []
    /// Last byte of each packet that the jitter buffer released, or -1 for a loss and -2 for silence.
    var heard: [Int] = []
    var raw: [(section: Int, sequence: UInt16, timestamp: UInt32, last: UInt8, level: AudioLevel?)] = []
    /// Called for each packet in raw mode, for forwarding.
    var onRaw: ((ReceivedRTPPacket) -> Void)?
    var onEvent: ((PeerConnectionEvent) -> Void)?

    init(
        _ name: UInt8, port: UInt16, configure: (inout PeerConnectionConfiguration) -> Void = { _ in },
        factory: NullTransportFactory? = nil
    ) {
        var configuration = PeerConnectionConfiguration()
        configure(&configuration)
        address = TransportAddress(ip: .v4(0xC000_0200 | UInt32(name)), port: port)
        connection = PeerConnection(
            configuration: configuration, factory: factory ?? NullTransportFactory(name: name),
            authentication: TestAuthentication.plain, random: SplitMix64(seed: UInt64(name) << 32 | UInt64(port)))
        connection.delegate = self
        connection.addLocalCandidate(address)
    }

    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        outbox.append(([UInt8](copying: datagram), base, destination))
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        events.append(event)
        onEvent?(event)
    }

    func peerConnection(_ connection: PeerConnection, section: Int, released output: JitterBufferOutput) {
        switch output {
        case .packet(let packet, _): heard.append(Int(packet.payload.last))
        case .lost: heard.append(-1)
        case .silence: heard.append(-2)
        }
    }

    func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) {
        raw.append(
            (packet.section, packet.sequenceNumber, packet.timestamp, packet.payload.last, packet.audioLevel))
        onRaw?(packet)
    }

    /// Sends an Opus packet of 20 ms whose last byte is `index`.
    @discardableResult
    func speak(_ index: Int, on section: Int, now: Instant, level: UInt8 = 20) -> Bool {
        let payload: [UInt8] = [0x08, 0x80, 1, UInt8(truncatingIfNeeded: index)]
        return connection.sendAudio(
            on: section, payload: payload.span.bytes, timestamp: UInt32(index * 960),
            audioLevel: AudioLevel(negatedDecibels: level, hasVoice: true), now: now)
    }

    var tracks: [RemoteTrack] {
        events.reduce(into: []) { list, event in
            switch event {
            case .trackAdded(let track): list.append(track)
            case .trackRemoved(let track): list.removeAll { $0 == track }
            default: break
            }
        }
    }

    func messages() -> [[UInt8]] {
        events.compactMap { if case .channelMessage(_, let bytes, _) = $0 { bytes } else { nil } }
    }

    func openedChannels() -> [DataChannelID] {
        events.compactMap { if case .channelOpened(let id, _, _) = $0 { id } else { nil } }
    }
}

/// Several peers on one virtual network.
final class TestCall {
    var clock = ManualClock()
    var network: VirtualNetwork
    let peers: [TestPeer]

    init(_ peers: TestPeer..., conditions: VirtualNetwork.Conditions = .init(), seed: UInt64 = 1) {
        self.peers = peers
        network = VirtualNetwork(seed: seed, conditions: conditions)
    }

    var now: Instant { clock.now }

    private func flush() {
        for peer in peers {
            let datagrams = peer.outbox
            peer.outbox = []
            for (bytes, from, to) in datagrams { network.send(bytes, from: from, to: to, now: now) }
        }
    }

    /// Lets time pass, handling everything that falls due.
    func run(for duration: Duration) {
        let end = now + duration
        flush()
        while true {
            var next = end
            for peer in peers { next = min(next, peer.connection.nextDeadline ?? end) }
            next = min(next, network.nextDeadline ?? end)
            clock.advance(to: next)
            while let delivery = network.receive(now: now) {
                guard let peer = peers.first(where: { $0.address == delivery.destination }) else { continue }
                var bytes = delivery.bytes
                let before = peer.connection.nextDeadline
                bytes.withMutableBytes {
                    peer.connection.receive(&$0, from: delivery.source, on: delivery.destination, now: now)
                }
                guard !peer.connection.movesDeadline, let after = peer.connection.nextDeadline else { continue }
                // Whoever is told that it stands need not ask, and must not be late.
                #expect(before.map { $0 <= after } == true)
            }
            for peer in peers {
                if let deadline = peer.connection.nextDeadline, deadline <= now {
                    peer.connection.handleTimeout(now: now)
                }
            }
            flush()
            if next >= end { return }
        }
    }

    /// Offer and answer, without delay.
    func negotiate(from offerer: TestPeer, to answerer: TestPeer, iceRestart: Bool = false) throws {
        let offer = try offerer.connection.createOffer(iceRestart: iceRestart, now: now)
        try answerer.connection.acceptOffer(offer, now: now)
        let answer = try answerer.connection.createAnswer(now: now)
        try offerer.connection.acceptAnswer(answer, now: now)
        flush()
    }

    /// Until both sides are connected, at most ten seconds.
    func connect() {
        for _ in 0..<100 {
            run(for: .milliseconds(100))
            if peers.allSatisfy({ $0.connection.state == .connected }) { return }
        }
    }
}

extension RawSpan {
    /// The last byte; 0 of nothing.
    var last: UInt8 { isEmpty ? 0 : self[byteCount - 1] }
}
