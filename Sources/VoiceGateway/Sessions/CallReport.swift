internal import Bridge
internal import ClientProtocol
internal import Observability
internal import Wire

/// Writes down how each call ended: one line of the log, and a counter by reason.
struct CallReport: Sendable {
    private let log: Log
    private let ends: [String: Counter]

    init(log: Log, metrics: Metrics) {
        self.log = log
        let reasons =
            [SessionEnd.hungUp.reason] + ClientLoss.allCases.map(\.rawValue) + ClosingReason.allCases.map(\.rawValue)
        ends = metrics.counters(
            "voicegateway_calls_ended_total", help: "Calls that are over, by the reason of their end.",
            label: "reason", of: reasons, text: { $0 })
    }

    func ended(_ record: SessionRecord, address: IPAddress?) {
        ends[record.end.reason]?.add()
        let event: StaticString = "call ended"
        switch record.end.blame {
        case .gateway?: log.error(event, Self.fields(record, address))
        case .operator?, .room?: log.warning(event, Self.fields(record, address))
        case .client?, nil: log.info(event, Self.fields(record, address))
        }
    }

    /// A time that never came is -1.
    private static func fields(_ record: SessionRecord, _ address: IPAddress?) -> Log.Fields {
        let (end, numbers) = (record.end, record.numbers)
        return [
            "session": record.summary.id, "room": record.summary.room, "identity": record.summary.identity,
            "agent": record.agent,
            "dialect": record.dialect, "address": address.map { "\($0)" } ?? "", "reason": end.reason,
            "code": end.closeCode.map { Int($0) } ?? 0, "blame": end.blame?.rawValue ?? "none", "detail": end.detail,
            "seconds": Int(record.duration.components.seconds), "joined_ms": numbers.joinedAfter ?? -1,
            "heard_ms": numbers.heardAfter ?? -1, "first_sound_ms": numbers.firstSoundAfter ?? -1,
            "replies": numbers.replies, "interruptions": numbers.interruptions, "resumes": numbers.resumes,
            "reconnects": numbers.reconnects, "messages_in": numbers.clientMessages,
            "bytes_in": numbers.clientAudioBytes, "faulty_messages": numbers.faultyMessages,
            "up_packets": numbers.packetsSent, "up_sound_ms": numbers.uplinkSamples / 48,
            "up_dropped_ms": numbers.uplinkDropped / 48, "up_skipped_ms": numbers.uplinkSkipped / 48,
            "up_longest_delay_ms": numbers.longestUplinkDelay, "down_packets": numbers.packetsReceived,
            "down_concealed_ms": numbers.downlinkConcealed / 48, "down_recovered_ms": numbers.downlinkRecovered / 48,
            "down_messages": numbers.audioMessagesSent, "down_dropped_messages": numbers.audioMessagesDropped,
            "coding_failures": numbers.codingFailures, "replies_played_out": numbers.repliesPlayedOut,
            "events": numbers.eventsSent,
        ]
    }
}
