package import Wire

/// Whom the shared tick wakes.
package protocol MediaTickClient: AnyObject {
    func mediaTick(now: Instant)
}

/// One rhythm of 20 ms for all sessions of a shard. It keeps to its grid: a late tick does not move later ones, and
/// ticks that were missed altogether are not made up for. It rests while nobody listens.
package final class MediaTick {
    private let clock: any SessionClock
    private let interval: Duration
    private var alarm: (any SessionAlarm)?
    private var clients: [ObjectIdentifier: any MediaTickClient] = [:]
    private var next: Instant?

    package init(clock: any SessionClock, interval: Duration) {
        self.clock = clock
        self.interval = interval
        alarm = clock.makeAlarm { [weak self] in self?.fire() }
    }

    /// How many sessions listen.
    package var clientCount: Int { clients.count }

    package func add(_ client: any MediaTickClient) {
        clients[ObjectIdentifier(client)] = client
        guard next == nil else { return }
        arm(at: clock.now + interval)
    }

    package func remove(_ client: any MediaTickClient) {
        clients[ObjectIdentifier(client)] = nil
        guard clients.isEmpty else { return }
        next = nil
        alarm?.cancel()
    }

    private func fire() {
        guard let due = next, !clients.isEmpty else { return }
        let now = clock.now
        var following = due + interval
        if following <= now {
            let missed = (now - due).nanoseconds / max(1, interval.nanoseconds)
            following = due + interval * Int(missed + 1)
        }
        arm(at: following)
        // A copy: clients may come and go during the calls.
        for client in Array(clients.values) { client.mediaTick(now: now) }
    }

    private func arm(at instant: Instant) {
        next = instant
        alarm?.arm(at: instant)
    }
}
