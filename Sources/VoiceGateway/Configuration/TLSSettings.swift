/// How the gateway speaks TLS with its clients.
package struct TLSSettings: Hashable, Sendable {
    /// A PEM file with the gateway's certificate and those that lead to a known authority.
    package var certificate: String
    /// A PEM file with its private key.
    package var key: String
    /// A PEM file with the authorities that vouch for clients; nil when clients need no certificate.
    package var clientAuthorities: String?
    /// Who clients are by their certificates; nil where these say nothing about identities.
    package var identity: IdentityTemplate?

    package init(
        certificate: String, key: String, clientAuthorities: String? = nil, identity: IdentityTemplate? = nil
    ) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
        self.identity = identity
    }
}

extension TLSSettings {
    /// Nil when clients are served without TLS.
    static func read(_ settings: inout Settings) -> TLSSettings? {
        let certificate = settings.read(GatewaySettings.tlsCert)
        let key = settings.read(GatewaySettings.tlsKey)
        let authorities = settings.read(GatewaySettings.tlsClientCA)
        let identity = identity(&settings, hasAuthorities: authorities != nil)
        switch (certificate, key) {
        case (let certificate?, let key?):
            return TLSSettings(
                certificate: certificate, key: key, clientAuthorities: authorities, identity: identity)
        case (_?, nil): settings.add("TLS_CERT is set without TLS_KEY; set both, or neither to serve without TLS.")
        case (nil, _?): settings.add("TLS_KEY is set without TLS_CERT; set both, or neither to serve without TLS.")
        case (nil, nil):
            if authorities != nil {
                settings.add(
                    "TLS_CLIENT_CA is set without TLS_CERT and TLS_KEY, but clients show certificates in TLS only.")
            }
        }
        return nil
    }

    private static func identity(_ settings: inout Settings, hasAuthorities: Bool) -> IdentityTemplate? {
        guard let text = settings.read(GatewaySettings.tlsClientIdentity) else { return nil }
        guard hasAuthorities else {
            settings.add("TLS_CLIENT_IDENTITY is set without TLS_CLIENT_CA, but nobody vouches for certificates then.")
            return nil
        }
        guard let template = IdentityTemplate(text) else {
            let names = IdentityTemplate.Name.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
            settings.add(
                "TLS_CLIENT_IDENTITY is \"\(Settings.shortened(text))\", but it must have a name of the certificate in it: \(names)."
            )
            return nil
        }
        return template
    }
}
