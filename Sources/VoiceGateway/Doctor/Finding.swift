package import HTTP
internal import LiveKitParticipant
internal import Wire

/// What is wrong, who can mend it, and what to do: a sentence or two each, for people.
package struct Finding: Error, Hashable, Sendable {
    /// Who can mend it.
    package enum Mender: String, Sendable {
        case gateway = "whoever sets up the gateway"
        case machine = "whoever runs this machine"
        case network = "whoever runs the network between this machine and the room server"
        case roomServer = "whoever runs the room server"
        case agent = "whoever runs the agent"
    }

    package let problem: String
    package let mender: Mender
    package let remedy: String

    init(_ problem: String, _ mender: Mender, _ remedy: String) {
        self.problem = problem
        self.mender = mender
        self.remedy = remedy
    }

    /// What was examined, for the sentences about it.
    package struct Subject: Hashable, Sendable {
        package let url: HTTPURL
        package let key: String
        package let agent: String
        /// The room server is that of this program, for development.
        package let isInside: Bool

        package init(url: HTTPURL, key: String, agent: String, isInside: Bool) {
            self.url = url
            self.key = key
            self.agent = agent
            self.isInside = isInside
        }

        var host: String { url.origin.host }
        var address: String { url.origin.authority }
    }

    /// - Parameter subject: nil as long as the settings are not known.
    package init(_ ailment: Ailment, of subject: Subject?) {
        guard let subject else {
            self = Self.aboutSettings(ailment)
            return
        }
        switch ailment {
        case .settings, .roomServerInside: self = Self.aboutSettings(ailment)
        case .name(let error): self = Self.name(error, subject)
        case .connection(let error, let tried): self = Self.connection(error, tried, subject)
        case .proxy(let proxy, let failure):
            self.init(
                "the proxy at \(proxy.place) does not lead to \(subject.address): \(failure)", .network,
                "Have the proxy let this machine through to that host and port, correct HTTPS_PROXY, or name the host in NO_PROXY."
            )
        case .tls(let failure): self = Self.tls(failure, subject)
        case .tlsSetUp(let error):
            self.init("TLS cannot be tried: \(error)", .gateway, "Correct LIVEKIT_CA_FILE, or leave it out.")
        case .tlsSilence(let time): self = Self.silence(time, subject)
        case .answer(let error): self = Self.answer(error, subject)
        case .answerWantsTLS:
            self.init(
                "\(subject.address) speaks TLS, and LIVEKIT_URL says that it does not", .gateway,
                "Write wss:// in place of ws:// in LIVEKIT_URL.")
        case .clock(let offset): self = Self.clock(offset)
        case .keys(let error, let knowsTime): self = Self.keys(error, knowsTime, subject)
        case .roomRefused(let error): self = Self.serverError(error, subject)
        case .room(let error): self = Self.room(error, subject)
        case .media(let error, let announced): self = Self.media(error, announced, subject)
        case .microphone(let reason):
            self.init(
                "the room server takes no microphone: \(reason)", .roomServer,
                "Look for the reason in the room server's log; a room may allow only certain codecs, and has to allow Opus."
            )
        case .dispatch(let error): self = Self.serverError(error, subject)
        case .agent(let missing, let time): self = Self.agent(missing, time, subject)
        case .reply(let missing): self = Self.reply(missing)
        case .sentAway(let error):
            self.init(
                "the room has ended meanwhile: \(error.failure.detail)", .roomServer,
                "Try again; if it comes again, look for the reason in the room server's log.")
        }
    }

    private static func aboutSettings(_ ailment: Ailment) -> Finding {
        switch ailment {
        case .settings(let mistakes):
            Finding(
                mistakes.joined(separator: " "), .gateway,
                "Change what is named. VoiceGateway check-config says the same, and then what counts and where it comes from."
            )
        case .roomServerInside(let reason):
            Finding(
                "the development room server cannot start: \(reason)", .machine,
                "Give it another port by DEV_PORT, or set LIVEKIT_URL.")
        default: Finding("\(ailment)", .gateway, "Look at the settings.")
        }
    }
}
