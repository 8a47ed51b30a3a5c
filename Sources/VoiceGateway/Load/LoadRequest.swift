package import LoadGenerator

/// What `VoiceGateway load` shall do.
package struct LoadRequest: Hashable, Sendable {
    /// The options of the subcommand.
    package static let options = [
        Option("sessions", value: "NUMBER", "how many clients (default 10)"),
        Option("talking", value: "SHARE", "which share of them talks, 0 to 1 (default 1)"),
        Option(
            "rest", value: "nothing|noise|zeros",
            "what the others send: nothing, noise (a quiet room) or zeros (default nothing)"),
        Option("duration", value: "SECONDS", "how long is measured (default 20)"),
        Option("warm-up", value: "SECONDS", "how long to wait before that when all are there (default 5)"),
        Option("rate", value: "NUMBER", "new connections a second (default 20)"),
        Option("format", value: "pcm|opus", "pcm (16 kHz up, 24 kHz down) or opus (default pcm)"),
        Option(
            "agent", value: "NAME",
            "one client a room, with this agent; without it two clients a room talk to each other"),
        Option(
            "watch", value: "PID", isRepeatable: true,
            "measure the CPU time and memory of this process beside, the gateway's for example"),
        Option(
            "param", value: "NAME=VALUE", isRepeatable: true, "a session parameter for all: access_token, api_key, …"),
        Option("ca-file", value: "FILE", "authorities to trust in place of the system's, as a PEM file"),
        Option("json", value: "FILE", "write the result there as JSON"),
    ]

    static let maximumSessions = 20_000
    static let maximumSeconds = 86_400.0

    package let plan: LoadPlan
    package let certificateFile: String?
    package let json: String?

    package init(_ settings: Settings) throws(UsageError) {
        var settings = settings
        let options = settings.options
        certificateFile = options["ca-file"]
        json = options["json"]
        let (url, urlQuery) = CallRequest.address(&settings, command: "load")
        var query = urlQuery.isEmpty ? [] : [urlQuery]
        for text in options.values["param"] ?? [] {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else {
                settings.add("--param is \"\(text)\", but it must be NAME=VALUE.")
                continue
            }
            query.append(CallRequest.encoded(parts[0]) + "=" + CallRequest.encoded(parts[1]))
        }
        let sessions = Self.number("sessions", &settings, 1...Double(Self.maximumSessions), default: 10)
        let talking = Self.number("talking", &settings, 0...1, default: 1)
        let duration = Self.number("duration", &settings, 1...Self.maximumSeconds, default: 20)
        let warmUp = Self.number("warm-up", &settings, 0...Self.maximumSeconds, default: 5)
        let rate = Self.number("rate", &settings, 0.1...10_000, default: 20)
        let rest = LoadPlan.Rest(rawValue: options["rest"] ?? "nothing")
        if rest == nil {
            settings.add("--rest is \"\(options["rest"] ?? "")\", but there are nothing, noise and zeros.")
        }
        let format = options["format"] ?? "pcm"
        if format != "pcm", format != "opus" { settings.add("--format is \"\(format)\", but there are pcm and opus.") }
        let watched = (options.values["watch"] ?? []).compactMap { text in
            if let process = Int32(text), process > 0 { return process }
            settings.add("--watch is \"\(text)\", but it must be the id of a process.")
            return nil as Int32?
        }
        if sessions != sessions.rounded() { settings.add("--sessions must be a whole number.") }
        try settings.finish()
        guard let url else { throw UsageError([CallRequest.needsURL("load")]) }
        var plan = LoadPlan(url: url)
        plan.query = query.joined(separator: "&")
        if let agent = options["agent"] { plan.topology = .agent(CallRequest.encoded(agent)) }
        plan.sessions = Int(sessions)
        plan.talking = talking
        plan.rest = rest ?? .nothing
        plan.isOpus = format == "opus"
        plan.connectRate = rate
        plan.warmUp = .seconds(warmUp)
        plan.duration = .seconds(duration)
        plan.watched = watched
        self.plan = plan
    }

    private static func number(
        _ name: String, _ settings: inout Settings, _ range: ClosedRange<Double>, default standard: Double
    ) -> Double {
        guard let text = settings.options[name] else { return standard }
        let digits = text.hasSuffix("s") ? String(text.dropLast()) : text
        guard let value = Double(digits), range.contains(value) else {
            settings.add(
                "--\(name) is \"\(text)\", but it must be a number from \(LoadText.number(range.lowerBound)) to \(LoadText.number(range.upperBound))."
            )
            return standard
        }
        return value
    }
}
