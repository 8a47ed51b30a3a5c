internal import EventLoops
internal import Observability

/// Whom an operator asks.
enum Addressee: Hashable, Sendable {
    /// All gateways of the fleet; this process alone where there is none.
    case all
    /// This process.
    case here
    /// One of the fleet, by its id.
    case gateway(String)
}

/// What came of a question.
struct OperatorAnswers: Sendable {
    /// This process first, where it was asked.
    var answers: [GatewayAnswer] = []
    /// Gateways that are there, and have not answered in time.
    var silent: [String] = []
    /// Whether all were asked that were meant; false while Redis is away.
    var isWhole = true

    /// Whether there is nobody who could still have the answer.
    var isComplete: Bool { isWhole && silent.isEmpty }
}

/// What an operator can see and do while the gateway runs.
protocol GatewayOperations: AnyObject {
    /// - Parameter completion: called once, now or later, on the same loop.
    func ask(_ question: OperatorQuestion, of whom: Addressee, completion: @escaping (OperatorAnswers) -> Void)

    /// Whether there are other gateways that could be asked.
    var hasFleet: Bool { get }
    /// That of this process.
    var logLevel: LogLevel { get set }
}

/// The operations of a process and, by Redis, of its fleet, from one of its loops.
///
/// Belongs to the loop's thread.
final class ProcessOperations: GatewayOperations {
    private unowned let gatewayLoop: GatewayLoop
    private let environment: GatewayEnvironment

    init(_ gatewayLoop: GatewayLoop) {
        self.gatewayLoop = gatewayLoop
        environment = gatewayLoop.environment
    }

    var hasFleet: Bool { environment.fleet != nil }

    /// This process is asked first; a call that is here is nobody else's.
    func ask(_ question: OperatorQuestion, of whom: Addressee, completion: @escaping (OperatorAnswers) -> Void) {
        if case .gateway(let id) = whom, id != environment.id {
            return askFleet(question, id, OperatorAnswers(), completion)
        }
        let process = ProcessAnswers(environment: environment, loops: gatewayLoop.gatewayLoops)
        process.answer(question, on: gatewayLoop.loop) { [self] answer in
            let answers = OperatorAnswers(answers: [answer])
            let isFound = question.isAboutOneCall && answer.isDone
            guard whom == .all, hasFleet, !isFound else { return completion(answers) }
            askFleet(question, nil, answers, completion)
        }
    }

    /// - Parameter id: nil for all others.
    private func askFleet(
        _ question: OperatorQuestion, _ id: String?, _ found: OperatorAnswers,
        _ completion: @escaping (OperatorAnswers) -> Void
    ) {
        var found = found
        guard let fleet = environment.fleet else { return completion(found) }
        fleet.ask(question, of: id, on: gatewayLoop.loop) { outcome in
            switch outcome {
            case .answered(let answers, let silent):
                found.answers += answers
                found.silent = silent
            case .away: found.isWhole = false
            }
            completion(found)
        }
    }

    var logLevel: LogLevel {
        get { LogLevel.allCases.first(where: environment.log.isEnabled) ?? .error }
        set {
            environment.log.setMinimumLevel(newValue)
            environment.log.warning("log level changed by the operator", ["level": newValue.rawValue])
        }
    }
}
