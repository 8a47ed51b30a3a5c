package import Wire

/// Counts what arrives from one source and turns it into report blocks (RFC 3550 appendices A.1, A.3 and A.8).
package struct ReceptionStatistics: Sendable {
    /// In Hz; the unit of `jitter` is one tick of it.
    private let clockRate: UInt32
    private var first: Int64?
    private var unwrapper = SequenceUnwrapper()
    /// Packets that arrived, duplicates included.
    package private(set) var received: Int64 = 0
    private var expectedPrior: Int64 = 0
    private var receivedPrior: Int64 = 0
    private var lastTransit: Int64?
    /// Sixteen times the jitter, so that integers keep the fraction.
    private var scaledJitter: Int64 = 0
    private var lastReport: (middleNTP: UInt32, arrival: Instant)?

    /// A step in the sequence larger than this is a restart of the source, not a loss.
    package static let maximumDropout: Int64 = 3000

    package init(clockRate: UInt32 = 48_000) { self.clockRate = clockRate }

    /// Interarrival jitter in samples.
    package var jitter: UInt32 { UInt32(truncatingIfNeeded: scaledJitter >> 4) }
    /// Interarrival jitter as time.
    package var jitterDuration: Duration { .nanoseconds((scaledJitter >> 4) * 1_000_000_000 / Int64(clockRate)) }
    /// Packets that should have arrived.
    package var expected: Int64 {
        guard let first, let highest = unwrapper.highest else { return 0 }
        return highest - first + 1
    }
    /// Packets that did not arrive; negative with duplicates.
    package var lost: Int64 { expected - received }

    package mutating func receive(sequenceNumber: UInt16, timestamp: UInt32, now: Instant) {
        if let highest = unwrapper.highest, abs(unwrapper.peek(sequenceNumber) - highest) > Self.maximumDropout {
            self = ReceptionStatistics(clockRate: clockRate, keeping: self)
        }
        let extended = unwrapper.unwrap(sequenceNumber)
        if first == nil { first = extended }
        received += 1
        let arrival = (now.nanoseconds / 1000 &* Int64(clockRate)) / 1_000_000
        let transit = Int64(UInt32(truncatingIfNeeded: arrival) &- timestamp)
        if let lastTransit {
            // The difference on the 32-bit circle, so that a wrapping timestamp does no harm.
            let difference = abs(
                Int64(UInt32(truncatingIfNeeded: transit).serialDistance(from: UInt32(truncatingIfNeeded: lastTransit)))
            )
            // A pause or a restart moves the clocks against each other; it is not jitter.
            if difference < Int64(clockRate) { scaledJitter += difference - ((scaledJitter + 8) >> 4) }
        }
        lastTransit = transit
    }

    private init(clockRate: UInt32, keeping old: ReceptionStatistics) {
        self.clockRate = clockRate
        scaledJitter = old.scaledJitter
        lastReport = old.lastReport
    }

    /// Remembers when the source's sender report came, for the delay in our next report.
    package mutating func receive(_ report: SenderReport, now: Instant) {
        lastReport = (UInt32(truncatingIfNeeded: report.ntpTime >> 16), now)
    }

    /// The report block for now; the fraction lost counts from the call before. Nil before the first packet.
    package mutating func makeReportBlock(ssrc: UInt32, now: Instant) -> ReportBlock? {
        guard let highest = unwrapper.highest else { return nil }
        let expectedInterval = expected - expectedPrior
        let lostInterval = expectedInterval - (received - receivedPrior)
        expectedPrior = expected
        receivedPrior = received
        let fraction = expectedInterval > 0 && lostInterval > 0 ? min(255, lostInterval << 8 / expectedInterval) : 0
        var delay: Int64 = 0
        if let lastReport {
            delay = max(0, min((now - lastReport.arrival).nanoseconds / 1000 * 65_536 / 1_000_000, Int64(UInt32.max)))
        }
        return ReportBlock(
            ssrc: ssrc, fractionLost: UInt8(truncatingIfNeeded: fraction),
            cumulativeLost: Int32(truncatingIfNeeded: max(-0x80_0000, min(0x7F_FFFF, lost))),
            extendedHighestSequence: UInt32(truncatingIfNeeded: highest), jitter: jitter,
            lastSenderReport: lastReport?.middleNTP ?? 0, delaySinceLastSenderReport: UInt32(truncatingIfNeeded: delay))
    }
}

/// Times as RTCP carries them. The clock is monotonic: RFC 3550 section 6.4.1 allows an NTP time that is not wall time.
package enum NTPTime {
    /// Seconds in the upper 32 bits, fraction in the lower.
    package static func at(_ now: Instant) -> UInt64 {
        let nanoseconds = UInt64(bitPattern: max(0, now.nanoseconds))
        let seconds = nanoseconds / 1_000_000_000
        let fraction = (nanoseconds % 1_000_000_000) << 32 / 1_000_000_000
        return (seconds &+ origin) << 32 | fraction
    }

    /// Keeps the middle 32 bits away from zero, which means "no report" in a report block.
    private static let origin: UInt64 = 3_976_000_000

    /// The round trip that a report block about our own stream shows (RFC 3550 section 6.4.1); nil when it answers
    /// no report, or claims more time than passed.
    package static func roundTrip(of block: ReportBlock, now: Instant) -> Duration? {
        guard block.lastSenderReport != 0 else { return nil }
        let middle = UInt32(truncatingIfNeeded: at(now) >> 16)
        let elapsed = middle &- block.lastSenderReport &- block.delaySinceLastSenderReport
        guard elapsed < 60 << 16 else { return nil }
        return .nanoseconds((Int64(elapsed) * 1_000_000_000) >> 16)
    }
}
