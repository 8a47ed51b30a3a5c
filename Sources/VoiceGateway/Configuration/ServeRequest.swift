/// What `serve` works with: the settings as they were read, and the means to read them again.
package struct ServeRequest: Sendable {
    package let configuration: GatewayConfiguration
    /// What is possible, but may not be meant.
    package let warnings: [String]
    /// What counts and where it comes from.
    package let settings: Settings

    /// - Parameter settings: with the settings file read.
    package init(
        _ settings: Settings, readFile: (String) throws(FileError) -> String?
    ) throws(UsageError) {
        var settings = settings
        settings.checkFile(of: GatewaySettings.livekitCAFile, readFile)
        configuration = try GatewayConfiguration(&settings)
        warnings = settings.warnings
        self.settings = settings
    }

    /// What came of reading the settings again.
    package struct Reread: Sendable {
        package let request: ServeRequest
        /// The settings that count anew, by variable.
        package let changed: [String]
        /// Those that are different now, and count as before until the next start.
        package let waiting: [String]
    }

    /// Reads the settings again, with the same command line and environment. Everything must be right as it would have to
    /// be at a start. What needs a restart counts as it did.
    package func reread(_ readFile: (String) throws(FileError) -> String?) throws(UsageError) -> Reread {
        var settings = settings.unread
        settings.readFile(readFile)
        let wanted = try ServeRequest(settings, readFile: readFile)
        let waiting = GatewaySettings.all.filter { differs($0, wanted) && mustWait($0, wanted) }
        for setting in waiting { settings.pin(setting, asIn: self.settings) }
        let request = waiting.isEmpty ? wanted : try ServeRequest(settings, readFile: readFile)
        return Reread(
            request: request, changed: GatewaySettings.all.filter { differs($0, request) }.map(\.variable),
            waiting: waiting.map(\.variable))
    }

    private func differs(_ setting: any SettingEntry, _ other: ServeRequest) -> Bool {
        settings.text(of: setting)?.text != other.settings.text(of: setting)?.text
    }

    private func mustWait(_ setting: any SettingEntry, _ other: ServeRequest) -> Bool {
        switch setting.variable {
        // Keys belong to their deployment, and the room server inside has them from its start.
        case GatewaySettings.livekitAPIKey.variable, GatewaySettings.livekitAPISecret.variable:
            configuration.roomServer.isInside || differs(GatewaySettings.livekitURL, other)
        // Another certificate is for new connections; the port speaks TLS or it does not.
        case GatewaySettings.tlsCert.variable, GatewaySettings.tlsKey.variable, GatewaySettings.tlsClientCA.variable:
            (configuration.tls == nil) != (other.configuration.tls == nil)
        default: setting.needsRestart
        }
    }
}

extension ServeRequest: Hashable {
    package static func == (one: ServeRequest, other: ServeRequest) -> Bool {
        one.configuration == other.configuration && one.warnings == other.warnings
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(configuration) }
}
