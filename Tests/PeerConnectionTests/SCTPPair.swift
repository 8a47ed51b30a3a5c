import PeerConnection
import TestSupport
import Wire

/// Two associations on a virtual network, in virtual time.
final class SCTPPair {
    static let addressA = TransportAddress(ip: .v4(0x0A00_0001), port: 1)
    static let addressB = TransportAddress(ip: .v4(0x0A00_0002), port: 2)

    let a: SCTPAssociation
    let b: SCTPAssociation
    var network: VirtualNetwork
    private(set) var now = Instant.zero
    /// What came out of each end, packets left out.
    private(set) var eventsA: [SCTPOutput] = []
    private(set) var eventsB: [SCTPOutput] = []
    /// Every packet that was sent, by whom.
    private(set) var packets: [(isFromA: Bool, bytes: [UInt8])] = []
    /// Packets for which this returns true vanish.
    var drop: (_ isFromA: Bool, _ packet: SCTPPacket) -> Bool = { _, _ in false }

    convenience init(
        seed: UInt64 = 1, conditions: VirtualNetwork.Conditions = .init(),
        configurationA: SCTPConfiguration = .init(), configurationB: SCTPConfiguration = .init()
    ) {
        var random = SplitMix64(seed: seed)
        self.init(
            seed: seed, conditions: conditions, configurationA: configurationA, configurationB: configurationB,
            random: &random)
    }

    /// `random` is what the associations draw their tags and first TSNs from.
    init(
        seed: UInt64, conditions: VirtualNetwork.Conditions, configurationA: SCTPConfiguration,
        configurationB: SCTPConfiguration, random: inout some RandomNumberGenerator
    ) {
        a = SCTPAssociation(configuration: configurationA, random: &random)
        b = SCTPAssociation(configuration: configurationB, random: &random)
        a.maximumSendMessageSize = configurationB.maximumReceiveMessageSize
        b.maximumSendMessageSize = configurationA.maximumReceiveMessageSize
        network = VirtualNetwork(seed: seed, conditions: conditions)
    }

    var messagesA: [SCTPMessage] { Self.messages(eventsA) }
    var messagesB: [SCTPMessage] { Self.messages(eventsB) }

    private static func messages(_ events: [SCTPOutput]) -> [SCTPMessage] {
        events.compactMap { if case .message(let message) = $0 { message } else { nil } }
    }

    func drain() {
        drain(a, isFromA: true)
        drain(b, isFromA: false)
    }

    private func drain(_ end: SCTPAssociation, isFromA: Bool) {
        while let output = end.poll() {
            guard case .transmit(let bytes) = output else {
                if isFromA { eventsA.append(output) } else { eventsB.append(output) }
                continue
            }
            packets.append((isFromA, bytes))
            if let packet = try? SCTPPacket(parsing: bytes.span.bytes), drop(isFromA, packet) { continue }
            network.send(
                bytes, from: isFromA ? Self.addressA : Self.addressB, to: isFromA ? Self.addressB : Self.addressA,
                now: now)
        }
    }

    /// Runs until the condition holds, nothing is left to do, or so much virtual time has passed. True if it holds.
    @discardableResult
    func run(_ limit: Duration = .seconds(60), until condition: () -> Bool = { false }) -> Bool {
        let end = now + limit
        drain()
        while !condition() {
            var next = Instant.earliest(network.nextDeadline, a.nextDeadline)
            next = Instant.earliest(next, b.nextDeadline)
            guard let next, next <= end else {
                now = end
                return condition()
            }
            now = max(now, next)
            while let delivery = network.receive(now: now) {
                let target = delivery.destination == Self.addressA ? a : b
                target.receive(delivery.bytes.span.bytes, now: now)
                drain()
            }
            for end in [a, b] where end.nextDeadline.map({ $0 <= now }) ?? false { end.handleTimeout(now: now) }
            drain()
        }
        return true
    }

    /// A started pair whose handshake is over.
    static func connected(
        seed: UInt64 = 1, conditions: VirtualNetwork.Conditions = .init(),
        configurationA: SCTPConfiguration = .init(), configurationB: SCTPConfiguration = .init()
    ) -> SCTPPair {
        let pair = SCTPPair(
            seed: seed, conditions: conditions, configurationA: configurationA, configurationB: configurationB)
        pair.a.start(now: pair.now)
        pair.run { pair.a.state == .established && pair.b.state == .established }
        return pair
    }
}

/// Bytes that differ everywhere, so that a misplaced fragment shows.
func sctpPayload(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}
