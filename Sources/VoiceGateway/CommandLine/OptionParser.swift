internal import Wire

/// One option of a subcommand.
package struct Option: Hashable, Sendable {
    /// Without the dashes.
    package let name: String
    /// What stands for the value in the help; nil for an option without one.
    package let value: String?
    /// One line for the help.
    package let help: String
    /// Whether it may be given more than once.
    package let isRepeatable: Bool
    /// The words that its value may be; empty where there are too many to name.
    package let choices: [String]
    /// It stands for a setting of `serve`.
    package let isOfSetting: Bool

    /// - Parameter choices: by default those that `value` names, as in `text|json`.
    package init(
        _ name: String, value: String? = nil, choices: [String] = [], isRepeatable: Bool = false,
        isOfSetting: Bool = false, _ help: String
    ) {
        self.name = name
        self.value = value
        self.isRepeatable = isRepeatable
        self.isOfSetting = isOfSetting
        self.help = help
        let named = (value ?? "").split(separator: "|").map(String.init)
        self.choices = choices.isEmpty && named.count > 1 ? named : choices
    }

    /// Whether its value is the path of a file.
    package var takesFile: Bool { value == "FILE" }

    /// With what stands for its value.
    package var usage: String { "--\(name)" + (value.map { " \($0)" } ?? "") }
}

/// What a command line said: options by name, and the words that belong to none.
package struct ParsedOptions: Hashable, Sendable {
    /// The values of each option in their order; an option without a value has an empty one.
    package private(set) var values: [String: [String]] = [:]
    package private(set) var words: [String] = []

    /// The value of an option; the last one when it was given more than once.
    package subscript(name: String) -> String? { values[name]?.last }

    package func contains(_ name: String) -> Bool { values[name] != nil }

    /// Reads `--name value`, `--name=value`, `--flag` and words; after `--` everything is a word.
    ///
    /// - Parameter mistakes: one sentence is added for each thing that is wrong; reading goes on, so that all are found.
    package init(_ arguments: some Sequence<String>, options: [Option], command: String, mistakes: inout [String]) {
        let known = Dictionary(uniqueKeysWithValues: options.map { ($0.name, $0) })
        var rest = Array(arguments)[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                return
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0].dropFirst(2))
            guard argument.hasPrefix("--"), let option = known[name] else {
                let near = Self.nearest(to: name, in: options.map(\.name))
                let hint = near.map { " Did you mean --\($0)?" } ?? ""
                mistakes.append("\(command) has no option \(parts[0]).\(hint)")
                // The value of a misspelt option is no mistake of its own.
                if let near, known[near]?.value != nil, parts.count == 1, rest.first?.hasPrefix("-") == false {
                    rest = rest.dropFirst()
                }
                continue
            }
            if values[name] != nil, !option.isRepeatable {
                mistakes.append("--\(name) is given more than once.")
            }
            if option.value == nil {
                if parts.count == 2 { mistakes.append("--\(name) takes no value.") }
                values[name, default: []].append("")
            } else if parts.count == 2 {
                values[name, default: []].append(String(parts[1]))
            } else if let value = rest.first, !value.hasPrefix("--") {
                values[name, default: []].append(value)
                rest = rest.dropFirst()
            } else {
                mistakes.append("--\(name) needs a value: --\(name) \(option.value ?? "").")
            }
        }
    }

    /// The name that is at most two letters away, to help with a slip.
    static func nearest(to name: String, in names: [String]) -> String? {
        names.map { ($0, EditDistance.between(name, $0)) }.filter { $0.1 <= 2 }.min { $0.1 < $1.1 }?.0
    }
}
