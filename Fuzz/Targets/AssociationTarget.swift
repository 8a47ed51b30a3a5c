internal import PeerConnection
internal import TestSupport
internal import Wire

/// Two ends of an SCTP association with data channels. The input is a script: it lets time pass, lets packets through,
/// loses, repeats and changes them, uses channels at both ends, and injects packets of its own with the right tag and
/// checksum.
enum AssociationTarget {
    /// Steps of one script; more would only be slow.
    private static let maximumSteps = 400

    private struct Side {
        let mux: DataChannelMux
        var channels: [DataChannelID] = []
        /// Packets on their way to the other end.
        var sent: [[UInt8]] = []
    }

    static func run(_ input: [UInt8]) {
        var input = FuzzInput(input)
        var random = SplitMix64(seed: UInt64(input.byte()))
        var configuration = DataChannelMux.Configuration()
        configuration.association.sendBufferLimit = 20_000
        var now = Instant.zero
        var sides = [
            Side(mux: DataChannelMux(configuration: configuration, random: &random)),
            Side(mux: DataChannelMux(configuration: configuration, random: &random)),
        ]
        sides[0].mux.start(role: .client, now: now)
        sides[1].mux.start(role: .server, now: now)
        /// The last packet to each end, whose ports and tag injected ones take.
        var heads: [[UInt8]] = [[], []]
        func collect(_ side: Int) {
            while let output = sides[side].mux.poll() {
                switch output {
                case .transmit(let packet):
                    if packet.count >= 12 { heads[1 - side] = Array(packet[..<12]) }
                    if sides[side].sent.count < 64 { sides[side].sent.append(packet) }
                case .channelOpened(let id, _, _):
                    if !sides[side].channels.contains(id) { sides[side].channels.append(id) }
                case .channelClosed(let id): sides[side].channels.removeAll { $0 == id }
                case .message(_, let payload, _): check(payload.count <= 1 << 20, "a message is larger than allowed")
                case .associationConnected, .bufferedAmountLow, .associationClosed: break
                }
            }
        }
        func deliver(_ side: Int, _ packet: [UInt8]) {
            sides[side].mux.receive(packet.span.bytes, now: now)
            collect(side)
        }
        collect(0)
        collect(1)
        var steps = 0
        while !input.isAtEnd, steps < maximumSteps {
            steps += 1
            let step = input.byte()
            let side = Int(step >> 7)
            switch step & 0x0F {
            case 0, 1, 2:
                // All that waits goes through, both ways, until nothing more comes.
                for _ in 0..<8 {
                    for from in 0...1 {
                        let packets = sides[from].sent
                        sides[from].sent = []
                        for packet in packets { deliver(1 - from, packet) }
                    }
                }
            case 3:
                if !sides[side].sent.isEmpty { deliver(1 - side, sides[side].sent.removeFirst()) }
            case 4:
                if !sides[side].sent.isEmpty { sides[side].sent.removeFirst() }
            case 5:
                if let packet = sides[side].sent.last { deliver(1 - side, packet) }
            case 6:
                // A packet that was really sent, with a few bytes changed.
                guard var packet = sides[side].sent.first, packet.count > 12 else { continue }
                for _ in 0..<Int(input.byte() & 3) + 1 {
                    packet[12 + Int(input.number16()) % (packet.count - 12)] = input.byte()
                }
                deliver(1 - side, withChecksum(packet))
            case 7, 8:
                let chunks = input.bytes(Int(input.byte()))
                let head = heads[side].isEmpty ? [0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0] : heads[side]
                deliver(side, withChecksum(head + chunks))
            case 9:
                // Anything at all.
                deliver(side, input.bytes(Int(input.byte())))
            case 10:
                now = now + .milliseconds(Int64(input.number16()))
                for side in 0...1 {
                    if let deadline = sides[side].mux.nextDeadline, deadline <= now {
                        sides[side].mux.handleTimeout(now: now)
                        collect(side)
                    }
                }
            case 11:
                let reliability: SCTPReliability =
                    switch input.byte() & 3 {
                    case 0: .maximumRetransmissions(1)
                    case 1: .lifetime(.milliseconds(50))
                    default: .reliable
                    }
                let id = try? sides[side].mux.open(
                    label: "c", reliability: DataChannelReliability(isOrdered: step & 0x10 == 0, effort: reliability),
                    now: now)
                if let id { sides[side].channels.append(id) }
            case 12, 13:
                guard !sides[side].channels.isEmpty else { continue }
                let id = sides[side].channels[Int(input.byte()) % sides[side].channels.count]
                let size = Int(input.number16()) % 5000
                try? sides[side].mux.send(id, [UInt8](repeating: step, count: size), isText: step & 0x10 == 0, now: now)
            case 14:
                guard !sides[side].channels.isEmpty else { continue }
                sides[side].mux.close(sides[side].channels[Int(input.byte()) % sides[side].channels.count], now: now)
            default:
                if step & 0x10 == 0 { sides[side].mux.shutdown(now: now) } else { sides[side].mux.abort(now: now) }
            }
            collect(side)
            check(sides[side].mux.bufferedAmount >= 0, "less than nothing is buffered")
        }
    }

    /// Puts the checksum of an SCTP packet right.
    static func withChecksum(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count >= 12 else { return bytes }
        var packet = bytes
        let sum = SCTPChecksum.ofPacket(packet.span.bytes)
        // The one field that travels with its least significant byte first.
        for index in 0..<4 { packet[8 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
        return packet
    }
}
