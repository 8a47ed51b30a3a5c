/// The result for people.
extension LoadResult {
    package var text: String {
        var text = "\(joined) of \(sessions) sessions joined, \(talking) talk\n"
        func row(_ name: String, _ value: String) {
            text += "  " + name + String(repeating: " ", count: max(1, 34 - name.count)) + value + "\n"
        }
        row("connect → WebSocket open", opened.text)
        row("connect → joined", joining.text)
        if firstSound.count > 0 { row("connect → first sound over there", firstSound.text) }
        let rate = seconds > 0 ? 1 / seconds : 0
        row(
            "messages a second",
            "\(LoadText.number(Double(counters.sent) * rate)) sent, "
                + "\(LoadText.number(Double(counters.heard) * rate)) heard")
        if delay.count > 0 { row("delay, mouth to ear", delay.text) }
        row("holes of more than 60 ms", "\(counters.gaps)")
        if lateness.count > 0 { row("generator late", lateness.text) }
        row("generator", "\(LoadText.number(ownLoad * 100)) % of a core")
        for process in watched {
            guard let cpu = process.cpu, let end = process.end, seconds > 0 else { continue }
            let total = cpu.user + cpu.system
            row(
                end.name,
                "\(LoadText.number(total / seconds * 100)) % of a core, "
                    + "\(LoadText.number(total / seconds * 1000 / Double(max(1, sessions)))) ms a second for each session"
                    + " (\(LoadText.number(cpu.system / max(total, 1e-9) * 100)) % in the kernel), "
                    + "\(LoadText.number(Double(end.resident) / 1e6)) MB")
        }
        for check in checks {
            text += (check.holds ? "  ok      " : "  FAILED  ") + "\(check.name): \(check.detail)\n"
        }
        if isInterrupted { text += "  FAILED  interrupted\n" }
        return text
    }
}

extension LoadDistribution {
    var text: String {
        guard let p50 = percentile(0.5), let p99 = percentile(0.99) else { return "-" }
        return
            "p50 \(LoadText.number(p50)) ms, p99 \(LoadText.number(p99)) ms, "
            + "max \(LoadText.number(Double(largest) / 1000)) ms (\(count))"
    }
}
