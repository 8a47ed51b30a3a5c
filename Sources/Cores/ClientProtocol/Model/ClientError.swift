package import Wire

/// Something that went wrong, as a client is told of it.
package struct ClientError: Error, Hashable, Sendable {
    /// What went wrong, for programs.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        /// A session parameter has a value that is not allowed.
        case invalidParameter = "invalid_parameter"
        /// A message cannot be understood.
        case invalidMessage = "invalid_message"
        /// Audio bytes cannot be decoded.
        case invalidAudio = "invalid_audio"
        /// A parameter came after the moment up to which it can be chosen.
        case tooLate = "too_late"
        /// The operator's settings forbid it.
        case notAllowed = "not_allowed"
        /// The API key or the access token is missing, wrong, or no longer valid.
        case unauthorized
        /// Somebody is in the room under the same identity already.
        case duplicateIdentity = "duplicate_identity"
        /// The address or the key has as many connections as it may have.
        case tooManyConnections = "too_many_connections"
        /// The gateway takes no more clients at the moment.
        case unavailable
        /// Messages come faster than any real use needs.
        case rateLimited = "rate_limited"
        /// Audio came faster than it can be played, or nobody hears it; the oldest was dropped.
        case audioDropped = "audio_dropped"
        /// More tracks of the room have sound than are played.
        case tooManyTracks = "too_many_tracks"
        /// No agent came in time.
        case agentTimeout = "agent_timeout"
        /// The agent could not be asked to come.
        case dispatchFailed = "dispatch_failed"
        /// The room cannot be joined.
        case roomUnavailable = "room_unavailable"
        /// The connection to the room broke.
        case roomLost = "room_lost"
        /// The room is there, but sound does not get through to it.
        case mediaUnreachable = "media_unreachable"
        /// What somebody in the room says cannot be decrypted, or is not encrypted although the call is.
        case undecipherable
        /// A message could not be delivered to the room.
        case undelivered
        /// The session that a connection wants to continue is over, or there never was one.
        case sessionExpired = "session_expired"
        /// A fault of the gateway.
        case internalError = "internal"
    }

    package var code: Code
    /// One sentence for people: what was wrong and what is allowed.
    package var message: String
    package var blame: Blame
    /// Whether the same request may succeed later.
    package var isRetryable: Bool

    package init(_ code: Code, _ message: String, blame: Blame = .client, isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.blame = blame
        self.isRetryable = isRetryable
    }

    /// - Parameter what: what is not possible because of the failure; the summary follows after a colon.
    package init(_ code: Code, _ what: String, _ failure: Failure) {
        self.init(
            code, "\(what): \(failure.summary)", blame: failure.blame, isRetryable: failure.isRetryable)
    }
}

extension ClientError {
    /// Sound does not get through to the room, for this reason.
    package init(mediaUnreachable failure: Failure) {
        self.init(.mediaUnreachable, "sound does not reach the room", failure)
    }
}

/// Why the server ends a connection.
package enum ClosingReason: String, Hashable, Sendable, CaseIterable {
    /// The gateway is being shut down or drained.
    case shutdown
    case invalidParameter = "invalid_parameter"
    case rateLimited = "rate_limited"
    case roomUnavailable = "room_unavailable"
    case roomLost = "room_lost"
    /// Somebody deleted the room: the usual way for an agent to hang up.
    case roomDeleted = "room_deleted"
    /// Somebody removed this participant.
    case removed
    /// Another connection has joined the room under the same identity.
    case duplicateIdentity = "duplicate_identity"
    case agentTimeout = "agent_timeout"
    case agentLeft = "agent_left"
    case sessionExpired = "session_expired"
    /// Another connection continues the session.
    case takenOver = "taken_over"
    /// The session goes on at another gateway, as this one has asked.
    case moved
    case internalError = "internal"
    /// The API key or the access token is missing, wrong, or no longer valid.
    case unauthorized
    /// The operator's settings forbid it.
    case notAllowed = "not_allowed"
    /// The gateway takes no more clients at the moment.
    case unavailable
    /// The client has sent nothing for too long, and nobody has said anything.
    case idleTimeout = "idle_timeout"
    /// Sessions may not last longer.
    case sessionLimit = "session_limit"
    /// The key or the address has as many calls as it may have.
    case tooManyConnections = "too_many_connections"

    /// The WebSocket close code that goes with it.
    package var closeCode: UInt16 {
        switch self {
        case .roomDeleted, .agentLeft, .moved: 1000
        case .shutdown: 1001
        case .rateLimited: 1008
        case .internalError, .roomLost, .roomUnavailable, .unavailable: 1011
        case .invalidParameter: 4400
        case .removed, .unauthorized, .notAllowed: 4403
        case .idleTimeout, .sessionLimit: 4408
        case .duplicateIdentity, .takenOver: 4409
        case .sessionExpired: 4410
        case .tooManyConnections: 4429
        case .agentTimeout: 4504
        }
    }
}
