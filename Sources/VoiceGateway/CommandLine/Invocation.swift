/// What a command line comes to.
package enum Invocation: Hashable, Sendable {
    case serve(ServeRequest)
    /// What counts, as text for standard output.
    ///
    /// - Parameter warnings: what is possible, but may not be meant.
    case checkConfig(String, warnings: [String])
    case devServer(DevServerConfiguration)
    case token(TokenRequest)
    case call(CallRequest)
    case load(LoadRequest)
    case doctor(DoctorRequest)
    case top(TopRequest)
    /// Text for standard output.
    case print(String)

    /// Reads command line, environment and settings file.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - environment: the process's.
    ///   - readFile: the content of a file; nil when there is none.
    package init(
        arguments: [String], environment: [String: String], readFile: (String) throws(FileError) -> String?
    ) throws(UsageError) {
        var rest = arguments[...]
        let isAboutAll = rest.first == "--help" || rest.first == "-h" || rest.first == "help"
        if isAboutAll {
            guard rest.count > 1, let command = Subcommand(rawValue: rest[1]) else {
                self = .print(HelpText.overview)
                return
            }
            self = .print(HelpText.about(command))
            return
        }
        if rest.first == "--version" {
            self = .print(HelpText.version + "\n")
            return
        }
        var command = Subcommand.serve
        if let first = rest.first, !first.hasPrefix("-") {
            guard let named = Subcommand(rawValue: first) else {
                let near = ParsedOptions.nearest(to: first, in: Subcommand.allCases.map(\.rawValue))
                let names = Subcommand.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError([
                    "There is no subcommand \(first)."
                        + (near.map { " Did you mean \($0)?" } ?? " There are \(names).")
                ])
            }
            command = named
            rest = rest.dropFirst()
        }
        // Not when it is the value of an option or comes after "--".
        if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
            self = .print(HelpText.about(command))
            return
        }
        var mistakes: [String] = []
        let options = ParsedOptions(rest, options: command.options, command: command.rawValue, mistakes: &mistakes)
        if command.words.isEmpty, let word = options.words.first {
            mistakes.append("\(command.rawValue) takes no \"\(word)\".")
        }
        var settings = Settings(options: options, environment: environment, mistakes: mistakes)
        if command.readsSettingsFile { settings.readFile(readFile) }
        switch command {
        case .serve, .checkConfig:
            if command == .checkConfig, options.contains("table") {
                self = .print(SettingsReport.table)
                return
            }
            let request = try ServeRequest(settings, readFile: readFile)
            self =
                command == .serve
                ? .serve(request)
                : .checkConfig(SettingsReport.effective(request.settings), warnings: request.warnings)
        case .devServer: self = .devServer(try DevServerConfiguration(settings))
        case .token: self = .token(try TokenRequest(settings))
        case .call: self = .call(try CallRequest(settings))
        case .load: self = .load(try LoadRequest(settings))
        case .completion:
            guard options.words.count == 1, let shell = Shell(rawValue: options.words[0]) else {
                throw UsageError(mistakes + ["completion needs one of \(command.choices.joined(separator: ", "))."])
            }
            try settings.finish()
            self = .print(shell.script)
        case .manPage:
            try settings.finish()
            self = .print(ManPage.text)
        case .top: self = .top(try TopRequest(settings))
        case .doctor: self = .doctor(try DoctorRequest(settings, readFile: readFile))
        }
    }
}

/// What the caller of the program got wrong: all of it, a sentence each. The exit code is 2.
package struct UsageError: Error, Hashable, Sendable {
    package static let exitCode: Int32 = 2

    package let mistakes: [String]
    /// What may be the reason for one of them.
    package let warnings: [String]

    package init(_ mistakes: [String], warnings: [String] = []) {
        self.mistakes = mistakes
        self.warnings = warnings
    }
}
