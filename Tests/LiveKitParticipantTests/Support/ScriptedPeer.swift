import EventLoops
import PeerConnection
import SecureTransport
import Signalling
import Wire

/// One peer connection of the scripted room, with its socket on loopback.
final class ScriptedPeer: PeerConnectionDelegate {
    let connection: PeerConnection
    var onPacket: (ReceivedRTPPacket) -> Void = { _ in }
    var onMessage: ([UInt8], _ reliable: Bool) -> Void = { _, _ in }
    private let loop: EventLoop
    private var socket: UDPSocket?
    private var timer: LoopTimer?
    private var channels: [String: DataChannelID] = [:]
    private var offers: UInt32 = 0

    init(_ loop: EventLoop, _ factory: OpenSSLTransportFactory) {
        self.loop = loop
        var configuration = PeerConnectionConfiguration()
        configuration.ice.isLite = true
        configuration.receiveMode = .raw
        connection = PeerConnection(
            configuration: configuration, factory: factory, authentication: .openSSL, random: SecureRandom())
        connection.delegate = self
        timer = LoopTimer(loop: loop) { [unowned self] in
            connection.handleTimeout(now: loop.now)
            update()
        }
        socket = try? UDPSocket(loop: loop, bind: TransportAddress(ip: .loopbackV4, port: 0))
        guard let base = socket?.localAddress else { return }
        connection.addLocalCandidate(base)
        socket?.onDatagram = { [unowned self] datagram, sender in
            connection.receive(&datagram, from: sender, on: base, now: loop.now)
            update()
        }
    }

    func update() { timer?.follow(connection.nextDeadline) }

    func close() {
        connection.close(now: loop.now)
        goSilent()
    }

    /// Nothing comes from here any more, not even the end.
    func goSilent() {
        timer?.cancel()
        socket?.close()
        socket = nil
    }

    func agentTrack() -> LocalTrack {
        LocalTrack(streamID: "PA_agent|TR_agent", trackID: "TR_agent", ssrc: connection.makeSource())
    }

    func addTrack() -> Int? { connection.addAudioSection(direction: .sendOnly, track: agentTrack()) }

    func offer(iceRestart: Bool = false) -> SignalDescription {
        offers += 1
        let sdp = try? connection.createOffer(iceRestart: iceRestart, now: loop.now)
        update()
        return .with {
            $0.type = "offer"
            $0.sdp = sdp ?? ""
            $0.id = offers
        }
    }

    func send(_ bytes: [UInt8], reliable: Bool) {
        guard let channel = channels[reliable ? "_reliable" : "_lossy"] else { return }
        try? connection.send(bytes, on: channel, now: loop.now)
        update()
    }

    func peerConnection(
        _ connection: PeerConnection, transmit datagram: RawSpan, from base: TransportAddress,
        to destination: TransportAddress
    ) {
        socket?.send(datagram, to: destination)
    }

    func peerConnection(_ connection: PeerConnection, event: PeerConnectionEvent) {
        switch event {
        case .channelOpened(let id, let label, _): channels[label] = id
        case .channelMessage(let id, let bytes, _): onMessage(bytes, channels["_reliable"] == id)
        default: break
        }
    }

    func peerConnection(_ connection: PeerConnection, received packet: ReceivedRTPPacket) { onPacket(packet) }
}

extension PeerConnection {
    /// The channels that a server opens on the connection that it offers on.
    func openServerChannels(now: Instant) {
        _ = try? openChannel(label: "_reliable", now: now)
        _ = try? openChannel(
            label: "_lossy", reliability: DataChannelReliability(isOrdered: false, effort: .maximumRetransmissions(0)),
            now: now)
    }
}
