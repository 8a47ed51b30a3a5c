package import Wire

/// Who has sent a request, as far as the connection tells: the next hop, which may be a proxy.
package struct HTTPPeer: Hashable, Sendable {
    /// Whom a client's certificate names, for which a trusted authority has vouched.
    package struct Certificate: Hashable, Sendable {
        package var commonName: String?
        package var dnsName: String?
        package var uri: String?

        package init(commonName: String? = nil, dnsName: String? = nil, uri: String? = nil) {
            self.commonName = commonName
            self.dnsName = dnsName
            self.uri = uri
        }
    }

    package var address: TransportAddress?
    /// The connection is TLS.
    package var isSecure: Bool
    /// Nil where it has shown none.
    package var certificate: Certificate?

    package init(address: TransportAddress? = nil, isSecure: Bool = false) {
        self.address = address
        self.isSecure = isSecure
    }
}
