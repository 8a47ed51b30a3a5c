import Wire

/// The congestion window of the one path (RFC 9260 section 7.2). Counts bytes of DATA chunks with their headers.
struct SCTPCongestionControl {
    /// Packets that one SACK or timeout may release at most (RFC 9260 section 6.1, Max.Burst).
    static let maximumBurst = 4

    /// Bytes of a full packet.
    let packetSize: Int
    private(set) var window: Int
    private(set) var slowStartThreshold = Int.max
    private var partialBytesAcknowledged = 0
    /// Fast recovery lasts until this TSN is acknowledged; nil outside of it.
    private(set) var recoveryExit: UInt32?

    init(packetSize: Int) {
        self.packetSize = packetSize
        window = min(4 * packetSize, max(2 * packetSize, 4404))
    }

    /// How much may be in flight during this drain.
    func limit(flight: Int) -> Int { min(window, flight + Self.maximumBurst * packetSize) }

    /// Takes what one SACK acknowledged. `flightBefore` is what was in flight when it came.
    mutating func acknowledged(bytes: Int, flightBefore: Int, isAllAcknowledged: Bool) {
        guard recoveryExit == nil else { return }
        if flightBefore >= window {
            if window <= slowStartThreshold {
                window += min(bytes, packetSize)
            } else {
                partialBytesAcknowledged += bytes
                if partialBytesAcknowledged >= window {
                    partialBytesAcknowledged -= window
                    window += packetSize
                }
            }
        }
        if isAllAcknowledged { partialBytesAcknowledged = 0 }
    }

    /// Leaves fast recovery when everything that was in flight at its beginning has arrived.
    mutating func advance(to cumulativeTSN: UInt32) {
        if let exit = recoveryExit, !exit.isAfter(cumulativeTSN) { recoveryExit = nil }
    }

    /// Loss seen from gap reports. False if the window was already reduced for this flight.
    mutating func enterFastRecovery(exit: UInt32) -> Bool {
        guard recoveryExit == nil else { return false }
        slowStartThreshold = max(window / 2, 4 * packetSize)
        window = slowStartThreshold
        partialBytesAcknowledged = 0
        recoveryExit = exit
        return true
    }

    /// The retransmission timer ran out (RFC 9260 section 7.2.3).
    mutating func timedOut() {
        slowStartThreshold = max(window / 2, 4 * packetSize)
        window = packetSize
        partialBytesAcknowledged = 0
        recoveryExit = nil
    }

    /// An idle path forgets half of its window with each timeout that passes (RFC 9260 section 7.2.1).
    mutating func idled(for time: Duration, timeout: Duration) {
        var rest = time
        while rest >= timeout, window > 4 * packetSize {
            window = max(window / 2, 4 * packetSize)
            rest -= timeout
        }
    }
}
