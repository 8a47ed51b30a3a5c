/// Whether the figures may be believed.
extension LoadResult {
    /// The generator is saturated when one in a hundred of its messages is later than this, in milliseconds.
    static let maximumLateness = 5.0
    /// The same by its share of a core.
    static let maximumLoad = 0.9
    /// Speech that was heard may differ by this much from what was sent: at the edges of a spurt the codec makes a
    /// frame a little louder or quieter than the other side counts as speech.
    static let speechTolerance = 0.03

    /// Sound that stops for longer than this in the middle of a spurt, in milliseconds, is no delay any more.
    static let maximumHole = 300.0

    package var checks: [Check] {
        var checks: [Check] = []
        func check(_ name: String, _ holds: Bool, _ detail: String) {
            checks.append(Check(name: name, holds: holds, detail: detail))
        }
        check("every session joined", joined == sessions, "\(joined) of \(sessions)")
        check(
            "no session ended by itself", ends.isEmpty,
            ends.isEmpty ? "none did" : ends.map { "\($0.value) × \($0.key)" }.joined(separator: ", "))
        check(
            "no errors", errors.isEmpty,
            errors.isEmpty ? "none" : errors.map { "\($0.value) × \($0.key)" }.joined(separator: ", "))
        check("no session silently dead", silentlyDead == 0, "\(silentlyDead) heard nothing of who talked to them")
        check("every session answers a ping", unanswered == 0, "\(unanswered) did not")
        if talking > 0 {
            let late = lateness.percentile(0.99) ?? 0
            check(
                "generator not saturated", late <= Self.maximumLateness && ownLoad <= Self.maximumLoad,
                "p99 \(LoadText.number(late)) ms late, \(LoadText.number(ownLoad * 100)) % of a core")
            check("everything sent was taken", unsentMessages == 0, "\(unsentMessages) messages given up")
        }
        if spurtsSent > 0 {
            check(
                "spurts heard = spurts sent", spurtsHeard == spurtsSent, "\(spurtsHeard) of \(spurtsSent)")
            let share = Double(speechHeard) / Double(max(1, speechSent))
            let worst = worstShare ?? share
            check(
                "sound heard = sound sent",
                abs(share - 1) <= Self.speechTolerance && abs(worst - 1) <= 2 * Self.speechTolerance,
                "\(speechHeard) of \(speechSent) frames of speech, worst session \(LoadText.number(worst * 100)) %")
            let longest = Double(gap.largest) / 1000
            check(
                "no long holes in the sound", longest <= Self.maximumHole,
                "\(counters.gaps) of more than 60 ms, the longest \(LoadText.number(longest)) ms")
            check("nothing heard that nobody sent", strangePackets == 0, "\(strangePackets) packets")
        }
        return checks
    }

    package var isValid: Bool { !isInterrupted && checks.allSatisfy(\.holds) }
}

/// Numbers for people.
package enum LoadText {
    /// With as many digits as say something.
    package static func number(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        let digits = abs(value) >= 100 ? 0 : abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (abs(value) * scale).rounded()
        guard rounded < 1e15 else { return "-" }
        let whole = Int(rounded) / Int(scale)
        let fraction = String(Int(rounded) % Int(scale))
        let sign = value < 0 && rounded > 0 ? "-" : ""
        if digits == 0 { return "\(sign)\(whole)" }
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
