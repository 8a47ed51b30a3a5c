package import ByteStreams
package import HTTP

/// A connection that has left HTTP for another protocol. The server counts it and ends it when it closes itself.
package protocol UpgradedConnection: AnyObject {
    /// Called when the connection has ended.
    var onClosed: (() -> Void)? { get set }
    /// Ends the connection without a word.
    func terminate()
}

/// Decides about one request for another protocol, once, now or later. Let go of undecided, it answers 500.
///
/// Belongs to the loop's thread.
package final class HTTPUpgrade {
    private weak var connection: HTTPConnection?
    private let exchange: Int
    package private(set) var isDecided = false

    init(_ connection: HTTPConnection, exchange: Int) {
        self.connection = connection
        self.exchange = exchange
    }

    deinit {
        if !isDecided { connection?.reject(.text(500, "The request was not answered.\n"), exchange) }
    }

    /// Whether the client is still there.
    package var isConnected: Bool { connection?.isHandling(exchange) ?? false }

    /// Answers 101 and gives the connection up to another protocol.
    ///
    /// - Parameters:
    ///   - headers: all fields of the answer, `Upgrade` and `Connection` among them.
    ///   - take: makes what the connection is from now on, of its stream and of what came behind the request. Not called
    ///     when the client has gone, or a decision was made before.
    /// - Returns: whether `take` was called.
    @discardableResult
    package func accept(
        headers: HTTPHeaders, _ take: (ByteStream, _ early: [UInt8]) -> any UpgradedConnection
    ) -> Bool {
        guard !isDecided else { return false }
        isDecided = true
        return connection?.accept(exchange, headers: headers, take) ?? false
    }

    /// Leaves the decision to the server of another loop, which takes the connection by `HTTPServer.adopt`. Not within
    /// `handleUpgrade`: the connection's bytes are being read then.
    ///
    /// - Returns: nil when the connection cannot move; the request then still waits for a decision.
    package func handOver() -> HandedOverConnection? {
        guard !isDecided, let handedOver = connection?.handOver(exchange) else { return nil }
        isDecided = true
        return handedOver
    }

    /// Answers with an HTTP status instead. The connection closes afterwards.
    package func reject(_ response: HTTPResponse) {
        guard !isDecided else { return }
        isDecided = true
        connection?.reject(response, exchange)
    }
}
