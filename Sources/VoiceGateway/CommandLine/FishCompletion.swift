/// What fish does when somebody types `VoiceGateway` and presses the tabulator.
package enum FishCompletion {
    package static var script: String {
        var text = "# Completion of VoiceGateway's command line in fish; made by VoiceGateway completion fish.\n"
        text += "complete -c VoiceGateway -f\n"
        for command in Subcommand.allCases {
            text += line("__fish_use_subcommand", "-a \(command.rawValue)", command.summary)
        }
        text += line("__fish_use_subcommand", "-a help", "explain a subcommand")
        text += line("__fish_use_subcommand", "-l version", "print the version")
        for command in Subcommand.allCases {
            // Without a subcommand it is serve.
            let others = (Subcommand.allCases.filter { $0 != .serve }.map(\.rawValue) + ["help"]).joined(separator: " ")
            let condition =
                command == .serve
                ? "not __fish_seen_subcommand_from \(others)" : "__fish_seen_subcommand_from \(command.rawValue)"
            for option in command.options {
                text += line(condition, "-l \(option.name)" + value(option), option.help)
            }
            if !command.choices.isEmpty {
                text += line(condition, "-a \(quoted(command.choices.joined(separator: " ")))", command.summary)
            }
            text += line(condition, "-l help", "explain \(command.rawValue)")
        }
        return text + line("__fish_seen_subcommand_from help", "-a \(quoted(all))", "subcommand")
    }

    private static let all = Subcommand.allCases.map(\.rawValue).joined(separator: " ")

    private static func value(_ option: Option) -> String {
        if option.value == nil { return "" }
        if option.takesFile { return " -r -F" }
        return option.choices.isEmpty ? " -x" : " -x -a \(quoted(option.choices.joined(separator: " ")))"
    }

    private static func line(_ condition: String, _ what: String, _ help: String) -> String {
        "complete -c VoiceGateway -n \(quoted(condition)) \(what) -d \(quoted(help))\n"
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
