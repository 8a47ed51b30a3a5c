internal import ByteStreams
internal import EventLoops
internal import SecureTransport
internal import Wire

/// One TLS handshake over a connection that stands, and nothing after it.
final class TLSProbe: ByteStreamDelegate {
    enum Outcome {
        case secured
        case failed(TLSFailure)
        /// The server has neither finished the handshake nor ended it.
        case silent
    }

    private let stream: ByteStream
    private let host: String
    private var timer: LoopTimer?
    private var completion: ((Outcome) -> Void)?

    /// - Parameter completion: called once, unless `cancel` comes before. The connection is closed then.
    init(
        loop: EventLoop, host: String, _ connection: TCPConnection, _ session: TLSSession, patience: Duration,
        completion: @escaping (Outcome) -> Void
    ) {
        self.host = host
        self.completion = completion
        stream = ByteStream(connection, session: session)
        stream.delegate = self
        let timer = LoopTimer(loop: loop) { [weak self] in self?.finish(.silent) }
        timer.arm(after: patience)
        self.timer = timer
    }

    func start() { stream.startTLS() }

    func cancel() {
        completion = nil
        close()
    }

    private func finish(_ outcome: Outcome) {
        guard let completion else { return }
        self.completion = nil
        close()
        completion(outcome)
    }

    private func close() {
        timer?.cancel()
        stream.close()
    }

    func streamSecured() { finish(.secured) }

    func streamEnded(_ failure: ByteStreamFailure?) {
        if case .tls(let failure) = failure {
            finish(.failed(failure))
        } else {
            finish(.failed(.truncated(host: host)))
        }
    }

    func streamReceived(_ bytes: inout MutableRawSpan) {}
    func streamDrained() {}
}
