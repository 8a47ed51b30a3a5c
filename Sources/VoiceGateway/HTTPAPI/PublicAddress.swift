internal import HTTP
internal import Wire

/// Where clients reach the gateway from outside.
struct PublicAddress {
    /// As the operator says; nil: as requests say.
    let configured: HTTPURL?
    /// Whether a hop may speak for whoever is behind it.
    let isTrustedProxy: (IPAddress) -> Bool

    /// The address of a WebSocket; nil when the request does not say where it was sent to.
    ///
    /// - Parameter pathAndQuery: begins with a slash.
    func webSocketURL(_ pathAndQuery: String, for request: HTTPRequest) -> String? {
        if let configured { return configured.appending(pathAndQuery).webSocketText }
        var host = request.headers["Host"]
        var port: UInt16?
        var isSecure = request.peer.isSecure
        var prefix = ""
        if let hop = request.remoteAddress, isTrustedProxy(hop.ip) {
            let forwarded = ForwardedRequest(request.headers)
            host = forwarded.host ?? host
            isSecure = isSecure || forwarded.isSecure
            prefix = forwarded.prefix
            // A port that stands beside the host that the proxy names is the client's own.
            port = forwarded.host.map(Self.hasPort) == true ? nil : forwarded.port
        }
        guard let host, Self.isHost(host), let named = try? HTTPURL((isSecure ? "wss://" : "ws://") + host)
        else { return nil }
        let origin = HTTPOrigin(isSecure: isSecure, host: named.origin.host, port: port ?? named.origin.port)
        return HTTPURL(origin: origin, target: prefix + pathAndQuery).webSocketText
    }

    /// The colons of an IPv6 address stand in brackets.
    static func hasPort(_ host: String) -> Bool {
        guard let colon = host.lastIndex(of: ":") else { return false }
        return !host[colon...].contains("]")
    }

    /// Letters, digits and what addresses have between them (RFC 3986 section 3.2.2), so that nothing else gets into an
    /// answer. Brackets stand around an IPv6 address and nowhere else.
    private static func isHost(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && (text.hasPrefix("[") || !text.contains { $0 == "[" || $0 == "]" })
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-._:[]".utf8.contains(byte)
                }
            }
    }
}

extension PublicAddress {
    init(_ settings: HTTPSettings) {
        self.init(configured: settings.publicURL, isTrustedProxy: settings.trustedProxies.contains)
    }
}
