import TestSupport
import Wire

@testable import PeerConnection

/// A peer made of bare messages, for what no well-behaved agent does. It can speak from any address, and
/// answers checks at once if it is told to.
struct ICETestPeer {
    var agent: ICEAgent
    var now = Instant.zero
    var answers: Bool
    /// What the agent answered and asked, in order.
    var received: [STUNMessage] = []
    let base = ICETestNetwork.rightV4
    let addresses = (0..<8).map { TransportAddress(ip: .v4(0x0A00_0010 + $0), port: 4000) }
    let credentials: ICECredentials
    private var random = SplitMix64(seed: 99)

    init(
        configuration: ICEConfiguration = ICEConfiguration(role: .controlled), answers: Bool = true,
        knowsCredentials: Bool = true
    ) {
        credentials = ICECredentials(using: &random)
        agent = ICEAgent(
            configuration: configuration, authentication: TestAuthentication.plain, random: SplitMix64(seed: 98))
        self.answers = answers
        _ = agent.addLocalCandidate(host: base)
        if knowsCredentials { agent.setRemoteCredentials(credentials) }
        agent.start(now: now)
    }

    /// The bytes of an authentic check, unless something else is asked for.
    mutating func checkBytes(
        priority: UInt32 = 1, isNominating: Bool = false, username: String? = nil, password: String? = nil,
        extra: [STUNAttribute] = []
    ) -> [UInt8] {
        var attributes: [STUNAttribute] = [
            .username(username ?? "\(agent.localCredentials.usernameFragment):\(credentials.usernameFragment)"),
            .priority(priority), .iceControlling(.max),
        ]
        if isNominating { attributes.append(.useCandidate) }
        let message = STUNMessage(
            .request, transactionID: STUNTransactionID(using: &random), attributes: attributes + extra)
        return message.serialized(
            integrityKey: Array((password ?? agent.localCredentials.password).utf8),
            authentication: TestAuthentication.plain)
    }

    mutating func check(from address: TransportAddress, priority: UInt32 = 1, isNominating: Bool = false) {
        send(checkBytes(priority: priority, isNominating: isNominating), from: address)
    }

    /// Any datagram, from anywhere.
    mutating func send(_ datagram: [UInt8], from address: TransportAddress) {
        agent.receive(datagram.span.bytes, from: address, on: base, now: now)
        drain()
    }

    mutating func advance(by duration: Duration) {
        let end = now + duration
        drain()
        while let deadline = agent.nextDeadline, deadline <= end {
            now = max(now, deadline)
            agent.handleTimeout(now: now)
            drain()
        }
        now = end
    }

    mutating func drain() {
        while let output = agent.poll() {
            guard case .transmit(let datagram, _, let destination) = output,
                let message = try? STUNMessage.parse(datagram)
            else { continue }
            received.append(message)
            guard answers, message.messageClass == .request else { continue }
            agent.receive(
                answerBytes(to: message).span.bytes, from: destination, on: base, now: now)
        }
    }

    /// An authentic success response, unless another password is asked for.
    func answerBytes(to request: STUNMessage, password: String? = nil) -> [UInt8] {
        STUNMessage(.success, transactionID: request.transactionID, attributes: [.xorMappedAddress(base)]).serialized(
            integrityKey: Array((password ?? credentials.password).utf8), authentication: TestAuthentication.plain)
    }
}

extension ICEAgent {
    /// Whether an authenticated STUN message has come from there.
    func isKnownRemote(_ address: TransportAddress) -> Bool {
        pairs.contains { $0.isHeard && $0.remote == address } || earlyChecks.contains { $0.remote == address }
    }
}
