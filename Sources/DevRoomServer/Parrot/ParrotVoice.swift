internal import PeerConnection
internal import Wire

/// Plays packets one after the other at their own pace, as a track of its own. Pure: it says what to send and when.
struct ParrotVoice {
    /// Pauses inside an utterance are not played longer than this.
    static let maximumGap = 48_000

    private struct Scheduled {
        let packet: RecordedPacket
        /// Samples at 48 kHz from the beginning of the utterance.
        let offset: Int
    }

    let ssrc: UInt32
    private var sequenceNumber: UInt16
    private var clock: UInt32
    private var queue: [Scheduled] = []
    private var position = 0
    private var began = Instant.zero

    init(using random: inout some RandomNumberGenerator) {
        ssrc = .random(in: 1 ... .max, using: &random)
        sequenceNumber = .random(in: 0..<0x8000, using: &random)
        clock = random.next()
    }

    var isSpeaking: Bool { position < queue.count }

    /// When the next packet is due.
    var nextDeadline: Instant? { isSpeaking ? began + Self.duration(queue[position].offset) : nil }

    /// Begins an utterance; one that is being played is given up.
    mutating func play(_ packets: [RecordedPacket], now: Instant) {
        stop()
        var offset = 0
        var previous: RecordedPacket?
        for packet in packets {
            if let previous {
                // The sender's own clock tells of pauses that it did not fill.
                let step = Int(packet.timestamp &- previous.timestamp)
                offset += (previous.samples...Self.maximumGap).contains(step) ? step : previous.samples
            }
            queue.append(Scheduled(packet: packet, offset: offset))
            previous = packet
        }
        began = now
    }

    /// Falls silent at once.
    mutating func stop() {
        if position > 0, let last = queue[..<position].last {
            clock &+= UInt32(truncatingIfNeeded: last.offset + last.packet.samples)
        }
        queue = []
        position = 0
    }

    /// Hands the next packet that is due to `send`; false when none is.
    mutating func next(now: Instant, _ send: (ReceivedRTPPacket) -> Void) -> Bool {
        guard let nextDeadline, nextDeadline <= now else { return false }
        let scheduled = queue[position]
        let isFirst = position == 0
        position += 1
        let number = sequenceNumber
        sequenceNumber &+= 1
        send(
            ReceivedRTPPacket(
                section: 0, ssrc: ssrc, sequenceNumber: number,
                timestamp: clock &+ UInt32(truncatingIfNeeded: scheduled.offset), marker: isFirst, payloadType: 111,
                format: .opus, audioLevel: scheduled.packet.level, payload: scheduled.packet.payload.span.bytes))
        if !isSpeaking { stop() }
        return true
    }

    private static func duration(_ samples: Int) -> Duration { .nanoseconds(samples * 1_000_000 / 48) }
}
