package import ClientProtocol
package import Wire

/// How the gateway lets its operator look and steer.
package struct AdminSettings: Hashable, Sendable {
    /// The operator's key; nil: nobody may.
    package var key: APIKeys?
    /// Where the operator is served apart from clients; nil: where clients are.
    package var listenAddress: TransportAddress?

    package init() {}
}

extension AdminSettings {
    /// - Parameter clients: where clients connect.
    init(_ settings: inout Settings, clients: TransportAddress, clientKeys: APIKeys?) {
        self.init()
        let text = settings.read(GatewaySettings.adminAPIKey)
        let port = settings.read(GatewaySettings.adminPort)
        let host = settings.read(GatewaySettings.adminHost)
        key = text.map { APIKeys([$0]) }
        if let text, case .accepted? = clientKeys?.check(text) {
            settings.add("ADMIN_API_KEY is one of API_KEYS, but clients must not have the operator's key.")
        }
        guard let port else { return }
        if port == clients.port, port != 0 {
            settings.add(
                "ADMIN_PORT and PORT are both \(port); leave ADMIN_PORT out to serve the operator where clients are.")
        }
        if key == nil { settings.warn("ADMIN_PORT is set without ADMIN_API_KEY, so there is no admin API.") }
        listenAddress = key == nil ? nil : TransportAddress(ip: host, port: port)
    }
}
