internal import COpenSSL
internal import PeerConnection
internal import Wire

/// Where OpenSSL meets an association: the custom BIO reads and writes whole datagrams here, and the callbacks find
/// what they need. A memory BIO would run datagrams together, and a lost record could then not be sent alone.
// SAFETY: OpenSSL calls back within calls of the association, which holds the link.
@safe
final class DTLSLink {
    /// The datagram being handled; set only during a call into the library, taken by the first read.
    var inbound: UnsafeRawBufferPointer?
    var expected: [CertificateFingerprint] = []
    /// The peer showed a certificate that has none of the expected fingerprints.
    private(set) var hasWrongCertificate = false
    let initialRetransmission: Duration
    private var outputs: [DTLSOutput] = []
    private var firstOutput = 0

    /// Retransmissions are never farther apart than this.
    static let maximumRetransmission: Duration = .seconds(6)

    init(initialRetransmission: Duration) { self.initialRetransmission = initialRetransmission }

    func append(_ output: DTLSOutput) { outputs.append(output) }

    func takeOutput() -> DTLSOutput? {
        guard firstOutput < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            firstOutput = 0
            return nil
        }
        defer { firstOutput += 1 }
        return outputs[firstOutput]
    }

    /// A BIO over this link, to be handed to `SSL_set_bio`. The link must outlive it.
    func makeBIO() -> OpaquePointer? {
        // SAFETY: OpenSSL calls back within a call of the association, which holds this link.
        guard let method = unsafe Self.method, let bio = unsafe BIO_new(method) else { return nil }
        // SAFETY: the association owns this link and frees the SSL, and with it the BIO, before the link.
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    /// Lets the callbacks of `ssl` find this link.
    func attach(to ssl: OpaquePointer) {
        // SAFETY: as for makeBIO; slot 0 is the one that applications own (SSL_set_app_data).
        unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        // SAFETY: the callback runs only during calls into `ssl`.
        unsafe DTLS_set_timer_cb(ssl) { ssl, previous in
            guard let link = unsafe DTLSLink.of(ssl) else { return previous }
            let next =
                previous == 0
                ? link.initialRetransmission : min(.microseconds(previous) * 2, DTLSLink.maximumRetransmission)
            return UInt32(clamping: next.nanoseconds / 1000)
        }
    }

    private static func of(_ ssl: OpaquePointer?) -> DTLSLink? {
        // SAFETY: OpenSSL calls back within a call of the association, which holds this link.
        guard let ssl = unsafe ssl, let pointer = unsafe SSL_get_ex_data(ssl, 0) else { return nil }
        // SAFETY: attach(to:) stored a DTLSLink that outlives the SSL.
        return unsafe Unmanaged<DTLSLink>.fromOpaque(pointer).takeUnretainedValue()
    }

    private static func of(bio: OpaquePointer?) -> DTLSLink? {
        // SAFETY: OpenSSL calls back within a call of the association, which holds this link.
        guard let bio = unsafe bio, let pointer = unsafe BIO_get_data(bio) else { return nil }
        // SAFETY: makeBIO stored a DTLSLink that outlives the BIO.
        return unsafe Unmanaged<DTLSLink>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The certificate callback: 1 accepts the peer.
    static func verify(_ store: OpaquePointer?) -> Int32 {
        // SAFETY: OpenSSL calls back within a call of the association, which holds this link.
        guard let store = unsafe store, let certificate = unsafe X509_STORE_CTX_get0_cert(store),
            // SAFETY: OpenSSL keeps the SSL that it verifies for in this slot of the store context.
            let pointer = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let link = unsafe of(OpaquePointer(pointer))
        else { return 0 }
        if unsafe CertificateDigest.matches(certificate, oneOf: link.expected) { return 1 }
        link.hasWrongCertificate = true
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
        return 0
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        // SAFETY: OpenSSL calls back within a call of the association, which holds this link.
        guard let datagram = unsafe inbound else { return nil }
        unsafe inbound = nil
        let count = min(datagram.count, buffer.count)
        // SAFETY: both buffers hold at least `count` bytes during the call.
        unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: datagram[..<count]))
        return count
    }

    /// One for the process; a BIO_METHOD is immutable once its callbacks are set.
    // SAFETY: initialised once under the runtime's lock and only read afterwards.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram") else {
            return nil
        }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            guard let link = unsafe of(bio: bio), let bytes = unsafe bytes, count >= 0 else { return -1 }
            unsafe copenssl_bio_clear_retry_flags(bio)
            // SAFETY: OpenSSL passes `count` readable bytes.
            link.append(.transmit(unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(count)))))
            return count
        }
        unsafe BIO_meth_set_read(method) { bio, bytes, count in
            guard let link = unsafe of(bio: bio), let bytes = unsafe bytes, count >= 0 else { return -1 }
            unsafe copenssl_bio_clear_retry_flags(bio)
            // SAFETY: OpenSSL passes room for `count` bytes.
            if let read = unsafe link.read(into: unsafe UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
            {
                return Int32(read)
            }
            unsafe copenssl_bio_set_retry_read(bio)
            return -1
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in
            // The library asks about MTU, peers and timers; only a flush has to succeed.
            command == BIO_CTRL_FLUSH ? 1 : 0
        }
        return unsafe method
    }()

    private static let BIO_TYPE_SOURCE_SINK: Int32 = 0x0400
}
