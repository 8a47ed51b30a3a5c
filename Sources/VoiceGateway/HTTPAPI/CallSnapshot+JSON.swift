internal import Bridge
internal import ClientProtocol
internal import Wire

extension CallSnapshot {
    /// As the admin API shows it. What the log's `call ended` line has is named as there, without the unit of the group.
    ///
    /// - Parameter gateway: the id of this process.
    func json(gateway: String) -> JSONValue {
        let (summary, numbers) = (session.summary, session.numbers)
        return [
            "id": .string(summary.id), "number": .integer(Int64(number)), "room": .string(summary.room),
            "identity": .string(summary.identity), "agent": .string(session.agent),
            "dialect": .string(session.dialect), "trace_id": .string(session.trace?.traceText ?? ""),
            "address": .string("\(address)"), "gateway": .string(gateway), "state": .string(state),
            "agents": .array(session.agents.map { .string($0) }),
            "agent_state": session.agentState.map { .string($0.rawValue) } ?? .null,
            "seconds": .integer(session.duration.components.seconds),
            "joined_ms": Self.time(numbers.joinedAfter), "heard_ms": Self.time(numbers.heardAfter),
            "first_sound_ms": Self.time(numbers.firstSoundAfter), "replies": Self.count(numbers.replies),
            "interruptions": Self.count(numbers.interruptions), "resumes": Self.count(numbers.resumes),
            "reconnects": Self.count(numbers.reconnects),
            "up": [
                "packets": Self.count(numbers.packetsSent), "sound_ms": Self.count(numbers.uplinkSamples / 48),
                "queued_ms": Self.count(session.queuedMilliseconds),
                "longest_delay_ms": Self.count(numbers.longestUplinkDelay),
                "dropped_ms": Self.count(numbers.uplinkDropped / 48),
                "skipped_ms": Self.count(numbers.uplinkSkipped / 48),
                "lost_packets": Self.count(numbers.uplinkLostPackets), "jitter_ms": Self.count(numbers.uplinkJitter),
            ],
            "down": [
                "packets": Self.count(numbers.packetsReceived),
                "lost_packets": Self.count(numbers.downlinkLostPackets),
                "jitter_ms": Self.count(numbers.downlinkJitter),
                "concealed_ms": Self.count(numbers.downlinkConcealed / 48),
                "recovered_ms": Self.count(numbers.downlinkRecovered / 48),
                "messages": Self.count(numbers.audioMessagesSent),
                "dropped_messages": Self.count(numbers.audioMessagesDropped),
            ],
        ]
    }

    private var state: String {
        if session.isClientAbsent { return "client_away" }
        if session.isRoomInterrupted { return "room_interrupted" }
        return switch session.phase {
        case .opening: "opening"
        case .joining: "joining"
        case .joined: "joined"
        case .agentPresent: "agent_present"
        case .ended: "ended"
        }
    }

    static let states = [
        "opening", "joining", "joined", "agent_present", "client_away", "room_interrupted", "ended",
    ]

    /// A time that has not come yet is null.
    private static func time(_ milliseconds: Int?) -> JSONValue { milliseconds.map(count) ?? .null }

    private static func count(_ number: Int) -> JSONValue { .integer(Int64(number)) }
}
