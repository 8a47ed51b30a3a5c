/// Where a WebSocket client connects to: the parts of a `ws:` or `wss:` URL (RFC 6455 section 3).
package struct WebSocketURL: Hashable, Sendable {
    package let isSecure: Bool
    /// A name or address without brackets.
    package let host: String
    package let port: UInt16
    /// Path and query exactly as they were written.
    package let target: String

    /// Parses `ws://host[:port][/path][?query]`; `http` and `https` are taken for `ws` and `wss`. A fragment is cut off.
    package init(_ text: String) throws(WebSocketConnectError) {
        guard let schemeEnd = text.range(of: "://") else {
            throw .invalidURL("\(Self.shown(text)) is not a ws:// or wss:// URL")
        }
        switch text[..<schemeEnd.lowerBound].lowercased() {
        case "ws", "http": isSecure = false
        case "wss", "https": isSecure = true
        case let other: throw .invalidURL("the scheme \(other) is neither ws nor wss")
        }
        let rest = text[schemeEnd.upperBound...].prefix { $0 != "#" }
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        let target = String(rest[authorityEnd...])
        guard !authority.contains("@") else { throw .invalidURL("a user name in the URL is not supported") }
        var host = authority
        var portText: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .invalidURL("a bracket is not closed") }
            host = authority[authority.index(after: authority.startIndex)..<bracket]
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .invalidURL("the host is not valid") }
            if !after.isEmpty { portText = after.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.count <= 253,
            host.utf8.allSatisfy({ HTTPSyntax.isTargetCharacter($0) && $0 != 0x5B && $0 != 0x5D })
        else { throw .invalidURL("the host is missing or not valid") }
        if let portText, !portText.isEmpty {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(portText), number > 0
            else { throw .invalidURL("the port \(Self.shown(String(portText))) is not a number from 1 to 65535") }
            port = number
        } else {
            port = isSecure ? 443 : 80
        }
        guard target.utf8.allSatisfy(HTTPSyntax.isTargetCharacter) else {
            throw .invalidURL("the path or query holds characters that must be percent-encoded")
        }
        self.host = String(host)
        self.target = target.hasPrefix("/") ? target : "/" + target
    }

    /// The value of the `Host` header: the port only when it is not the usual one.
    var hostHeader: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Enough of a text to recognise it.
    private static func shown(_ text: String) -> String { "\"\(text.prefix(64))\"" }
}

extension StringProtocol {
    /// The first place of `needle`.
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
