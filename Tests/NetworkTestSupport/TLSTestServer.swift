internal import COpenSSL
internal import Foundation

/// A test certificate authority and the certificates that it issues.
package final class TestAuthority {
    package let key: OpaquePointer
    package let certificate: OpaquePointer
    private var nextSerial = 2

    package init() throws {
        key = try Self.makeKey()
        certificate = try Self.makeCertificate(
            name: "Test Authority", key: key, issuer: nil, issuerKey: key, serial: 1,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign")])
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    package struct SetupFailed: Error {}

    /// Writes the authority's certificate as PEM and returns the file's path.
    package func writeFile() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pem").path
        guard let file = BIO_new_file(path, "w"), PEM_write_bio_X509(file, certificate) == 1 else {
            throw SetupFailed()
        }
        BIO_free(file)
        return path
    }

    /// A server certificate for `names`, for example `DNS:example.test` or `IP:127.0.0.1`.
    package func issue(_ names: String) throws -> (key: OpaquePointer, certificate: OpaquePointer) {
        let leafKey = try Self.makeKey()
        defer { nextSerial += 1 }
        let leaf = try Self.makeCertificate(
            name: "server", key: leafKey, issuer: certificate, issuerKey: key, serial: nextSerial,
            extensions: [(NID_subject_alt_name, names), (NID_ext_key_usage, "serverAuth")])
        return (leafKey, leaf)
    }

    /// Writes a certificate for `names` and its key as PEM files and returns their paths.
    package func writeIssued(_ names: String) throws -> (certificate: String, key: String) {
        let (key, certificate) = try issue(names)
        defer {
            X509_free(certificate)
            EVP_PKEY_free(key)
        }
        let base = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        guard let file = BIO_new_file(base + ".crt", "w"), PEM_write_bio_X509(file, certificate) == 1,
            let keyFile = BIO_new_file(base + ".key", "w"),
            PEM_write_bio_PrivateKey(keyFile, key, nil, nil, 0, nil, nil) == 1
        else { throw SetupFailed() }
        BIO_free(file)
        BIO_free(keyFile)
        return (base + ".crt", base + ".key")
    }

    private static func makeKey() throws -> OpaquePointer {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1,
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw SetupFailed() }
        return key
    }

    private static func makeCertificate(
        name: String, key: OpaquePointer, issuer: OpaquePointer?, issuerKey: OpaquePointer, serial: Int,
        extensions: [(Int32, String)]
    ) throws -> OpaquePointer {
        guard let certificate = X509_new() else { throw SetupFailed() }
        let subject = X509_get_subject_name(certificate)
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        X509_NAME_add_entry_by_txt(subject, "CN", 0x1001, name, -1, -1, 0)
        X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0) } ?? subject)
        X509_set_pubkey(certificate, key)
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer ?? certificate, certificate, nil, nil, 0)
        for (nid, value) in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, nid, value) else { throw SetupFailed() }
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        guard X509_sign(certificate, issuerKey, EVP_sha256()) > 0 else { throw SetupFailed() }
        return certificate
    }
}

/// The server's end of a TLS connection in memory.
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
        let (key, certificate) = try authority.issue(names)
        defer {
            X509_free(certificate)
            EVP_PKEY_free(key)
        }
        guard let context = SSL_CTX_new(TLS_server_method()), let incoming = BIO_new(BIO_s_mem()),
            let outgoing = BIO_new(BIO_s_mem())
        else { throw TestAuthority.SetupFailed() }
        SSL_CTX_use_certificate(context, certificate)
        SSL_CTX_use_PrivateKey(context, key)
        self.applicationProtocols = applicationProtocols.map { strdup($0) }
        if !applicationProtocols.isEmpty {
            let choose: SSL_CTX_alpn_select_cb_func = { _, out, count, offered, length, own in
                // Walks the client's list of length-prefixed names for each of ours; the answer points into ours.
                guard let offered, let out, let count, let own else { return 3 }
                let names = own.assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
                var ours = 0
                while let name = names[ours] {
                    let letters = UnsafeRawBufferPointer(start: name, count: strlen(name))
                    var index = 0
                    while index < Int(length) {
                        let theirs = UnsafeRawBufferPointer(start: offered + index + 1, count: Int(offered[index]))
                        if theirs.elementsEqual(letters) {
                            out.pointee = UnsafePointer(UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self))
                            count.pointee = UInt8(letters.count)
                            return 0
                        }
                        index += 1 + theirs.count
                    }
                    ours += 1
                }
                return 3
            }
            let names = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
                capacity: self.applicationProtocols.count + 1)
            for (index, name) in (self.applicationProtocols + [nil]).enumerated() {
                (names + index).initialize(to: name)
            }
            self.names = names
            SSL_CTX_set_alpn_select_cb(context, choose, names)
        }
        guard let ssl = SSL_new(context) else { throw TestAuthority.SetupFailed() }
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_accept_state(ssl)
        (self.context, self.ssl, self.incoming, self.outgoing) = (context, ssl, incoming, outgoing)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        for name in applicationProtocols { free(name) }
        names?.deallocate()
    }

    package func receive(_ bytes: [UInt8]) {
        BIO_write(incoming, bytes, Int32(bytes.count))
        if SSL_do_handshake(ssl) == 1 {
            serverName = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
            var name: UnsafePointer<UInt8>?
            var length: UInt32 = 0
            SSL_get0_alpn_selected(ssl, &name, &length)
            if let name {
                agreedProtocol = String(
                    decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 16_384)
            while true {
                let count = SSL_read(ssl, &buffer, Int32(buffer.count))
                guard count > 0 else { break }
                received += buffer[..<Int(count)]
            }
        }
        ERR_clear_error()
    }

    package func send(_ bytes: [UInt8]) { SSL_write(ssl, bytes, Int32(bytes.count)) }

    /// Forgets what has been received.
    package func forgetReceived() { received = [] }

    package func close() { SSL_shutdown(ssl) }

    /// What the server wants to send.
    package func take() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(outgoing)))
        if !buffer.isEmpty { BIO_read(outgoing, &buffer, Int32(buffer.count)) }
        return buffer
    }
}
