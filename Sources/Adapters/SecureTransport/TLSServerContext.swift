internal import COpenSSL

/// What every incoming TLS connection of the process has in common: our certificate and key, and whose certificates clients
/// must bring. TLS 1.2 with forward secrecy and authenticated encryption, and TLS 1.3.
///
/// May be shared by threads; each session belongs to the thread that made it.
// SAFETY: the only stored property is a constant, and nothing changes the SSL_CTX after `init`.
@safe
package final class TLSServerContext: @unchecked Sendable {
    /// For TLS 1.2; those of TLS 1.3 are all good.
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    let context: OpaquePointer

    /// - Parameters:
    ///   - certificate: a PEM file with our certificate, and those that lead from it to a known authority behind it.
    ///   - key: a PEM file with its private key.
    ///   - clientAuthorities: a PEM file with the authorities that vouch for clients; nil when clients need no
    ///     certificate.
    package init(
        certificate: String, key: String, clientAuthorities: String? = nil
    ) throws(SecureTransportError) {
        OpenSSLErrorQueue.clear()
        // SAFETY: the context lives until deinit; what is passed to it is used during the call only.
        guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { throw .context(OpenSSLErrorQueue.drain()) }
        do throws(SecureTransportError) {
            try unsafe Self.configure(context)
            try unsafe Self.load(certificate: certificate, key: key, into: context)
            if let clientAuthorities { try unsafe Self.require(clientAuthorities, in: context) }
        } catch {
            unsafe SSL_CTX_free(context)
            throw error
        }
        unsafe self.context = context
    }

    // SAFETY: the context is freed once; sessions count references of their own.
    deinit { unsafe SSL_CTX_free(context) }

    private static func configure(_ context: OpaquePointer) throws(SecureTransportError) {
        // SAFETY: the context lives until deinit; what is passed to it is used during the call only.
        unsafe SSL_CTX_set_options(context, copenssl_tls_server_options())
        unsafe copenssl_ctx_release_buffers(context)
        unsafe copenssl_ctx_select_http1(context)
        guard unsafe copenssl_ctx_set_protocol_range(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1,
            unsafe SSL_CTX_set_cipher_list(context, ciphers) == 1,
            unsafe SSL_CTX_set_session_id_context(context, "VoiceGateway", 12) == 1
        else { throw .context(OpenSSLErrorQueue.drain()) }
    }

    private static func load(
        certificate: String, key: String, into context: OpaquePointer
    ) throws(SecureTransportError) {
        // SAFETY: the context lives until deinit; what is passed to it is used during the call only.
        guard unsafe SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw .serverCertificate(path: certificate, reason: OpenSSLErrorQueue.drain())
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            let reason = OpenSSLErrorQueue.drain()
            throw .serverKey(
                path: key,
                reason: reason.contains("mismatch") ? "it is not the key of the certificate in \(certificate)" : reason)
        }
    }

    private static func require(_ authorities: String, in context: OpaquePointer) throws(SecureTransportError) {
        // SAFETY: the context lives until deinit; what is passed to it is used during the call only.
        guard unsafe SSL_CTX_load_verify_file(context, authorities) == 1,
            let names = unsafe SSL_load_client_CA_file(authorities)
        else { throw .certificateAuthorities(path: authorities, reason: OpenSSLErrorQueue.drain()) }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }
}
