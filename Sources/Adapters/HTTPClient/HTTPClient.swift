package import SecureTransport
package import Shard

/// An HTTP/1.1 client on one loop: plain or TLS, with connections kept for the next request to the same origin.
///
/// Redirects are not followed and nothing is cached: it talks to servers that we know. A request that was sent on a kept
/// connection which ends without a single byte of answer is sent once more on a new one, because that is how a server
/// that closes idle connections looks; nothing else is repeated.
///
/// Belongs to the loop's thread. Close it before the loop stops.
package final class HTTPClient {
    package struct Limits: Hashable, Sendable {
        /// At one origin at a time; further calls wait in line.
        package var connectionsPerOrigin = 16
        /// Kept for later at one origin.
        package var idleConnectionsPerOrigin = 4
        /// How long a connection is kept. Shorter than the 60 s after which common servers close.
        package var idleTime: Duration = .seconds(30)
        /// Largest response body.
        package var bodyBytes = 10 << 20

        package init() {}
    }

    /// What is going on at one origin.
    private struct Pool {
        var idle: [HTTPConnection] = []
        var busy: [ObjectIdentifier: HTTPConnection] = [:]
        var waiting: [HTTPCall] = []

        var isEmpty: Bool { idle.isEmpty && busy.isEmpty && waiting.isEmpty }
    }

    package let limits: Limits
    package let loop: EventLoop
    private let authorities: TLSClientContext?
    private var pools: [HTTPOrigin: Pool] = [:]
    private var isClosed = false

    /// - Parameter authorities: who may vouch for https servers; nil makes https an error.
    package init(loop: EventLoop, authorities: TLSClientContext?, limits: Limits = Limits()) {
        self.loop = loop
        self.authorities = authorities
        self.limits = limits
    }

    /// Sends a request.
    ///
    /// - Parameters:
    ///   - timeout: for everything from the name look-up to the last byte of the answer.
    ///   - completion: called once; later, except by `cancel` and `close`.
    @discardableResult
    package func send(
        _ request: HTTPRequest, timeout: Duration,
        completion: @escaping (Result<HTTPResponse, HTTPClientError>) -> Void
    ) -> HTTPCall {
        loop.preconditionCurrent("an HTTP client")
        let call: HTTPCall
        do throws(HTTPClientError) {
            let url = try HTTPURL(request.url)
            call = HTTPCall(
                origin: url.origin, bytes: try request.serialized(for: url), isHead: request.method == "HEAD",
                completion: completion)
        } catch {
            let nowhere = HTTPOrigin(isSecure: false, host: "", port: 0)
            return failLater(HTTPCall(origin: nowhere, bytes: [], isHead: false, completion: completion), error)
        }
        guard !isClosed else { return failLater(call, .clientClosed) }
        call.begin(loop: loop, timeout: timeout) { [weak self] in self?.abandon($0) }
        dispatch(call)
        return call
    }

    private func failLater(_ call: HTTPCall, _ error: HTTPClientError) -> HTTPCall {
        // SAFETY: both places are the loop's thread.
        nonisolated(unsafe) let call = call
        loop.execute { call.finish(.failure(error)) }
        return call
    }

    /// How many connections are open, idle ones included.
    package var openConnections: Int { pools.values.reduce(0) { $0 + $1.idle.count + $1.busy.count } }

    /// Ends everything; open calls fail with `clientClosed`.
    package func close() {
        loop.preconditionCurrent("an HTTP client")
        guard !isClosed else { return }
        isClosed = true
        let all = pools
        pools = [:]
        for pool in all.values {
            let calls = pool.busy.values.compactMap(\.call) + pool.waiting
            for connection in pool.idle + pool.busy.values { connection.closeQuietly() }
            for call in calls { call.finish(.failure(.clientClosed)) }
        }
    }

    // MARK: Connections

    /// Finds a connection for the call, or a place in line.
    private func dispatch(_ call: HTTPCall, onNewConnection: Bool = false) {
        var pool = pools[call.origin] ?? Pool()
        if !onNewConnection, let connection = pool.idle.popLast() {
            pool.busy[ObjectIdentifier(connection)] = connection
            pools[call.origin] = pool
            connection.serve(call)
        } else if pool.busy.count + pool.idle.count < limits.connectionsPerOrigin || onNewConnection {
            let connection = HTTPConnection(
                loop: loop, origin: call.origin, authorities: authorities, maximumBodyBytes: limits.bodyBytes,
                owner: self)
            pool.busy[ObjectIdentifier(connection)] = connection
            pools[call.origin] = pool
            connection.open(for: call)
        } else {
            pool.waiting.append(call)
            pools[call.origin] = pool
        }
    }

    /// Takes a connection out of the books and serves whoever waits.
    private func forget(_ connection: HTTPConnection) {
        let origin = connection.origin
        guard var pool = pools[origin] else { return }
        pool.busy[ObjectIdentifier(connection)] = nil
        pool.idle.removeAll { $0 === connection }
        let next = pool.waiting.isEmpty ? nil : pool.waiting.removeFirst()
        pools[origin] = pool.isEmpty ? nil : pool
        if let next { dispatch(next) }
    }

    /// Nobody waits for the call any more. A connection in the middle of an answer is of no more use.
    private func abandon(_ call: HTTPCall) {
        if let connection = call.connection, connection.call === call {
            connection.closeQuietly()
            forget(connection)
        } else if var pool = pools[call.origin] {
            pool.waiting.removeAll { $0 === call }
            pools[call.origin] = pool.isEmpty ? nil : pool
        }
    }
}

extension HTTPClient: HTTPConnection.Owner {
    func connection(_ connection: HTTPConnection, answered call: HTTPCall, with response: HTTPResponse) {
        call.connection = nil
        keepOrClose(connection)
        call.finish(.success(response))
    }

    private func keepOrClose(_ connection: HTTPConnection) {
        guard connection.isReusable, var pool = pools[connection.origin] else {
            connection.closeQuietly()
            return forget(connection)
        }
        if !pool.waiting.isEmpty {
            let next = pool.waiting.removeFirst()
            pools[connection.origin] = pool
            return connection.serve(next)
        }
        guard pool.idle.count < limits.idleConnectionsPerOrigin else {
            connection.closeQuietly()
            return forget(connection)
        }
        pool.busy[ObjectIdentifier(connection)] = nil
        pool.idle.append(connection)
        pools[connection.origin] = pool
        connection.idle(for: limits.idleTime)
    }

    func connection(_ connection: HTTPConnection, ended error: HTTPClientError, call: HTTPCall?) {
        let wasStale = connection.hasServed && !connection.hasAnswerBegun
        if let call, wasStale, case .disconnected = error, !call.wasRetried, !isClosed {
            call.wasRetried = true
            call.connection = nil
            forget(connection)
            return dispatch(call, onNewConnection: true)
        }
        forget(connection)
        call?.finish(.failure(error))
    }
}
