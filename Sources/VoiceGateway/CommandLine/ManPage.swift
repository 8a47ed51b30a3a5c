/// VoiceGateway(1) as roff, made from the tables that the help is made from.
package enum ManPage {
    package static var text: String {
        var page = ".TH VOICEGATEWAY 1 \"\" \"\(escaped(HelpText.version))\" \"User Commands\"\n"
        page += chapter("NAME") + "VoiceGateway \\- lets WebSocket clients talk with agents in LiveKit rooms\n"
        page += chapter("SYNOPSIS") + ".B VoiceGateway\n[\\fISUBCOMMAND\\fR] [\\fIOPTIONS\\fR]\n"
        page += chapter("SUBCOMMANDS")
        for command in Subcommand.allCases {
            page += paragraph("\(command.rawValue)\(command.words)", command.summary)
        }
        page += chapter("OPTIONS")
        page += "Of every subcommand:\n" + paragraph("--help", "explain the subcommand")
        page += paragraph("--version", "print the version; without a subcommand")
        for command in Subcommand.allCases {
            let own = command.options.filter { !$0.isOfSetting }
            guard !own.isEmpty else { continue }
            page += ".SS \(escaped(command.rawValue))\n"
            if command.options.count > own.count { page += "Besides the options of all settings:\n" }
            for option in own { page += paragraph(option.usage, option.help) }
        }
        page +=
            chapter("SETTINGS") + """
                Each comes from an option of
                .BR serve ,
                from the environment, or from the file that
                .B \\-\\-env\\-file
                names, in this order. What is in parentheses counts where nothing is said. Secrets have no option.

                """
        for setting in GatewaySettings.all {
            let option = setting.flag.map { ", --\($0) \(setting.placeholder)" } ?? ""
            page += paragraph("\(setting.variable)\(option)", "\(setting.meaning) (\(setting.defaultText))")
        }
        return page + ending
    }

    private static let ending = """
        .SH EXIT STATUS
        .TP
        .B 0
        The gateway was told to go, and its calls are over; another subcommand has done what it was asked for.
        .TP
        .B 1
        The machine lacks something, such as a free port; a later start may succeed. Of
        .BR doctor ,
        .B load
        and
        .BR top :
        something is wrong.
        .TP
        .B 2
        The settings or the options are wrong.
        .TP
        .B 3
        No reply came, of
        .BR call .
        .TP
        .B 128 + N
        Signal N came again while calls were being ended, or interrupted another subcommand.
        .SH SIGNALS
        .TP
        .B SIGTERM
        New calls are refused, and the process ends when the last call is over or DRAIN_SECONDS have passed. A second one ends calls
        at once.
        .TP
        .B SIGINT
        Ends calls at once.
        .TP
        .B SIGHUP
        The settings are read again.
        .SH FILES
        .TP
        .I /etc/voicegateway/voicegateway.env
        The settings of the service.

        """

    private static func chapter(_ name: String) -> String { ".SH \(name)\n" }

    private static func paragraph(_ name: String, _ text: String) -> String {
        ".TP\n.B \"\(escaped(name).replacing("\"", with: "\\(dq"))\"\n\(escaped(text))\n"
    }

    /// What roff would take for its own. `\&` keeps a dot or an apostrophe at the beginning of a line from being a request.
    private static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&\(plain)" : plain
    }
}
