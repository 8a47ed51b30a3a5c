package import Signalling
package import Wire

/// The reliable packets that we sent, numbered, and kept for a while: after a resume the server says which it had last,
/// and everything newer is sent again (docs/livekit-protocol.md#reliable-packets). Packets written while the connection
/// is away wait here too.
package struct ReliableOutbox: Sendable {
    /// Bytes that are kept; the oldest packets go first.
    package static let maximumBytes = 2 << 20
    /// Packets that are kept.
    package static let maximumPackets = 4096
    /// How long a packet is kept. Longer than any resume takes.
    package static let maximumAge = Duration.seconds(60)

    private struct Entry {
        let sequence: UInt32
        let bytes: [UInt8]
        let time: Instant
    }

    private var entries: [Entry] = []
    private var first = 0
    private var keptBytes = 0
    private var lastSequence: UInt32 = 0

    package init() {}

    /// How many packets are kept.
    package var count: Int { entries.count - first }

    /// Numbers a packet, keeps it, and gives its bytes.
    package mutating func append(_ packet: DataPacket, now: Instant) -> [UInt8] {
        lastSequence &+= 1
        var numbered = packet
        numbered.kind = .reliable
        numbered.sequence = lastSequence
        let bytes = numbered.encoded()
        entries.append(Entry(sequence: lastSequence, bytes: bytes, time: now))
        keptBytes += bytes.count
        while count > 1,
            keptBytes > Self.maximumBytes || count > Self.maximumPackets
                || entries[first].time + Self.maximumAge < now
        {
            dropFirst()
        }
        return bytes
    }

    /// What the server has not had yet, in order.
    package mutating func resend(after received: UInt32) -> [[UInt8]] {
        while count > 0, !entries[first].sequence.isAfter(received) { dropFirst() }
        return entries[first...].map(\.bytes)
    }

    private mutating func dropFirst() {
        keptBytes -= entries[first].bytes.count
        first += 1
        if first > 64, first * 2 > entries.count {
            entries.removeFirst(first)
            first = 0
        }
    }
}

/// The last reliable sequence number of each sender: what is not newer was seen before and is dropped.
package struct ReliableInbox: Sendable {
    /// How long a sender is remembered after its last packet.
    package static let maximumAge = Duration.seconds(30)
    /// Senders that are remembered.
    package static let maximumSenders = 1024

    private var last: [String: (sequence: UInt32, time: Instant)] = [:]

    package init() {}

    /// Whether a packet is new. Packets without a number or a sender always are.
    package mutating func accept(_ packet: DataPacket, now: Instant) -> Bool {
        guard packet.sequence != 0, !packet.participantSid.isEmpty else { return true }
        if let known = last[packet.participantSid], packet.sequence <= known.sequence { return false }
        if last.count >= Self.maximumSenders { last = last.filter { $0.value.time + Self.maximumAge > now } }
        if last.count < Self.maximumSenders { last[packet.participantSid] = (packet.sequence, now) }
        return true
    }

    /// What the server shall know when we resume.
    package func states(now: Instant) -> [DataChannelReceiveState] {
        last.filter { $0.value.time + Self.maximumAge > now }.sorted { $0.key < $1.key }.map { sender in
            .with {
                $0.publisherSid = sender.key
                $0.lastSeq = sender.value.sequence
            }
        }
    }
}
