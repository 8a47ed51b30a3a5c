/// What the program can be asked to do.
package enum Subcommand: String, CaseIterable, Sendable {
    case serve
    case checkConfig = "check-config"
    case devServer = "dev-server"
    case token
    case call
    case load
    case doctor
    case top
    case completion
    case manPage = "man-page"

    /// One line for the list of subcommands.
    package var summary: String {
        switch self {
        case .serve: "run the gateway (the default)"
        case .checkConfig: "check the settings of serve, and show what counts and where it comes from"
        case .devServer: "run the development room server alone"
        case .token: "print an access token"
        case .call: "talk to a gateway from the command line"
        case .load: "measure a gateway with many clients at once"
        case .doctor:
            "examine the way from here to an agent that talks, and say what is wrong, who can mend it, and how"
        case .completion: "print what completes this command line in a shell: bash, zsh or fish"
        case .manPage: "print the manual page"
        case .top: "show a gateway's calls in the terminal, live"
        }
    }

    /// The words it takes besides options.
    package var words: String {
        switch self {
        case .call, .load: " URL"
        case .completion: " SHELL"
        default: ""
        }
    }

    /// What such a word may be; empty where there are too many to name.
    package var choices: [String] { self == .completion ? Shell.allCases.map(\.rawValue) : [] }

    /// Whether what it takes is complete only with the settings file. (An examination reads it by itself.)
    var readsSettingsFile: Bool {
        switch self {
        case .serve, .checkConfig, .devServer, .token, .top: true
        case .call, .load, .doctor, .completion, .manPage: false
        }
    }

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
                Option("no-udp", "take media over TCP alone, as if a firewall stood before the server"),
                Option(
                    "ice-server", value: "URL", isRepeatable: true,
                    "tell clients of a TURN server: turn:USER:PASSWORD@HOST:PORT?transport=udp"),
                Option("force-relay", "tell clients to send media by TURN servers alone"),
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
        case .completion, .manPage: []
        case .top: TopRequest.options + [Self.settingsFile]
        case .doctor: DoctorRequest.options + Self.ofAllSettings + [Self.settingsFile]
        }
    }

    /// An option for each setting that is no secret.
    private static let ofAllSettings = GatewaySettings.all.compactMap { setting in
        setting.flag.map { flag in
            Option(
                flag, value: setting.placeholder, isOfSetting: true,
                "\(setting.meaning); also \(setting.variable) (default: \(setting.defaultText))")
        }
    }
    private static let settingsFile = Option(
        "env-file", value: "FILE",
        "where settings are read that the environment does not have (default: \(Settings.defaultFile))")
}

/// A shell that can complete command lines.
package enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish

    package var script: String {
        switch self {
        case .bash: BashCompletion.script
        case .zsh: ZshCompletion.script
        case .fish: FishCompletion.script
        }
    }
}
