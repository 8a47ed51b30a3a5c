package import ClientProtocol
package import Wire

/// How a client's connection ended without the client having ended the call.
package enum ClientLoss: String, Hashable, Sendable, CaseIterable {
    /// The client's page or program went, or reloads (1001).
    case departed = "client_left"
    /// The client was sent away, or went, for what one of us did wrong: any other close code.
    case faulty = "client_failed"
    /// The network ended the connection.
    case broken = "client_connection_lost"
    /// The client answered no ping.
    case vanished = "client_vanished"
    /// The client read its messages too slowly.
    case slow = "client_too_slow"
}

/// Why a session is over, for those who run the gateway.
package struct SessionEnd: Hashable, Sendable {
    /// The client has ended the call.
    package static let hungUp = SessionEnd(reason: "client_hung_up")

    /// One of few fixed words: that of the client's `closing`, or of a `ClientLoss`, or `client_hung_up`.
    package let reason: String
    /// Who has to do something about it; nil when nobody has.
    package let blame: Blame?
    /// A sentence, if there is more to say; never what somebody said.
    package let detail: String
    /// What the client was told, when it was the gateway that closed.
    let closing: ClosingReason?

    private init(reason: String, blame: Blame? = nil, detail: String = "", closing: ClosingReason? = nil) {
        self.reason = reason
        self.blame = blame
        self.detail = detail
        self.closing = closing
    }

    init(_ reason: ClosingReason, _ message: String, _ error: ClientError?) {
        self.init(
            reason: reason.rawValue, blame: reason == .agentTimeout ? .operator : error?.blame, detail: message,
            closing: reason)
    }

    init(_ loss: ClientLoss) {
        self.init(reason: loss.rawValue, blame: loss == .slow || loss == .faulty ? .client : nil)
    }
}

/// What is written down of a session when it is over.
package struct SessionRecord: Sendable {
    package let summary: SessionSummary
    /// The name of the agent that was asked for; empty for none.
    package let agent: String
    package let dialect: String
    /// Nil for none.
    package let trace: TraceContext?
    package let end: SessionEnd
    /// The WebSocket close code that the client was given, when it was the gateway that closed.
    package let closeCode: UInt16?
    /// Since the client was accepted.
    package let duration: Duration
    package let numbers: SessionStatistics

    init(
        summary: SessionSummary, agent: String, dialect: String, trace: TraceContext?, end: SessionEnd,
        closeCode: UInt16?, duration: Duration, numbers: SessionStatistics
    ) {
        self.summary = summary
        self.agent = agent
        self.dialect = dialect
        self.trace = trace
        self.end = end
        self.closeCode = closeCode
        self.duration = duration
        self.numbers = numbers
    }

    init(
        _ end: SessionEnd, _ room: RoomLink, _ client: borrowing ClientLink, _ state: borrowing RoomState,
        _ numbers: SessionStatistics,
        now: Instant
    ) {
        self.init(
            summary: room.summary, agent: room.caller.agentName, dialect: client.descriptor.name,
            trace: room.caller.trace, end: end,
            closeCode: end.closing.map { client.closeCode($0, message: end.detail) }, duration: now - state.startedAt,
            numbers: numbers)
    }
}
