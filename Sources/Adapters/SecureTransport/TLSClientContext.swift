internal import COpenSSL

/// What every outgoing TLS connection of the process has in common: the authorities it trusts.
///
/// May be shared by threads; each session belongs to the thread that made it.
// SAFETY: the only stored property is a constant, and nothing changes the SSL_CTX after `init`.
@safe
package final class TLSClientContext: @unchecked Sendable {
    /// Who may vouch for a server.
    package enum Authorities: Hashable, Sendable {
        /// Those of the operating system.
        case system
        /// Only those in a PEM file.
        case file(String)
    }

    let context: OpaquePointer

    package init(trusting authorities: Authorities = .system) throws(SecureTransportError) {
        OpenSSLErrorQueue.clear()
        // SAFETY: the context lives until deinit.
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw .context(OpenSSLErrorQueue.drain()) }
        unsafe SSL_CTX_set_options(context, copenssl_tls_options())
        guard unsafe copenssl_ctx_set_protocol_range(context, TLS1_2_VERSION, TLS1_3_VERSION) == 1 else {
            unsafe SSL_CTX_free(context)
            throw .context(OpenSSLErrorQueue.drain())
        }
        switch authorities {
        case .system:
            // An empty system store is no error here: the first handshake then says what is missing.
            unsafe SSL_CTX_set_default_verify_paths(context)
        case .file(let path):
            guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else {
                unsafe SSL_CTX_free(context)
                throw .certificateAuthorities(path: path, reason: OpenSSLErrorQueue.drain())
            }
        }
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        unsafe self.context = context
    }

    // SAFETY: the context is freed once; sessions count references of their own.
    deinit { unsafe SSL_CTX_free(context) }
}
