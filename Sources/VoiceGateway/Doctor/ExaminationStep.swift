/// One step on the way from this machine to an agent that talks, in the order in which they are tried.
package enum ExaminationStep: String, CaseIterable, Sendable {
    /// The settings can be used.
    case settings
    /// The room server's name has an address.
    case name
    /// An address accepts a TCP connection.
    case connection
    /// TLS comes about, and the certificate is trusted.
    case tls
    /// HTTP is spoken there.
    case answer
    /// The clocks agree.
    case clock
    /// The server API takes our key.
    case keys
    /// A room lets us in.
    case room
    /// UDP gets through, or a detour: ICE and DTLS come about.
    case media
    /// The TURN servers that the room server names give us addresses.
    case turn
    /// Our track is published.
    case microphone
    /// The agent is asked for.
    case dispatch
    /// It joins.
    case agent
    /// It is heard.
    case reply

    /// The steps after the settings.
    ///
    /// - Parameter isSecure: whether the room server's URL asks for TLS.
    package static func towardsAgent(isSecure: Bool) -> [ExaminationStep] {
        allCases.filter { $0 != .settings && (isSecure || $0 != .tls) }
    }
}
