internal import Wire

/// Received packets that wait until the loop has time for them, the oldest first.
struct PacketBacklog {
    private var packets = FIFO<[UInt8]>()
    /// Bytes of all packets that wait.
    private(set) var byteCount = 0

    var isEmpty: Bool { packets.isEmpty }

    mutating func append(_ packet: [UInt8]) {
        packets.append(packet)
        byteCount += packet.count
    }

    mutating func popFirst() -> [UInt8]? {
        guard !packets.isEmpty else { return nil }
        // The queue must not keep a packet that is gone.
        var packet: [UInt8] = []
        swap(&packet, &packets[0])
        _ = packets.popFirst()
        byteCount -= packet.count
        return packet
    }
}
