/// Counters of a peer connection.
package struct PeerConnectionStatistics: Hashable, Sendable {
    package internal(set) var packetsSent = 0
    /// RTP payload bytes.
    package internal(set) var octetsSent = 0
    package internal(set) var packetsReceived = 0
    package internal(set) var octetsReceived = 0
    /// Packets sent again because the peer asked.
    package internal(set) var packetsResent = 0
    /// Packets that we asked to be sent again.
    package internal(set) var packetsRequested = 0
    /// Forgeries, repeats, and packets that came before there were keys.
    package internal(set) var packetsRejected = 0
    /// Packets of no known section or of no known kind.
    package internal(set) var packetsIgnored = 0

    package init() {}
}
