internal import EventLoops
internal import PeerConnection
internal import Wire

/// Asks each TURN server that a room server names for an address, and gives it back at once: whether sound could go by it.
///
/// Belongs to the loop's thread.
package final class RelayExamination: MediaRelayOwner {
    /// What one server has answered.
    package struct Finding: Hashable, Sendable {
        /// For instance `TURN over TLS at turn.example.com:443`.
        package let server: String
        /// How long it took to get an address; nil when there is none.
        package let time: Duration?
        /// Why there is none, for people.
        package let reason: String
    }

    private let loop: EventLoop
    private var relays: [MediaRelay]
    private var findings: [Finding?]
    private var timer: LoopTimer?
    private var completion: (([Finding]) -> Void)?
    private let start: Instant

    /// - Parameters:
    ///   - patience: how long answers may take.
    ///   - completion: called once, later, with the findings in the order of the servers.
    init(
        _ servers: [TURNServer], isV6: Bool, loop: EventLoop, environment: ParticipantEnvironment,
        random: any RandomNumberGenerator, patience: Duration, completion: @escaping ([Finding]) -> Void
    ) {
        self.loop = loop
        self.completion = completion
        start = loop.now
        findings = servers.map { _ in nil }
        relays = servers.map {
            MediaRelay($0, isV6: isV6, attempt: 0, loop: loop, environment: environment, random: random)
        }
        timer = LoopTimer(loop: loop) { [weak self] in self?.finish() }
        timer?.arm(after: relays.isEmpty ? .zero : patience)
        for relay in relays {
            relay.owner = self
            relay.start()
        }
    }

    private func note(_ relay: MediaRelay, time: Duration?, reason: String) {
        guard let index = relays.firstIndex(where: { $0 === relay }), findings[index] == nil else { return }
        findings[index] = Finding(server: "\(relay.server)", time: time, reason: reason)
        relay.close()
        // Never within a call of a relay.
        if !findings.contains(nil) { timer?.arm(after: .zero) }
    }

    private func finish() {
        timer?.cancel()
        let all = zip(relays, findings).map { relay, finding in
            finding ?? Finding(server: "\(relay.server)", time: nil, reason: TURNFailure.noAnswer.text)
        }
        cancel(thenTelling: all)
    }

    /// The completion is not called.
    package func cancel() { cancel(thenTelling: nil) }

    private func cancel(thenTelling findings: [Finding]?) {
        let completion = completion
        self.completion = nil
        timer?.cancel()
        for relay in relays { relay.close() }
        relays = []
        if let findings { completion?(findings) }
    }

    // MARK: MediaRelayOwner

    func relayAllocated(_ relay: MediaRelay, at address: TransportAddress) {
        note(relay, time: loop.now - start, reason: "")
    }

    func relayFailed(_ relay: MediaRelay, reason: String, mayPass: Bool) { note(relay, time: nil, reason: reason) }

    func relay(_ relay: MediaRelay, refuses peer: TransportAddress, reason: String) {}

    func relay(_ relay: MediaRelay, received datagram: inout MutableRawSpan, from peer: TransportAddress) {}
}
