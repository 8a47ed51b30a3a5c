internal import COpenSSL
internal import Wire

/// Why a TLS connection failed. The text goes to the log and to the operator.
package enum TLSFailure: Error, Hashable, Sendable {
    /// The peer's certificate cannot be trusted: a server's for this host, or a client's.
    case certificateRejected(host: String, reason: String)
    /// The handshake or a record failed; for example the peer does not speak TLS.
    case `protocol`(host: String, reason: String)
    /// The TCP connection ended without close_notify; what came before may be incomplete.
    case truncated(host: String)
}

extension TLSFailure: CustomStringConvertible {
    /// What happened, without the host; the reasons are OpenSSL's words about the exchange.
    package var summary: String {
        switch self {
        case .certificateRejected(_, let reason): "TLS: the certificate was rejected: \(reason)"
        case .protocol(_, let reason): "TLS failed: \(reason)"
        case .truncated: "TLS: the connection ended in the middle"
        }
    }

    package var description: String {
        switch self {
        case .certificateRejected(let host, let reason): "the certificate of \(host) was rejected: \(reason)"
        case .protocol(let host, let reason): "TLS with \(host) failed: \(reason)"
        case .truncated(let host): "\(host) ended the connection in the middle of TLS"
        }
    }
}

/// What a TLS session wants done.
package enum TLSOutput: Sendable {
    /// Write these bytes to the TCP connection.
    case transmit([UInt8])
    /// The handshake is over, and the peer is who it says it is, as far as that was asked for; carries the application
    /// protocol agreed upon, if any.
    case connected(applicationProtocol: String?)
    /// Decrypted bytes from the peer.
    case received([UInt8])
    /// The peer sent close_notify: no more bytes will come.
    case closed
    /// Over, for this reason.
    case failed(TLSFailure)
}

