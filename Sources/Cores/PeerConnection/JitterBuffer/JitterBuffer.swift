package import Wire

/// Puts the packets of one audio source back into order and decides what is lost.
///
/// A packet in its place is released at once: the buffer adds no play-out delay, because the client plays out. When
/// a packet is missing, those behind it wait until it comes or until `holdTime` has passed. Memory is bounded: a
/// ring of `capacity` slots whose storage is reused.
///
/// It is a class so that the sink, which runs synchronously, may look at it or close the connection.
package final class JitterBuffer {
    private struct Slot {
        var sequence: Int64 = -1
        var timestamp: UInt32 = 0
        var marker = false
        var audioLevel: AudioLevel?
        var arrival = Instant.zero
        var bytes: [UInt8] = []
    }

    /// Packets that can wait behind a gap: more than the longest hold time of 2.5 ms packets.
    package static let capacity = 64
    /// The shortest and the longest time that packets wait for a missing one.
    package static let minimumHold = Duration.milliseconds(20)
    package static let maximumHold = Duration.milliseconds(120)
    /// More of one gap than this (120 ms at 48 kHz) is reported as silence: concealment would only hum.
    package static let maximumConcealment = 5760
    /// A step of the media clock larger than this (one minute at 48 kHz) is a restart, not silence.
    package static let maximumSilence: Int32 = 60 * 48_000
    /// So many late packets in a row, in order, mean that the source began anew behind our back.
    package static let restartThreshold = 8

    /// Interarrival jitter, as the owner measures it.
    package var jitter = Duration.zero
    /// Round trip to the sender; set when lost packets are asked for again.
    package var retransmissionRoundTrip: Duration?
    package private(set) var statistics = JitterBufferStatistics()

    private var unwrapper = SequenceUnwrapper()
    private var slots = [Slot](repeating: Slot(), count: JitterBuffer.capacity)
    private var storedCount = 0
    /// The packet that is to be released next; nil before the first.
    private var nextSequence: Int64?
    private var nextTimestamp: UInt32 = 0
    private var lastSamples = 960
    private var gapDeadline: Instant?
    private var lateRun = 0
    private var lastLate: Int64 = -1

    package init() {}

    /// When `handleTimeout` wants to be called: the end of the wait for a missing packet.
    package var nextDeadline: Instant? { gapDeadline }

    /// How long packets wait for a missing one now.
    package var holdTime: Duration {
        var wanted = jitter * 3
        if let retransmissionRoundTrip {
            wanted = max(wanted, NACKGenerator.reorderingGrace + retransmissionRoundTrip + .milliseconds(10))
        }
        return min(max(wanted, Self.minimumHold), Self.maximumHold)
    }

    /// Takes a packet; `sink` is called for everything that it releases.
    package func insert(_ packet: AudioPacket, now: Instant, sink: (JitterBufferOutput) -> Void) {
        statistics.received += 1
        guard let next = nextSequence else { return restart(at: packet, sink: sink) }
        let extended = unwrapper.peek(packet.sequenceNumber)
        let distance = extended - next
        if abs(distance) > ReceptionStatistics.maximumDropout {
            statistics.restarts += 1
            flush(sink: sink)
            return restart(at: packet, sink: sink)
        }
        if distance < 0 { return takeLate(packet, extended: extended, sink: sink) }
        lateRun = 0
        place(packet, extended: extended, now: now, sink: sink)
    }

    /// Takes a frame that came along redundantly in packet `carrier` (RED), `age` packets before it. It is used only
    /// if its own packet is still missing.
    package func insertRedundant(
        _ packet: AudioPacket, now: Instant, sink: (JitterBufferOutput) -> Void
    ) {
        guard let next = nextSequence else { return }
        let extended = unwrapper.peek(packet.sequenceNumber)
        guard (next..<next + Int64(Self.capacity)).contains(extended),
            slots[Self.index(extended)].sequence != extended,
            Int32(bitPattern: packet.timestamp &- nextTimestamp) >= 0
        else { return }
        statistics.recovered += 1
        place(packet, extended: extended, now: now, sink: sink)
    }

    /// Gives up on packets whose time is over.
    package func handleTimeout(now: Instant, sink: (JitterBufferOutput) -> Void) {
        while let deadline = gapDeadline, deadline <= now {
            gapDeadline = nil
            skipGap(sink: sink)
            armDeadline()
        }
    }

    /// Releases all that waits, reporting gaps as lost.
    package func flush(sink: (JitterBufferOutput) -> Void) {
        gapDeadline = nil
        while storedCount > 0 { skipGap(sink: sink) }
    }

    private static func index(_ sequence: Int64) -> Int { Int(truncatingIfNeeded: sequence) & (capacity - 1) }

    private func place(_ packet: AudioPacket, extended: Int64, now: Instant, sink: (JitterBufferOutput) -> Void) {
        guard let next = nextSequence else { return }
        if extended == next {
            _ = unwrapper.unwrap(packet.sequenceNumber)
            release(packet, sink: sink)
            releaseContiguous(sink: sink)
            // A gap further back keeps its own, later, deadline.
            armDeadline()
            return
        }
        if extended - next >= Int64(Self.capacity) {
            // Too far ahead to wait: all that waits goes out, and the gap is lost.
            _ = unwrapper.unwrap(packet.sequenceNumber)
            flush(sink: sink)
            if let next = nextSequence, extended > next {
                conceal(packets: Int(extended - next), before: packet, sink: sink)
                nextSequence = extended
            }
            release(packet, sink: sink)
            return
        }
        let index = Self.index(extended)
        guard slots[index].sequence != extended else {
            statistics.duplicates += 1
            return
        }
        _ = unwrapper.unwrap(packet.sequenceNumber)
        slots[index].sequence = extended
        slots[index].timestamp = packet.timestamp
        slots[index].marker = packet.marker
        slots[index].audioLevel = packet.audioLevel
        slots[index].arrival = now
        slots[index].bytes.removeAll(keepingCapacity: true)
        slots[index].bytes.append(copying: packet.payload)
        storedCount += 1
        if gapDeadline == nil { gapDeadline = now + holdTime }
    }

    private func takeLate(_ packet: AudioPacket, extended: Int64, sink: (JitterBufferOutput) -> Void) {
        lateRun = extended == lastLate + 1 ? lateRun + 1 : 1
        lastLate = extended
        if lateRun >= Self.restartThreshold {
            statistics.restarts += 1
            flush(sink: sink)
            restart(at: packet, sink: sink)
        } else {
            statistics.late += 1
        }
    }

    private func restart(at packet: AudioPacket, sink: (JitterBufferOutput) -> Void) {
        lateRun = 0
        unwrapper = SequenceUnwrapper()
        nextSequence = unwrapper.unwrap(packet.sequenceNumber)
        nextTimestamp = packet.timestamp
        release(packet, sink: sink)
    }

    /// Releases the packet that is due.
    private func release(_ packet: AudioPacket, sink: (JitterBufferOutput) -> Void) {
        guard let next = nextSequence else { return }
        let pause = Int32(bitPattern: packet.timestamp &- nextTimestamp)
        nextSequence = next + 1
        // An empty payload only keeps the sequence going.
        guard let samples = OpusPacket(packet.payload)?.sampleCount else { return }
        nextTimestamp = packet.timestamp &+ UInt32(samples)
        lastSamples = samples
        if pause > 0, pause <= Self.maximumSilence { sink(.silence(samples: Int(pause))) }
        sink(.packet(packet, samples: samples))
    }

    private func releaseContiguous(sink: (JitterBufferOutput) -> Void) {
        while storedCount > 0, let next = nextSequence, slots[Self.index(next)].sequence == next {
            releaseStored(Self.index(next), lostBefore: 0, sink: sink)
        }
    }

    /// Releases one waiting packet. Its bytes are moved out while the sink runs and moved back afterwards, so that
    /// the sink may call us, and the storage is still reused.
    private func releaseStored(_ index: Int, lostBefore: Int, sink: (JitterBufferOutput) -> Void) {
        var bytes: [UInt8] = []
        swap(&bytes, &slots[index].bytes)
        slots[index].sequence = -1
        storedCount -= 1
        let (timestamp, marker, audioLevel) = (slots[index].timestamp, slots[index].marker, slots[index].audioLevel)
        let number = UInt16(truncatingIfNeeded: nextSequence ?? 0)
        // The packet lends out the bytes until the end of this block.
        do {
            let packet = AudioPacket(
                sequenceNumber: number, timestamp: timestamp, marker: marker, audioLevel: audioLevel,
                payload: bytes.span.bytes)
            if lostBefore > 0 { conceal(packets: lostBefore, before: packet, sink: sink) }
            release(packet, sink: sink)
        }
        if slots[index].sequence < 0 { swap(&bytes, &slots[index].bytes) }
    }

    /// Gives up on what is missing in front of the first waiting packet and releases up to the next gap.
    private func skipGap(sink: (JitterBufferOutput) -> Void) {
        guard storedCount > 0, let next = nextSequence else { return }
        for ahead in 0..<Int64(Self.capacity) {
            let sequence = next + ahead
            guard slots[Self.index(sequence)].sequence == sequence else { continue }
            nextSequence = sequence
            releaseStored(Self.index(sequence), lostBefore: Int(ahead), sink: sink)
            releaseContiguous(sink: sink)
            return
        }
        // Unreachable as long as every waiting packet lies within the ring; forget them rather than loop.
        for index in slots.indices { slots[index].sequence = -1 }
        storedCount = 0
    }

    /// The wait for the gap in front counts from the arrival of the first packet behind it.
    private func armDeadline() {
        guard storedCount > 0 else {
            gapDeadline = nil
            return
        }
        var earliest = Instant.distantFuture
        for slot in slots where slot.sequence >= 0 { earliest = min(earliest, slot.arrival) }
        gapDeadline = earliest + holdTime
    }

    /// Reports `packets` missing packets in front of `packet`. What the media clock shows beyond their usual length
    /// was silence; it is put first, so that the last lost piece touches the packet that may recover it.
    private func conceal(packets: Int, before packet: AudioPacket, sink: (JitterBufferOutput) -> Void) {
        statistics.lost += packets
        let elapsed = Int32(bitPattern: packet.timestamp &- nextTimestamp)
        var missing = min(packets * lastSamples, Self.maximumConcealment)
        if elapsed > 0, elapsed <= Self.maximumSilence {
            missing = min(missing, Int(elapsed))
            if Int(elapsed) > missing { sink(.silence(samples: Int(elapsed) - missing)) }
        }
        nextTimestamp = packet.timestamp
        let recovery = OpusPacket(packet.payload)?.hasRedundancy == true ? packet.payload : nil
        while missing > 0 {
            let piece = min(lastSamples, missing)
            missing -= piece
            sink(.lost(samples: piece, recovery: missing == 0 ? recovery : nil))
        }
    }
}
