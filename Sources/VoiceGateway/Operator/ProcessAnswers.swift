internal import EventLoops
internal import Glibc
internal import Observability
internal import Wire

/// Answers an operator's questions for this process, from any loop.
struct ProcessAnswers: Sendable {
    let environment: GatewayEnvironment
    /// Those that have calls.
    let loops: [(EventLoop, LoopBound<GatewayLoop>)]

    /// - Parameters:
    ///   - home: the loop that asks.
    ///   - completion: called once, later, on `home`.
    func answer(
        _ question: OperatorQuestion, on home: EventLoop, completion: @escaping (GatewayAnswer) -> Void
    ) {
        switch question {
        case .calls(let after, let limit, let filter):
            gather(on: home) {
                $0.snapshots(after: after, limit: limit, filter)
            } completion: { found in
                var answer = GatewayAnswer(gateway)
                let calls = found.joined().sorted { $0.number < $1.number }.prefix(limit)
                answer.calls = calls.map { $0.json(gateway: environment.id) }
                answer.isDone = filter.id == nil || !calls.isEmpty
                completion(answer)
            }
        case .perform(let command, let id):
            gather(on: home) {
                $0.perform(command, on: id)
            } completion: { done in
                var answer = GatewayAnswer(gateway)
                answer.isDone = done.contains(true)
                completion(answer)
            }
        case .state: completion(GatewayAnswer(gateway))
        case .drain:
            environment.admission.pause()
            environment.log.warning(
                "draining by the operator: new calls are refused, calls go on",
                ["calls": environment.admission.placesTaken])
            completion(GatewayAnswer(gateway))
        case .undrain:
            let isOpen = environment.admission.reopen()
            if isOpen { environment.log.warning("new calls are let in again by the operator") }
            var answer = GatewayAnswer(gateway)
            answer.isDone = isOpen
            completion(answer)
        }
    }

    private var gateway: GatewayAnswer.Gateway {
        GatewayAnswer.Gateway(
            id: environment.id, host: Self.host, pid: Int(getpid()), version: Product.version,
            seconds: max(0, Int(UnixClock.seconds() - environment.startedAt)),
            calls: environment.admission.placesTaken, isDraining: environment.admission.isClosed)
    }

    private static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        // SAFETY: the buffer has one byte more than is told, so the name ends.
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    /// Asks each loop about its calls, and goes on at `home` when all have answered.
    private func gather<Answer: Sendable>(
        on home: EventLoop, _ question: @escaping @Sendable (LiveCalls) -> Answer,
        completion: @escaping ([Answer]) -> Void
    ) {
        guard !loops.isEmpty else { return completion([]) }
        let shared = LoopBound(Gathering(loops.count, completion), on: home)
        for (loop, gatewayLoop) in loops {
            loop.execute {
                let answer = question(gatewayLoop.value.calls)
                home.execute { shared.value.add(answer) }
            }
        }
    }

    /// Answers as they come in.
    private final class Gathering<Answer> {
        private var answers: [Answer] = []
        private let count: Int
        private let completion: ([Answer]) -> Void

        init(_ count: Int, _ completion: @escaping ([Answer]) -> Void) {
            self.count = count
            self.completion = completion
        }

        func add(_ answer: Answer) {
            answers.append(answer)
            if answers.count == count { completion(answers) }
        }
    }
}
