/// Which devices may connect, where devices say who they are.
package struct DeviceSettings: Hashable, Sendable {
    /// A file with a device a line; nil: no device is asked for a token of ours.
    package var listPath: String?
    /// The key of a self-hosted xiaozhi server, whose tokens count here as well.
    package var tokenKey: String?

    package init() {}
}

extension DeviceSettings {
    init(_ settings: inout Settings) {
        self.init()
        listPath = settings.read(GatewaySettings.xiaozhiDevices)
        tokenKey = settings.read(GatewaySettings.xiaozhiTokenKey)
        guard let listPath else { return }
        var mistakes: [String] = []
        _ = DeviceList.read(listPath, mistakes: &mistakes)
        for mistake in mistakes { settings.add(mistake) }
    }
}
