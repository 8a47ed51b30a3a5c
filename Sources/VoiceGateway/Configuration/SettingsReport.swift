/// The settings as text: what counts, and the table of all.
package enum SettingsReport {
    /// One line for each setting with its value and where it comes from.
    package static func effective(_ settings: Settings) -> String {
        let found = GatewaySettings.all.compactMap { settings.effective[$0.variable] }
        let names = found.map(\.setting.variable.count).max() ?? 0
        let sources = found.map(\.source.description.count).max() ?? 0
        var text = ""
        for entry in found {
            text +=
                padded(entry.setting.variable, names) + padded(entry.source.description, sources) + entry.shown + "\n"
        }
        return text
    }

    /// The table of docs/configuration.md: one part for each group, in Markdown.
    package static var table: String {
        var text = ""
        for group in SettingGroup.allCases {
            if !text.isEmpty { text += "\n" }
            text +=
                "### \(group.rawValue)\n\n| setting | option | default | allowed | counts after | meaning |\n| --- | --- | --- | --- | --- | --- |\n"
            for setting in GatewaySettings.all where setting.group == group {
                let cells = [
                    "`\(setting.variable)`", setting.flag.map { "`--\($0)`" } ?? "none: secret",
                    setting.defaultText, setting.allowed, setting.needsRestart ? "restart" : "reload",
                    setting.meaning,
                ]
                text += "| " + cells.map(escaped).joined(separator: " | ") + " |\n"
            }
        }
        return text
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: width - text.count + 2)
    }

    /// Characters that mean something in a table of Markdown.
    private static func escaped(_ cell: String) -> String {
        cell.replacing("|", with: "\\|").replacing("*", with: "\\*")
    }
}
