internal import EventLoops
internal import HTTP
internal import SecureTransport

/// The calls to one origin and the connections that serve them.
///
/// Only an open connection tells which version of HTTP a secure origin speaks. So one connection is opened first, however
/// many calls wait. With HTTP/2 all of them share it; with HTTP/1.1 the pool opens more.
final class HTTPPool {
    private enum Version { case unknown, http1, http2 }

    let origin: HTTPOrigin
    private let loop: EventLoop
    private let authorities: TLSClientContext?
    private let proxy: HTTPProxy?
    private let limits: HTTPClient.Limits
    private let onEmpty: (HTTPPool) -> Void
    private var version: Version
    /// The server does not want HTTP/2 after all.
    private var isHTTP1Only = false
    private var waiting: [HTTPCall] = []
    private var opening: [HTTPTransport] = []
    private var idle: [HTTP1Connection] = []
    private var busy: [ObjectIdentifier: HTTP1Connection] = [:]
    private var shared: HTTP2Connection?
    /// Connections that finish the calls they have and take no new ones.
    private var leaving: [HTTP2Connection] = []
    private var isClosed = false

    /// - Parameter onEmpty: called when no connection is open and no call waits.
    init(
        loop: EventLoop, origin: HTTPOrigin, authorities: TLSClientContext?, proxy: HTTPProxy?,
        limits: HTTPClient.Limits,
        onEmpty: @escaping (HTTPPool) -> Void
    ) {
        self.loop = loop
        self.origin = origin
        self.authorities = authorities
        self.proxy = proxy
        self.limits = limits
        self.onEmpty = onEmpty
        version = origin.isSecure ? .unknown : .http1
    }

    var openConnections: Int {
        opening.count + idle.count + busy.count + leaving.count + (shared == nil ? 0 : 1)
    }

    // MARK: Calls

    func add(_ call: HTTPCall) {
        waiting.append(call)
        advance()
    }

    /// The caller has given the call up.
    func abandon(_ call: HTTPCall) {
        if let carrier = call.carrier {
            carrier.drop(call)
        } else {
            waiting.removeAll { $0 === call }
            while opening.count > wantedOpenings { opening.removeLast().close() }
            advance()
        }
    }

    /// Ends everything; calls fail with `clientClosed`.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        let calls = waiting + busy.values.compactMap(\.call)
        let shares = leaving + [shared].compactMap { $0 }
        let shared = shares.flatMap(\.openCalls)
        for transport in opening { transport.close() }
        for connection in idle + busy.values { connection.closeQuietly() }
        for connection in shares { connection.closeQuietly() }
        (waiting, opening, idle, busy, leaving, self.shared) = ([], [], [], [:], [], nil)
        for call in calls + shared { call.finish(.failure(.clientClosed)) }
    }

    /// Gives calls to connections that have room, and opens more if that is not enough.
    private func advance() {
        guard !isClosed else { return }
        if !waiting.isEmpty { shared?.readArrived() }
        while let shared, shared.room > 0, let call = takeWaiting(forNewConnection: true) {
            if !shared.serve(call) {
                waiting.insert(call, at: 0)
                leave(shared)
            }
        }
        while hasWaiting, let connection = takeIdle(), let call = takeWaiting(forNewConnection: false) {
            busy[ObjectIdentifier(connection)] = connection
            connection.serve(call)
        }
        while opening.count < wantedOpenings { open() }
        if openConnections == 0, waiting.isEmpty { onEmpty(self) }
    }

    /// Whether a call waits that may use a connection which is open already.
    private var hasWaiting: Bool { waiting.contains { !$0.needsNewConnection } }

    private func takeWaiting(forNewConnection isNew: Bool) -> HTTPCall? {
        if isNew { return waiting.isEmpty ? nil : waiting.removeFirst() }
        return waiting.firstIndex { !$0.needsNewConnection }.map { waiting.remove(at: $0) }
    }

    /// An idle connection that has not ended meanwhile.
    private func takeIdle() -> HTTP1Connection? {
        while let connection = idle.last {
            // Its end takes it out of the list.
            connection.readArrived()
            if let last = idle.last, last === connection { return idle.removeLast() }
        }
        return nil
    }

    /// How many connections should be opening.
    private var wantedOpenings: Int {
        guard !waiting.isEmpty else { return 0 }
        guard version == .http1 else { return shared == nil ? 1 : 0 }
        let free = limits.connectionsPerOrigin - busy.count - idle.count
        return max(waiting.count { $0.needsNewConnection }, min(waiting.count, free))
    }

    // MARK: Opening

    private func open() {
        let transport = HTTPTransport(
            loop: loop, origin: origin, authorities: authorities, proxy: proxy,
            applicationProtocols: isHTTP1Only ? ["http/1.1"] : ["h2", "http/1.1"])
        opening.append(transport)
        transport.open { [weak self, weak transport] result in
            guard let self, let transport else { return }
            opening.removeAll { $0 === transport }
            switch result {
            case .success("h2"?): use(http2: transport)
            case .success: use(http1: transport)
            case .failure(let error): failed(error)
            }
            advance()
            shared?.start()
        }
    }

    private func use(http2 transport: HTTPTransport) {
        version = .http2
        // The server spoke HTTP/1.1 before, so several connections were opening: all calls share the first.
        guard shared == nil else { return transport.close() }
        shared = HTTP2Connection(loop: loop, transport: transport, limits: limits, owner: self)
        if shared == nil {
            transport.close()
            failed(.secureTransport(.context("no memory for HTTP/2")))
        }
    }

    private func use(http1 transport: HTTPTransport) {
        version = .http1
        let connection = HTTP1Connection(
            loop: loop, transport: transport, maximumBodyBytes: limits.bodyBytes, owner: self)
        let next = waiting.firstIndex { $0.needsNewConnection } ?? waiting.indices.first
        if let next {
            busy[ObjectIdentifier(connection)] = connection
            connection.serve(waiting.remove(at: next))
        } else {
            keep(connection)
        }
    }

    /// A connection could not be opened. With HTTP/1.1 others may be opening, so one call fails; otherwise all calls waited
    /// for this connection, and all of them fail.
    private func failed(_ error: HTTPClientError) {
        let count = version == .http1 ? min(1, waiting.count) : waiting.count
        let calls = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        for call in calls { call.finish(.failure(error)) }
    }

    private func keep(_ connection: HTTP1Connection) {
        guard connection.isReusable, !isClosed, idle.count < limits.idleConnectionsPerOrigin else {
            return connection.closeQuietly()
        }
        idle.append(connection)
        connection.idle(for: limits.idleTime)
    }
}

