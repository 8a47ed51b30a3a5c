package import EventLoops
package import HTTP
internal import Wire

/// Asks a proxy for a way to an origin, over a connection to it that stands. Then the connection leads to the origin.
package final class ProxyTunnel {
    private let connection: TCPConnection
    private var answer: [UInt8] = []
    private var timer: LoopTimer?
    private var completion: ((Result<Void, HTTPProxy.Failure>) -> Void)?

    /// - Parameter completion: called once, unless `cancel` comes before. The connection stays the caller's, without callbacks.
    package init(
        _ connection: TCPConnection, to origin: HTTPOrigin, by proxy: HTTPProxy, patience: Duration,
        completion: @escaping (Result<Void, HTTPProxy.Failure>) -> Void
    ) {
        self.connection = connection
        self.completion = completion
        let timer = LoopTimer(loop: connection.loop) { [weak self] in self?.finish(.failure(.timedOut)) }
        timer.arm(after: patience)
        self.timer = timer
        connection.onBytes = { [self] in received($0.bytes) }
        connection.onEnd = { [self] _ in finish(.failure(.ended)) }
        connection.write(proxy.request(for: origin))
    }

    package func cancel() {
        completion = nil
        letGo()
    }

    private func received(_ bytes: RawSpan) {
        answer += [UInt8](copying: bytes)
        do throws(HTTPProxy.Failure) {
            guard let status = try HTTPProxy.status(of: answer) else { return }
            finish(status / 100 == 2 ? .success(()) : .failure(.refused(status: status)))
        } catch {
            finish(.failure(error))
        }
    }

    private func finish(_ result: Result<Void, HTTPProxy.Failure>) {
        guard let completion else { return }
        self.completion = nil
        letGo()
        completion(result)
    }

    private func letGo() {
        timer?.cancel()
        timer = nil
        connection.onBytes = nil
        connection.onEnd = nil
    }
}
