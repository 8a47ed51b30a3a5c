internal import Wire

/// How much of what we send is lost, by what the peer says: its reports, and its requests for lost packets. The requests
/// count because a packet that was sent again is not lost for the reports. Pure.
package struct LossEstimate: Sendable {
    /// Packets that a request is taken to be one of, before the first report: a second of sound.
    private static let assumedPackets = 50

    /// Percent: rises at once, falls by a quarter with each report.
    package private(set) var percent = 0
    private var requested = 0
    private var highestRequest: UInt16?
    private var packetsAtReport: UInt32 = 0

    package init() {}

    /// The peer asks for packets; those that it asks for again do not count again.
    package mutating func note(requests: [UInt16]) {
        for number in requests {
            if let highestRequest, !number.isAfter(highestRequest) { continue }
            highestRequest = number
            requested += 1
        }
        percent = max(percent, min(100, requested * 100 / Self.assumedPackets))
    }

    /// The peer reports.
    ///
    /// - Parameters:
    ///   - fractionLost: of 256, since its last report.
    ///   - packetCount: how many have been sent by now.
    package mutating func note(fractionLost: UInt8, packetCount: UInt32) {
        let sent = max(Int(packetCount &- packetsAtReport), Self.assumedPackets)
        let reported = (Int(fractionLost) * 100 + 128) / 256
        let current = max(reported, min(100, (requested * 100 + sent / 2) / sent))
        percent = max(current, (percent * 3 + current) / 4)
        packetsAtReport = packetCount
        requested = 0
    }
}
