internal import EventLoops
internal import HTTP

/// What works for calls that it has taken: a connection.
protocol HTTPCarrier: AnyObject {
    /// The caller has given the call up.
    func drop(_ call: HTTPCall)
}

/// One request on its way. Keep it to be able to cancel; the client holds it until it has ended.
///
/// Belongs to the loop's thread.
package final class HTTPCall {
    /// How often a call is sent again that a server has surely not looked at.
    static let maximumRefusals = 3

    /// Checked: it can be written.
    let request: HTTPClientRequest
    /// The connection that serves the call; nil while it waits.
    weak var carrier: (any HTTPCarrier)?
    /// It was sent on a connection that had gone stale, and is tried once more, on a new one.
    var needsNewConnection = false
    /// How often a server has said that it did not look at it.
    var refusals = 0
    private var timer: LoopTimer?
    private var completion: ((Result<HTTPResponse, HTTPClientError>) -> Void)?
    private var onAbandon: ((HTTPCall) -> Void)?

    init(_ request: HTTPClientRequest, completion: @escaping (Result<HTTPResponse, HTTPClientError>) -> Void) {
        self.request = request
        self.completion = completion
    }

    var origin: HTTPOrigin { request.url.origin }

    /// - Parameter onAbandon: takes the call out of the client when it has timed out or was cancelled.
    func begin(loop: EventLoop, timeout: Duration, onAbandon: @escaping (HTTPCall) -> Void) {
        self.onAbandon = onAbandon
        let timer = LoopTimer(loop: loop) { [unowned self] in abandon(.timedOut(origin)) }
        timer.arm(after: timeout)
        self.timer = timer
    }

    var isOver: Bool { completion == nil }

    /// Calls the completion with `cancelled`, before this returns.
    package func cancel() { abandon(.cancelled) }

    private func abandon(_ error: HTTPClientError) {
        guard !isOver else { return }
        onAbandon?(self)
        finish(.failure(error))
    }

    func finish(_ result: Result<HTTPResponse, HTTPClientError>) {
        guard let completion else { return }
        self.completion = nil
        onAbandon = nil
        carrier = nil
        timer?.cancel()
        timer = nil
        completion(result)
    }
}
