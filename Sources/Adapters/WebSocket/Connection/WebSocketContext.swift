package import EventLoops
package import HTTP
package import SecureTransport

/// What the connections of one loop share: buffers for frames, random masking keys, trusted authorities.
///
/// Belongs to the loop's thread.
package final class WebSocketContext {
    /// Several small frames that wait are copied together up to this size, so that they cost one system call.
    static let maximumBatchBytes = 65_536

    package let loop: EventLoop
    /// Of connections that a server accepts without a configuration of their own.
    package var serverConfiguration = WebSocketConfiguration()
    /// By which proxy clients reach an origin; nil: directly.
    package let proxy: (HTTPOrigin) -> HTTPProxy?
    let pool = FrameBufferPool()
    private var random = SecureRandom()
    private var trust: TLSClientContext?
    /// Room to put small frames together; empty between flushes.
    var batch: [UInt8] = []

    /// - Parameter trust: whose certificates `wss:` connections accept; nil for the operating system's authorities.
    package init(
        loop: EventLoop, trust: TLSClientContext? = nil, proxy: @escaping (HTTPOrigin) -> HTTPProxy? = { _ in nil }
    ) {
        self.proxy = proxy
        self.loop = loop
        self.trust = trust
    }

    /// A masking key that nobody can foresee (RFC 6455 section 5.3), never zero.
    func nextMask() -> UInt32 { UInt32.random(in: 1...UInt32.max, using: &random) }

    func nextHandshakeKey() -> [UInt8] { SecureRandom.bytes(WebSocketHandshake.keyBytes) }

    /// The authorities; made when they are first needed.
    package func authorities() throws(SecureTransportError) -> TLSClientContext {
        if let trust { return trust }
        let system = try TLSClientContext(trusting: .system)
        trust = system
        return system
    }
}
