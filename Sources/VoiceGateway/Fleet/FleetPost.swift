internal import EventLoops
internal import Observability
internal import RESP
internal import RedisClient
internal import SecureTransport
internal import Wire

/// Questions and answers among gateways: each listens to a channel of its own in Redis, over a connection of its own.
///
/// Belongs to the loop's thread.
final class FleetPost {
    /// How often is seen whether the connection still works.
    private static let probing = Duration.seconds(10)

    private let loop: EventLoop
    private let gateway: String
    private let log: Log
    /// Over which messages go out.
    private let outgoing: RedisLink
    private var incoming: RedisLink! = nil
    private var seal: FleetSeal
    private var inquiries = FleetInquiries()
    private var completions: [Int: (FleetInquiries.Outcome) -> Void] = [:]
    private var lastNumber = 0
    private var timer: LoopTimer?
    private var probe: LoopTimer?
    private let questions: [String: Counter]
    private let strangers: Counter
    /// Answers for this process; nil while it starts or ends.
    var responder: Fleet.Responder?

    /// - Parameter secret: the deployment's API secret, as it is now.
    init(
        loop: EventLoop, address: RedisAddress, authorities: TLSClientContext, gateway: String,
        secret: @escaping () -> String, outgoing: RedisLink, log: Log, metrics: Metrics
    ) {
        self.loop = loop
        self.gateway = gateway
        self.outgoing = outgoing
        self.log = log
        seal = FleetSeal(secret: secret)
        questions = metrics.counters(
            "voicegateway_fleet_questions_total", help: "Questions of operators to the other gateways.",
            label: "outcome", of: ["answered", "incomplete", "away"], text: { $0 })
        strangers = metrics.counter(
            "voicegateway_fleet_messages_refused_total",
            help: "Messages by Redis that no gateway with our API secret and our time has written.")
        timer = LoopTimer(loop: loop) { [unowned self] in
            inquiries.handleTimeout(now: loop.now)
            act()
        }
        probe = LoopTimer(loop: loop) { [unowned self] in
            incoming.send(["PING"]) { _ in }
            probe?.arm(after: Self.probing)
        }
        incoming = RedisLink(loop: loop, address: address, authorities: authorities) { [weak self] connection in
            self?.listen(connection)
        } onEnd: { [weak self] _ in
            // That Redis is away is told once, by the member.
            self?.probe?.cancel()
        }
        incoming.start()
    }

    func close() {
        responder = nil
        probe?.cancel()
        incoming.close()
    }

    private func listen(_ connection: RedisConnection) {
        connection.subscribe(to: FleetScripts.channel(of: gateway)) { [weak self] in
            self?.received($0)
        } completion: { [weak self] result in
            guard let self else { return }
            if case .success(.error(let words)) = result {
                log.warning(
                    "Redis lets no other gateway ask this one",
                    ["error": String(decoding: words.prefix(200), as: UTF8.self)])
            }
            probe?.arm(after: Self.probing)
        }
    }

    // MARK: Asking

    /// - Parameter target: nil for all others.
    func ask(
        _ question: OperatorQuestion, of target: String?, completion: @escaping (FleetInquiries.Outcome) -> Void
    ) {
        lastNumber += 1
        let number = lastNumber
        completions[number] = completion
        inquiries.begin(number, now: loop.now)
        let message = FleetMessage(from: gateway, to: target, number: number, .question(question))
        if let sealed = seal.seal(message, now: UnixClock.seconds()) {
            outgoing.send(FleetScripts.asking(sealed, of: target, gateway: gateway)) { [weak self] result in
                guard let self else { return }
                if case .success(let value) = result, let receivers = FleetScripts.receivers(value) {
                    inquiries.sent(number, receivers: receivers)
                } else {
                    inquiries.failed(number)
                }
                act()
            }
        } else {
            inquiries.failed(number)
        }
        act()
    }

    private func act() {
        while let (number, outcome) = inquiries.poll() {
            switch outcome {
            case .answered(_, let silent): questions[silent.isEmpty ? "answered" : "incomplete"]?.add()
            case .away: questions["away"]?.add()
            }
            completions.removeValue(forKey: number)?(outcome)
        }
        if let deadline = inquiries.nextDeadline { timer?.arm(at: deadline) } else { timer?.cancel() }
    }

    // MARK: Being asked

    private func received(_ bytes: [UInt8]) {
        guard let message = seal.open(bytes, now: UnixClock.seconds()) else {
            strangers.add()
            return
        }
        guard message.from != gateway, message.to == nil || message.to == gateway else { return }
        switch message.content {
        case .answer(let answer):
            inquiries.answered(message.number, answer)
            act()
        case .question(let question):
            responder?(question, loop) { [weak self] answer in self?.reply(answer, to: message) }
        }
    }

    private func reply(_ answer: GatewayAnswer, to question: FleetMessage) {
        let message = FleetMessage(from: gateway, to: question.from, number: question.number, .answer(answer))
        guard let sealed = seal.seal(message, now: UnixClock.seconds()) else { return }
        // Whoever does not get it hears of our silence.
        outgoing.send([Array("PUBLISH".utf8), Array(FleetScripts.channel(of: question.from).utf8), sealed]) { _ in }
    }
}
