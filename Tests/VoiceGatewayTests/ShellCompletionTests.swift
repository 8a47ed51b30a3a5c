import Testing
import VoiceGateway

@Suite("Completions and the manual page")
struct ShellCompletionTests {
    @Test("every shell is told every subcommand and every option", arguments: Shell.allCases)
    func options(shell: Shell) throws {
        guard case .print(let script) = try invoke("completion \(shell.rawValue)") else {
            Issue.record("nothing is printed")
            return
        }
        for command in Subcommand.allCases {
            #expect(script.contains(command.rawValue))
            for option in command.options {
                // fish names an option without its dashes.
                #expect(script.contains(shell == .fish ? "-l \(option.name) " : "--\(option.name)"))
            }
        }
    }

    @Test("the manual page has every subcommand, option and setting, and no line that roff would take for a request")
    func manual() throws {
        guard case .print(let page) = try invoke("man-page") else {
            Issue.record("nothing is printed")
            return
        }
        let text = page.replacing("\\-", with: "-")
        for command in Subcommand.allCases {
            #expect(text.contains(".B \"\(command.rawValue)\(command.words)\"\n\(command.summary)\n"))
            for option in command.options where !option.isOfSetting {
                #expect(text.contains(".B \"\(option.usage)\"\n"))
            }
        }
        for setting in GatewaySettings.all { #expect(text.contains(".B \"\(setting.variable)")) }
        let requests = Set(page.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix { $0 != " " } })
        #expect(requests == [".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".I"])
    }

    @Test("an option knows the words that its value may be")
    func choices() {
        #expect(Option("x", value: "text|json", "").choices == ["text", "json"])
        #expect(Option("x", value: "FILE", "").takesFile && Option("x", value: "FILE", "").choices.isEmpty)
        #expect(mistakes("completion") == ["completion needs one of bash, zsh, fish."])
        #expect(mistakes("completion tcsh") == ["completion needs one of bash, zsh, fish."])
    }
}
