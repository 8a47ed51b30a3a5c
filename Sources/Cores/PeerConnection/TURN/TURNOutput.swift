package import Wire

/// What a TURN client wants its owner to do or to know, in order.
package enum TURNOutput: Hashable, Sendable {
    /// Send one datagram to the server.
    case transmit([UInt8])
    /// There is an address at the server from which and to which is relayed.
    case allocated(TransportAddress)
    /// The server does not relay to this peer; why.
    case peerRefused(TransportAddress, TURNFailure)
    /// Over; nothing more is sent.
    case failed(TURNFailure)
}

/// What a datagram of the server was.
package enum TURNReceived: Hashable {
    /// A peer's datagram: a range of the bytes that were passed in.
    case data(Range<Int>, from: TransportAddress)
    /// Something for the client itself, or for nobody.
    case taken
}
