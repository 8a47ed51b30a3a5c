package import Wire

/// Whom the shared tick wakes.
package protocol MediaTickClient: AnyObject {
    func mediaTick(now: Instant)
}

/// One tick of 20 ms that all sessions of a loop share. Ticks are due at fixed times: one that comes late does not delay
/// those after it, and one that was missed is left out. The timer is off while no session listens.
package final class MediaTick {
    private let clock: any SessionClock
    /// In nanoseconds.
    private let interval: Int64
    private var timer: (any SessionTimer)?
    private var clients: [any MediaTickClient] = []
    /// Where each client is in `clients`.
    private var places: [ObjectIdentifier: Int] = [:]
    /// The storage for the sessions that a tick goes through, kept from tick to tick.
    private var round: [any MediaTickClient] = []
    private var next: Instant?
    /// Gets how late each tick was: so late is everything on this loop.
    private let lateness: ((Duration) -> Void)?

    package init(clock: any SessionClock, interval: Duration, lateness: ((Duration) -> Void)? = nil) {
        self.clock = clock
        self.lateness = lateness
        self.interval = max(1, interval.nanoseconds)
        timer = clock.makeTimer { [weak self] in self?.fire() }
    }

    /// How many sessions listen.
    package var clientCount: Int { clients.count }

    package func add(_ client: any MediaTickClient) {
        guard places[ObjectIdentifier(client)] == nil else { return }
        places[ObjectIdentifier(client)] = clients.count
        clients.append(client)
        guard next == nil else { return }
        arm(at: clock.now.advanced(byNanoseconds: interval))
    }

    package func remove(_ client: any MediaTickClient) {
        guard let place = places.removeValue(forKey: ObjectIdentifier(client)) else { return }
        let last = clients.removeLast()
        if place < clients.count {
            clients[place] = last
            places[ObjectIdentifier(last)] = place
        }
        guard clients.isEmpty else { return }
        next = nil
        timer?.cancel()
    }

    private func fire() {
        guard let due = next, !clients.isEmpty else { return }
        let now = clock.now
        lateness?(now - due)
        var following = due.advanced(byNanoseconds: interval)
        if following <= now {
            let missed = now.nanoseconds(since: due) / interval
            following = due.advanced(byNanoseconds: interval * (missed + 1))
        }
        arm(at: following)
        // A copy, because clients may come and go during the calls; its storage is kept.
        var round: [any MediaTickClient] = []
        swap(&round, &self.round)
        round.append(contentsOf: clients)
        for client in round { client.mediaTick(now: now) }
        round.removeAll(keepingCapacity: true)
        swap(&round, &self.round)
    }

    private func arm(at instant: Instant) {
        next = instant
        timer?.arm(at: instant)
    }
}
