internal import EventLoops
package import HTTP

extension HTTPClient {
    /// Sends a request and waits for the answer; for code that runs on the client's loop (an actor whose executor it is).
    /// Cancelling the task cancels the call.
    nonisolated(nonsending) package func send(
        _ request: HTTPClientRequest, timeout: Duration
    ) async throws(HTTPClientError) -> HTTPResponse {
        // The call begins here, on the loop. Only the waiting may happen elsewhere: the closure of a cancellation handler
        // does not run where its caller does.
        let answer = PendingAnswer()
        let call = LoopBound(send(request, timeout: timeout) { answer.arrive($0) }, on: loop)
        let loop = loop
        let result = await withTaskCancellationHandler {
            await answer.wait()
        } onCancel: {
            loop.execute { call.value.cancel() }
        }
        return try result.get()
    }
}

/// An answer that one task waits for. It may come before the task does.
private final class PendingAnswer: Sendable {
    typealias Answer = Result<HTTPResponse, HTTPClientError>

    private enum State {
        case pending
        case awaited(CheckedContinuation<Answer, Never>)
        case arrived(Answer)
    }

    private let state = Locked(State.pending)

    func arrive(_ answer: Answer) {
        let waiting: CheckedContinuation<Answer, Never>? = state.withLock { state in
            defer { state = .arrived(answer) }
            if case .awaited(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: answer)
    }

    func wait() async -> Answer {
        await withCheckedContinuation { continuation in
            let arrived: Answer? = state.withLock { state in
                if case .arrived(let answer) = state { return answer }
                state = .awaited(continuation)
                return nil
            }
            if let arrived { continuation.resume(returning: arrived) }
        }
    }
}
