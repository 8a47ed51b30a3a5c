package import Observability
package import Wire

/// Where settings come from, in this order: the command line, the environment, the settings file. An empty variable counts
/// as not set. Collects every mistake on the way, so that people can mend all of them at once.
package struct Settings: Sendable {
    package static let defaultFile = ".env"

    package let options: ParsedOptions
    private let environment: [String: String]
    private var file: [String: String] = [:]
    package private(set) var mistakes: [String]

    package init(options: ParsedOptions, environment: [String: String], mistakes: [String] = []) {
        self.options = options
        self.environment = environment
        self.mistakes = mistakes
    }

    /// Reads the settings file. One that is named must exist; the default one need not.
    package mutating func readFile(_ read: (String) throws(FileError) -> String?) {
        let path = options["env-file"] ?? Self.defaultFile
        do throws(FileError) {
            if let text = try read(path) {
                file = EnvironmentFile(text, path: path, mistakes: &mistakes).values
            } else if options.contains("env-file") {
                mistakes.append("The settings file \(path) does not exist.")
            }
        } catch {
            mistakes.append("The settings file \(path) cannot be read: \(error.reason).")
        }
    }

    package mutating func add(_ mistake: String) { mistakes.append(mistake) }

    /// Throws when anything was wrong.
    package func finish() throws(UsageError) {
        guard mistakes.isEmpty else { throw UsageError(mistakes) }
    }

    /// A value with the name to call it by in messages.
    package struct Value: Hashable, Sendable {
        package let name: String
        package let text: String
    }

    /// The value of an option or of a variable.
    package func value(option: String? = nil, variable: String? = nil) -> Value? {
        if let option, let text = options[option] { return Value(name: "--\(option)", text: text) }
        guard let variable else { return nil }
        for source in [environment, file] {
            if let text = source[variable], !text.isEmpty { return Value(name: variable, text: text) }
        }
        return nil
    }

    // MARK: Kinds of values

    /// A port; 0 lets the system choose one.
    package mutating func port(option: String, variable: String? = nil, default standard: UInt16) -> UInt16 {
        guard let value = value(option: option, variable: variable) else { return standard }
        guard value.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(value.text) else {
            add(
                "\(value.name) is \"\(value.text)\", but a port is a number from 1 to 65535 (0 lets the system choose)."
            )
            return standard
        }
        return port
    }

    /// An address of this machine.
    package mutating func address(option: String, variable: String? = nil, default standard: IPAddress) -> IPAddress {
        guard let value = value(option: option, variable: variable) else { return standard }
        if value.text == "localhost" { return .loopbackV4 }
        guard let address = IPAddress(value.text) else {
            add("\(value.name) is \"\(value.text)\", but it must be an IP address such as 0.0.0.0, 127.0.0.1 or ::.")
            return standard
        }
        return address
    }

    package mutating func logLevel() -> LogLevel {
        guard let value = value(option: "log-level", variable: "LOG_LEVEL") else { return .info }
        guard let level = LogLevel(rawValue: value.text.lowercased()) else {
            add("\(value.name) is \"\(value.text)\", but the levels are error, warning, info and debug.")
            return .info
        }
        return level
    }

    package mutating func count(
        option: String, variable: String, in range: ClosedRange<Int>, default standard: Int
    ) -> Int {
        guard let value = value(option: option, variable: variable) else { return standard }
        guard let count = Int(value.text), range.contains(count) else {
            add(
                "\(value.name) is \"\(value.text)\", but it must be a number from \(range.lowerBound) to \(range.upperBound)."
            )
            return standard
        }
        return count
    }
}
