internal import COpenSSL
package import PeerConnection

/// DTLS and SRTP for peer connections. One certificate and one OpenSSL context serve every association made here.
///
/// A factory may be used by several threads at once; each association belongs to the thread that made it.
// SAFETY: all stored properties are constants, SSL_new may be called on one SSL_CTX from any thread, and nothing
// changes the context after `init`.
@safe
package final class OpenSSLTransportFactory: SecureTransportFactory, @unchecked Sendable {
    /// Cipher suites in order of preference (docs/livekit-protocol.md#media); forward secrecy only.
    static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
    ]
    static let groups = "X25519:P-256:P-384"

    /// SHA-256 fingerprint of the certificate that all associations present.
    package var localFingerprint: CertificateFingerprint { certificate.fingerprint }

    let initialRetransmission: Duration
    private let certificate: SelfSignedCertificate
    private let context: OpaquePointer

    /// Makes the certificate and the context.
    /// - Parameters:
    ///   - profiles: SRTP profiles in order of preference.
    ///   - initialRetransmission: how long a flight waits for its answer before it is sent again; doubles each time.
    package init(
        profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80],
        initialRetransmission: Duration = .milliseconds(100)
    ) throws(SecureTransportError) {
        certificate = try SelfSignedCertificate()
        self.initialRetransmission = initialRetransmission
        OpenSSLErrorQueue.clear()
        // SAFETY: the context lives until deinit.
        guard let context = unsafe SSL_CTX_new(DTLS_method()) else { throw .context(OpenSSLErrorQueue.drain()) }
        let profileNames = profiles.map { $0 == .aeadAES128GCM ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80" }
        unsafe SSL_CTX_set_options(context, copenssl_dtls_options())
        unsafe copenssl_ctx_disable_session_cache(context)
        // SAFETY: the certificate and key are alive; the library takes its own references to them.
        let isComplete =
            unsafe copenssl_ctx_set_protocol_range(context, DTLS1_2_VERSION, DTLS1_2_VERSION) == 1
            && SSL_CTX_set_cipher_list(context, Self.cipherSuites.joined(separator: ":")) == 1
            && copenssl_ctx_set_groups(context, Self.groups) == 1
            && SSL_CTX_set_tlsext_use_srtp(context, profileNames.joined(separator: ":")) == 0
            && SSL_CTX_use_certificate(context, certificate.certificate) == 1
            && SSL_CTX_use_PrivateKey(context, certificate.key) == 1
        guard isComplete else {
            unsafe SSL_CTX_free(context)
            throw .context(OpenSSLErrorQueue.drain())
        }
        // Both ends must show a certificate; the callback compares it with the SDP instead of asking authorities.
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        unsafe SSL_CTX_set_cert_verify_callback(context, { store, _ in unsafe DTLSLink.verify(store) }, nil)
        unsafe self.context = context
    }

    // SAFETY: the context is freed once; associations count references of their own.
    deinit { unsafe SSL_CTX_free(context) }

    package func makeDTLS() -> any DTLSTransport { makeAssociation() }

    package func makeSRTP(_ keys: SRTPKeys) -> (any SRTPTransform)? { SRTPContext(keys) }

    func makeAssociation() -> DTLSAssociation {
        // SAFETY: the context lives until deinit.
        unsafe DTLSAssociation(
            context: context, localFingerprint: localFingerprint, initialRetransmission: initialRetransmission)
    }
}
