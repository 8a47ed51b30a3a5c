/// One setting of the gateway: everything that parsing, the help, the documentation and `check-config` know about it.
///
/// - `Value`: what the gateway works with; an optional for a setting that may stay unset.
package struct Setting<Value: Sendable>: SettingEntry {
    package let variable: String
    package let flag: String?
    package let group: SettingGroup
    package let meaning: String
    package let isSecret: Bool
    package let needsRestart: Bool
    package let placeholder: String
    package let allowed: String
    package let defaultText: String
    /// What counts when nobody says anything.
    package let standard: Value
    let parse: @Sendable (String) -> Result<Value, InvalidSetting>

    /// A setting with a value in any case.
    ///
    /// - Parameters:
    ///   - flag: without dashes; by default the variable in small letters with dashes.
    ///   - needsRestart: what it decides is decided once, at the start.
    package init(
        _ variable: String, flag: String? = nil, _ kind: SettingKind<Value>, in group: SettingGroup,
        default standard: Value, needsRestart: Bool = false, _ meaning: String
    ) {
        self.init(
            variable: variable, flag: flag ?? SettingName.flag(for: variable), kind: kind, group: group,
            standard: standard, defaultText: kind.show(standard), isSecret: false, needsRestart: needsRestart,
            meaning: meaning, wrap: { $0 })
    }

    /// A setting that may stay unset.
    ///
    /// - Parameters:
    ///   - consequence: what is the case then, in a few words.
    ///   - isSecret: never shown; and without a flag, because everybody on the machine sees the flags of a process.
    package init<Wrapped>(
        _ variable: String, flag: String? = nil, _ kind: SettingKind<Wrapped>, in group: SettingGroup,
        otherwise consequence: String, isSecret: Bool = false, needsRestart: Bool = false, _ meaning: String
    ) where Value == Wrapped? {
        self.init(
            variable: variable, flag: isSecret ? nil : flag ?? SettingName.flag(for: variable), kind: kind,
            group: group, standard: nil, defaultText: consequence, isSecret: isSecret, needsRestart: needsRestart,
            meaning: meaning, wrap: { $0 })
    }

    private init<Parsed>(
        variable: String, flag: String?, kind: SettingKind<Parsed>, group: SettingGroup, standard: Value,
        defaultText: String, isSecret: Bool, needsRestart: Bool, meaning: String,
        wrap: @escaping @Sendable (Parsed) -> Value
    ) {
        self.variable = variable
        self.flag = flag
        self.group = group
        self.meaning = meaning
        self.isSecret = isSecret
        self.needsRestart = needsRestart
        self.standard = standard
        self.defaultText = defaultText
        placeholder = kind.placeholder
        allowed = kind.allowed
        parse = { text in kind.parse(text).map(wrap) }
    }
}

/// A setting, whatever its values are.
package protocol SettingEntry: Sendable {
    /// The name in the environment and in the settings file.
    var variable: String { get }
    /// The name on the command line, without dashes; nil for a secret.
    var flag: String? { get }
    var group: SettingGroup { get }
    /// What it decides, in one line.
    var meaning: String { get }
    var isSecret: Bool { get }
    /// Whether a change takes effect at the next start only, and not when the settings are read again.
    var needsRestart: Bool { get }
    /// What stands for a value in the help.
    var placeholder: String { get }
    /// Continues "it must be".
    var allowed: String { get }
    /// The value that counts when it is not set, or words for it.
    var defaultText: String { get }
}

/// What a setting is about; they are listed in this order.
package enum SettingGroup: String, CaseIterable, Sendable {
    case rooms = "LiveKit"
    case process = "Process"
    case access = "Who may connect"
    case carriers = "Telephone carriers"
    case rate = "Rate limit"
    case limits = "Limits"
    case conversation = "Conversation"
    case http = "HTTP APIs"
    case admin = "Admin API"
    case fleet = "Several gateways"
    case reports = "Reports to other systems"
}

/// Why a text is no value of a setting.
package struct InvalidSetting: Error, Hashable, Sendable {
    /// Continues "NAME is …, but"; without it what is allowed says enough. Never holds a secret.
    package let reason: String?

    package init(_ reason: String? = nil) { self.reason = reason }
}

/// Names of settings.
package enum SettingName {
    /// `max-connections` for `MAX_CONNECTIONS`.
    static func flag(for variable: String) -> String { variable.lowercased().replacing("_", with: "-") }
}
