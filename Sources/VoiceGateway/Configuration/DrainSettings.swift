/// How the gateway goes when it is told to.
package struct DrainSettings: Hashable, Sendable {
    /// How long the gateway still listens without a call, so that balancers notice that it is not ready any more.
    package var notice: Duration
    /// How long calls may go on; zero ends them at once.
    package var limit: Duration
    /// How many calls are asked in a second to go on at another gateway.
    package var movesPerSecond: Int

    /// The rooms end with the process, so nobody gains by waiting.
    package static let roomsInside = DrainSettings(notice: .zero, limit: .zero)
    package static let roomsElsewhere = DrainSettings(notice: .seconds(5), limit: .seconds(3600))

    package init(notice: Duration, limit: Duration, movesPerSecond: Int = 10) {
        self.notice = notice
        self.limit = limit
        self.movesPerSecond = movesPerSecond
    }
}

extension DrainSettings {
    init(_ settings: inout Settings, hasRoomsInside: Bool) {
        let standard = hasRoomsInside ? DrainSettings.roomsInside : .roomsElsewhere
        notice = settings.read(GatewaySettings.drainNotice).map { .seconds($0) } ?? standard.notice
        limit = settings.read(GatewaySettings.drainSeconds).map { .seconds($0) } ?? standard.limit
        movesPerSecond = settings.read(GatewaySettings.drainMovesPerSecond)
    }
}
