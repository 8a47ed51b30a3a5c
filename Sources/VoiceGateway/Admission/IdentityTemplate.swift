internal import ClientProtocol
package import HTTP

/// How a client's identity follows from its certificate: a text with names of the certificate in braces, such as `device-{cn}`.
package struct IdentityTemplate: Hashable, Sendable {
    package enum Name: String, CaseIterable, Sendable {
        case commonName = "cn"
        case dnsName = "dns"
        case uri
    }

    private enum Part: Hashable, Sendable {
        case text(String)
        case name(Name)
    }

    /// Characters of a template.
    static let maximumLength = 128

    private let parts: [Part]

    /// Nil without a name, by which all clients would be one, and for braces that hold none.
    package init?(_ template: String) {
        var parts: [Part] = []
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}"),
                let name = Name(rawValue: String(rest[rest.index(after: open)..<close]))
            else { return nil }
            guard !rest[..<open].contains("}") else { return nil }
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            parts.append(.name(name))
            rest = rest[rest.index(after: close)...]
        }
        guard !parts.isEmpty, !rest.contains("}") else { return nil }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
    }

    /// Nil when the certificate has not the names, or they make no identity.
    package func identity(of certificate: HTTPPeer.Certificate?) -> String? {
        guard let certificate else { return nil }
        var identity = ""
        for part in parts {
            switch part {
            case .text(let text): identity += text
            case .name(let name):
                let value: String? =
                    switch name {
                    case .commonName: certificate.commonName
                    case .dnsName: certificate.dnsName
                    case .uri: certificate.uri
                    }
                guard let value, !value.isEmpty else { return nil }
                identity += value
            }
        }
        return SessionParameters.isName(identity) ? identity : nil
    }
}
