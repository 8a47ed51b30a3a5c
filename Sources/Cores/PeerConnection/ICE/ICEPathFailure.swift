/// Why one way to the peer does not work.
package enum ICEPathFailure: Hashable, Sendable {
    /// Checks were sent, and nothing came back.
    case noAnswer
    /// The peer answered with this STUN error.
    case refused(code: Int)
    /// The answer came from elsewhere than where the check went.
    case asymmetric
    /// The TCP connection did not open; in the system's words.
    case notOpened(String)
    /// The TCP connection ended.
    case closed(String)
}

/// One way to the peer, and how it went.
package struct ICEPathReport: Hashable, Sendable {
    /// How packets go.
    package enum Kind: String, Hashable, Sendable {
        case udp = "UDP"
        case tcp = "TCP"
        case relay = "TURN"
    }

    /// That of `Kind`, or how a TURN server was to be reached.
    package let kind: String
    /// The address that was tried.
    package let remote: String
    /// Nil: it works, or nothing was tried yet.
    package let failure: ICEPathFailure?

    package init(kind: String, remote: String, failure: ICEPathFailure?) {
        self.kind = kind
        self.remote = remote
        self.failure = failure
    }

    /// For instance `connection refused`.
    package var outcome: String {
        switch failure {
        case nil: "works"
        case .noAnswer: "no answer"
        case .refused(let code): "refused with STUN error \(code)"
        case .asymmetric: "answers come from another address"
        case .notOpened(let reason), .closed(let reason): reason
        }
    }

    /// For instance `TCP to 192.0.2.1:7881: connection refused`.
    package var text: String { "\(kind) to \(remote): \(outcome)" }
}

extension ICEAgent {
    /// What was tried with the peer's present addresses, and how it went: each kind of way to each address once, with the
    /// best that was met there.
    package var report: [ICEPathReport] {
        var reports: [ICEPathReport] = []
        for pair in pairs {
            guard let outcome = outcome(of: pair) else { continue }
            let report = ICEPathReport(kind: pair.kind.rawValue, remote: "\(pair.remote)", failure: outcome)
            if let known = reports.firstIndex(where: { $0.kind == report.kind && $0.remote == report.remote }) {
                if report.failure == nil { reports[known] = report }
            } else {
                reports.append(report)
            }
        }
        return reports
    }

    /// Outer nil: nothing is known of the pair.
    private func outcome(of pair: ICECandidatePair) -> ICEPathFailure?? {
        switch pair.state {
        case .succeeded: .some(nil)
        case .failed: .some(pair.failure ?? .noAnswer)
        case .inProgress: .some(.noAnswer)
        case .waiting: nil
        }
    }
}
