/// Received packets that wait until the loop has time for them, the oldest first.
struct PacketBacklog {
    private var packets: [[UInt8]] = []
    /// What is before it has been taken.
    private var head = 0
    /// Bytes of all packets that wait.
    private(set) var byteCount = 0

    var isEmpty: Bool { head == packets.count }

    mutating func append(_ packet: [UInt8]) {
        packets.append(packet)
        byteCount += packet.count
    }

    mutating func popFirst() -> [UInt8]? {
        guard head < packets.count else { return nil }
        let packet = packets[head]
        packets[head] = []
        head += 1
        byteCount -= packet.count
        if head == packets.count {
            // A burst does not keep its memory.
            packets = []
            head = 0
        } else if head >= 64, head * 2 >= packets.count {
            packets.removeFirst(head)
            head = 0
        }
        return packet
    }
}
