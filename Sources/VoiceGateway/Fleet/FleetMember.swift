internal import EventLoops
internal import Observability
internal import RESP
internal import RedisClient
internal import SecureTransport
internal import Wire

/// This gateway among those that share a Redis: carries out what its ledger says, and connects again when the connection ends.
///
/// Belongs to the loop's thread.
final class FleetMember {
    private let place: String
    private let gateway: String
    private let log: Log
    private let isConnected: Gauge
    private let refusals: Counter
    private var ledger = FleetLedger()
    private(set) var link: RedisLink! = nil
    private var completions: [Int: (String?) -> Void] = [:]
    private var lastID = 0
    /// Whether the log says that Redis is away.
    private var isAwayTold = false
    private var renewal: LoopTimer?

    init(
        loop: EventLoop, address: RedisAddress, authorities: TLSClientContext, gateway: String, log: Log,
        metrics: Metrics
    ) {
        place = "\(address.host):\(address.port)"
        self.gateway = gateway
        self.log = log
        isConnected = metrics.gauge(
            "voicegateway_fleet_connected", help: "1 while limits count for all gateways that share a Redis.")
        refusals = metrics.counter(
            "voicegateway_fleet_refusals_total", help: "Calls that were refused because of calls at any gateway.")
        renewal = LoopTimer(loop: loop) { [unowned self] in
            ledger.renew()
            act()
            renewal?.arm(after: FleetLedger.renewal)
        }
        renewal?.arm(after: FleetLedger.renewal)
        link = RedisLink(loop: loop, address: address, authorities: authorities) { [weak self] _ in
            self?.opened()
        } onEnd: { [weak self] error in
            self?.ended(error)
        }
        link.start()
    }

    /// - Parameter completion: what there is too much of; nil when all is granted.
    func ask(_ wishes: [FleetLedger.Wish], completion: @escaping (String?) -> Void) {
        lastID += 1
        completions[lastID] = completion
        ledger.ask(lastID, wishes)
        act()
    }

    func release(_ fields: [String]) {
        ledger.release(fields)
        act()
    }

    /// Has the others forget this gateway now, and not when its lease ends.
    func leave(completion: @escaping () -> Void) {
        renewal?.cancel()
        isAwayTold = true
        // An answer or the end of the connection, within the connection's time.
        link.send(FleetScripts.leavingWords(gateway: gateway)) { [self] _ in
            link.close()
            completion()
        }
    }

    // MARK: Redis

    private func opened() {
        isAwayTold = false
        isConnected.set(1)
        log.info("limits count for the fleet", ["redis": place, "gateway": gateway])
        ledger.connected()
        act()
    }

    private func ended(_ error: RedisError) {
        isConnected.set(0)
        if !isAwayTold {
            isAwayTold = true
            log.warning(
                "Redis is away: calls go on, and limits and the operator's list count for this process alone",
                ["error": "\(error)"])
        }
        ledger.disconnected()
        act()
    }

    private func act() {
        while let output = ledger.poll() {
            switch output {
            case .granted(let id): completions.removeValue(forKey: id)?(nil)
            case .refused(let id, let field):
                refusals.add()
                completions.removeValue(forKey: id)?(field)
            case .send(let command, let number):
                link.send(FleetScripts.words(command, gateway: gateway)) { [weak self] result in
                    self?.answered(number, result)
                }
            }
        }
    }

    private func answered(_ number: Int, _ result: Result<RESPValue, RedisError>) {
        // The end of the connection is told by itself.
        guard case .success(let value) = result else { return }
        if case .error(let words) = value {
            log.warning("Redis refuses", ["error": String(decoding: words.prefix(200), as: UTF8.self)])
        }
        ledger.answered(number, value.integer.map { Int(truncatingIfNeeded: $0) })
        act()
    }
}
