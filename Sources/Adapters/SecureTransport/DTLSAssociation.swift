internal import COpenSSL
package import PeerConnection
package import Wire

/// One DTLS 1.2 association over OpenSSL: datagrams in and out, no socket, no thread.
///
/// OpenSSL reads its own clock for retransmissions, so `nextDeadline` is what OpenSSL says is left, counted from the
/// `now` of the call, plus a little: a call that comes early does nothing and names the next deadline.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
package final class DTLSAssociation: DTLSTransport {
    /// Largest datagram of a handshake, in bytes: fits any path that carries WebRTC.
    package static let maximumTransmissionUnit = 1200
    /// Largest payload of one record (RFC 5246 section 6.2.1).
    static let maximumPlaintext = 16_384
    /// Datagrams kept that come before `start`: the peer may have our SDP before we have its.
    static let maximumEarlyDatagrams = 8

    private enum State { case idle, handshaking, connected, over }

    package let localFingerprint: CertificateFingerprint
    package private(set) var nextDeadline: Instant?

    private let link: DTLSLink
    /// Nil only if memory ran out; the association then fails at its start.
    private let ssl: OpaquePointer?
    private var role = DTLSRole.client
    private var state = State.idle
    private var early: [[UInt8]] = []

    init(context: OpaquePointer, localFingerprint: CertificateFingerprint, initialRetransmission: Duration) {
        self.localFingerprint = localFingerprint
        link = DTLSLink(initialRetransmission: initialRetransmission)
        OpenSSLErrorQueue.clear()
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard let ssl = unsafe SSL_new(context) else {
            unsafe self.ssl = nil
            return
        }
        guard let bio = unsafe link.makeBIO() else {
            unsafe SSL_free(ssl)
            unsafe self.ssl = nil
            return
        }
        // One BIO for both directions: SSL_set_bio then takes a single reference, and SSL_free frees it.
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe link.attach(to: ssl)
        _ = unsafe copenssl_dtls_set_link_mtu(ssl, Self.maximumTransmissionUnit)
        unsafe self.ssl = ssl
    }

    // SAFETY: the association is freed once, by its only owner.
    deinit { unsafe SSL_free(ssl) }

    package func start(role: DTLSRole, expecting: [CertificateFingerprint], now: Instant) {
        guard state == .idle else { return }
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard let ssl = unsafe ssl else { return fail("out of memory") }
        self.role = role
        link.expected = expecting
        state = .handshaking
        switch role {
        case .client: unsafe SSL_set_connect_state(ssl)
        case .server: unsafe SSL_set_accept_state(ssl)
        }
        unsafe advance(ssl)
        updateDeadline(now)
        let waiting = early
        early = []
        for datagram in waiting { receive(datagram.span.bytes, now: now) }
    }

    package func receive(_ datagram: RawSpan, now: Instant) {
        // A read of no bytes would mean the end of the connection to OpenSSL.
        guard datagram.byteCount > 0 else { return }
        switch state {
        case .over: return
        case .idle:
            if early.count < Self.maximumEarlyDatagrams { early.append([UInt8](copying: datagram)) }
            return
        case .handshaking, .connected: break
        }
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard let ssl = unsafe ssl else { return }
        unsafe datagram.withUnsafeBytes { bytes in
            // SAFETY: the link holds the pointer only while `advance` runs.
            unsafe link.inbound = bytes
            unsafe takeBuffers(ssl)
            unsafe advance(ssl)
            unsafe link.inbound = nil
        }
        unsafe returnBuffers(ssl)
        updateDeadline(now)
    }

    package func send(_ datagram: [UInt8]) {
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard state == .connected, let ssl = unsafe ssl, !datagram.isEmpty, datagram.count <= Self.maximumPlaintext
        else { return }
        OpenSSLErrorQueue.clear()
        unsafe takeBuffers(ssl)
        defer { unsafe returnBuffers(ssl) }
        // SAFETY: the bytes are only read during the call.
        let written = unsafe SSL_write(ssl, datagram, Int32(datagram.count))
        if written <= 0 { unsafe judge(SSL_get_error(ssl, written)) }
    }

    package func handleTimeout(now: Instant) {
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard state == .handshaking, let ssl = unsafe ssl, let due = nextDeadline, due <= now else { return }
        OpenSSLErrorQueue.clear()
        if unsafe copenssl_dtls_handle_timeout(ssl) < 0 {
            fail("the DTLS handshake got no answer: \(OpenSSLErrorQueue.drain())")
        }
        updateDeadline(now)
    }

    package func poll() -> DTLSOutput? { link.takeOutput() }

    package func close() {
        guard state != .over else { return }
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        if state == .connected, let ssl = unsafe ssl {
            OpenSSLErrorQueue.clear()
            unsafe takeBuffers(ssl)
            unsafe SSL_shutdown(ssl)
        }
        state = .over
        nextDeadline = nil
    }

    /// Between two datagrams a connection needs no record buffers, 33 KB that most of the many connections of a process
    /// would keep for nothing. `SSL_MODE_RELEASE_BUFFERS` leaves DTLS out.
    // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
    private func returnBuffers(_ ssl: OpaquePointer) { if state == .connected { unsafe SSL_free_buffers(ssl) } }

    // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
    private func takeBuffers(_ ssl: OpaquePointer) { if state == .connected { unsafe SSL_alloc_buffers(ssl) } }

    /// Lets the library work on what has arrived: first the handshake, then everything behind it.
    private func advance(_ ssl: OpaquePointer) {
        if state == .handshaking {
            OpenSSLErrorQueue.clear()
            // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
            let result = unsafe SSL_do_handshake(ssl)
            guard result == 1 else { return unsafe judge(SSL_get_error(ssl, result)) }
            state = .connected
            unsafe link.append(.connected(exportKeys(ssl)))
        }
        while state == .connected, unsafe readRecord(ssl) {}
    }

    /// Reads one application record; false when nothing more is there.
    private func readRecord(_ ssl: OpaquePointer) -> Bool {
        OpenSSLErrorQueue.clear()
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        return unsafe withUnsafeTemporaryAllocation(byteCount: Self.maximumPlaintext, alignment: 16) { buffer in
            // SAFETY: the library writes at most as many bytes as the buffer has, and returns how many.
            let count = unsafe SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
            guard count > 0 else {
                unsafe judge(SSL_get_error(ssl, count))
                return false
            }
            link.append(.received(unsafe [UInt8](UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))))
            return true
        }
    }

    /// Turns the outcome of a call that did not succeed into state and output.
    private func judge(_ error: Int32) {
        switch error {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        case SSL_ERROR_ZERO_RETURN:
            state = .over
            nextDeadline = nil
            link.append(.closed)
        default:
            let detail = OpenSSLErrorQueue.drain()
            fail(
                link.hasWrongCertificate
                    ? "the peer's certificate does not match the fingerprint in its SDP"
                    : "DTLS \(state == .connected ? "connection" : "handshake") failed: \(detail)")
        }
    }

    private func fail(_ reason: String) {
        state = .over
        nextDeadline = nil
        link.append(.failed(reason))
    }

    private func updateDeadline(_ now: Instant) {
        // SAFETY: OpenSSL uses the object during the call only; it lives until deinit.
        guard state == .handshaking, let ssl = unsafe ssl else {
            nextDeadline = nil
            return
        }
        var left = timeval()
        // SAFETY: the call fills the struct when it returns 1.
        guard unsafe copenssl_dtls_get_timeout(ssl, &left) == 1 else {
            nextDeadline = nil
            return
        }
        // OpenSSL 3.0 counts in wall time: a clock set back must not put the handshake to sleep.
        let wait = Duration.seconds(left.tv_sec) + .microseconds(left.tv_usec)
        nextDeadline = now + min(wait, DTLSLink.maximumRetransmission) + .milliseconds(1)
    }

    /// The SRTP keys (RFC 5764 section 4.2); nil when the peer agreed on no profile of ours.
    private func exportKeys(_ ssl: OpaquePointer) -> SRTPKeys? {
        // SAFETY: the library returns a pointer into a static table, or NULL.
        guard let selected = unsafe SSL_get_selected_srtp_profile(ssl),
            let profile = SRTPProfile(rawValue: UInt16(truncatingIfNeeded: unsafe selected.pointee.id))
        else { return nil }
        let label = "EXTRACTOR-dtls_srtp"
        let keyLength = profile.keyLength
        let saltLength = profile.saltLength
        let length = 2 * (keyLength + saltLength)
        var isExported = false
        let material = unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            // SAFETY: the library writes exactly `length` bytes.
            isExported =
                unsafe SSL_export_keying_material(
                    ssl, output.baseAddress, length, label, label.utf8.count, nil, 0, 0) == 1
            count = isExported ? length : 0
        }
        guard isExported else { return nil }
        let clientKey = [UInt8](material[..<keyLength])
        let serverKey = [UInt8](material[keyLength..<2 * keyLength])
        let clientSalt = [UInt8](material[2 * keyLength..<2 * keyLength + saltLength])
        let serverSalt = [UInt8](material[(2 * keyLength + saltLength)...])
        let isClient = role == .client
        return SRTPKeys(
            profile: profile,
            localKey: isClient ? clientKey : serverKey, localSalt: isClient ? clientSalt : serverSalt,
            remoteKey: isClient ? serverKey : clientKey, remoteSalt: isClient ? serverSalt : clientSalt)
    }
}
