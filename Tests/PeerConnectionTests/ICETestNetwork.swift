import PeerConnection
import TestSupport
import Testing
import Wire

/// Two agents, a network between them, and the time.
final class ICETestNetwork {
    enum Side: Int { case left, right }

    var clock = ManualClock()
    var network: VirtualNetwork
    var agents: [ICEAgent]
    /// What each agent said, without what it sent.
    var events: [[ICEOutput]] = [[], []]
    /// What does not arrive.
    var blocks: (VirtualNetwork.Delivery) -> Bool = { _ in false }
    /// When a wish for a TCP connection is answered, and how; nil never.
    var answersStream: (delay: Duration, refusal: String?)? = (.milliseconds(20), nil)
    private var wishes: [(due: Instant, side: Int, from: TransportAddress, to: TransportAddress)] = []
    /// What each agent sent.
    var transmissions: [[(time: Instant, bytes: [UInt8], to: TransportAddress)]] = [[], []]

    static let leftV4 = TransportAddress(ip: .v4(0x0A00_0001), port: 1000)
    static let rightV4 = TransportAddress(ip: .v4(0x0A00_0002), port: 2000)
    static let leftV6 = TransportAddress(ip: .v6(0x2001_0DB8_0000_0000, 1), port: 1000)
    static let rightV6 = TransportAddress(ip: .v6(0x2001_0DB8_0000_0000, 2), port: 2000)

    init(
        left: ICEConfiguration = ICEConfiguration(role: .controlling),
        right: ICEConfiguration = ICEConfiguration(role: .controlled), seed: UInt64 = 1,
        conditions: VirtualNetwork.Conditions = .init()
    ) {
        network = VirtualNetwork(seed: seed, conditions: conditions)
        agents = [left, right].enumerated().map { index, configuration in
            ICEAgent(
                configuration: configuration, authentication: TestAuthentication.plain,
                random: SplitMix64(seed: seed * 1000 + UInt64(index)))
        }
    }

    var left: ICEAgent {
        get { agents[0] }
        set { agents[0] = newValue }
    }
    var right: ICEAgent {
        get { agents[1] }
        set { agents[1] = newValue }
    }

    /// Gives each side its sockets.
    func bind(left leftBases: [TransportAddress] = [leftV4], right rightBases: [TransportAddress] = [rightV4]) {
        for base in leftBases { _ = left.addLocalCandidate(host: base) }
        for base in rightBases { _ = right.addLocalCandidate(host: base) }
    }

    /// Tells `side` the other's credentials.
    func tellCredentials(to side: Side) {
        let other = agents[1 - side.rawValue]
        agents[side.rawValue].setRemoteCredentials(other.localCredentials, isLite: other.configuration.isLite)
    }

    /// Tells `side` the other's candidates, as text, the way they travel.
    func tellCandidates(to side: Side) throws {
        for candidate in agents[1 - side.rawValue].localCandidates {
            agents[side.rawValue].addRemoteCandidate(try ICECandidate(parsing: candidate.text))
        }
    }

    /// Everything signalled both ways.
    func signal() throws {
        for side in [Side.left, .right] {
            tellCredentials(to: side)
            try tellCandidates(to: side)
        }
    }

    func start() {
        for index in agents.indices { agents[index].start(now: clock.now) }
    }

    /// Lets everything happen until `isDone` or for `limit`; returns whether `isDone` became true.
    @discardableResult
    func run(for limit: Duration, until isDone: (ICETestNetwork) -> Bool = { _ in false }) -> Bool {
        let end = clock.now + limit
        while true {
            drain()
            if isDone(self) { return true }
            while let delivery = network.receive(now: clock.now) {
                deliver(delivery)
                drain()
                if isDone(self) { return true }
            }
            for index in agents.indices {
                guard let deadline = agents[index].nextDeadline, deadline <= clock.now else { continue }
                agents[index].handleTimeout(now: clock.now)
                if let next = agents[index].nextDeadline, next <= clock.now {
                    Issue.record("agent \(index) does not get on at \(clock.now)")
                    return false
                }
            }
            answerWishes()
            drain()
            if isDone(self) { return true }
            let first = Instant.earliest(network.nextDeadline, wishes.map(\.due).min())
            let next = agents.reduce(first) { .earliest($0, $1.nextDeadline) }
            guard let next, next <= end else {
                clock.advance(to: end)
                return false
            }
            clock.advance(to: next)
        }
    }

    /// Until both sides are connected.
    @discardableResult
    func runUntilConnected(for limit: Duration = .seconds(30)) -> Bool {
        run(for: limit) { $0.agents.allSatisfy { $0.state == .connected } }
    }

    private func deliver(_ delivery: VirtualNetwork.Delivery) {
        guard !blocks(delivery) else { return }
        for index in agents.indices
        where agents[index].localCandidates.contains(where: { $0.address == delivery.destination }) {
            agents[index].receive(
                delivery.bytes.span.bytes, from: delivery.source, on: delivery.destination, now: clock.now)
        }
    }

    private func drain() {
        for index in agents.indices {
            while let output = agents[index].poll() {
                if case .transmit(let bytes, let source, let destination) = output {
                    transmissions[index].append((clock.now, bytes, destination))
                    network.send(bytes, from: source, to: destination, now: clock.now)
                } else {
                    events[index].append(output)
                    guard case .openStream(let source, let destination) = output, let answersStream else { continue }
                    wishes.append((clock.now + answersStream.delay, index, source, destination))
                }
            }
        }
    }

    private func answerWishes() {
        for wish in wishes where wish.due <= clock.now {
            if let refusal = answersStream?.refusal {
                agents[wish.side].streamClosed(from: wish.from, to: wish.to, reason: refusal, now: clock.now)
            } else {
                agents[wish.side].streamOpened(from: wish.from, to: wish.to, now: clock.now)
            }
        }
        wishes.removeAll { $0.due <= clock.now }
    }

    /// The requests that a side has sent.
    func requests(of side: Side) -> [(time: Instant, message: STUNMessage)] {
        transmissions[side.rawValue].compactMap { sent in
            guard let message = try? STUNMessage.parse(sent.bytes), message.messageClass == .request
            else {
                return nil
            }
            return (sent.time, message)
        }
    }

    /// The error codes that a side has answered.
    func errors(of side: Side) -> [Int] {
        transmissions[side.rawValue].compactMap { sent in
            (try? STUNMessage.parse(sent.bytes))?.errorCode?.code
        }
    }

    /// Whether both sides carry data over the same pair.
    var agree: Bool {
        guard let ours = left.selectedPair, let theirs = right.selectedPair else { return false }
        return ours.local == theirs.remote && ours.remote == theirs.local
    }
}
