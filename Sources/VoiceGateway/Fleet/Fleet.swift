package import EventLoops
package import Observability
package import RedisClient
package import SecureTransport

/// What several gateways count together, by Redis, on a loop of its own.
///
/// Shared by threads.
package final class Fleet: Sendable {
    /// What is held for a call, given back when nobody holds it any more.
    package final class Hold: Sendable {
        private let fields: [String]
        private let fleet: Fleet

        fileprivate init(_ fields: [String], _ fleet: Fleet) {
            self.fields = fields
            self.fleet = fleet
        }

        deinit { fleet.release(fields) }
    }

    package enum Decision: Sendable {
        case granted(Hold)
        /// - Parameter field: of which there are as many as may be.
        case refused(field: String)
    }

    private let loop: EventLoop
    private let member: LoopBound<FleetMember>

    /// - Parameter gateway: what this process is called.
    package init(
        _ address: RedisAddress, authorities: TLSClientContext, gateway: String, log: Log, metrics: Metrics
    ) async throws(EventLoopError) {
        let loop = try EventLoop(name: "fleet")
        try loop.start()
        self.loop = loop
        member = await loop.run {
            let member = FleetMember(
                loop: loop, address: address, authorities: authorities, gateway: gateway, log: log, metrics: metrics)
            return LoopBound(member, on: loop)
        }
    }

    /// Asks for what a call wants to hold. All of it is granted, or nothing.
    ///
    /// - Parameter completion: called once, later, on `home`.
    package func hold(
        _ wishes: [FleetLedger.Wish], on home: EventLoop, completion: @escaping (Decision) -> Void
    ) {
        let completion = LoopBound(completion, on: home)
        loop.execute { [self] in
            member.value.ask(wishes) { [self] refused in
                let decision =
                    refused.map { Decision.refused(field: $0) } ?? .granted(Hold(wishes.map(\.field), self))
                home.execute { completion.value(decision) }
            }
        }
    }

    private func release(_ fields: [String]) { loop.execute { [member] in member.value.release(fields) } }

    /// Takes leave of the others.
    package func finish() async {
        let member = member
        await withCheckedContinuation { continuation in
            loop.execute { member.value.leave { continuation.resume() } }
        }
        loop.stop()
        loop.join()
    }
}
