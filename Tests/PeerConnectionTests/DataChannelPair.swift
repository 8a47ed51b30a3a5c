import PeerConnection
import TestSupport
import Wire

/// Two muxes on a virtual network, in virtual time: a DTLS client and a DTLS server.
final class DataChannelPair {
    let client: DataChannelMux
    let server: DataChannelMux
    var network: VirtualNetwork
    private(set) var now = Instant.zero
    /// What came out of each end, packets left out.
    private(set) var clientEvents: [DataChannelOutput] = []
    private(set) var serverEvents: [DataChannelOutput] = []
    /// Packets for which this returns true vanish.
    var drop: (_ isFromClient: Bool, _ packet: SCTPPacket) -> Bool = { _, _ in false }

    init(
        seed: UInt64 = 1, conditions: VirtualNetwork.Conditions = .init(),
        client clientConfiguration: DataChannelMux.Configuration = .init(),
        server serverConfiguration: DataChannelMux.Configuration = .init()
    ) {
        var random = SplitMix64(seed: seed)
        client = DataChannelMux(configuration: clientConfiguration, random: &random)
        server = DataChannelMux(configuration: serverConfiguration, random: &random)
        network = VirtualNetwork(seed: seed, conditions: conditions)
    }

    /// Both ends send INIT, as WebRTC peers do.
    func start() {
        client.start(role: .client, now: now)
        server.start(role: .server, now: now)
    }

    var clientMessages: [[UInt8]] { Self.messages(clientEvents) }
    var serverMessages: [[UInt8]] { Self.messages(serverEvents) }

    private static func messages(_ events: [DataChannelOutput]) -> [[UInt8]] {
        events.compactMap { if case .message(_, let bytes, _) = $0 { bytes } else { nil } }
    }

    /// The server's name of the channel with this label that the client opened.
    func serverID(_ label: String) -> DataChannelID? {
        for case .channelOpened(let id, label, true) in serverEvents.reversed() { return id }
        return nil
    }

    func drain() {
        drain(client, isFromClient: true)
        drain(server, isFromClient: false)
    }

    private func drain(_ end: DataChannelMux, isFromClient: Bool) {
        while let output = end.poll() {
            guard case .transmit(let bytes) = output else {
                if isFromClient { clientEvents.append(output) } else { serverEvents.append(output) }
                continue
            }
            if let packet = try? SCTPPacket(parsing: bytes.span.bytes), drop(isFromClient, packet) { continue }
            network.send(
                bytes, from: isFromClient ? SCTPPair.addressA : SCTPPair.addressB,
                to: isFromClient ? SCTPPair.addressB : SCTPPair.addressA, now: now)
        }
    }

    /// Runs until the condition holds, nothing is left to do, or so much virtual time has passed. True if it holds.
    @discardableResult
    func run(_ limit: Duration = .seconds(60), until condition: () -> Bool = { false }) -> Bool {
        let end = now + limit
        drain()
        while !condition() {
            var next = Instant.earliest(network.nextDeadline, client.nextDeadline)
            next = Instant.earliest(next, server.nextDeadline)
            guard let next, next <= end else {
                now = end
                return condition()
            }
            now = max(now, next)
            while let delivery = network.receive(now: now) {
                let target = delivery.destination == SCTPPair.addressA ? client : server
                target.receive(delivery.bytes.span.bytes, now: now)
                drain()
            }
            for end in [client, server] where end.nextDeadline.map({ $0 <= now }) ?? false {
                end.handleTimeout(now: now)
            }
            drain()
        }
        return true
    }
}
