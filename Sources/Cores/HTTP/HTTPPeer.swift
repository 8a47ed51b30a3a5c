package import Wire

/// Who has sent a request, as far as the connection tells: the next hop, which may be a proxy.
package struct HTTPPeer: Hashable, Sendable {
    package var address: TransportAddress?
    /// The connection is TLS.
    package var isSecure: Bool

    package init(address: TransportAddress? = nil, isSecure: Bool = false) {
        self.address = address
        self.isSecure = isSecure
    }
}
