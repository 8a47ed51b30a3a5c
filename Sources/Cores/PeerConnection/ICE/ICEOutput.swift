package import Wire

/// What the agent wants its owner to do or to know, in order.
package enum ICEOutput: Hashable, Sendable {
    /// Send a STUN message as one datagram from the socket bound to `from`.
    case transmit([UInt8], from: TransportAddress, to: TransportAddress)
    /// Open a TCP connection to `to` that belongs to our candidate `from`; `streamOpened` or `streamClosed` answers.
    case openStream(from: TransportAddress, to: TransportAddress)
    /// Nothing more goes over that connection.
    case closeStream(from: TransportAddress, to: TransportAddress)
    /// UDP has not come up straight: addresses at TURN servers would help, for peers of one family. `addRelayedCandidate`
    /// answers, as often as there are any.
    case relayWanted(isV6: Bool)
    case stateChanged(ICEState)
    /// From now on data goes from the socket bound to `local` to `remote`.
    case selectedPair(local: TransportAddress, remote: TransportAddress)
}
