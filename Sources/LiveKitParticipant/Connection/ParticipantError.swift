package import PeerConnection
package import Signalling
internal import WebSocket
package import Wire

/// Why a participant could not join, or had to leave.
package struct ParticipantError: Error, Hashable, Sendable {
    /// What happened.
    package enum Kind: Hashable, Sendable {
        /// 401 or 403: the token is wrong, too old, or allows too little.
        case unauthorized
        /// The room does not exist and the server makes none.
        case roomNotFound
        /// 400: the server did not understand our request.
        case badRequest
        /// Another HTTP status.
        case serverFailure(status: Int)
        /// No connection to the server.
        case unreachable
        /// The server's certificate is not trusted, or TLS failed.
        case untrusted
        /// What answers is no LiveKit server.
        case notLiveKit
        /// The server fell silent while joining.
        case timedOut
        /// Signalling works, but no media connection comes about; often UDP is blocked.
        case mediaUnreachable
        /// The server sent something that we cannot go on with.
        case negotiationFailed
        /// The server ended the session.
        case removed(DisconnectReason)
        /// All attempts to get back failed.
        case reconnectFailed
        /// This machine: no sockets, no interfaces.
        case localFailure
    }

    package let kind: Kind
    /// Why, in our words; empty when the kind says it all.
    package let reason: String
    /// More about it, for the log: servers name keys in their answers.
    package let detail: String

    package init(_ kind: Kind, _ detail: String = "", reason: String = "") {
        self.kind = kind
        self.reason = reason
        self.detail = detail
    }
}

extension ParticipantError: FailureConvertible {
    package var failure: Failure {
        let summary = reason.isEmpty ? kind.sentence : "\(kind.sentence): \(reason)"
        return Failure(
            summary, detail: detail.isEmpty ? summary : "\(kind.sentence): \(detail)", blame: kind.blame,
            isRetryable: kind.isRetryable)
    }
}

extension ParticipantError.Kind {
    fileprivate var blame: Blame {
        switch self {
        case .unauthorized, .unreachable, .untrusted, .notLiveKit, .mediaUnreachable: .operator
        case .roomNotFound: .client
        case .badRequest, .negotiationFailed, .localFailure: .gateway
        case .serverFailure, .timedOut, .removed, .reconnectFailed: .room
        }
    }

    fileprivate var isRetryable: Bool {
        switch self {
        case .serverFailure(let status): status >= 500 || status == 429
        case .unreachable, .timedOut, .mediaUnreachable, .reconnectFailed: true
        case .unauthorized, .roomNotFound, .badRequest, .untrusted, .notLiveKit, .negotiationFailed, .removed,
            .localFailure:
            false
        }
    }

    fileprivate var sentence: String {
        switch self {
        case .unauthorized: "the LiveKit server refuses the access token"
        case .roomNotFound: "the room does not exist"
        case .badRequest: "the LiveKit server does not accept the join request"
        case .serverFailure(let status): "the LiveKit server answered with HTTP status \(status)"
        case .unreachable: "the LiveKit server cannot be reached"
        case .untrusted: "the connection to the LiveKit server cannot be trusted"
        case .notLiveKit: "no LiveKit server answers at this address"
        case .timedOut: "the LiveKit server did not answer in time"
        case .mediaUnreachable: "no media connection to the LiveKit server comes about"
        case .negotiationFailed: "the LiveKit server's session description cannot be used"
        case .removed(let reason): "the LiveKit server ended the session (\(reason.name))"
        case .reconnectFailed: "the connection to the LiveKit server was lost and did not come back"
        case .localFailure: "this machine could not set up the connection"
        }
    }
}

extension ParticipantError {
    /// No media connection comes about, and this was tried.
    package init(unreachable tried: [ICEPathReport]) {
        let failed = tried.filter { $0.failure != nil }
        var kinds: [String] = []
        for report in failed {
            let text = "\(report.kind): \(report.outcome)"
            if !kinds.contains(text) { kinds.append(text) }
        }
        self.init(
            .mediaUnreachable, failed.map(\.text).joined(separator: "; "), reason: kinds.joined(separator: "; "))
    }

    /// Whether no LiveKit server had a part in it: nobody answered, or a proxy that has none at hand.
    var saysNothingOfSessions: Bool {
        switch kind {
        case .unreachable, .serverFailure(status: 502...504): true
        default: false
        }
    }
}

extension ParticipantError {
    /// What a failed opening of the signalling socket means.
    init(_ error: WebSocketConnectError) {
        switch error {
        case .rejected(let status, _, let body):
            let text = String(TokenRedaction.withoutTokens(Self.plainText(body)).prefix(200))
            switch status {
            case 401, 403: self.init(.unauthorized, text)
            // LiveKit explains itself in plain text; a page comes from whatever else is at that address.
            case 400 where Self.isPage(body):
                self.init(.notLiveKit, "HTTP status 400: \(text)", reason: error.summary)
            case 400: self.init(.badRequest, text)
            case 404 where body.contains("room does not exist"): self.init(.roomNotFound, text)
            case 404: self.init(.notLiveKit, "HTTP status 404", reason: error.summary)
            default: self.init(.serverFailure(status: status), text)
            }
        case .network, .timedOut, .proxy: self.init(.unreachable, "\(error)", reason: error.summary)
        case .tls, .setUp: self.init(.untrusted, "\(error)", reason: error.summary)
        case .invalidHandshake: self.init(.notLiveKit, "\(error)", reason: error.summary)
        }
    }

    /// Whether an answer is a page for browsers, as proxies send them.
    private static func isPage(_ body: String) -> Bool { body.first { !$0.isWhitespace } == "<" }

    /// What such a page says in its title; other answers in one line.
    private static func plainText(_ body: String) -> String {
        var text = body[...]
        if isPage(body) {
            let lowercased = body.lowercased()
            // Case folding may move the indices of other scripts, so the title is taken from the folded text's length.
            guard lowercased.utf8.count == body.utf8.count, let start = lowercased.firstRange(of: "<title>"),
                let end = lowercased[start.upperBound...].firstRange(of: "</title>")
            else { return "" }
            text = body[start.upperBound..<end.lowerBound]
        }
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
