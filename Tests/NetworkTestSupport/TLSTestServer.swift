internal import COpenSSL
internal import Foundation

/// A test certificate authority and the certificates that it issues.
// SAFETY: used on the loop's thread, or by one task at a time.
@safe
package final class TestAuthority {
    package let key: OpaquePointer
    package let certificate: OpaquePointer
    private var nextSerial = 2

    package init() throws {
        // SAFETY: the memory is used during the call only.
        unsafe key = try unsafe Self.makeKey()
        unsafe certificate = try unsafe Self.makeCertificate(
            name: "Test Authority", key: key, issuer: nil, issuerKey: key, serial: 1,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign")])
    }

    deinit {
        // SAFETY: the memory is used during the call only.
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    package struct SetupFailed: Error {}

    /// Writes the authority's certificate as PEM and returns the file's path.
    package func writeFile() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pem").path
        // SAFETY: the memory is used during the call only.
        guard let file = unsafe BIO_new_file(path, "w"), unsafe PEM_write_bio_X509(file, certificate) == 1 else {
            throw SetupFailed()
        }
        unsafe BIO_free(file)
        return path
    }

    /// A server certificate for `names`, for example `DNS:example.test` or `IP:127.0.0.1`.
    package func issue(_ names: String) throws -> (key: OpaquePointer, certificate: OpaquePointer) {
        // SAFETY: the memory is used during the call only.
        let leafKey = try unsafe Self.makeKey()
        defer { nextSerial += 1 }
        let leaf = try unsafe Self.makeCertificate(
            name: "server", key: leafKey, issuer: certificate, issuerKey: key, serial: nextSerial,
            extensions: [(NID_subject_alt_name, names), (NID_ext_key_usage, "serverAuth")])
        return unsafe (leafKey, leaf)
    }

    /// Writes a certificate for `names` and its key as PEM files and returns their paths.
    package func writeIssued(_ names: String) throws -> (certificate: String, key: String) {
        // SAFETY: the memory is used during the call only.
        let (key, certificate) = try unsafe issue(names)
        defer {
            unsafe X509_free(certificate)
            unsafe EVP_PKEY_free(key)
        }
        let base = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        guard let file = unsafe BIO_new_file(base + ".crt", "w"), unsafe PEM_write_bio_X509(file, certificate) == 1,
            let keyFile = unsafe BIO_new_file(base + ".key", "w"),
            unsafe PEM_write_bio_PrivateKey(keyFile, key, nil, nil, 0, nil, nil) == 1
        else { throw SetupFailed() }
        unsafe BIO_free(file)
        unsafe BIO_free(keyFile)
        return (base + ".crt", base + ".key")
    }

    private static func makeKey() throws -> OpaquePointer {
        // SAFETY: the memory is used during the call only.
        let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key
        else { throw SetupFailed() }
        return unsafe key
    }

    private static func makeCertificate(
        name: String, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer, serial: Int,
        extensions: [(Int32, String)]
    ) throws -> OpaquePointer {
        // SAFETY: the memory is used during the call only.
        guard let certificate = unsafe X509_new() else { throw SetupFailed() }
        let subject = unsafe X509_get_subject_name(certificate)
        unsafe X509_set_version(certificate, 2)
        unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        unsafe X509_NAME_add_entry_by_txt(subject, "CN", 0x1001, name, -1, -1, 0)
        unsafe X509_set_issuer_name(certificate, issuer.map { unsafe X509_get_subject_name($0) } ?? subject)
        unsafe X509_set_pubkey(certificate, key)
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer ?? certificate, certificate, nil, nil, 0)
        for (nid, value) in extensions {
            guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, nid, value) else { throw SetupFailed() }
            unsafe X509_add_ext(certificate, made, -1)
            unsafe X509_EXTENSION_free(made)
        }
        guard unsafe X509_sign(certificate, issuerKey, EVP_sha256()) > 0 else { throw SetupFailed() }
        return unsafe certificate
    }
}

