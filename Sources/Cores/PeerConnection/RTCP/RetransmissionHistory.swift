package import Wire

/// The last packets of one sent stream as they went onto the wire (protected), to answer requests for lost ones.
/// A fixed ring; each slot keeps its storage, so that in steady state nothing is allocated.
package struct RetransmissionHistory {
    private struct Slot {
        var sequenceNumber: UInt16 = 0
        var lastSent = Instant.zero
        var resent = 0
        var bytes: [UInt8] = []
    }

    private var slots: [Slot]

    /// Packets that are kept: 1.28 s of 20 ms packets.
    package static let capacity = 64
    /// How often one packet is sent again.
    package static let maximumResends = 4

    package init() { slots = [Slot](repeating: Slot(), count: Self.capacity) }

    /// Keeps a copy of a packet that was just sent.
    package mutating func record(_ packet: RawSpan, sequenceNumber: UInt16, now: Instant) {
        let index = Int(sequenceNumber) % Self.capacity
        slots[index].sequenceNumber = sequenceNumber
        slots[index].lastSent = now
        slots[index].resent = 0
        slots[index].bytes.removeAll(keepingCapacity: true)
        slots[index].bytes.append(copying: packet)
    }

    /// The packet to send again; nil when it is not kept any more, was repeated often enough, or was sent less than
    /// `holdOff` ago (its last copy is still on the way).
    package mutating func resend(_ sequenceNumber: UInt16, now: Instant, holdOff: Duration) -> [UInt8]? {
        let index = Int(sequenceNumber) % Self.capacity
        guard !slots[index].bytes.isEmpty, slots[index].sequenceNumber == sequenceNumber,
            slots[index].resent < Self.maximumResends,
            slots[index].resent == 0 || now - slots[index].lastSent >= holdOff
        else { return nil }
        slots[index].resent += 1
        slots[index].lastSent = now
        return slots[index].bytes
    }
}
