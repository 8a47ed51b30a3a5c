/// What `--help` prints.
package enum HelpText {
    /// The program's version.
    package static let version = "VoiceGateway 0.1.0"

    /// About the program as a whole.
    package static var overview: String {
        var text = """
            VoiceGateway lets clients that speak WebSocket and PCM talk to agents in LiveKit rooms.

            Usage: VoiceGateway [SUBCOMMAND] [OPTIONS]


            """
        for command in Subcommand.allCases { text += row(command.rawValue, command.summary) }
        text += row("--help", "explain a subcommand, or this")
        text += row("--version", "print the version")
        text += """

            Settings, from the environment or a .env file:

            """
        for (name, help) in settings { text += row(name, help) }
        return text
            + "\nWithout LIVEKIT_URL a room server for development runs inside, with an agent that repeats what it hears.\n"
    }

    /// About one subcommand.
    package static func about(_ command: Subcommand) -> String {
        var text = "VoiceGateway \(command.rawValue): \(command.summary)\n\n"
        text += "Usage: VoiceGateway \(command.rawValue)\(command.words) [OPTIONS]\n\n"
        for option in command.options {
            text += row("--\(option.name)" + (option.value.map { " \($0)" } ?? ""), option.help)
        }
        return text
    }

    private static let settings = [
        ("LIVEKIT_URL", "the LiveKit deployment: ws, wss, http or https"),
        ("LIVEKIT_API_KEY", "its API key"),
        ("LIVEKIT_API_SECRET", "its API secret"),
        ("LIVEKIT_CA_FILE", "authorities to trust in place of the system's, as a PEM file"),
        ("AGENT_NAME", "the agent to dispatch (custom-agent)"),
        ("PORT, HOST", "where clients connect (3000, 0.0.0.0)"),
        ("THREADS", "event loops to run (one a core)"),
        ("RESUME_GRACE_SECONDS", "how long a caller whose connection broke stays in the room (0)"),
        ("LOG_LEVEL", "error, warning, info or debug (info)"),
    ]

    private static func row(_ name: String, _ help: String) -> String {
        let padding = String(repeating: " ", count: max(1, 24 - name.count))
        return "  \(name)\(padding)\(help)\n"
    }
}
