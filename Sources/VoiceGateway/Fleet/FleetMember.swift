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
    /// The pauses between attempts to connect; the last one repeats.
    private static let pauses: [Duration] = [1, 2, 5, 10].map { .seconds($0) }

    private let loop: EventLoop
    private let address: RedisAddress
    private let authorities: TLSClientContext
    private let gateway: String
    private let log: Log
    private let isConnected: Gauge
    private let refusals: Counter
    private var ledger = FleetLedger()
    private var connection: RedisConnection?
    private var completions: [Int: (String?) -> Void] = [:]
    private var lastID = 0
    private var attempts = 0
    /// Whether the log says that Redis is away.
    private var isAwayTold = false
    private var hasLeft = false
    private var retry: LoopTimer?
    private var renewal: LoopTimer?

    init(
        loop: EventLoop, address: RedisAddress, authorities: TLSClientContext, gateway: String, log: Log,
        metrics: Metrics
    ) {
        self.loop = loop
        self.address = address
        self.authorities = authorities
        self.gateway = gateway
        self.log = log
        isConnected = metrics.gauge(
            "voicegateway_fleet_connected", help: "1 while limits count for all gateways that share a Redis.")
        refusals = metrics.counter(
            "voicegateway_fleet_refusals_total", help: "Calls that were refused because of calls at any gateway.")
        retry = LoopTimer(loop: loop) { [unowned self] in connect() }
        renewal = LoopTimer(loop: loop) { [unowned self] in
            ledger.renew()
            act()
            renewal?.arm(after: FleetLedger.renewal)
        }
        renewal?.arm(after: FleetLedger.renewal)
        connect()
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
        hasLeft = true
        renewal?.cancel()
        retry?.cancel()
        let leave = { [self] in
            connection?.close()
            connection = nil
            completion()
        }
        guard let connection, isConnected.current == 1 else { return leave() }
        // An answer or the end of the connection, within the connection's time.
        connection.send(FleetScripts.leavingWords(gateway: gateway)) { _ in leave() }
    }

    // MARK: Redis

    private func connect() {
        let connection = RedisConnection(loop: loop, address: address, authorities: authorities)
        self.connection = connection
        connection.open { [weak self] in
            self?.opened()
        } ended: { [weak self] error in
            self?.ended(error)
        }
    }

    private func opened() {
        attempts = 0
        isAwayTold = false
        isConnected.set(1)
        log.info("limits count for the fleet", ["redis": "\(address.host):\(address.port)", "gateway": gateway])
        ledger.connected()
        act()
    }

    private func ended(_ error: RedisError) {
        connection = nil
        isConnected.set(0)
        if !isAwayTold, !hasLeft {
            isAwayTold = true
            log.warning("Redis is away: calls go on, and limits count for this process alone", ["error": "\(error)"])
        }
        ledger.disconnected()
        act()
        guard !hasLeft else { return }
        retry?.arm(after: Self.pauses[min(attempts, Self.pauses.count - 1)])
        attempts += 1
    }

    private func act() {
        while let output = ledger.poll() {
            switch output {
            case .granted(let id): completions.removeValue(forKey: id)?(nil)
            case .refused(let id, let field):
                refusals.add()
                completions.removeValue(forKey: id)?(field)
            case .send(let command, let number):
                connection?.send(FleetScripts.words(command, gateway: gateway)) { [weak self] result in
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
