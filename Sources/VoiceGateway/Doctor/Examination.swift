package import Wire

/// What carries out the steps of an examination. Completions are called once, at once or later.
package protocol ExaminationTools: AnyObject {
    /// Takes one step; those before have succeeded.
    ///
    /// - Parameter completion: a few words about what was found, or what is wrong.
    func perform(_ step: ExaminationStep, completion: @escaping (Result<String, Ailment>) -> Void)

    /// Leaves nothing behind, whatever has been done so far.
    func tidyUp(completion: @escaping () -> Void)
}

/// Takes the steps towards an agent that talks one after the other, times them, and stops at the first that fails: what
/// comes after it could only fail for the same reason. No socket and no clock inside.
package final class Examination {
    /// How one step went.
    package struct Report: Hashable, Sendable {
        package let step: ExaminationStep
        package let duration: Duration
        package let result: Result<String, Finding>

        package init(step: ExaminationStep, duration: Duration, result: Result<String, Finding>) {
            self.step = step
            self.duration = duration
            self.result = result
        }
    }

    package enum Verdict: Hashable, Sendable {
        case healthy
        /// The step that failed, and those that were not tried.
        case failed(ExaminationStep, untried: [ExaminationStep])
        case interrupted
    }

    private let tools: any ExaminationTools
    private let subject: Finding.Subject
    private let now: () -> Instant
    private let tell: (Report) -> Void
    private let completion: (Verdict) -> Void
    private var steps: ArraySlice<ExaminationStep>
    private var isOver = false

    /// - Parameters:
    ///   - now: a monotonic clock.
    ///   - tell: called after each step.
    ///   - completion: called once.
    package init(
        _ steps: [ExaminationStep], of subject: Finding.Subject, tools: any ExaminationTools,
        now: @escaping () -> Instant, tell: @escaping (Report) -> Void, completion: @escaping (Verdict) -> Void
    ) {
        self.steps = steps[...]
        self.subject = subject
        self.tools = tools
        self.now = now
        self.tell = tell
        self.completion = completion
    }

    package func start() { next() }

    package func interrupt() { end(.interrupted) }

    private func next() {
        guard let step = steps.popFirst() else { return end(.healthy) }
        let start = now()
        tools.perform(step) { [weak self] in self?.took(step, since: start, $0) }
    }

    private func took(_ step: ExaminationStep, since start: Instant, _ result: Result<String, Ailment>) {
        guard !isOver else { return }
        let found = result.mapError { Finding($0, of: subject) }
        tell(Report(step: step, duration: now() - start, result: found))
        if case .failure = found { end(.failed(step, untried: Array(steps))) } else { next() }
    }

    private func end(_ verdict: Verdict) {
        guard !isOver else { return }
        isOver = true
        let completion = completion
        tools.tidyUp { completion(verdict) }
    }
}
