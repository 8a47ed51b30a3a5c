internal import Bridge
internal import Observability
internal import SecureTransport
internal import Wire

/// The spans of one call: one for the call as a whole, and under it one for each step on the way to the agent's first sound
/// and for each reply. Belongs to the loop of the session.
final class CallTrace {
    /// What others are told, the agent first of all.
    let context: TraceContext
    /// To which the call's own span belongs.
    private let parent: TraceContext?
    /// Nil when nobody wants spans of this trace.
    private let reports: Reports?
    /// Nanoseconds since 1970.
    private let startedAt = CallTrace.now()

    /// - Parameters:
    ///   - request: the trace of the client's request; nil for none, and a new one begins.
    ///   - reports: takes spans if somebody wants them.
    init(_ request: TraceContext?, reports: Reports?) {
        var random = SecureRandom()
        let isWanted = reports?.takesSpans == true && request?.isSampled != false
        self.reports = isWanted ? reports : nil
        parent = isWanted ? request : nil
        // Without a span of ours the agent's hangs on the span of the request.
        context =
            if let request { isWanted ? request.child(using: &random) : request } else {
                TraceContext(using: &random)
            }
    }

    private static func now() -> Int64 {
        let now = UnixClock.now()
        return Int64(now.seconds) * 1_000_000_000 + Int64(now.nanoseconds)
    }

    func note(_ milestone: SessionMilestone) {
        guard let reports else { return }
        let now = Self.now()
        switch milestone {
        case .joined: reports.take(span("join room", .client, since: startedAt, now))
        case .dispatched(let duration, let failure):
            reports.take(
                span("dispatch agent", .client, since: now - duration.nanoseconds, now, failure: failure?.summary))
        case .agentMissing, .roomLost, .roomBack, .clientBack: break
        case .firstSound: reports.take(span("first sound", .inside, since: startedAt, now))
        case .reply(let latency): reports.take(span("reply", .inside, since: now - latency.nanoseconds, now))
        }
    }

    /// - Parameter fields: those of the log's line.
    func ended(_ record: SessionRecord, _ fields: JSONObject) {
        guard let reports else { return }
        let members = fields.members.map { JSONObject.Member(key: "voicegateway.\($0.key)", value: $0.value) }
        let isFailure = CallEvent.kind(of: record) == .failed
        reports.take(
            Span(
                "call", .server, context, parent: parent, start: startedAt, end: Self.now(),
                attributes: JSONObject(members: members),
                failure: isFailure ? "\(record.end.reason) \(record.end.detail)" : nil))
    }

    private func span(
        _ name: String, _ kind: Span.Kind, since start: Int64, _ end: Int64, failure: String? = nil
    ) -> Span {
        var random = SecureRandom()
        return Span(
            name, kind, context.child(using: &random), parent: context, start: start, end: end, failure: failure)
    }
}
