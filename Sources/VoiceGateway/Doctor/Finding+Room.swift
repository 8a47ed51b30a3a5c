internal import HTTP
internal import LiveKitParticipant
internal import Signalling
internal import Wire

// What is wrong once the room server answers: keys, rooms, media, and the agent.

extension Finding {
    static func keys(_ error: ServerAPIError, _ knowsTime: Bool, _ subject: Subject) -> Finding {
        guard case .refused(_, let answer) = error, answer.code == .unauthenticated else {
            return serverError(error, subject)
        }
        let said = TokenRedaction.withoutTokens(answer.message)
        let clock =
            knowsTime
            ? "" : " The server does not say what time it is; a clock that is a minute off has the same effect."
        if said.contains("API key") {
            return Finding(
                "the room server does not know the key \(subject.key) (\(said))", .gateway,
                "Write key and secret of this deployment into LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or correct LIVEKIT_URL: they belong together.\(clock)"
            )
        }
        let reason = said.isEmpty ? "" : " (\(said))"
        return Finding(
            "the room server does not take what is signed with the secret of the key \(subject.key)\(reason)", .gateway,
            "Copy LIVEKIT_API_SECRET once more from where LIVEKIT_API_KEY comes from.\(clock)")
    }

    /// An answer of the server API.
    static func serverError(_ error: ServerAPIError, _ subject: Subject) -> Finding {
        let fault = RoomServerFault(error, clockOffset: nil)
        let detail = TokenRedaction.withoutTokens(error.failure.detail)
        switch fault.reason {
        case .notLiveKit:
            return Finding(
                "something else than LiveKit answers at \(subject.url.webSocketText): \(detail)", .gateway,
                "Correct LIVEKIT_URL, port and path included; or let the proxy that answers there pass /twirp and /rtc on."
            )
        case .unauthorized:
            return Finding(
                "the key \(subject.key) does not have the right to do that: \(detail)", .roomServer,
                "Give out a key with all rights, as LiveKit's keys have them.")
        case .unavailable, .timeout, .unreachable:
            return Finding(
                detail, .roomServer, "Try again in a while; if it comes again, look at the room server's log.")
        default: return Finding(detail, .roomServer, "Look for the reason in the room server's log.")
        }
    }

    static func room(_ error: ParticipantError, _ subject: Subject) -> Finding {
        let detail = error.failure.detail
        switch error.kind {
        case .notLiveKit, .timedOut, .unreachable:
            return Finding(
                "the server API answers, but no WebSocket comes about at /rtc: \(detail)", .roomServer,
                "Let the proxy in front of the room server pass /rtc on as a WebSocket, with Upgrade and Connection.")
        case .unauthorized:
            return Finding(
                detail, .roomServer,
                "Look for the reason in the room server's log: it takes the key for its API, but not for rooms.")
        default: return Finding(detail, .roomServer, "Look for the reason in the room server's log.")
        }
    }

    static func media(_ error: ParticipantError, _ announced: [TransportAddress], _ subject: Subject) -> Finding {
        guard error.kind == .mediaUnreachable else {
            return Finding(error.failure.detail, .roomServer, "Look for the reason in the room server's log.")
        }
        guard !announced.isEmpty else {
            return Finding(
                "the room server names no address at which it takes sound", .roomServer,
                "Switch UDP on there: rtc.udp_port, or rtc.port_range_start and rtc.port_range_end, in LiveKit's configuration; and rtc.tcp_port for networks that drop UDP."
            )
        }
        let tried = error.detail.isEmpty ? "nothing comes back from \(list(announced))" : error.detail
        let isHidden = announced.allSatisfy(\.ip.isPrivate)
        return Finding(
            "signalling works, but sound does not get through: \(tried)", .network,
            "Let UDP from this machine to these addresses and back through the firewalls between, or TCP where the room server takes it (rtc.tcp_port), or have it name a TURN server that this machine reaches."
                + (isHidden
                    ? " If this machine is in another network than the room server, they are the wrong ones: set rtc.use_external_ip or rtc.node_ip in LiveKit's configuration."
                    : ""))
    }

    static func agent(_ missing: Ailment.MissingAgent, _ time: Duration, _ subject: Subject) -> Finding {
        switch missing {
        case .noWorker:
            Finding(
                "no worker has taken the job for the agent \"\(subject.agent)\" within \(seconds(time))", .agent,
                "Start a worker with the same LIVEKIT_URL and keys; its log then says \"registered worker\". Its agent_name has to be that of AGENT_NAME, and it must not be full."
            )
        case .late:
            Finding(
                "a worker has taken the job for \"\(subject.agent)\", but its agent has not joined within \(seconds(time))",
                .agent,
                "Look at the worker's log: the job may have failed, or wait for something before it connects to the room."
            )
        case .failed(let reason):
            Finding(
                "the job for \"\(subject.agent)\" has failed" + (reason.isEmpty ? "" : ": \(reason)"), .agent,
                "Look at the worker's log.")
        }
    }

    static func reply(_ missing: Ailment.MissingReply) -> Finding {
        switch missing {
        case .everything:
            Finding(
                "the agent is there, but neither greets nor answers a text", .agent,
                "Look at the worker's log: mostly the keys of its language model, recogniser or voice are wrong. An agent that only listens has to be spoken to: --play FILE."
            )
        case .sound:
            Finding(
                "the agent answers in text, but no sound comes", .agent,
                "Look at the worker's log for errors of its voice (text to speech).")
        case .agent:
            Finding("the agent left before it said anything", .agent, "Look at the worker's log for the reason.")
        case .question(let reason):
            Finding(
                "the agent could not be asked: \(reason)", .roomServer, "Look for the reason in the room server's log.")
        }
    }
}

extension IPAddress {
    /// Not reachable from other networks: private, unique local, loopback and link-local.
    fileprivate var isPrivate: Bool {
        switch self {
        case .v4(let bits):
            isLoopback || isLinkLocal || bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8
        case .v6(let high, _): isLoopback || isLinkLocal || high >> 57 == 0xFC >> 1
        }
    }
}
