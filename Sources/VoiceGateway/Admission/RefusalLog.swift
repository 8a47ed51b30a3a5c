internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import HTTPServer
internal import Observability
internal import Wire

/// Counts who is refused and why, and writes it down. May be shared by threads.
final class RefusalLog: Sendable {
    private let log: Log
    private let refusals: [AdmissionRefusal: Counter]
    private let tokens: Counter
    private let parameters: Counter
    private let duplicates: Counter
    private let expired: Counter
    private let openFiles: Counter
    private let tls: Counter
    private let proxies: Counter
    private let connections = RepeatedNotice(every: .seconds(10))

    init(_ log: Log, _ metrics: Metrics) {
        self.log = log
        var refusals: [AdmissionRefusal: Counter] = [:]
        for refusal in AdmissionRefusal.allCases { refusals[refusal] = Self.counter(refusal.label, metrics) }
        self.refusals = refusals
        tokens = Self.counter("access_token", metrics)
        parameters = Self.counter("parameter", metrics)
        expired = Self.counter("session_expired", metrics)
        duplicates = Self.counter("duplicate_identity", metrics)
        openFiles = Self.counter("open_files", metrics)
        tls = Self.counter("tls", metrics)
        proxies = Self.counter("proxy_protocol", metrics)
    }

    private static func counter(_ reason: String, _ metrics: Metrics) -> Counter {
        metrics.counter(
            "voicegateway_refusals_total", help: "Requests and connections that were refused, by reason.",
            labels: ["reason": reason])
    }

    /// A request, or a connection whose request has been read.
    func note(_ refusal: AdmissionRefusal, _ address: IPAddress) {
        refusals[refusal]?.add()
        log.info("client refused", ["reason": refusal.label, "address": address])
    }

    /// What a session or its policy has refused. The client's own values stay out of it.
    func note(_ refusal: SessionRefusal, _ address: IPAddress) {
        let counter =
            switch refusal.reason {
            case .unauthorized, .notAllowed: tokens
            case .duplicateIdentity: duplicates
            case .sessionExpired: expired
            default: parameters
            }
        counter.add()
        log.info("client refused", ["reason": refusal.error.code.rawValue, "address": address])
    }

    /// A connection that was refused before anything of it was read; written down from time to time.
    func note(_ reason: HTTPServer.RefusalReason) {
        switch reason {
        case .tooManyConnections: report("too many connections", refusals[.unavailable])
        case .tooManyOpenFiles: report("too many open files (see ulimit -n)", openFiles)
        case .proxyProtocol(let failure): report("\(failure)", proxies)
        case .speaksPlain: report(tls: "the client speaks plain HTTP to a port with TLS")
        case .speaksTLS: report(tls: "the client speaks TLS to a port without it (TLS_CERT is not set)")
        case .tlsFailed(let why): report(tls: why)
        }
    }

    private func report(_ why: String, _ counter: Counter?) {
        counter?.add()
        guard let count = connections.note(now: EventLoop.clock()) else { return }
        log.warning("connections refused", ["reason": why, "count": count])
    }

    /// Any scanner can bring these about, and nobody has to do something about them.
    private func report(tls why: String) {
        tls.add()
        log.info("connection refused", ["reason": why])
    }
}
