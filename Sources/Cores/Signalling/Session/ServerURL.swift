/// The address of a LiveKit server, as `LIVEKIT_URL` gives it: `ws`, `wss`, `http` or `https`, a host, perhaps a port
/// and a path before LiveKit's own paths.
package struct ServerURL: Hashable, Sendable {
    /// Why a text is no server address.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case unsupportedScheme(String)
        case noHost
        case invalidPort(String)
        /// White space, a user name, a query or a fragment.
        case unexpectedContent

        package var description: String {
            switch self {
            case .unsupportedScheme(let scheme): "the scheme is \"\(scheme)\", allowed are ws, wss, http and https"
            case .noHost: "the host is missing"
            case .invalidPort(let port): "\"\(port)\" is not a port"
            case .unexpectedContent: "only scheme, host, port and path are allowed"
            }
        }
    }

    /// TLS or not.
    package let isSecure: Bool
    /// A name or an address; IPv6 without brackets.
    package let host: String
    package let port: UInt16
    /// Empty, or begins with a slash and ends without.
    package let path: String

    package init(isSecure: Bool, host: String, port: UInt16, path: String = "") {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path
    }

    /// Parses the address.
    package init(_ text: String) throws(Failure) {
        let scalars = text.unicodeScalars
        guard scalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F }),
            !text.contains(where: { "@?#\\".contains($0) })
        else { throw .unexpectedContent }
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        let scheme = parts.count == 2 ? parts[0].lowercased() : ""
        switch scheme {
        case "ws", "http": isSecure = false
        case "wss", "https": isSecure = true
        default: throw .unsupportedScheme(scheme)
        }
        let afterScheme = parts[1]
        let slash = afterScheme.firstIndex(of: "/") ?? afterScheme.endIndex
        var trimmed = afterScheme[slash...]
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        path = String(trimmed)
        let authority = afterScheme[..<slash]
        let portText: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .noHost }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            let behind = authority[authority.index(after: bracket)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { throw .invalidPort(String(behind)) }
            portText = behind.isEmpty ? nil : behind.dropFirst()
        } else {
            let pieces = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard pieces.count <= 2 else { throw .invalidPort(String(authority)) }
            host = pieces.first.map(String.init) ?? ""
            portText = pieces.count == 2 ? pieces[1] : nil
        }
        guard !host.isEmpty else { throw .noHost }
        if let portText {
            guard let number = UInt16(portText), number > 0 else { throw .invalidPort(String(portText)) }
            port = number
        } else {
            port = isSecure ? 443 : 80
        }
    }

    /// Host and port as the `Host` header has them; the scheme's own port is left out.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The address for a WebSocket, with LiveKit's path and query behind it.
    package func webSocketURL(_ pathAndQuery: String) -> String {
        (isSecure ? "wss://" : "ws://") + authority + path + pathAndQuery
    }

    /// The address for HTTP, with LiveKit's path and query behind it.
    package func httpURL(_ pathAndQuery: String) -> String {
        (isSecure ? "https://" : "http://") + authority + path + pathAndQuery
    }
}
