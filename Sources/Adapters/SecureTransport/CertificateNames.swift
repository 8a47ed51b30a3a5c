internal import COpenSSL

/// Whom a client's certificate names, once an authority that we trust has vouched for it. A name that is there more than once is
/// none: nobody could say which is meant.
package struct CertificateNames: Hashable, Sendable {
    /// Bytes of a name; longer ones are none.
    static let maximumBytes = 256

    /// The subject's common name.
    package let commonName: String?
    /// Of the subject's alternative names, that of a host.
    package let dnsName: String?
    /// The same, as a URI.
    package let uri: String?

    init(_ certificate: OpaquePointer) {
        // SAFETY: the certificate is only read during the calls, which write no more than the buffer has.
        commonName = unsafe Self.name { unsafe copenssl_common_name(certificate, $0, $1) }
        dnsName = unsafe Self.name { unsafe copenssl_alternative_name(certificate, Int32(GEN_DNS), $0, $1) }
        uri = unsafe Self.name { unsafe copenssl_alternative_name(certificate, Int32(GEN_URI), $0, $1) }
    }

    private static func name(_ copy: (UnsafeMutablePointer<UInt8>, Int32) -> Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: maximumBytes)
        // SAFETY: the call writes at most as many bytes as the buffer has.
        let count = unsafe copy(&buffer, Int32(buffer.count))
        guard count > 0 else { return nil }
        return String(validating: buffer.prefix(Int(count)), as: UTF8.self)
    }
}
