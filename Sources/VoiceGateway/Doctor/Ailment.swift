package import EventLoops
package import HTTP
package import HTTPClient
package import LiveKitParticipant
package import SecureTransport
package import Wire

/// What an examination found wrong, as the part that noticed it said it. `Finding` says what it means.
package enum Ailment: Error, Hashable, Sendable {
    /// The settings have mistakes, a sentence each.
    case settings([String])
    /// The development room server, which would run inside, cannot start.
    case roomServerInside(String)
    case name(EventLoopError)
    /// No address accepts; the error of the last.
    case connection(EventLoopError, tried: [TransportAddress])
    /// The proxy leads nowhere.
    case proxy(HTTPProxy, HTTPProxy.Failure)
    case tls(TLSFailure)
    /// This machine cannot do TLS, for example because a file of authorities is none.
    case tlsSetUp(SecureTransportError)
    /// The connection stands, and the server says nothing to our TLS for that time.
    case tlsSilence(Duration)
    /// HTTP is answered by nothing or by nonsense.
    case answer(HTTPClientError)
    /// The answer says that TLS is spoken at this port.
    case answerWantsTLS
    /// How many seconds the room server's clock is ahead of ours.
    case clock(Int64)
    /// - Parameter knowsTime: the server has said what time it is, and the clocks agree.
    case keys(ServerAPIError, knowsTime: Bool)
    case roomRefused(ServerAPIError)
    case room(ParticipantError)
    /// - Parameter announced: where the server says that it takes UDP.
    case media(ParticipantError, announced: [TransportAddress])
    case microphone(String)
    case dispatch(ServerAPIError)
    case agent(MissingAgent, after: Duration)
    case reply(MissingReply)
    /// The room was closed under us.
    case sentAway(ParticipantError)

    /// Why no agent has joined.
    package enum MissingAgent: Hashable, Sendable {
        /// No worker has taken the job.
        case noWorker
        /// A worker has taken it, and its agent is not there.
        case late
        /// The worker says that the job has failed.
        case failed(String)
    }

    /// What is missing of a reply.
    package enum MissingReply: Hashable, Sendable {
        /// Neither sound nor text.
        case everything
        /// There is text, but no sound.
        case sound
        /// The agent has gone.
        case agent
        /// It could not be asked.
        case question(String)
    }
}
