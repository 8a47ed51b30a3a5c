package import HTTP
package import PeerConnection
package import Signalling
package import WebSocket
package import Wire

/// What the participants of a loop share.
package struct ParticipantEnvironment {
    /// The loop's sockets, with the authorities to trust.
    let webSockets: WebSocketContext
    /// Makes DTLS and SRTP.
    let transports: any SecureTransportFactory
    let authentication: MessageAuthentication
    /// Asks the server which participant has an identity in a room: its SID, or nil when nobody has it or no answer comes.
    package typealias Occupancy = (
        _ identity: String, _ room: String, _ completion: @escaping (_ sid: String?) -> Void
    ) -> Void
    /// Asked before a participant that was away takes its place again, so that it does not throw out whoever has come in its
    /// stead. Nil where nobody can be asked.
    let occupancy: Occupancy?

    package init(
        webSockets: WebSocketContext, transports: any SecureTransportFactory, authentication: MessageAuthentication,
        occupancy: Occupancy? = nil
    ) {
        self.occupancy = occupancy
        self.webSockets = webSockets
        self.transports = transports
        self.authentication = authentication
    }
}

/// What a participant joins with.
package struct ParticipantConfiguration: Sendable {
    package var server: HTTPURL
    /// The access token; later ones come from the server. Never logged.
    package var token: String
    package var clientInfo = ParticipantConfiguration.ourselves
    /// Whether `/rtc/v1` (one peer connection) is tried before `/rtc` (two).
    package var prefersSinglePeerConnection = true
    /// How long the signalling socket may take to open.
    package var connectTimeout = Duration.seconds(5)
    /// How long the first message may take after that.
    package var joinTimeout = Duration.seconds(5)
    /// How long the peer connection may take after that.
    package var mediaTimeout = Duration.seconds(15)
    /// How often joining is tried again after failures that may pass.
    package var joinRetries = 3
    /// Audio tracks that are subscribed to at a time.
    package var maximumSubscribedTracks = 32
    /// Topics of data streams that nobody here wants; an agent reports its session on the first of them.
    package var ignoredTopics: Set<String> = ["lk.agent.session"]

    package init(server: HTTPURL, token: String) {
        self.server = server
        self.token = token
    }

    /// We advertise client protocol 0: others then call us with RPC version 1 and send plain data streams.
    package static let ourselves = ClientInfo.with {
        $0.sdk = .swift
        $0.version = "2.0.0"
        $0.protocolVersion = 17
        $0.os = "linux"
        $0.clientProtocol = 0
    }
}

extension ParticipantConfiguration {
    /// A join, or the resume of the session of `sid`.
    func joinRequest(resuming sid: String?) -> JoinRequest {
        .with {
            $0.clientInfo = clientInfo
            // Off, and on purpose: audio tracks are asked for one by one, and video never.
            $0.connectionSettings = ConnectionSettings()
            guard let sid else { return }
            $0.reconnect = true
            $0.reconnectReason = .signalDisconnected
            $0.participantSid = sid
        }
    }
}

/// The one audio track that we publish.
package struct MicrophoneOptions: Hashable, Sendable {
    package var name = "microphone"
    /// Agents listen to microphones only.
    package var source = TrackSource.microphone
    package var startsMuted = false
    package var features: [AudioTrackFeature] = []
    /// Whether redundant audio (RFC 2198) is offered: while packets are lost each carries one or two of those before it.
    package var isRedundant = true

    package init() {}
}
