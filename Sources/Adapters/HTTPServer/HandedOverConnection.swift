internal import Glibc
internal import HTTP
internal import SecureTransport

/// A connection with a request for another protocol on its way from the loop that accepted it to the one that
/// shall decide about it, see `HTTPUpgrade.handOver` and `HTTPServer.adopt`. Closes the connection if nobody
/// takes it.
package final class HandedOverConnection: @unchecked Sendable {
    // SAFETY: the first loop has let go of everything in here when it makes this object, and only the loop that is
    // given it uses it. `EventLoop.execute` orders the two.

    let request: HTTPRequest
    /// What came behind the request.
    let early: [UInt8]
    private var descriptor: Int32
    private var session: TLSSession?

    init(descriptor: Int32, session: TLSSession?, request: HTTPRequest, early: [UInt8]) {
        self.descriptor = descriptor
        self.session = session
        self.request = request
        self.early = early
    }

    deinit {
        if descriptor >= 0 { _ = close(descriptor) }
    }

    /// The connection, which belongs to the caller; nil when somebody has taken it before.
    func take() -> (descriptor: Int32, session: TLSSession?)? {
        guard descriptor >= 0 else { return nil }
        defer {
            descriptor = -1
            session = nil
        }
        return (descriptor, session)
    }
}
