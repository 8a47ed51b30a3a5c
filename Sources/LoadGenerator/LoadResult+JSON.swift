package import Wire

/// The result for programs.
extension LoadResult {
    package var json: JSONValue {
        [
            "valid": .bool(isValid), "interrupted": .bool(isInterrupted),
            "sessions": .integer(Int64(sessions)), "talking": .integer(Int64(talking)),
            "connected": .integer(Int64(connected)), "joined": .integer(Int64(joined)),
            "setup_ms": [
                "open": opened.json, "ready": ready.json, "joined": joining.json, "first_sound": firstSound.json,
            ],
            "measured_seconds": .double(seconds),
            "messages": [
                "sent": .integer(Int64(counters.sent)), "heard": .integer(Int64(counters.heard)),
                "heard_bytes": .integer(Int64(counters.heardBytes)), "gaps": .integer(Int64(counters.gaps)),
            ],
            "delay_ms": delay.json, "gap_ms": gap.json,
            "generator": ["late_ms": lateness.json, "cores": .double(ownLoad)],
            "speech": [
                "sent": .integer(Int64(speechSent)), "heard": .integer(Int64(speechHeard)),
                "spurts_sent": .integer(Int64(spurtsSent)), "spurts_heard": .integer(Int64(spurtsHeard)),
            ],
            "watched": .array(watched.map(\.json)),
            "checks": .array(
                checks.map { ["name": .string($0.name), "holds": .bool($0.holds), "detail": .string($0.detail)] }),
        ]
    }
}

extension LoadDistribution {
    var json: JSONValue {
        guard let p50 = percentile(0.5), let p90 = percentile(0.9), let p99 = percentile(0.99), let mean else {
            return ["count": 0]
        }
        return [
            "count": .integer(Int64(count)), "mean": .double(mean), "p50": .double(p50), "p90": .double(p90),
            "p99": .double(p99), "max": .double(Double(largest) / 1000),
        ]
    }
}

extension LoadResult.Watched {
    /// CPU time in the measured time, in seconds.
    package var cpu: (user: Double, system: Double)? {
        guard let start, let end else { return nil }
        return (end.user - start.user, end.system - start.system)
    }

    var json: JSONValue {
        guard let end, let cpu else { return ["name": .null] }
        return [
            "name": .string(end.name), "cpu_user_seconds": .double(cpu.user), "cpu_system_seconds": .double(cpu.system),
            "resident_before": (before?.resident).map { .integer(Int64($0)) } ?? .null,
            "resident_start": (start?.resident).map { .integer(Int64($0)) } ?? .null,
            "resident_end": .integer(Int64(end.resident)), "threads": .integer(Int64(end.threads)),
        ]
    }
}
