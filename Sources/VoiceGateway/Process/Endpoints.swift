/// The endpoints of the gateway, by path.
enum Endpoints {
    /// Makes them for one shard.
    static func make(_ shard: GatewayShard) -> [String: any ClientEndpoint] { ["/ws": DeviceEndpoint(shard)] }
}
