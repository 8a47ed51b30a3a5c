package import Wire

/// An examination for people and for programs.
package enum DoctorReport {
    private static let indent = String(repeating: " ", count: 8)

    /// What is said after a step: a line, and for one that failed who can mend it and how.
    package static func text(_ report: Examination.Report) -> String {
        let time = "\(report.duration.milliseconds) ms"
        let row = padded(report.step.rawValue, 12) + String(repeating: " ", count: max(0, 8 - time.count)) + time + "  "
        switch report.result {
        case .success(let found): return padded("ok", 8) + row + found + "\n"
        case .failure(let finding):
            return padded("FAILED", 8) + row + finding.problem + "\n" + indent
                + "Who can mend it: \(finding.mender.rawValue).\n" + indent + "What to do: \(finding.remedy)\n"
        }
    }

    /// What is said at the end.
    package static func text(_ verdict: Examination.Verdict) -> String {
        switch verdict {
        case .healthy: "All is well: callers can talk with the agent.\n"
        case .failed(_, let untried) where untried.isEmpty: ""
        case .failed(_, let untried): indent + "Not tried: \(untried.map(\.rawValue).joined(separator: ", ")).\n"
        case .interrupted: "Interrupted.\n"
        }
    }

    package static func json(_ reports: [Examination.Report], _ verdict: Examination.Verdict) -> JSONValue {
        var untried: [ExaminationStep] = []
        if case .failed(_, let steps) = verdict { untried = steps }
        return [
            "healthy": .bool(verdict == .healthy), "interrupted": .bool(verdict == .interrupted),
            "steps": .array(reports.map(json)), "untried": .array(untried.map { .string($0.rawValue) }),
        ]
    }

    private static func json(_ report: Examination.Report) -> JSONValue {
        let step = JSONValue.string(report.step.rawValue)
        let time = JSONValue.integer(report.duration.milliseconds)
        switch report.result {
        case .success(let found): return ["step": step, "ok": true, "ms": time, "found": .string(found)]
        case .failure(let finding):
            return [
                "step": step, "ok": false, "ms": time, "problem": .string(finding.problem),
                "mender": .string("\(finding.mender)"), "remedy": .string(finding.remedy),
            ]
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
