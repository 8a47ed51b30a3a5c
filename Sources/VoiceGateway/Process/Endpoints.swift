/// The endpoints of the gateway, by path.
enum Endpoints {
    /// Makes them for one shard.
    static func make(_ shard: GatewayShard) -> [String: any ClientEndpoint] {
        let sessions = SessionEndpoint(shard)
        return SessionEndpoint.paths.mapValues { _ in sessions }
    }
}
