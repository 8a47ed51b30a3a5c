/// What the program can be asked to do.
package enum Subcommand: String, CaseIterable, Sendable {
    case serve
    case checkConfig = "check-config"
    case devServer = "dev-server"
    case token
    case call
    case load

    /// One line for the list of subcommands.
    package var summary: String {
        switch self {
        case .serve: "run the gateway (the default)"
        case .checkConfig: "check the settings of serve, and show what counts and where it comes from"
        case .devServer: "run the development room server alone"
        case .token: "print an access token"
        case .call: "talk to a gateway from the command line"
        case .load: "measure a gateway with many clients at once"
        }
    }

    /// The words it takes besides options.
    package var words: String { self == .call || self == .load ? " URL" : "" }

    package var options: [Option] {
        switch self {
        case .serve: Self.ofAllSettings + [Self.settingsFile]
        case .checkConfig:
            Self.ofAllSettings + [
                Self.settingsFile, Option("table", "print the table of all settings as docs/configuration.md has it"),
            ]
        case .devServer:
            [
                Option("port", value: "PORT", "where participants connect (default 7880)"),
                Option("host", value: "ADDRESS", "which of this machine's addresses to listen at (default 127.0.0.1)"),
                Option("no-parrot", "dispatch registered workers only, never the built-in agent"),
                Option(
                    "log-level", value: GatewaySettings.logLevel.placeholder,
                    "\(GatewaySettings.logLevel.meaning); also LOG_LEVEL (default info)"), Self.settingsFile,
            ]
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
                Self.settingsFile,
            ]
        case .call: CallRequest.options
        case .load: LoadRequest.options
        }
    }

    /// An option for each setting that is no secret.
    private static let ofAllSettings = GatewaySettings.all.compactMap { setting in
        setting.flag.map { flag in
            Option(
                flag, value: setting.placeholder,
                "\(setting.meaning); also \(setting.variable) (default: \(setting.defaultText))")
        }
    }
    private static let settingsFile = Option(
        "env-file", value: "FILE",
        "where settings are read that the environment does not have (default: \(Settings.defaultFile))")
}
