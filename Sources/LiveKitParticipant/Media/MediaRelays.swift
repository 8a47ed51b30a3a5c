internal import EventLoops
internal import PeerConnection
internal import Signalling
internal import Wire

/// The allocations of one peer connection: asked for when media does not come up straight, and given back when it goes another
/// way.
final class MediaRelays {
    /// Allocations at a time.
    static let maximumRelays = 8
    /// Ways to TURN servers that a room server may name; others are passed over.
    static let maximumServers = 8
    /// Why media failed by what was tried, at most so many.
    static let maximumFailures = 16
    /// What TURN over UDP has as a head start before TURN over TCP and TLS.
    static let patience = Duration.milliseconds(300)

    /// How often a server that does not answer is tried, and the first pause between two attempts; each is twice the one before.
    static let maximumAttempts = 4
    static let retryPause = Duration.seconds(1)

    /// An allocation to ask for.
    private struct Plan {
        let due: Instant
        let server: TURNServer
        let isV6: Bool
        var attempt = 0
    }

    private weak var owner: (any MediaRelayOwner)?
    private let loop: EventLoop
    private let environment: ParticipantEnvironment
    private let random: any RandomNumberGenerator
    private(set) var servers: [TURNServer] = []
    private var relays: [MediaRelay] = []
    private var failures: [ICEPathReport] = []
    private var planned: [Plan] = []
    private var timer: LoopTimer?

    init(
        loop: EventLoop, servers: [ICEServer], environment: ParticipantEnvironment, random: any RandomNumberGenerator
    ) {
        self.loop = loop
        self.environment = environment
        self.random = random
        self.servers = TURNServer.list(servers)
        timer = LoopTimer(loop: loop) { [weak self] in self?.askForDue() }
    }

    /// There is nothing to give back, and nothing to wait for.
    var isEmpty: Bool { relays.isEmpty && planned.isEmpty }

    /// Allocations that were tried, and how it went.
    var reports: [ICEPathReport] {
        let pending = relays.filter { $0.address == nil }.map { Self.report($0, .noAnswer) }
        return failures
            + pending.filter { new in !failures.contains { $0.kind == new.kind && $0.remote == new.remote } }
    }

    /// How the address leads to the peer: `TURN over UDP`; nil if it is none of ours.
    func wayName(_ base: TransportAddress) -> String? { relay(base)?.server.carrier.name }

    private static func report(_ relay: MediaRelay, _ failure: ICEPathFailure) -> ICEPathReport {
        ICEPathReport(kind: relay.server.carrier.name, remote: relay.server.place, failure: failure)
    }

    /// Media is to come up again, with newer credentials if there are any. What is in use stays.
    /// - Returns: addresses that are gone.
    func restart(_ newer: [ICEServer], base: TransportAddress?) -> [TransportAddress] {
        if !newer.isEmpty { servers = TURNServer.list(newer) }
        failures = []
        return settle(on: base)
    }

    /// Asks for addresses for peers of one family.
    func begin(isV6: Bool, for owner: any MediaRelayOwner) {
        self.owner = owner
        let waves = [servers.filter { $0.carrier == .udp }, servers.filter { $0.carrier != .udp }].filter {
            !$0.isEmpty
        }
        for (index, wave) in waves.enumerated() {
            planned += wave.map { Plan(due: loop.now + Self.patience * index, server: $0, isV6: isV6) }
        }
        askForDue()
    }

    private func askForDue() {
        let now = loop.now
        let due = planned.filter { $0.due <= now }
        planned.removeAll { $0.due <= now }
        if let next = planned.map(\.due).min() { timer?.arm(at: next) }
        for plan in due where relays.count < Self.maximumRelays {
            let relay = MediaRelay(
                plan.server, isV6: plan.isV6, attempt: plan.attempt, loop: loop, environment: environment,
                random: random)
            relay.owner = owner
            relays.append(relay)
            relay.start()
        }
    }

    /// Media goes from an address of ours: everything else is given back.
    /// - Returns: addresses that are gone.
    func settle(on base: TransportAddress?) -> [TransportAddress] {
        planned = []
        timer?.cancel()
        let unused = relays.filter { $0.address == nil || $0.address != base }
        relays.removeAll { relay in unused.contains { $0 === relay } }
        for relay in unused { relay.close() }
        return unused.compactMap(\.address)
    }

    /// A relay is of no use any more.
    /// - Parameter mayPass: its server is tried again.
    func remove(_ relay: MediaRelay, reason: String, mayPass: Bool) {
        relay.close()
        relays.removeAll { $0 === relay }
        let report = Self.report(relay, .notOpened(reason))
        failures.removeAll { $0.kind == report.kind && $0.remote == report.remote }
        if failures.count < Self.maximumFailures { failures.append(report) }
        let attempt = relay.attempt + 1
        guard mayPass, attempt < Self.maximumAttempts else { return }
        planned.append(
            Plan(
                due: loop.now + Self.retryPause * (1 << relay.attempt), server: relay.server, isV6: relay.isV6,
                attempt: attempt))
        askForDue()
    }

    private func relay(_ base: TransportAddress) -> MediaRelay? { relays.first { $0.address == base } }

    /// Sends a datagram by the relay that has the address; false if none has.
    func send(_ datagram: RawSpan, from base: TransportAddress, to peer: TransportAddress) -> Bool {
        guard let relay = relay(base) else { return false }
        relay.send(datagram, to: peer)
        return true
    }

    func closeAll() { _ = settle(on: nil) }
}

extension TURNServer {
    /// The servers that signalling names.
    static func list(_ servers: [ICEServer]) -> [TURNServer] {
        let all = servers.flatMap { server in
            server.urls.lazy.compactMap {
                TURNServer(url: $0, username: server.username, password: server.credential)
            }
        }
        var found: [TURNServer] = []
        for server in all where found.count < MediaRelays.maximumServers && !found.contains(server) {
            found.append(server)
        }
        return found
    }

    /// Which of two is used first: TCP makes words late when packets are lost, and TLS costs the most.
    var preference: UInt16 {
        switch carrier {
        case .udp: 3
        case .tcp: 2
        case .tls: 1
        }
    }
}