/// One side of a TLS connection as a sans-I/O object: TCP bytes in, TCP bytes and plaintext out.
/// After every call drain `poll()`.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class TLSSession {
    /// Bytes read from the library at a time: one full record.
    static let maximumPlaintext = 16_384
    /// Bytes that may be sent before the handshake is over.
    package static let maximumEarlyBytes = 1 << 20
    /// With which a client begins: the type of a handshake record (RFC 8446 section 5.1).
    package static let firstByte: UInt8 = 22
    /// RFC 1035 section 2.3.4.
    static let maximumHostLength = 253

    private enum State { case idle, handshaking, connected, over }

    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// The other side, for messages.
    private let host: String
    private var state = State.idle
    private var early: [UInt8] = []
    private var outputs: [TLSOutput] = []
    private var firstOutput = 0

    /// - Parameters:
    ///   - host: DNS name or IP address that the certificate must be for, without brackets or port.
    ///   - applicationProtocols: for ALPN (RFC 7301), best first; 1 to 255 bytes each.
    package convenience init(
        _ context: TLSClientContext, host: String, applicationProtocols: [String] = []
    ) throws(SecureTransportError) {
        guard !host.isEmpty, host.utf8.count <= Self.maximumHostLength, !host.utf8.contains(0) else {
            throw .hostName(host)
        }
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        try unsafe self.init(context.context, host: host)
        unsafe SSL_set_connect_state(ssl)
        let isVerifiable: Bool
        if IPAddress(host) != nil {
            isVerifiable = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
        } else {
            unsafe SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
            isVerifiable = unsafe SSL_set1_host(ssl, host) == 1 && copenssl_set_server_name(ssl, host) == 1
        }
        guard isVerifiable else { throw .hostName(host) }
        let offered = applicationProtocols.filter { (1...255).contains($0.utf8.count) }
        if !offered.isEmpty {
            let list = offered.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            // SAFETY: the library copies the list. It returns 0 for success here.
            _ = unsafe SSL_set_alpn_protos(ssl, list, UInt32(list.count))
        }
    }

    /// The server's side.
    package convenience init(_ context: TLSServerContext) throws(SecureTransportError) {
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        try unsafe self.init(context.context, host: "the client")
        unsafe SSL_set_accept_state(ssl)
    }

    /// - Parameter context: the SSL holds a reference of its own to it.
    private init(_ context: OpaquePointer, host: String) throws(SecureTransportError) {
        OpenSSLErrorQueue.clear()
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        guard let ssl = unsafe SSL_new(context), let incoming = unsafe BIO_new(BIO_s_mem()),
            let outgoing = unsafe BIO_new(BIO_s_mem())
        else { throw .context(OpenSSLErrorQueue.drain()) }
        // The SSL owns both from here on, and frees them with itself.
        unsafe SSL_set_bio(ssl, incoming, outgoing)
        unsafe self.ssl = ssl
        unsafe self.incoming = incoming
        unsafe self.outgoing = outgoing
        self.host = host
    }

    // SAFETY: the session is freed once, with its two BIOs, by its only owner.
    deinit { unsafe SSL_free(ssl) }

    /// Sends the client's first flight, or waits for it.
    package func start() {
        guard state == .idle else { return }
        state = .handshaking
        advance()
    }

    /// Takes bytes from the TCP connection.
    package func receive(_ bytes: RawSpan) {
        guard state == .handshaking || state == .connected else { return }
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        unsafe bytes.withUnsafeBytes { buffer in
            var remaining = unsafe buffer[...]
            while unsafe !remaining.isEmpty {
                let part = unsafe UnsafeRawBufferPointer(rebasing: remaining.prefix(1 << 20))
                // SAFETY: a memory BIO copies the bytes and takes all of them, unless memory runs out.
                let taken = unsafe BIO_write(incoming, part.baseAddress, Int32(part.count))
                guard taken > 0 else { return }
                unsafe remaining = remaining.dropFirst(Int(taken))
            }
        }
        advance()
    }

    /// The TCP connection ended.
    package func receiveEnd() {
        guard state == .handshaking || state == .connected else { return }
        fail(.truncated(host: host))
    }

    /// Sends plaintext; kept until the handshake is over. False when the session is over or too much is kept.
    @discardableResult
    package func send(_ plaintext: [UInt8]) -> Bool {
        switch state {
        case .over: return false
        case .idle, .handshaking:
            guard early.count + plaintext.count <= Self.maximumEarlyBytes else { return false }
            early += plaintext
            return true
        case .connected:
            write(plaintext)
            return state == .connected
        }
    }

    /// The next thing to do, nil when drained.
    package func poll() -> TLSOutput? {
        guard firstOutput < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            firstOutput = 0
            return nil
        }
        defer { firstOutput += 1 }
        return outputs[firstOutput]
    }

    /// Sends close_notify once; later calls do nothing.
    package func close() {
        guard state != .over else { return }
        if state == .connected {
            OpenSSLErrorQueue.clear()
            // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
            unsafe SSL_shutdown(ssl)
            flush()
        }
        state = .over
    }

    private func advance() {
        if state == .handshaking {
            OpenSSLErrorQueue.clear()
            // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
            let result = unsafe SSL_do_handshake(ssl)
            let error = unsafe result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result)
            flush()
            guard result == 1 else { return judge(error) }
            state = .connected
            outputs.append(.connected(applicationProtocol: agreedProtocol()))
            let waiting = early
            early = []
            write(waiting)
        }
        while state == .connected, readSome() {}
        flush()
    }

    private func readSome() -> Bool {
        OpenSSLErrorQueue.clear()
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.maximumPlaintext, alignment: 16) { buffer in
            // SAFETY: the library writes at most as many bytes as the buffer has, and returns how many.
            let count = unsafe SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
            guard count > 0 else {
                unsafe judge(SSL_get_error(ssl, count))
                return false
            }
            outputs.append(.received(unsafe [UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))))
            return true
        }
    }

    private func write(_ plaintext: [UInt8]) {
        guard !plaintext.isEmpty else { return }
        OpenSSLErrorQueue.clear()
        // A memory BIO never asks us to wait, so one call takes everything.
        // SAFETY: the bytes are only read during the call.
        let written = unsafe SSL_write(ssl, plaintext, Int32(clamping: plaintext.count))
        if written <= 0 { unsafe judge(SSL_get_error(ssl, written)) }
        flush()
    }

    /// Moves what the library wrote into the outputs.
    private func flush() {
        // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
        let pending = unsafe Int(BIO_ctrl_pending(outgoing))
        guard pending > 0 else { return }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: pending) { buffer, count in
            // SAFETY: the buffer has room for `pending` bytes.
            count = max(0, Int(unsafe BIO_read(outgoing, buffer.baseAddress, Int32(clamping: pending))))
        }
        outputs.append(.transmit(bytes))
    }

    private func judge(_ error: Int32) {
        switch error {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        case SSL_ERROR_ZERO_RETURN:
            state = .over
            outputs.append(.closed)
        default:
            // SAFETY: the session and its BIOs live until deinit; what is passed to them is used during the call only.
            let verdict = unsafe SSL_get_verify_result(ssl)
            let detail = OpenSSLErrorQueue.drain()
            if state == .handshaking, verdict != Int(X509_V_OK) {
                // SAFETY: the library returns a static string.
                let reason = unsafe String(cString: X509_verify_cert_error_string(verdict))
                fail(.certificateRejected(host: host, reason: reason))
            } else {
                fail(.protocol(host: host, reason: detail))
            }
        }
    }

    private func fail(_ failure: TLSFailure) {
        flush()
        state = .over
        outputs.append(.failed(failure))
    }

    /// Whom the peer's certificate names, after the handshake; nil when it has shown none.
    package var peerNames: CertificateNames? {
        // SAFETY: the certificate counts a reference of ours, which is given back here.
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        return unsafe CertificateNames(certificate)
    }

    private func agreedProtocol() -> String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        // SAFETY: the pointer that comes back lies in the session and is read at once.
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        guard count > 0, let start = unsafe start else { return nil }
        return unsafe String(decoding: unsafe UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }
}
