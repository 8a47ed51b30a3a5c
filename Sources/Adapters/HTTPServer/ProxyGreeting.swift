internal import EventLoops
internal import HTTP
internal import Wire

/// A proxy's connection whose PROXY protocol header is awaited. What comes behind it is the client's.
final class ProxyGreeting {
    enum Outcome {
        /// - Parameter early: what came behind the header.
        case header(ProxyHeader, early: [UInt8])
        case failed(ProxyHeader.Failure)
        /// The connection has ended, or the header took too long.
        case gone
    }

    let connection: TCPConnection
    private var bytes: [UInt8] = []
    private var timer: LoopTimer?
    private var completion: ((Outcome) -> Void)?

    /// - Parameter completion: called once, unless the greeting is cancelled before. The connection is the caller's then.
    init(_ connection: TCPConnection, loop: EventLoop, patience: Duration, completion: @escaping (Outcome) -> Void) {
        self.connection = connection
        self.completion = completion
        let timer = LoopTimer(loop: loop) { [weak self] in self?.finish(.gone) }
        timer.arm(after: patience)
        self.timer = timer
        connection.onBytes = { [weak self] in self?.received($0.bytes) }
        connection.onEnd = { [weak self] _ in self?.finish(.gone) }
    }

    func cancel() {
        completion = nil
        timer?.cancel()
        connection.close()
    }

    private func received(_ more: RawSpan) {
        bytes += [UInt8](copying: more)
        do throws(ProxyHeader.Failure) {
            guard let (header, length) = try ProxyHeader.read(bytes) else { return }
            finish(.header(header, early: Array(bytes[length...])))
        } catch {
            finish(.failed(error))
        }
    }

    private func finish(_ outcome: Outcome) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        connection.onBytes = nil
        connection.onEnd = nil
        completion(outcome)
    }
}
