internal import EventLoops
internal import HTTP
internal import Observability
internal import Wire

/// Asks again and again, and shows what comes.
///
/// Belongs to the loop's thread.
final class TopSession {
    enum End {
        case done
        case failed(TopFailure)
        case interrupted
    }

    private let request: TopRequest
    private let client: AdminClient
    private let table: CallTable
    private let completion: (End) -> Void
    private let showsPage: Bool
    private var timer: LoopTimer?
    private var last: AdminClient.Answer?
    private var isOver = false

    init(loop: EventLoop, request: TopRequest, client: AdminClient, completion: @escaping (End) -> Void) {
        self.request = request
        self.client = client
        self.completion = completion
        table = CallTable(sort: request.table.sort, isReversed: request.table.isReversed)
        showsPage = !request.isOnce && Terminal.isThere
        timer = LoopTimer(loop: loop) { [unowned self] in ask() }
    }

    func start() { ask() }

    func interrupt() { end(.interrupted) }

    private func ask() {
        client.calls { [weak self] result in self?.took(result) }
    }

    private func took(_ result: Result<AdminClient.Answer, TopFailure>) {
        guard !isOver else { return }
        switch result {
        case .success(let answer):
            guard showsPage else {
                let width = Terminal.isThere ? Terminal.size?.columns : nil
                for line in table.lines(answer.calls, width: width, height: nil) { Console.print(line + "\n") }
                return end(.done)
            }
            if last == nil { Console.print(Terminal.enter) }
            last = answer
            show(answer, nil)
        case .failure(let failure):
            guard let last else { return end(.failed(failure)) }
            show(last, failure)
        }
        timer?.arm(after: request.interval)
    }

    private func show(_ answer: AdminClient.Answer, _ failure: TopFailure?) {
        let (columns, height) = Terminal.size ?? (80, 24)
        let head = TopSession.head(
            request.url.origin.authority, answer, failure,
            time: Log.timestamp(seconds: UnixClock.now().seconds, nanoseconds: 0))
        var lines = [TerminalText.fitted(head, to: columns, pads: false)]
        var calls = table.lines(answer.calls, width: columns, height: max(1, height - 2))
        if !calls.isEmpty { calls[0] = Terminal.bold(calls[0]) }
        lines += calls
        Console.print(Terminal.page(lines))
    }

    /// The line above the table.
    static func head(_ place: String, _ answer: AdminClient.Answer, _ failure: TopFailure?, time: String) -> String {
        let count = answer.total == 1 ? "1 call" : "\(answer.total) calls"
        let state = answer.isDraining ? ", draining" : ""
        let silent =
            switch answer.silent {
            case 0: ""
            case 1: ", 1 gateway does not answer"
            case let count: ", \(count) gateways do not answer"
            }
        let trouble = failure.map { "; no answer since: \($0.reason)" } ?? ""
        return "\(place)  \(count)\(state)\(silent)  \(time)\(trouble)"
    }

    private func end(_ end: End) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        client.close()
        if last != nil { Console.print(Terminal.leave) }
        completion(end)
    }
}
