internal import Wire

/// Where connections go that can be shared: scheme, host and port (RFC 6454).
package struct HTTPOrigin: Hashable, Sendable {
    /// Over TLS or not.
    package let isSecure: Bool
    /// A name in lower case, or an address; IPv6 without brackets.
    package let host: String
    package let port: UInt16

    package init(isSecure: Bool, host: String, port: UInt16) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
    }

    /// Host and port as the `Host` header has them; the scheme's own port is left out.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

extension HTTPOrigin: CustomStringConvertible {
    /// `https://example.test`, with the port when it is not the scheme's own.
    package var description: String { "\(isSecure ? "https" : "http")://\(authority)" }
}

/// The URL of an HTTP or WebSocket server, checked: `http`, `https`, `ws` or `wss` (RFC 9110 section 4.2, RFC 6455
/// section 3). `ws` is as good as `http`, and `wss` as `https`: what is spoken there is the caller's to know.
package struct HTTPURL: Hashable, Sendable {
    /// Longer ones are refused. LiveKit's clients put whole session descriptions into the query.
    package static let maximumBytes = 65_536

    /// Why a text is no URL of a server.
    package enum Failure: Error, Hashable, Sendable {
        case tooLong
        case unsupportedScheme(String)
        case invalidHost
        case invalidPort(String)
        /// A user name, or characters that must be percent-encoded.
        case unexpectedContent(String)
    }

    package let origin: HTTPOrigin
    /// Path and query exactly as they were written, as they go into the request line; begins with a slash.
    package let target: String

    /// - Parameter target: path and query; begins with a slash and holds nothing that must be percent-encoded.
    package init(origin: HTTPOrigin, target: String = "/") {
        self.origin = origin
        self.target = target
    }

    /// Parses an absolute URL. A fragment is dropped; percent-encoding is the caller's business.
    package init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        guard text.utf8.allSatisfy(HTTPSyntax.isTargetCharacter) else {
            throw .unexpectedContent("spaces, control characters and letters beyond ASCII must be percent-encoded")
        }
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts.count == 2 ? parts[0].lowercased() : ""
        let isSecure = scheme == "https" || scheme == "wss"
        guard isSecure || scheme == "http" || scheme == "ws" else { throw .unsupportedScheme(scheme) }
        let afterScheme = parts[1].prefix { $0 != "#" }
        let authority = afterScheme.prefix { $0 != "/" && $0 != "?" }
        let target = afterScheme[authority.endIndex...]
        let (host, port) = try Self.split(authority)
        origin = HTTPOrigin(isSecure: isSecure, host: host, port: port ?? (isSecure ? 443 : 80))
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    /// Parses the address of a server whose paths are appended: without a query, and without the slash at the end.
    package init(base text: String) throws(Failure) {
        guard !text.contains(where: { "?#@\\".contains($0) }) else {
            throw .unexpectedContent("only scheme, host, port and path are allowed")
        }
        let url = try HTTPURL(text)
        var path = url.target[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.init(origin: url.origin, target: String(path))
    }

    /// - Returns: the host in lower case, and the port if there is one.
    private static func split(_ authority: Substring) throws(Failure) -> (host: String, port: UInt16?) {
        guard !authority.contains("@") else { throw .unexpectedContent("a user name in it is not supported") }
        let host: Substring
        let port: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .invalidHost }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority[authority.index(after: end)...]
            guard case .v6? = IPAddress(host), behind.isEmpty || behind.hasPrefix(":") else { throw .invalidHost }
            port = behind.dropFirst()
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = parts[0]
            port = parts.count == 2 ? parts[1] : ""
            guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(isNameCharacter) else { throw .invalidHost }
        }
        guard !port.isEmpty else { return (host.lowercased(), nil) }
        guard port.utf8.allSatisfy(HTTPSyntax.isDigit), let number = UInt16(port), number > 0 else {
            throw .invalidPort(String(port.prefix(64)))
        }
        return (host.lowercased(), number)
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
        default: false
        }
    }

    /// The URL of a path and query behind this one's path.
    ///
    /// - Parameter pathAndQuery: begins with a slash, a question mark or an ampersand.
    package func appending(_ pathAndQuery: String) -> HTTPURL {
        HTTPURL(origin: origin, target: (target == "/" && pathAndQuery.hasPrefix("/") ? "" : target) + pathAndQuery)
    }

    /// As people write it for WebSockets: `wss://example.test/path`; a path that is only a slash is left out.
    package var webSocketText: String {
        "\(origin.isSecure ? "wss" : "ws")://\(origin.authority)\(target == "/" ? "" : target)"
    }
}

extension HTTPURL.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong: "it is longer than \(HTTPURL.maximumBytes) bytes"
        case .unsupportedScheme(let scheme): "the scheme is \"\(scheme)\", allowed are ws, wss, http and https"
        case .invalidHost: "the host is missing or is neither a name nor an address"
        case .invalidPort(let port): "the port \"\(port)\" is not a number from 1 to 65535"
        case .unexpectedContent(let reason): reason
        }
    }
}