/// The server's end of a TLS connection in memory.
// SAFETY: used on the loop's thread, or by one task at a time.
@safe
package final class TLSTestServer {
    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    package private(set) var received: [UInt8] = []
    package private(set) var serverName: String?
    /// What was agreed upon, best for the server first; nil before the handshake is over, or when nothing was.
    package private(set) var agreedProtocol: String?
    private let applicationProtocols: [UnsafeMutablePointer<CChar>?]
    private var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?

    package init(_ authority: TestAuthority, names: String, applicationProtocols: [String] = []) throws {
        // SAFETY: the memory is used during the call only.
        let (key, certificate) = try unsafe authority.issue(names)
        defer {
            unsafe X509_free(certificate)
            unsafe EVP_PKEY_free(key)
        }
        guard let context = unsafe SSL_CTX_new(TLS_server_method()), let incoming = unsafe BIO_new(BIO_s_mem()),
            let outgoing = unsafe BIO_new(BIO_s_mem())
        else { throw TestAuthority.SetupFailed() }
        unsafe SSL_CTX_use_certificate(context, certificate)
        unsafe SSL_CTX_use_PrivateKey(context, key)
        unsafe self.applicationProtocols = applicationProtocols.map { unsafe strdup($0) }
        if !applicationProtocols.isEmpty {
            let choose: SSL_CTX_alpn_select_cb_func = { _, out, count, offered, length, own in
                // Walks the client's list of length-prefixed names for each of ours; the answer points into ours.
                guard let offered = unsafe offered, let out = unsafe out, let count = unsafe count, let own = unsafe own
                else { return 3 }
                let names = unsafe own.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
                var ours = 0
                while let name = unsafe names[ours] {
                    let letters = unsafe UnsafeRawBufferPointer(start: name, count: strlen(name))
                    var index = 0
                    while index < Int(length) {
                        let theirs = unsafe UnsafeRawBufferPointer(
                            start: offered + index + 1, count: Int(offered[index]))
                        if unsafe theirs.elementsEqual(letters) {
                            unsafe out.pointee = UnsafePointer(
                                UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self))
                            unsafe count.pointee = UInt8(letters.count)
                            return 0
                        }
                        index += 1 + theirs.count
                    }
                    ours += 1
                }
                return 3
            }
            let names = unsafe UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
                capacity: self.applicationProtocols.count + 1)
            unsafe names.initialize(repeating: nil, count: self.applicationProtocols.count + 1)
            for index in unsafe self.applicationProtocols.indices {
                unsafe names[index] = self.applicationProtocols[index]
            }
            unsafe self.names = names
            unsafe SSL_CTX_set_alpn_select_cb(context, choose, names)
        }
        guard let ssl = unsafe SSL_new(context) else { throw TestAuthority.SetupFailed() }
        unsafe SSL_set_bio(ssl, incoming, outgoing)
        unsafe SSL_set_accept_state(ssl)
        unsafe (self.context, self.ssl, self.incoming, self.outgoing) = unsafe (context, ssl, incoming, outgoing)
    }

    deinit {
        // SAFETY: the memory is used during the call only.
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
        unsafe applicationProtocols.forEach { unsafe free($0) }
        unsafe names?.deallocate()
    }

    package func receive(_ bytes: [UInt8]) {
        // SAFETY: the memory is used during the call only.
        unsafe BIO_write(incoming, bytes, Int32(bytes.count))
        if unsafe SSL_do_handshake(ssl) == 1 {
            serverName = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { unsafe String(cString: $0) }
            var name: UnsafePointer<UInt8>?
            var length: UInt32 = 0
            unsafe SSL_get0_alpn_selected(ssl, &name, &length)
            if let name = unsafe name {
                agreedProtocol = unsafe String(
                    decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = unsafe SSL_read(ssl, &buffer, Int32(buffer.count))
                guard count > 0 else { break }
                received += buffer[..<Int(count)]
            }
        }
        ERR_clear_error()
    }

    // SAFETY: the memory is used during the call only.
    package func send(_ bytes: [UInt8]) { unsafe SSL_write(ssl, bytes, Int32(bytes.count)) }

    /// Forgets what has been received.
    package func forgetReceived() { received = [] }

    // SAFETY: the memory is used during the call only.
    package func close() { unsafe SSL_shutdown(ssl) }

    /// What the server wants to send.
    package func take() -> [UInt8] {
        // SAFETY: the memory is used during the call only.
        var buffer = unsafe [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(outgoing)))
        if !buffer.isEmpty { unsafe BIO_read(outgoing, &buffer, Int32(buffer.count)) }
        return buffer
    }
}
