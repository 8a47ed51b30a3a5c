internal import EventLoops
internal import HTTP
internal import HTTPClient
internal import LiveKitParticipant
internal import SecureTransport
internal import Wire

// What is wrong between this machine and the room server, as far as no key is needed.

extension Finding {
    static func name(_ error: EventLoopError, _ subject: Subject) -> Finding {
        guard case .nameNotFound(let host) = error else {
            return Finding(
                "\(error)", .machine,
                "See whether this machine reaches its name server (/etc/resolv.conf): getent hosts \(subject.host)")
        }
        return Finding(
            "no address is known for \(host)", .gateway,
            "Compare LIVEKIT_URL with the deployment's address. If it is right, this machine's name server does not know it: getent hosts \(host)"
        )
    }

    static func connection(_ error: EventLoopError, _ tried: [TransportAddress], _ subject: Subject) -> Finding {
        let addresses = tried.isEmpty ? subject.address : list(tried)
        switch error {
        case .connectionRefused:
            return Finding(
                "\(addresses) refuses connections: nothing listens there, or a firewall refuses", .roomServer,
                "Start the room server, or correct host and port in LIVEKIT_URL.")
        case .timedOut:
            return Finding(
                "\(addresses) does not answer", .network,
                "Let TCP from this machine to \(addresses) through the firewalls between, or correct LIVEKIT_URL.")
        case .unreachable:
            return Finding(
                "there is no way to \(addresses)", .network,
                "Look at this machine's routes (ip route get ADDRESS), or correct LIVEKIT_URL.")
        default:
            return Finding("\(addresses) cannot be reached: \(error)", .machine, "Mend that, and try again.")
        }
    }

    static func tls(_ failure: TLSFailure, _ subject: Subject) -> Finding {
        switch failure {
        case .certificateRejected(_, let reason): certificate(reason, failure, subject)
        case .protocol(_, let reason) where reason.contains("wrong version number"):
            Finding(
                "\(subject.address) speaks no TLS, and LIVEKIT_URL says that it does", .gateway,
                "Write ws:// in place of wss:// in LIVEKIT_URL, or the port at which the deployment speaks TLS.")
        case .protocol:
            Finding(
                "\(failure)", .roomServer,
                "See whether TLS 1.2 or 1.3 is on there: openssl s_client -connect \(endpoint(subject))")
        case .truncated:
            Finding(
                "\(subject.address) ends the connection as soon as TLS begins", .roomServer,
                "Look for the reason in the log of the room server or of the proxy in front; it may have no certificate for \(subject.host)."
            )
        }
    }

    private static func certificate(_ reason: String, _ failure: TLSFailure, _ subject: Subject) -> Finding {
        if reason.contains("expired") {
            return Finding(
                "\(failure)", .roomServer,
                "Renew the certificate. If it is not that old, this machine's clock is wrong: timedatectl")
        }
        if reason.contains("not yet valid") {
            return Finding("\(failure)", .machine, "Set this machine's clock: timedatectl set-ntp true")
        }
        if reason.contains("mismatch") {
            return Finding(
                "\(failure)", .gateway,
                "Write the name into LIVEKIT_URL for which the certificate is made: openssl s_client -connect \(endpoint(subject))"
            )
        }
        return Finding(
            "\(failure)", .gateway,
            "If an authority of your own has signed it, name the authority's PEM file in LIVEKIT_CA_FILE. Otherwise the server has to send the whole chain of certificates."
        )
    }

    static func silence(_ time: Duration, _ subject: Subject) -> Finding {
        Finding(
            "\(subject.address) accepts the connection, and then says nothing for \(seconds(time))", .roomServer,
            "Look at what listens at that port: a room server that hangs, a proxy without a server behind it, or another service. Otherwise correct LIVEKIT_URL."
        )
    }

    static func answer(_ error: HTTPClientError, _ subject: Subject) -> Finding {
        switch error {
        case .timedOut: return silence(RoomServerExaminer.patience, subject)
        case .malformedResponse, .disconnected, .responseTooLarge:
            let hint = subject.url.origin.isSecure ? "" : " If TLS is spoken there, write wss://."
            return Finding(
                "\(error.failure.detail)", .gateway,
                "Correct host and port in LIVEKIT_URL: a LiveKit server says OK at http://HOST:PORT/.\(hint)")
        default:
            return Finding(
                "\(error.failure.detail)", .roomServer, "Try again; if it comes again, look at the room server's log.")
        }
    }

    static func clock(_ offset: Int64) -> Finding {
        Finding(
            "\(RoomServerFault.sentence(clockOffset: offset)), and LiveKit takes no token that is off by \(RoomServerFault.toleratedSkew) s",
            .machine, "Set the clock of the machine that is wrong: timedatectl set-ntp true")
    }

    // MARK: Words

    /// For `openssl s_client`, which wants the port in any case.
    private static func endpoint(_ subject: Subject) -> String {
        let host = subject.host.contains(":") ? "[\(subject.host)]" : subject.host
        return "\(host):\(subject.url.origin.port)"
    }

    static func list(_ addresses: [TransportAddress]) -> String {
        addresses.map(\.description).joined(separator: ", ")
    }

    static func seconds(_ time: Duration) -> String { "\(time.milliseconds / 1000) s" }
}
