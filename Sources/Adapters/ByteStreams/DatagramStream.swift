internal import EventLoops
package import PeerConnection
internal import SecureTransport
internal import Wire

/// Datagrams over a connection, framed. What cannot be sent soon is dropped, as a network does: late media is of no use.
package final class DatagramStream: ByteStreamDelegate {
    /// Bytes that may wait; what comes then is dropped.
    package static let maximumQueuedBytes = 65_536

    /// Bytes that may be changed in place and are gone after the call.
    package var onDatagram: ((inout MutableRawSpan) -> Void)?
    /// The peer has ended it, or it broke; why, for people. Called once; the owner then closes.
    package var onEnd: ((String) -> Void)?
    /// TLS is agreed upon, and datagrams can be sent; not called without TLS.
    package var onSecured: (() -> Void)?
    /// Datagrams that were dropped.
    package private(set) var dropped = 0
    private let stream: ByteStream
    private let framing: StreamFraming
    private var datagrams: StreamDatagrams
    private var frame: [UInt8] = []
    private var isClosed = false

    /// - Parameter stream: connected; its TLS may be agreed upon later.
    package init(_ stream: ByteStream, framing: StreamFraming) {
        self.stream = stream
        self.framing = framing
        datagrams = StreamDatagrams(framing)
        stream.delegate = self
    }

    /// Sends one datagram, or drops it.
    package func send(_ datagram: RawSpan) {
        guard !isClosed else { return }
        frame.removeAll(keepingCapacity: true)
        guard stream.queuedBytes < Self.maximumQueuedBytes, framing.append(datagram, to: &frame) else {
            dropped += 1
            return
        }
        stream.write(frame)
    }

    /// Ends the connection. No callback comes afterwards.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        onDatagram = nil
        onEnd = nil
        onSecured = nil
        stream.close()
    }

    package func streamReceived(_ bytes: inout MutableRawSpan) {
        var offset = 0
        while !isClosed, let piece = datagrams.next(bytes.bytes, at: &offset) {
            switch piece {
            case .range(let range):
                var datagram = bytes._mutatingExtracting(range)
                onDatagram?(&datagram)
            case .whole(var datagram): datagram.withMutableBytes { onDatagram?(&$0) }
            case .invalid: return end("what the peer sends cannot be told apart")
            }
        }
    }

    package func streamSecured() { onSecured?() }

    package func streamDrained() {}

    package func streamEnded(_ failure: ByteStreamFailure?) {
        switch failure {
        case nil: end("the peer ended the connection")
        case .network(let error): end(error.summary)
        case .tls(let failure): end(failure.summary)
        }
    }

    private func end(_ reason: String) {
        guard !isClosed, let onEnd else { return }
        self.onEnd = nil
        onEnd(reason)
    }
}
