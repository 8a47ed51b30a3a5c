/// What zsh does when somebody types `VoiceGateway` and presses the tabulator.
package enum ZshCompletion {
    package static var script: String {
        var text = """
            #compdef VoiceGateway
            # Completion of VoiceGateway's command line in zsh; made by VoiceGateway completion zsh.
            _VoiceGateway() {
                local command=serve
                local -a commands
                commands=(

            """
        for command in Subcommand.allCases {
            text += "        " + quoted("\(command.rawValue):\(command.summary)") + "\n"
        }
        text += """
                    'help:explain a subcommand'
                )
                if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
                    _describe -t commands subcommand commands
                    return
                fi
                if [[ $words[2] != -* ]]; then
                    command=$words[2]
                    shift words
                    (( CURRENT-- ))
                fi
                case $command in

            """
        for command in Subcommand.allCases {
            text += "    \(command.rawValue))\n        _arguments \\\n"
            for option in command.options { text += "            \(quoted(argument(option))) \\\n" }
            if !command.choices.isEmpty {
                let words = command.choices.joined(separator: " ")
                text += "            \(quoted("1:\(command.words.lowercased().dropFirst()):(\(words))")) \\\n"
            }
            text += "            \(quoted("--help[explain \(command.rawValue)]"))\n        ;;\n"
        }
        text += """
                help) _describe -t commands subcommand commands ;;
                esac
            }
            _VoiceGateway "$@"

            """
        return text
    }

    private static func argument(_ option: Option) -> String {
        let name = (option.isRepeatable ? "*" : "") + "--\(option.name)"
        let help = escaped(option.help, "[]\\:")
        guard let value = option.value else { return "\(name)[\(help)]" }
        let action =
            option.takesFile ? "_files" : option.choices.isEmpty ? " " : "(\(option.choices.joined(separator: " ")))"
        return "\(name)=[\(help)]:\(escaped(value, ":\\")):\(action)"
    }

    private static func escaped(_ text: String, _ special: String) -> String {
        text.reduce(into: "") { $0 += special.contains($1) ? "\\\($1)" : String($1) }
    }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}
