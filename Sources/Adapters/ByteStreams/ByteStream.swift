package import EventLoops
package import SecureTransport
package import Wire

/// Who uses a `ByteStream`.
package protocol ByteStreamDelegate: AnyObject {
    /// Bytes that are gone after the call and may be changed until then.
    func streamReceived(_ bytes: inout MutableRawSpan)
    /// TLS is agreed upon; plain streams never say so.
    func streamSecured()
    /// Nothing more will be received: the peer has ended its half (nil) or the stream broke.
    func streamEnded(_ failure: ByteStreamFailure?)
    /// All that was written has been handed to the kernel.
    func streamDrained()
}

/// Why a stream broke.
package enum ByteStreamFailure: Error {
    case network(EventLoopError)
    case tls(TLSFailure)
}

/// A connected TCP connection, with TLS over it or not: bytes in, bytes out.
///
/// The connection, which the loop keeps while it is open, holds the stream, and the stream its delegate; `close` undoes
/// both.
package final class ByteStream {
    /// How much the kernel may hold that it has not sent (TCP_NOTSENT_LOWAT). A slow reader's audio shall wait in our
    /// queue, where the oldest can be dropped, and not in megabytes of socket buffer, where it cannot.
    package static let maximumUnsentBytes = 32_768

    package let remoteAddress: TransportAddress?
    package var delegate: (any ByteStreamDelegate)?
    private let connection: TCPConnection
    private var session: TLSSession?
    /// A server's end: the client's first byte shows whether it speaks TLS at all.
    private var awaitsFirstByte: Bool
    /// A server's part of the handshake, until TLS is agreed upon. It costs half a millisecond or more, so a crowd of newcomers
    /// would hold up calls if each were answered at once.
    private var handshake: BackgroundWork?
    /// What the handshake has not taken yet: no more than one read, because the next one waits for it.
    private var unread: [UInt8] = []
    private var isPaused = false
    private var isDraining = false
    private var hasEnded = false

    /// - Parameters:
    ///   - session: TLS that has not been started; nil for a plain stream.
    ///   - isServer: the peer begins. If it does not begin with TLS, the stream is a plain one.
    package init(_ connection: TCPConnection, session: TLSSession? = nil, isServer: Bool = false) {
        awaitsFirstByte = isServer && session != nil
        self.connection = connection
        self.session = session
        remoteAddress = connection.remoteAddress
        connection.limitUnsentBytes(Self.maximumUnsentBytes)
        if awaitsFirstByte {
            handshake = BackgroundWork(.handshakes, loop: connection.loop) { [weak self] in
                self?.shakeHands()
                return false
            }
        }
        connection.onBytes = { [self] bytes in received(&bytes) }
        connection.onEnd = { [self] error in ended(error) }
        connection.onDrain = { [self] in delegate?.streamDrained() }
    }

    /// Whether bytes go out as they are. Then nothing is reported within a call of `write`.
    package var isPlain: Bool { session == nil }

    /// Whom the peer's certificate names, once TLS is agreed upon; nil when it has shown none.
    package var peerNames: CertificateNames? { session?.peerNames }

    /// Sends the first bytes of TLS, or waits for the client's.
    package func startTLS() {
        session?.start()
        drain()
    }

    /// Bytes that the kernel has not taken.
    package var queuedBytes: Int { connection.queuedBytes }

    /// Bytes of what was written that the peer's TCP has not acknowledged. Over TLS they are more on the wire than they
    /// were; a tenth is left out for that, as much as small records take.
    package var unacknowledgedBytes: Int {
        let count = connection.queuedBytes + connection.unacknowledgedBytes
        return isPlain ? count : count / 10 * 9
    }

    /// Sends the bytes, or keeps a copy of what the kernel does not take. Failures are reported by `streamEnded`.
    package func write(_ bytes: RawSpan) {
        guard !connection.isClosed else { return }
        if let session {
            session.send([UInt8](copying: bytes))
            return drain()
        }
        writePlain(bytes)
    }

    package func write(_ bytes: [UInt8]) { write(bytes.span.bytes) }

    private func writePlain(_ bytes: RawSpan) {
        let taken = connection.tryWrite(bytes)
        guard taken < bytes.byteCount else { return }
        connection.write([UInt8](copying: bytes.extracting(taken..<bytes.byteCount)))
    }

    package func pauseReading() {
        isPaused = true
        connection.pauseReading()
    }

    package func resumeReading() {
        isPaused = false
        if unread.isEmpty { connection.resumeReading() }
    }

    /// Ends our half after what was written: close_notify for TLS, FIN for TCP.
    package func finish() {
        guard !connection.isClosed else { return }
        if let session {
            session.close()
            drain()
        }
        connection.shutdown()
    }

    /// Ends everything at once. No callback comes afterwards.
    package func close() {
        delegate = nil
        if !connection.isClosed, let session {
            session.close()
            drain()
        }
        connection.close()
    }

    /// Gives the connection up for another loop: its descriptor and its TLS. No callback comes afterwards.
    ///
    /// - Returns: nil when that is impossible at the moment, as within a callback of TLS; nothing has changed then.
    package func detach() -> (descriptor: Int32, session: TLSSession?)? {
        guard !hasEnded, !isDraining, let descriptor = connection.detach() else { return nil }
        delegate = nil
        return (descriptor, session)
    }

    /// Takes bytes that came before the stream was made, as if they came now.
    package func deliver(_ early: [UInt8]) {
        guard !early.isEmpty else { return }
        var early = early
        early.withMutableBytes { received(&$0) }
    }

    private func received(_ bytes: inout MutableRawSpan) {
        if awaitsFirstByte {
            awaitsFirstByte = false
            if bytes.isEmpty || bytes.bytes[0] != TLSSession.firstByte {
                session = nil
                endHandshake()
            }
        }
        guard let session else {
            delegate?.streamReceived(&bytes)
            return
        }
        guard let handshake else {
            session.receive(bytes.bytes)
            return drain()
        }
        unread += [UInt8](copying: bytes.bytes)
        connection.pauseReading()
        handshake.request()
    }

    /// Does the step of the handshake for which the client has sent what is needed.
    private func shakeHands() {
        guard let session, !connection.isClosed else { return }
        let bytes = unread
        unread = []
        session.receive(bytes.span.bytes)
        drain()
        if !isPaused, !connection.isClosed { connection.resumeReading() }
    }

    private func endHandshake() {
        handshake?.cancel()
        handshake = nil
    }

    private func ended(_ error: EventLoopError?) {
        endHandshake()
        if let session, !hasEnded {
            session.receiveEnd()
            drain()
        }
        guard !hasEnded else { return }
        hasEnded = true
        delegate?.streamEnded(error.map { .network($0) })
    }

    /// Does what the TLS session wants done. Callbacks that write in turn only add to it: bytes are never delivered
    /// inside a delivery.
    private func drain() {
        guard let session, !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while let output = session.poll() {
            switch output {
            case .transmit(let bytes):
                writePlain(bytes.span.bytes)
            case .connected:
                endHandshake()
                delegate?.streamSecured()
            case .received(var bytes):
                bytes.withMutableBytes { delegate?.streamReceived(&$0) }
            case .closed:
                end(nil)
            case .failed(let failure):
                end(.tls(failure))
            }
        }
    }

    private func end(_ failure: ByteStreamFailure?) {
        guard !hasEnded else { return }
        hasEnded = true
        delegate?.streamEnded(failure)
    }
}
