package import EventLoops
package import SecureTransport
internal import Wire

/// A connection to a Redis server that is made again when it ends.
///
/// Belongs to the loop's thread.
package final class RedisLink {
    /// The pauses between attempts to connect; the last one repeats.
    private static let pauses: [Duration] = [1, 2, 5, 10].map { .seconds($0) }

    private let loop: EventLoop
    private let address: RedisAddress
    private let authorities: TLSClientContext
    private let onOpen: (RedisConnection) -> Void
    private let onEnd: (RedisError) -> Void
    private var connection: RedisConnection?
    private var attempts = 0
    private var hasLeft = false
    private var retry: LoopTimer?

    /// Whether the server has let us in.
    package private(set) var isOpen = false

    /// - Parameters:
    ///   - onOpen: called each time the server has let us in.
    ///   - onEnd: called each time a connection or an attempt has ended, unless it was closed.
    package init(
        loop: EventLoop, address: RedisAddress, authorities: TLSClientContext,
        onOpen: @escaping (RedisConnection) -> Void, onEnd: @escaping (RedisError) -> Void
    ) {
        self.loop = loop
        self.address = address
        self.authorities = authorities
        self.onOpen = onOpen
        self.onEnd = onEnd
        retry = LoopTimer(loop: loop) { [unowned self] in connect() }
    }

    package func start() { connect() }

    /// Sends a command; it fails at once while there is no connection.
    package func send(_ words: [[UInt8]], completion: @escaping RedisConnection.Completion) {
        guard isOpen, let connection else { return completion(.failure(.disconnected)) }
        connection.send(words, completion: completion)
    }

    package func send(_ words: [String], completion: @escaping RedisConnection.Completion) {
        send(words.map { Array($0.utf8) }, completion: completion)
    }

    /// For good.
    package func close() {
        hasLeft = true
        retry?.cancel()
        isOpen = false
        connection?.close()
        connection = nil
    }

    private func connect() {
        let connection = RedisConnection(loop: loop, address: address, authorities: authorities)
        self.connection = connection
        connection.open { [weak self, unowned connection] in
            guard let self else { return }
            attempts = 0
            isOpen = true
            onOpen(connection)
        } ended: { [weak self] error in
            self?.ended(error)
        }
    }

    private func ended(_ error: RedisError) {
        connection = nil
        isOpen = false
        onEnd(error)
        guard !hasLeft else { return }
        retry?.arm(after: Self.pauses[min(attempts, Self.pauses.count - 1)])
        attempts += 1
    }
}
