internal import COpenSSL
internal import PeerConnection

/// An ECDSA P-256 key and a certificate signed with it: our identity in every DTLS handshake. Nobody checks its
/// names or dates; peers compare its fingerprint with the one in our SDP.
// SAFETY: no pointer leaves this type, and each is valid until deinit.
@safe
final class SelfSignedCertificate {
    /// Long enough to outlive any process.
    static let validitySeconds = 10 * 365 * 24 * 3600
    /// The start lies in the past, for peers whose clock is behind.
    static let backdatedSeconds = 24 * 3600

    let key: OpaquePointer
    let certificate: OpaquePointer
    /// SHA-256 over the certificate's DER bytes.
    let fingerprint: CertificateFingerprint

    /// Makes a fresh key and certificate.
    init() throws(SecureTransportError) {
        OpenSSLErrorQueue.clear()
        // SAFETY: what OpenSSL makes is freed here or owned by this object; what it borrows is used during the call only.
        guard let key = unsafe Self.makeKey() else { throw .certificate(OpenSSLErrorQueue.drain()) }
        guard let certificate = unsafe Self.makeCertificate(for: key) else {
            unsafe EVP_PKEY_free(key)
            throw .certificate(OpenSSLErrorQueue.drain())
        }
        guard let digest = unsafe CertificateDigest.compute("sha-256", of: certificate) else {
            unsafe X509_free(certificate)
            unsafe EVP_PKEY_free(key)
            throw .certificate(OpenSSLErrorQueue.drain())
        }
        unsafe self.key = key
        unsafe self.certificate = certificate
        fingerprint = CertificateFingerprint(algorithm: "sha-256", digest: digest)
    }

    deinit {
        // SAFETY: both are freed once, by their only owner.
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    private static func makeKey() -> OpaquePointer? {
        // SAFETY: what OpenSSL makes is freed here or owned by this object; what it borrows is used during the call only.
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1
        else { return nil }
        var key: OpaquePointer?
        // SAFETY: the call stores a new key, or leaves the variable nil.
        guard unsafe EVP_PKEY_generate(context, &key) == 1 else { return nil }
        return unsafe key
    }

    private static func makeCertificate(for key: OpaquePointer) -> OpaquePointer? {
        // SAFETY: what OpenSSL makes is freed here or owned by this object; what it borrows is used during the call only.
        guard let certificate = unsafe X509_new() else { return nil }
        var random = SecureRandom()
        let serial = random.next() >> 1 | 1
        let name = unsafe X509_get_subject_name(certificate)
        // SAFETY: all pointers belong to `certificate`, which lives through these calls.
        let isComplete =
            unsafe X509_set_version(certificate, 2) == 1
            && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1
            && X509_gmtime_adj(X509_getm_notBefore(certificate), -backdatedSeconds) != nil
            && X509_gmtime_adj(X509_getm_notAfter(certificate), validitySeconds) != nil
            && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC_VALUE, "WebRTC", -1, -1, 0) == 1
            && X509_set_issuer_name(certificate, name) == 1
            && X509_set_pubkey(certificate, key) == 1
            && X509_sign(certificate, key, EVP_sha256()) > 0
        guard isComplete else {
            unsafe X509_free(certificate)
            return nil
        }
        return unsafe certificate
    }

    /// MBSTRING_ASC, a macro over another macro that is not imported.
    private static let MBSTRING_ASC_VALUE: Int32 = 0x1000 | 1
}

/// Digests of a certificate by the names that SDP uses (RFC 8122 section 5).
enum CertificateDigest {
    /// The digest over the DER bytes; nil for a hash that we do not know.
    static func compute(_ algorithm: String, of certificate: OpaquePointer) -> [UInt8]? {
        let hash: OpaquePointer?
        switch algorithm.lowercased() {
        // SAFETY: what OpenSSL makes is freed here or owned by this object; what it borrows is used during the call only.
        case "sha-1": unsafe hash = EVP_sha1()
        case "sha-224": unsafe hash = EVP_sha224()
        case "sha-256": unsafe hash = EVP_sha256()
        case "sha-384": unsafe hash = EVP_sha384()
        case "sha-512": unsafe hash = EVP_sha512()
        default: return nil
        }
        var isValid = false
        let digest = unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, count in
            var written: UInt32 = 0
            // SAFETY: EVP_MAX_MD_SIZE bytes are enough for any hash.
            isValid = unsafe X509_digest(certificate, hash, output.baseAddress, &written) == 1
            count = isValid ? Int(written) : 0
        }
        return isValid ? digest : nil
    }

    /// Whether the certificate has at least one of the fingerprints.
    static func matches(_ certificate: OpaquePointer, oneOf expected: [CertificateFingerprint]) -> Bool {
        expected.contains { fingerprint in
            // SAFETY: what OpenSSL makes is freed here or owned by this object; what it borrows is used during the call only.
            unsafe compute(fingerprint.algorithm, of: certificate) == fingerprint.digest
        }
    }
}
