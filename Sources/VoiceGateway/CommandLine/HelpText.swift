internal import Wire

/// What `--help` prints.
package enum HelpText {
    /// The program's version.
    package static let version = "\(Product.name) \(Product.version)"

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

            Settings of serve, from its options (VoiceGateway serve --help), the environment or a .env file:

            """
        for setting in GatewaySettings.all {
            text += row(setting.variable, "\(setting.meaning) (\(setting.defaultText))")
        }
        return text
            + "\nSecrets have no option: everybody on the machine could read it.\n"
            + "\nWithout LIVEKIT_URL a room server for development runs inside, with an agent that repeats what it hears.\n"
    }

    /// About one subcommand.
    package static func about(_ command: Subcommand) -> String {
        var text = "VoiceGateway \(command.rawValue): \(command.summary)\n\n"
        text += "Usage: VoiceGateway \(command.rawValue)\(command.words) [OPTIONS]\n\n"
        for option in command.options {
            text += row(option.usage, option.help)
        }
        return text
    }

    private static func row(_ name: String, _ help: String) -> String {
        let padding = String(repeating: " ", count: max(1, 30 - name.count))
        return "  \(name)\(padding)\(help)\n"
    }
}
