/// What bash does when somebody types `VoiceGateway` and presses the tabulator.
package enum BashCompletion {
    package static var script: String {
        let names = Subcommand.allCases.map(\.rawValue)
        var text = """
            # Completion of VoiceGateway's command line in bash; made by VoiceGateway completion bash.
            _VoiceGateway() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=serve
                COMPREPLY=()
                # bash takes --name=value for three words.
                if [[ $current == = ]]; then
                    current=
                elif [[ $previous == = ]]; then
                    previous=${COMP_WORDS[COMP_CWORD-2]}
                fi
                if (( COMP_CWORD == 1 )) && [[ $current != -* ]]; then
                    mapfile -t COMPREPLY < <(compgen -W "\(names.joined(separator: " ")) help" -- "$current")
                    return
                fi
                [[ ${COMP_WORDS[1]} == -* ]] || command=${COMP_WORDS[1]}
                local options=
                case $command in

            """
        for command in Subcommand.allCases {
            text += "    \(command.rawValue))\n        case $previous in\n"
            text += cases(of: command.options)
            text += "        esac\n"
            if !command.choices.isEmpty {
                text +=
                    "        if [[ $current != -* ]]; then\n            mapfile -t COMPREPLY < <(compgen -W \"\(command.choices.joined(separator: " "))\" -- \"$current\")\n            return\n        fi\n"
            }
            let options = command.options.map { "--\($0.name)" } + ["--help"]
            text += "        options=\"\(options.joined(separator: " "))\"\n        ;;\n"
        }
        text += """
                help)
                    options="\(names.joined(separator: " "))"
                    ;;
                esac
                (( COMP_CWORD == 1 )) && options+=" --version"
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
            }
            complete -F _VoiceGateway VoiceGateway

            """
        return text
    }

    /// What may follow each option that takes a value.
    private static func cases(of options: [Option]) -> String {
        var text = ""
        let files = options.filter { $0.takesFile }
        if !files.isEmpty {
            text +=
                "        \(pattern(files)))\n            mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n            compopt -o filenames 2>/dev/null\n            return\n            ;;\n"
        }
        for option in options where !option.choices.isEmpty {
            text +=
                "        --\(option.name))\n            mapfile -t COMPREPLY < <(compgen -W \"\(option.choices.joined(separator: " "))\" -- \"$current\")\n            return\n            ;;\n"
        }
        let others = options.filter { $0.value != nil && $0.choices.isEmpty && !$0.takesFile }
        if !others.isEmpty { text += "        \(pattern(others))) return ;;\n" }
        return text
    }

    private static func pattern(_ options: [Option]) -> String {
        options.map { "--\($0.name)" }.joined(separator: " | ")
    }
}
