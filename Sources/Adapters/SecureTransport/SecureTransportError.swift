/// Why the crypto libraries could not be set up. These are faults of the machine or the operator, never of a peer.
package enum SecureTransportError: Error, Hashable, Sendable {
    /// Our own key or certificate could not be made; the text is OpenSSL's.
    case certificate(String)
    /// A DTLS or TLS context could not be made; the text is OpenSSL's.
    case context(String)
    /// The file of certificate authorities cannot be read or holds no certificate.
    case certificateAuthorities(path: String, reason: String)
    /// The file with our certificate cannot be read or holds none.
    case serverCertificate(path: String, reason: String)
    /// The file with our private key cannot be read, or the key is not that of our certificate.
    case serverKey(path: String, reason: String)
    /// A host name that cannot be verified: empty, too long or with a zero byte.
    case hostName(String)
}

extension SecureTransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .certificate(let reason): "cannot make a DTLS certificate: \(reason)"
        case .context(let reason): "cannot set up OpenSSL: \(reason)"
        case .certificateAuthorities(let path, let reason):
            "cannot use \(path) as a file of certificate authorities (PEM): \(reason)"
        case .serverCertificate(let path, let reason): "cannot use \(path) as a TLS certificate (PEM): \(reason)"
        case .serverKey(let path, let reason): "cannot use \(path) as the key of a TLS certificate (PEM): \(reason)"
        case .hostName(let name): "cannot verify a TLS server called \"\(name)\""
        }
    }
}
