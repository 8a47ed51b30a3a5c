package import Wire

/// Who has sent a request, as far as the connection tells: the next hop, which may be a proxy.
package struct HTTPPeer: Hashable, Sendable {
    package var address: TransportAddress?
    /// The connection is TLS.
    package var isSecure: Bool
    /// The common name in the certificate that it has shown and that was verified.
    package var certificateName: String?

    package init(address: TransportAddress? = nil, isSecure: Bool = false, certificateName: String? = nil) {
        self.address = address
        self.isSecure = isSecure
        self.certificateName = certificateName
    }
}
