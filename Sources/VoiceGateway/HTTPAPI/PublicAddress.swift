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
        var isSecure = false
        if let hop = request.remoteAddress, isTrustedProxy(hop.ip) {
            host = Self.first(of: "X-Forwarded-Host", in: request) ?? host
            let scheme = Self.first(of: "X-Forwarded-Proto", in: request)?.lowercased()
            isSecure = scheme == "https" || scheme == "wss"
        }
        guard let host, let url = try? ServerURL((isSecure ? "wss://" : "ws://") + host), url.path.isEmpty,
            Self.isHost(host)
        else { return nil }
        return url.webSocketURL(pathAndQuery)
    }

    /// What the proxy nearest to the client says.
    private static func first(of name: String, in request: HTTPRequest) -> String? {
        guard let value = request.headers[name]?.split(separator: ",").first else { return nil }
        let trimmed = value.filter { $0 != " " && $0 != "\t" }
        return trimmed.isEmpty ? nil : String(trimmed)
    }

    /// Letters, digits and what addresses have between them (RFC 3986 section 3.2.2), so that nothing else gets into an
    /// answer.
    private static func isHost(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-._:[]".utf8.contains(byte)
                }
            }
    }
}
