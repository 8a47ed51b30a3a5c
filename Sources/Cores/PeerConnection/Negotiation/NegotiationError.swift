/// Why an offer or an answer was not accepted. Nothing of it was applied.
package enum NegotiationError: Error, Hashable, Sendable {
    /// The text is no session description that we understand.
    case description(SDPError)
    /// In the wrong order: an answer without an offer, or an offer while ours is outstanding.
    case wrongState
    /// The connection is closed.
    case closed
    /// A section vanished, moved, or changed its id or its kind.
    case sectionsChanged
    /// More than `PeerConnection.maximumSections`.
    case tooManySections
    /// No section can be used: ICE credentials, fingerprint or setup are missing or unusable.
    case missingTransport
    /// The certificate changed during the connection.
    case fingerprintChanged
    /// A used RTP section does without rtcp-mux, or stands outside the bundle.
    case notMultiplexed
}
