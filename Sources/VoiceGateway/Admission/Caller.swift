internal import Bridge
internal import ClientProtocol
package import Wire

/// Who a request comes from, as far as that is known.
package struct Caller: Hashable, Sendable {
    /// Who the client is by its certificate.
    package enum Certified: Hashable, Sendable {
        case identity(String)
        /// The certificate has not the names that an identity is made of.
        case nobody
    }

    package var address: IPAddress
    /// The number of its API key; nil when it has shown none.
    package var key: Int?
    /// The device that it has shown to be; nil for others.
    package var device: KnownDevice?
    /// Whether a telephone carrier has signed the request.
    package var isSigned = false
    /// Nil where certificates say nothing about identities.
    package var certified: Certified?

    /// It has come by a client secret, which was made for it and names neither room nor identity.
    var hasClientSecret = false

    package init(address: IPAddress, key: Int? = nil) {
        self.address = address
        self.key = key
    }

    /// Whether it may be somebody, or nobody in particular (nil), by its certificate.
    func checkCertificate(names identity: String?) throws(SessionRefusal) {
        switch certified {
        case nil: return
        case .nobody?:
            throw SessionRefusal(
                ClientError(.unauthorized, "the client certificate names nobody (TLS_CLIENT_IDENTITY)"), .unauthorized)
        case .identity(let ours)?:
            guard let identity, identity != ours else { return }
            throw SessionRefusal(
                InvalidParameter(
                    name: "identity", value: identity, allowed: "\"\(ours)\", which the client certificate names"))
        }
    }
}
