/// Who starts the DTLS handshake: the value of `a=setup` (RFC 4145, RFC 8842).
package enum DTLSSetup: String, Hashable, Sendable {
    case active
    case passive
    /// An offerer leaves the choice to the answerer.
    case activeOrPassive = "actpass"
}
