/// What the program can be asked to do.
package enum Subcommand: String, CaseIterable, Sendable {
    case serve
    case devServer = "dev-server"
    case token
    case call

    /// One line for the list of subcommands.
    package var summary: String {
        switch self {
        case .serve: "run the gateway (the default)"
        case .devServer: "run the development room server alone"
        case .token: "print an access token"
        case .call: "talk to a gateway from the command line"
        }
    }

    /// The words it takes besides options.
    package var words: String { self == .call ? " URL" : "" }

    package var options: [Option] {
        switch self {
        case .serve:
            [
                Option("port", value: "PORT", "where clients connect; also PORT (default 3000)"),
                Option(
                    "host", value: "ADDRESS",
                    "which of this machine's addresses to listen at; also HOST (default 0.0.0.0)"),
                Option("dev-port", value: "PORT", "for the development room server (default 7880)"),
                Option("agent-name", value: "NAME", "the agent to dispatch; also AGENT_NAME (default custom-agent)"),
                Option("threads", value: "NUMBER", "event loops to run; also THREADS (default: one a core)"),
                Option(
                    "resume-grace", value: "SECONDS",
                    "how long a caller whose connection broke stays in the room, 0 to 300; also RESUME_GRACE_SECONDS (default 0)"
                ),
            ] + Self.common
        case .devServer:
            [
                Option("port", value: "PORT", "where participants connect (default 7880)"),
                Option("host", value: "ADDRESS", "which of this machine's addresses to listen at (default 127.0.0.1)"),
                Option("no-parrot", "dispatch registered workers only, never the built-in agent"),
            ] + Self.common
        case .token:
            [
                Option("room", value: "ROOM", "the room that it opens"),
                Option("identity", value: "IDENTITY", "who its bearer is"),
                Option("name", value: "NAME", "the name that others see"),
                Option("ttl", value: "TIME", "how long it is valid: 90s, 15m, 6h, 7d (default 6h)"),
                Option(
                    "grant", value: "NAME[=VALUE]", isRepeatable: true,
                    "a right: roomJoin, canPublish=false, roomAdmin, … (default: join the room with all that calls need)"
                ),
                Option("metadata", value: "TEXT", "the participant's metadata"),
                Option("attribute", value: "NAME=VALUE", isRepeatable: true, "an attribute of the participant"),
                Option("agent", value: "NAME", "an agent that is dispatched when the token creates the room"),
                Option("agent-metadata", value: "TEXT", "metadata for that agent's job"),
                Option(
                    "env-file", value: "FILE",
                    "where settings are read that the environment does not have (default .env)"),
            ]
        case .call: CallRequest.options
        }
    }

    private static let common = [
        Option("log-level", value: "LEVEL", "error, warning, info or debug; also LOG_LEVEL (default info)"),
        Option("env-file", value: "FILE", "where settings are read that the environment does not have (default .env)"),
    ]
}
