/// Where settings come from, in this order: the command line, the environment, the settings file. An empty variable counts
/// as not set. Collects every mistake on the way, so that people can mend all of them at once.
package struct Settings: Sendable {
    package static let defaultFile = ".env"

    package let options: ParsedOptions
    private let environment: [String: String]
    private var file: [String: String] = [:]
    private var filePath = Self.defaultFile
    /// What counts in place of all sources; nil for a setting that counts as not set.
    private var pinned: [String: Value?] = [:]
    package private(set) var mistakes: [String]
    /// What is possible but most likely not meant.
    package private(set) var warnings: [String] = []
    /// What has been read so far, by variable.
    package private(set) var effective: [String: EffectiveSetting] = [:]

    package init(options: ParsedOptions, environment: [String: String], mistakes: [String] = []) {
        self.options = options
        self.environment = environment
        self.mistakes = mistakes
    }

    /// The same command line and environment, with the settings file still to be read.
    package var unread: Settings { Settings(options: options, environment: environment) }

    /// Lets a setting count as it does in `other`, whatever the sources say.
    package mutating func pin(_ setting: any SettingEntry, asIn other: Settings) {
        pinned[setting.variable] = .some(other.text(of: setting))
    }

    /// Reads the settings file. One that is named must exist; the default one need not.
    package mutating func readFile(_ read: (String) throws(FileError) -> String?) {
        filePath = options["env-file"] ?? Self.defaultFile
        do throws(FileError) {
            if let text = try read(filePath) {
                file = EnvironmentFile(text, path: filePath, mistakes: &mistakes).values
            } else if options.contains("env-file") {
                mistakes.append("The settings file \(filePath) does not exist.")
            }
        } catch {
            mistakes.append("The settings file \(filePath) cannot be read: \(error.reason).")
        }
    }

    /// Looks whether the file that a setting names can be read.
    package mutating func checkFile(of setting: any SettingEntry, _ read: (String) throws(FileError) -> String?) {
        guard let value = text(of: setting) else { return }
        let start = "\(value.name) is \"\(Self.shortened(value.text))\", but"
        do throws(FileError) {
            if try read(value.text) == nil { add("\(start) there is no such file.") }
        } catch {
            if !error.isAboutContent { add("\(start) it cannot be read: \(error.reason).") }
        }
    }

    package mutating func add(_ mistake: String) { mistakes.append(mistake) }

    package mutating func warn(_ sentence: String) { warnings.append(sentence) }

    /// Throws when anything was wrong.
    package func finish() throws(UsageError) {
        guard mistakes.isEmpty else { throw UsageError(mistakes, warnings: warnings) }
    }

    // MARK: Reading

    /// Where a value stands.
    package enum Source: Hashable, Sendable, CustomStringConvertible {
        case flag(String)
        case environment
        case file(String)
        case standard

        package var description: String {
            switch self {
            case .flag(let name): "--\(name)"
            case .environment: "environment"
            case .file(let path): path
            case .standard: "default"
            }
        }
    }

    /// A text with the name to call it by in messages.
    package struct Value: Hashable, Sendable {
        package let name: String
        package let text: String
        package let source: Source
    }

    /// The text of a setting; nil when it is not set.
    ///
    /// - Parameter onlyFlag: its variable does not count.
    package func text(of setting: any SettingEntry, onlyFlag: Bool = false) -> Value? {
        if let value = pinned[setting.variable] { return value }
        if let flag = setting.flag, let text = options[flag] {
            return Value(name: "--\(flag)", text: text, source: .flag(flag))
        }
        if onlyFlag { return nil }
        let variable = setting.variable
        if let text = environment[variable], !text.isEmpty {
            return Value(name: variable, text: text, source: .environment)
        }
        if let text = file[variable], !text.isEmpty {
            return Value(name: variable, text: text, source: .file(filePath))
        }
        return nil
    }

    package func isSet(_ setting: any SettingEntry) -> Bool { text(of: setting) != nil }

    /// The value of a setting; the default when it is not set, or when a mistake was added about it.
    ///
    /// - Parameters:
    ///   - onlyFlag: its variable does not count.
    ///   - standard: another default than the setting's own.
    package mutating func read<Result>(
        _ setting: Setting<Result>, onlyFlag: Bool = false, default standard: Result? = nil
    ) -> Result {
        let fallback = standard ?? setting.standard
        guard let value = text(of: setting, onlyFlag: onlyFlag) else {
            effective[setting.variable] = EffectiveSetting(setting, text: setting.defaultText, source: .standard)
            return fallback
        }
        effective[setting.variable] = EffectiveSetting(setting, text: value.text, source: value.source)
        switch setting.parse(value.text) {
        case .success(let result): return result
        case .failure(let failure):
            add(Self.sentence(about: setting, value, failure))
            return fallback
        }
    }

    /// Replaces the words for a default by what they come to, for showing.
    package mutating func resolve(_ setting: any SettingEntry, as text: String) {
        guard effective[setting.variable]?.source == .standard else { return }
        effective[setting.variable] = EffectiveSetting(setting, text: text, source: .standard)
    }

    private static func sentence(about setting: any SettingEntry, _ value: Value, _ failure: InvalidSetting) -> String {
        let reason = failure.reason ?? "it must be \(setting.allowed)"
        let shown = setting.isSecret ? "set" : "\"\(shortened(value.text))\""
        return "\(value.name) is \(shown), but \(reason)."
    }

    /// A text for a message: one line, not too long, and without what may be a password in a URL.
    package static func shortened(_ text: String) -> String {
        var text = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
        if let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"), scheme.upperBound < at {
            text.replaceSubrange(scheme.upperBound..<at, with: "…")
        }
        return text.count <= 100 ? text : text.prefix(100) + "…"
    }

    // MARK: Slips

    /// Names in the settings file and in the environment that look like a setting which is written differently. The
    /// settings file may serve other programs too, so that other names are nobody's business.
    package mutating func findMisspeltNames(among settings: [any SettingEntry]) {
        let names = settings.map(\.variable)
        for (values, place) in [(environment, "the environment"), (file, filePath)] {
            for name in values.keys.sorted() where !names.contains(name) {
                guard let near = Self.nearest(to: name, in: names) else { continue }
                warn("\(name) in \(place) is no setting. Did you mean \(near)?")
            }
        }
    }

    /// One slip, in a longer name two.
    private static func nearest(to name: String, in names: [String]) -> String? {
        // Other programs have settings of the shape of our short ones: HOME, POST.
        guard name.utf8.count >= 6 else { return nil }
        let candidates = names.filter { $0.utf8.count >= 6 }
        return ParsedOptions.nearest(to: name.uppercased(), in: candidates)
    }
}

/// A setting with what counts and why.
package struct EffectiveSetting: Sendable {
    package let setting: any SettingEntry
    /// As it stands where it was found.
    package let text: String
    package let source: Settings.Source

    init(_ setting: any SettingEntry, text: String, source: Settings.Source) {
        self.setting = setting
        self.text = text
        self.source = source
    }

    /// For people: secrets are not shown.
    package var shown: String {
        switch source {
        case .standard: text
        default: setting.isSecret ? "(set)" : Settings.shortened(text)
        }
    }
}
