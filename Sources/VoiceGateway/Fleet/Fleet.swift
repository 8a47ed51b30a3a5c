package import EventLoops
package import Observability
package import RedisClient
package import SecureTransport

/// What several gateways count together and ask each other, by Redis, on a loop of its own.
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

    /// Answers a question for this process: the question, the loop that asks, and what is called there, once.
    typealias Responder =
        @Sendable (OperatorQuestion, EventLoop, @escaping (GatewayAnswer) -> Void) -> Void

    private let loop: EventLoop
    private let member: LoopBound<FleetMember>
    private let post: LoopBound<FleetPost>

    /// - Parameters:
    ///   - gateway: what this process is called.
    ///   - secret: the deployment's API secret, as it is now.
    package init(
        _ address: RedisAddress, authorities: TLSClientContext, gateway: String,
        secret: @escaping @Sendable () -> String,
        log: Log, metrics: Metrics
    ) async throws(EventLoopError) {
        let loop = try EventLoop(name: "fleet")
        try loop.start()
        self.loop = loop
        (member, post) = await loop.run {
            let member = FleetMember(
                loop: loop, address: address, authorities: authorities, gateway: gateway, log: log, metrics: metrics)
            let post = FleetPost(
                loop: loop, address: address, authorities: authorities, gateway: gateway, secret: secret,
                outgoing: member.link, log: log, metrics: metrics)
            return (LoopBound(member, on: loop), LoopBound(post, on: loop))
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

    /// Counts what a call holds that is let in anyway.
    package func count(_ fields: [String]) -> Hold {
        loop.execute { [member] in
            member.value.ask(fields.map { FleetLedger.Wish($0, limit: nil) }) { _ in }
        }
        return Hold(fields, self)
    }

    private func release(_ fields: [String]) { loop.execute { [member] in member.value.release(fields) } }

    /// Asks other gateways.
    ///
    /// - Parameters:
    ///   - gateway: nil for all others.
    ///   - completion: called once, later, on `home`.
    func ask(
        _ question: OperatorQuestion, of gateway: String?, on home: EventLoop,
        completion: @escaping (FleetInquiries.Outcome) -> Void
    ) {
        let completion = LoopBound(completion, on: home)
        loop.execute { [post] in
            post.value.ask(question, of: gateway) { outcome in home.execute { completion.value(outcome) } }
        }
    }

    /// Answers the others' questions from now on.
    func answerQuestions(by responder: @escaping Responder) {
        loop.execute { [post] in post.value.responder = responder }
    }

    /// Takes leave of the others.
    package func finish() async {
        let (member, post) = (member, post)
        await withCheckedContinuation { continuation in
            loop.execute {
                post.value.close()
                member.value.leave { continuation.resume() }
            }
        }
        loop.stop()
        loop.join()
    }
}