// MARK: HTTP/1.1

extension HTTPPool: HTTP1Connection.Owner {
    func connection(_ connection: HTTP1Connection, answered call: HTTPCall, with response: HTTPResponse) {
        busy[ObjectIdentifier(connection)] = nil
        if connection.isReusable, let next = takeWaiting(forNewConnection: false) {
            busy[ObjectIdentifier(connection)] = connection
            connection.serve(next)
        } else {
            keep(connection)
        }
        advance()
        call.finish(.success(response))
    }

    func connection(_ connection: HTTP1Connection, ended error: HTTPClientError, call: HTTPCall?) {
        busy[ObjectIdentifier(connection)] = nil
        idle.removeAll { $0 === connection }
        if let call {
            let isStale = connection.hasServed && !connection.hasAnswerBegun
            lose(call, error, isStale: isStale)
        }
        advance()
    }

    /// The connection of a call has ended. The call is sent once more if the server does nothing twice by that.
    private func lose(_ call: HTTPCall, _ error: HTTPClientError, isStale: Bool) {
        call.carrier = nil
        guard isStale, case .disconnected = error, call.request.isIdempotent, !call.needsNewConnection, !isClosed else {
            return call.finish(.failure(error))
        }
        call.needsNewConnection = true
        waiting.insert(call, at: 0)
    }
}

// MARK: HTTP/2

extension HTTPPool: HTTP2Connection.Owner {
    func connection(_ connection: HTTP2Connection, answered call: HTTPCall, with response: HTTPResponse) {
        call.finish(.success(response))
    }

    func connection(_ connection: HTTP2Connection, failed call: HTTPCall, _ error: HTTPClientError) {
        call.finish(.failure(error))
    }

    func connection(_ connection: HTTP2Connection, refused call: HTTPCall, needsHTTP1: Bool) {
        if needsHTTP1 {
            isHTTP1Only = true
            version = .unknown
            leave(connection)
        }
        call.refusals += 1
        guard call.refusals <= HTTPCall.maximumRefusals, !isClosed else {
            return call.finish(.failure(.disconnected(origin)))
        }
        waiting.insert(call, at: 0)
    }

    func connectionChanged(_ connection: HTTP2Connection) {
        if connection.isGoingAway { leave(connection) }
        if connection.isIdle, leaving.contains(where: { $0 === connection }) {
            leaving.removeAll { $0 === connection }
            connection.closeQuietly()
        }
        advance()
    }

    /// The connection finishes the calls it has and gets no new ones.
    private func leave(_ connection: HTTP2Connection) {
        guard shared === connection else { return }
        shared = nil
        leaving.append(connection)
    }

    func connection(_ connection: HTTP2Connection, ended error: HTTPClientError, lost calls: [HTTP2Connection.LostCall])
    {
        if shared === connection { shared = nil }
        leaving.removeAll { $0 === connection }
        for lost in calls.reversed() {
            lose(lost.call, error, isStale: connection.hasServed && !lost.hasAnswerBegun)
        }
        advance()
    }
}
