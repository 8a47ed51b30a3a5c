package import Wire

/// A request as it reached the server.
package struct HTTPRequest: Hashable, Sendable {
    package var method: HTTPMethod
    /// The request target exactly as it was sent.
    package var target: String
    /// The path with `%xy` decoded, otherwise as sent: neither `..` nor `//` is resolved.
    package var path: String
    /// What followed the question mark, untouched; empty when there was none.
    package var rawQuery: String
    package var query: QueryString
    package var headers: HTTPHeaders
    package var body: [UInt8] = []
    /// False for HTTP/1.0.
    package var isHTTP11: Bool
    package var peer: HTTPPeer

    /// Of the next hop, which may be a proxy.
    package var remoteAddress: TransportAddress? {
        get { peer.address }
        set { peer.address = newValue }
    }

    /// Whether the connection stays open after the response (RFC 9112 section 9.3).
    package var keepsAlive: Bool {
        isHTTP11
            ? !headers.contains(token: "close", in: "Connection")
            : headers.contains(token: "keep-alive", in: "Connection")
    }

    /// Whether the client asks for the WebSocket protocol, well-formed or not (RFC 6455 section 4.2.1).
    package var isWebSocketUpgrade: Bool {
        method == .get && isHTTP11 && headers.contains(token: "websocket", in: "Upgrade")
            && headers.contains(token: "upgrade", in: "Connection")
    }

    /// The token of an `Authorization: Bearer` header; the scheme in any case.
    package var bearerToken: String? {
        guard let value = headers["Authorization"] else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, HTTPSyntax.isEqual(parts[0], "bearer") else { return nil }
        let token = parts[1].trimmed(.spacesAndTabs)
        return token.isEmpty ? nil : String(token)
    }

    /// - Parameters:
    ///   - target: origin-form, absolute-form or `*` (RFC 9112 section 3.2); nil result for anything else.
    ///   - headers: the host of an absolute-form takes the place of the `Host` header, as section 3.2.2 demands.
    package init?(
        method: HTTPMethod, target: String, headers: HTTPHeaders, isHTTP11: Bool, remoteAddress: TransportAddress? = nil
    ) {
        var local = Substring(target)
        var headers = headers
        if !local.hasPrefix("/") {
            let lowered = target.prefix(8).lowercased()
            if let scheme = ["http://", "https://", "ws://", "wss://"].first(where: { lowered.hasPrefix($0) }) {
                let afterScheme = local.dropFirst(scheme.count)
                let start = afterScheme.firstIndex { $0 == "/" || $0 == "?" } ?? afterScheme.endIndex
                let host = afterScheme[..<start]
                guard !host.isEmpty, host.utf8.allSatisfy(HTTPSyntax.isHostCharacter) else { return nil }
                headers.set("Host", String(host))
                local = afterScheme[start...]
                if !local.hasPrefix("/") { local = "/" + local }
            } else if target != "*" || method != .options {
                return nil
            }
        }
        let halves = local.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        self.target = target
        path = PercentEncoding.decoded(halves[0].utf8)
        rawQuery = halves.count == 2 ? String(halves[1]) : ""
        query = QueryString(rawQuery)
        self.headers = headers
        self.isHTTP11 = isHTTP11
        peer = HTTPPeer(address: remoteAddress)
    }
}
