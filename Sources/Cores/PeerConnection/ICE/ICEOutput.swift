package import Wire

/// What the agent wants its owner to do or to know, in order.
package enum ICEOutput: Hashable, Sendable {
    /// Send a STUN message as one datagram from the socket bound to `from`.
    case transmit([UInt8], from: TransportAddress, to: TransportAddress)
    case stateChanged(ICEState)
    /// From now on data goes from the socket bound to `local` to `remote`.
    case selectedPair(local: TransportAddress, remote: TransportAddress)
}
