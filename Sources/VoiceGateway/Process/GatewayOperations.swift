internal import EventLoops
internal import Observability

/// What an operator can see and do while the gateway runs. Completions are called once, on the same loop.
protocol GatewayOperations: AnyObject {
    /// Calls that fit, in the order in which they began.
    ///
    /// - Parameters:
    ///   - number: of the last call that is known already; 0 for none.
    ///   - completion: gets `limit` calls at most.
    func calls(after number: Int, limit: Int, _ filter: CallFilter, completion: @escaping ([CallSnapshot]) -> Void)

    /// - Parameter completion: whether there is such a call.
    func perform(_ command: OperatorCommand, on id: String, completion: @escaping (Bool) -> Void)

    /// Connected clients, and sessions that wait for theirs.
    var callCount: Int { get }
    var logLevel: LogLevel { get set }
    var isDraining: Bool { get }

    /// Lets nobody in any more until `undrain`.
    func drain()

    /// - Returns: false when the process has been told to go.
    func undrain() -> Bool
}

/// The operations of a process, from one of its loops.
///
/// Belongs to the loop's thread.
final class ProcessOperations: GatewayOperations {
    private unowned let gatewayLoop: GatewayLoop
    private let environment: GatewayEnvironment

    init(_ gatewayLoop: GatewayLoop) {
        self.gatewayLoop = gatewayLoop
        environment = gatewayLoop.environment
    }

    func calls(after number: Int, limit: Int, _ filter: CallFilter, completion: @escaping ([CallSnapshot]) -> Void) {
        ask {
            $0.snapshots(after: number, limit: limit, filter)
        } completion: { answers in
            completion(Array(answers.joined().sorted { $0.number < $1.number }.prefix(limit)))
        }
    }

    func perform(_ command: OperatorCommand, on id: String, completion: @escaping (Bool) -> Void) {
        ask {
            $0.perform(command, on: id)
        } completion: {
            completion($0.contains(true))
        }
    }

    var callCount: Int { environment.admission.placesTaken }

    var logLevel: LogLevel {
        get { LogLevel.allCases.first(where: environment.log.isEnabled) ?? .error }
        set {
            environment.log.setMinimumLevel(newValue)
            environment.log.warning("log level changed by the operator", ["level": newValue.rawValue])
        }
    }

    var isDraining: Bool { environment.admission.isClosed }

    func drain() {
        environment.admission.pause()
        environment.log.warning("draining by the operator: new calls are refused, calls go on", ["calls": callCount])
    }

    func undrain() -> Bool {
        guard environment.admission.reopen() else { return false }
        environment.log.warning("new calls are let in again by the operator")
        return true
    }

    /// Asks each loop about its calls, and goes on here when all have answered.
    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (LiveCalls) -> Answer, completion: @escaping ([Answer]) -> Void
    ) {
        let others = gatewayLoop.gatewayLoops.filter { $0.0 !== gatewayLoop.loop }
        let home = gatewayLoop.loop
        let gathering = Gathering(question(gatewayLoop.calls), others.count, completion)
        let shared = LoopBound(gathering, on: home)
        for (loop, other) in others {
            loop.execute {
                let answer = question(other.value.calls)
                home.execute { shared.value.add(answer) }
            }
        }
    }

    /// Answers as they come in.
    private final class Gathering<Answer> {
        private var answers: [Answer]
        private var missing: Int
        private let completion: ([Answer]) -> Void

        init(_ own: Answer, _ others: Int, _ completion: @escaping ([Answer]) -> Void) {
            answers = [own]
            missing = others
            self.completion = completion
            if missing == 0 { completion(answers) }
        }

        func add(_ answer: Answer) {
            answers.append(answer)
            missing -= 1
            if missing == 0 { completion(answers) }
        }
    }
}
