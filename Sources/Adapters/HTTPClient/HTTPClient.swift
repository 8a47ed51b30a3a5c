package import EventLoops
package import HTTP
package import SecureTransport

/// An HTTP client on one loop: HTTP/2 over TLS where the server offers it (ALPN), otherwise HTTP/1.1, over TLS or plain.
///
/// One HTTP/2 connection to an origin is kept and shared by all calls; of HTTP/1.1 connections as many are opened as
/// there are calls at a time, and a few kept. Since a client belongs to one loop, a process with several loops has a
/// connection for each of them: nothing is handed from thread to thread, and a call costs no more than its round trip.
///
/// Redirects are not followed and nothing is cached: it talks to servers that we know. A request is sent a second time
/// only when the server surely did not look at the first (HTTP/2's REFUSED_STREAM and GOAWAY), or, if to do it twice is
/// the same as once, when a kept connection ended without a single byte of answer.
///
/// Belongs to the loop's thread. Close it before the loop stops.
package final class HTTPClient {
    package struct Limits: Hashable, Sendable {
        /// HTTP/1.1 connections to one origin at a time; further calls wait in line.
        package var connectionsPerOrigin = 16
        /// HTTP/1.1 connections kept for later at one origin.
        package var idleConnectionsPerOrigin = 4
        /// How long an HTTP/1.1 connection is kept. Shorter than the 60 s after which common servers close.
        package var idleTime: Duration = .seconds(30)
        /// Largest response body.
        package var bodyBytes = 10 << 20

        /// Calls at a time on an HTTP/2 connection, if the server allows as many; further calls wait in line.
        package var streamsPerConnection = 100
        /// How long an HTTP/2 connection is kept without calls. Longer than for HTTP/1.1: a server that ends it says which
        /// calls it has not looked at, so that none is lost.
        package var sharedIdleTime: Duration = .seconds(600)
        /// After this much silence on an HTTP/2 connection the server is asked whether it is still there.
        package var pingInterval: Duration = .seconds(30)
        /// A call on an HTTP/2 connection that has been silent for so long takes such a question along.
        package var silenceBeforeCall: Duration = .seconds(5)
        /// How long that answer may take.
        package var pingTimeout: Duration = .seconds(5)

        package init() {}
    }

    package let limits: Limits
    package let loop: EventLoop
    private let authorities: TLSClientContext?
    private let proxy: (HTTPOrigin) -> HTTPProxy?
    private var pools: [HTTPOrigin: HTTPPool] = [:]
    private var isClosed = false

    /// - Parameters:
    ///   - authorities: who may vouch for https servers; nil makes https an error.
    ///   - proxy: by which connections to an origin go.
    package init(
        loop: EventLoop, authorities: TLSClientContext?, limits: Limits = Limits(),
        proxy: @escaping (HTTPOrigin) -> HTTPProxy? = { _ in nil }
    ) {
        self.proxy = proxy
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
        _ request: HTTPClientRequest, timeout: Duration,
        completion: @escaping (Result<HTTPResponse, HTTPClientError>) -> Void
    ) -> HTTPCall {
        loop.preconditionCurrent("an HTTP client")
        let call = HTTPCall(request, completion: completion)
        do throws(HTTPClientError) { try request.check() } catch { return failLater(call, error) }
        guard !isClosed else { return failLater(call, .clientClosed) }
        call.begin(loop: loop, timeout: timeout) { [weak self] call in self?.pools[call.origin]?.abandon(call) }
        pool(for: call.origin).add(call)
        return call
    }

    private func failLater(_ call: HTTPCall, _ error: HTTPClientError) -> HTTPCall {
        // SAFETY: both places are the loop's thread.
        nonisolated(unsafe) let call = call
        loop.execute { unsafe call.finish(.failure(error)) }
        return unsafe call
    }

    private func pool(for origin: HTTPOrigin) -> HTTPPool {
        if let pool = pools[origin] { return pool }
        let pool = HTTPPool(
            loop: loop, origin: origin, authorities: authorities, proxy: proxy(origin), limits: limits
        ) { [weak self] pool in
            if self?.pools[pool.origin] === pool { self?.pools[pool.origin] = nil }
        }
        pools[origin] = pool
        return pool
    }

    /// How many connections are open or being opened, idle ones included.
    package var openConnections: Int { pools.values.reduce(0) { $0 + $1.openConnections } }

    /// Ends everything; open calls fail with `clientClosed`.
    package func close() {
        loop.preconditionCurrent("an HTTP client")
        guard !isClosed else { return }
        isClosed = true
        let all = pools
        pools = [:]
        for pool in all.values { pool.close() }
    }
}
