/// Who decides which pair is used (RFC 8445, section 6.1.1).
package enum ICERole: Hashable, Sendable {
    case controlling
    case controlled

    package var opposite: ICERole { self == .controlling ? .controlled : .controlling }
}

/// How the transport as a whole is doing; the names are those of RTCIceTransport.
package enum ICEState: Hashable, Sendable {
    /// `start` has not been called.
    case new
    /// Checks are under way and no pair is selected.
    case checking
    /// A pair is selected and the peer is heard.
    case connected
    /// A pair is selected and nothing has been heard for a while; it may come back by itself.
    case disconnected
    /// No pair was found in time, or consent was lost. Nothing may be sent; only a restart leads out.
    case failed
    /// `close` was called.
    case closed
}
