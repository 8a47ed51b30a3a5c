internal import Bridge
internal import ClientProtocol
internal import Observability
internal import Wire

/// Writes down how each call went: one line of the log at its end, a counter by reason, and what other systems are told.
struct CallReport: Sendable {
    private static let times: Set<String> = ["joined_ms", "heard_ms", "first_sound_ms"]

    private let log: Log
    private let reports: Reports?
    private let ends: [String: Counter]

    init(log: Log, metrics: Metrics, reports: Reports?) {
        self.log = log
        self.reports = reports
        let reasons =
            [SessionEnd.hungUp.reason] + ClientLoss.allCases.map(\.rawValue) + ClosingReason.allCases.map(\.rawValue)
        ends = metrics.counters(
            "voicegateway_calls_ended_total", help: "Calls that are over, by the reason of their end.",
            label: "reason", of: reasons, text: { $0 })
    }

    /// The caller is in its room, just now.
    ///
    /// - Parameter isContinued: the call began at another gateway.
    func started(_ call: SessionSnapshot, address: IPAddress?, isContinued: Bool) {
        guard let reports else { return }
        let fields = JSONObject(
            [
                "session": call.summary.id, "room": call.summary.room, "identity": call.summary.identity,
                "trace_id": call.trace?.traceText ?? "",
                "agent": call.agent, "dialect": call.dialect, "address": address.map { "\($0)" } ?? "",
                "joined_ms": Int(call.duration.milliseconds), "continued": isContinued,
            ], neverAsNull: Self.times)
        reports.tell(CallEvent(.started, call.summary, fields, createdAt: UnixClock.seconds()))
    }

    func ended(_ record: SessionRecord, _ trace: CallTrace, address: IPAddress?) {
        let fields = Self.fields(record, address)
        if let reports {
            let object = JSONObject(fields, neverAsNull: Self.times)
            trace.ended(record, object)
            reports.tell(
                CallEvent(CallEvent.kind(of: record), record.summary, object, createdAt: UnixClock.seconds()))
        }
        ends[record.end.reason]?.add()
        let event: StaticString = "call ended"
        switch record.end.blame {
        case .gateway?: log.error(event, fields)
        case .operator?, .room?: log.warning(event, fields)
        case .client?, nil: log.info(event, fields)
        }
    }

    /// A time that never came is -1.
    private static func fields(_ record: SessionRecord, _ address: IPAddress?) -> Log.Fields {
        let (end, numbers) = (record.end, record.numbers)
        return [
            "session": record.summary.id, "room": record.summary.room, "identity": record.summary.identity,
            "trace_id": record.trace?.traceText ?? "",
            "agent": record.agent,
            "dialect": record.dialect, "address": address.map { "\($0)" } ?? "", "reason": end.reason,
            "code": record.closeCode.map { Int($0) } ?? 0, "blame": end.blame?.rawValue ?? "none", "detail": end.detail,
            "seconds": Int(record.duration.components.seconds), "joined_ms": numbers.joinedAfter ?? -1,
            "heard_ms": numbers.heardAfter ?? -1, "first_sound_ms": numbers.firstSoundAfter ?? -1,
            "replies": numbers.replies, "interruptions": numbers.interruptions, "resumes": numbers.resumes,
            "reconnects": numbers.reconnects, "messages_in": numbers.clientMessages,
            "bytes_in": numbers.clientAudioBytes, "faulty_messages": numbers.faultyMessages,
            "up_packets": numbers.packetsSent, "up_sound_ms": numbers.uplinkSamples / 48,
            "up_dropped_ms": numbers.uplinkDropped / 48, "up_skipped_ms": numbers.uplinkSkipped / 48,
            "up_longest_delay_ms": numbers.longestUplinkDelay, "up_lost_packets": numbers.uplinkLostPackets,
            "up_jitter_ms": numbers.uplinkJitter, "down_lost_packets": numbers.downlinkLostPackets,
            "down_jitter_ms": numbers.downlinkJitter, "down_packets": numbers.packetsReceived,
            "down_concealed_ms": numbers.downlinkConcealed / 48, "down_recovered_ms": numbers.downlinkRecovered / 48,
            "down_messages": numbers.audioMessagesSent, "down_dropped_messages": numbers.audioMessagesDropped,
            "coding_failures": numbers.codingFailures, "replies_played_out": numbers.repliesPlayedOut,
            "events": numbers.eventsSent,
        ]
    }
}
