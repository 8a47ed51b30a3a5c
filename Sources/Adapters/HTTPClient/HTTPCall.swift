internal import Shard

/// One request on its way. Keep it to be able to cancel; the client holds it until it has ended.
///
/// Belongs to the loop's thread.
package final class HTTPCall {
    let origin: HTTPOrigin
    let bytes: [UInt8]
    let isHead: Bool
    /// The connection that works for the call now.
    weak var connection: HTTPConnection?
    /// It was sent on a connection that had gone stale, and is tried again on a new one.
    var wasRetried = false
    private var alarm: Alarm?
    private var completion: ((Result<HTTPResponse, HTTPClientError>) -> Void)?
    private var onAbandon: ((HTTPCall) -> Void)?

    init(
        origin: HTTPOrigin, bytes: [UInt8], isHead: Bool,
        completion: @escaping (Result<HTTPResponse, HTTPClientError>) -> Void
    ) {
        self.origin = origin
        self.bytes = bytes
        self.isHead = isHead
        self.completion = completion
    }

    /// - Parameter onAbandon: takes the call out of the client when nobody waits any more.
    func begin(loop: EventLoop, timeout: Duration, onAbandon: @escaping (HTTPCall) -> Void) {
        self.onAbandon = onAbandon
        let alarm = Alarm(loop: loop) { [unowned self] in abandon(.timedOut(origin)) }
        alarm.arm(after: timeout)
        self.alarm = alarm
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
        alarm?.cancel()
        alarm = nil
        completion(result)
    }
}
