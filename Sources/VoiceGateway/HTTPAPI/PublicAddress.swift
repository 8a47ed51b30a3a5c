internal import Signalling
internal import WebSocket
internal import Wire

/// Where clients reach the gateway from outside.
struct PublicAddress {
    /// As the operator says; nil: as requests say.
    let configured: ServerURL?
    /// Whether a hop may speak for whoever is behind it.
    let isTrustedProxy: (IPAddress) -> Bool

    /// The address of a WebSocket; nil when the request does not say where it was sent to.
    ///
    /// - Parameter pathAndQuery: begins with a slash.
    func webSocketURL(_ pathAndQuery: String, for request: HTTPRequest) -> String? {
        if let configured { return configured.webSocketURL(pathAndQuery) }
        var host = request.headers["Host"]
        var port: UInt16?
        var isSecure = false
        var prefix = ""
        if let hop = request.remoteAddress, isTrustedProxy(hop.ip) {
            let forwarded = ForwardedRequest(request.headers)
            host = forwarded.host ?? host
            isSecure = forwarded.isSecure
            prefix = forwarded.prefix
            // A port that stands beside the host that the proxy names is the client's own.
            port = forwarded.host.map(Self.hasPort) == true ? nil : forwarded.port
        }
        guard let host, Self.isHost(host), let named = try? ServerURL((isSecure ? "wss://" : "ws://") + host),
            named.path.isEmpty
        else { return nil }
        let url = ServerURL(isSecure: isSecure, host: named.host, port: port ?? named.port)
        return url.webSocketURL(prefix + pathAndQuery)
    }

    /// The colons of an IPv6 address stand in brackets.
    private static func hasPort(_ host: String) -> Bool {
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
