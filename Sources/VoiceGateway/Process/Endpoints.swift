internal import ClientProtocol

/// The endpoints of the gateway, by path.
enum Endpoints {
    /// Makes them for one loop.
    static func make(_ gatewayLoop: GatewayLoop) -> [String: any ClientEndpoint] {
        let sessions = SessionEndpoint(gatewayLoop)
        return ClientDialects.paths.mapValues { _ in sessions }
    }
}
