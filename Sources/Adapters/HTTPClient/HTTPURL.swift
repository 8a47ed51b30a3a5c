internal import Wire

/// Where connections go that can be shared: scheme, host and port (RFC 6454).
package struct HTTPOrigin: Hashable, Sendable {
    package let isSecure: Bool
    /// Lower case; an IPv6 address without brackets.
    package let host: String
    package let port: UInt16
}

extension HTTPOrigin: CustomStringConvertible {
    /// `https://example.test`, with the port when it is not the scheme's own.
    package var description: String { "\(isSecure ? "https" : "http")://\(authority)" }

    /// What the Host header says.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}

/// An http or https URL, checked.
package struct HTTPURL: Hashable, Sendable {
    /// Longer ones are refused.
    package static let maximumBytes = 16_384

    package let origin: HTTPOrigin
    /// Path and query as they go into the request line; begins with a slash.
    package let target: String

    /// Of requests whose URL is none.
    static let nowhere = HTTPURL(origin: HTTPOrigin(isSecure: false, host: "", port: 0), target: "/")

    private init(origin: HTTPOrigin, target: String) {
        self.origin = origin
        self.target = target
    }

    /// Parses an absolute URL. A fragment is dropped; percent-encoding is the caller's business.
    package init(_ text: String) throws(HTTPClientError) {
        func invalid(_ reason: String) -> HTTPClientError { .invalidURL(text, reason: reason) }
        guard text.utf8.count <= Self.maximumBytes else { throw .invalidURL("(long)", reason: "it is too long") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw invalid("spaces, control characters and letters beyond ASCII must be percent-encoded")
        }
        let lowered = text.lowercased()
        let isSecure = lowered.hasPrefix("https://")
        guard isSecure || lowered.hasPrefix("http://") else { throw invalid("it must begin with http:// or https://") }
        let rest = text.dropFirst(isSecure ? 8 : 7).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        guard !authority.contains("@") else { throw invalid("a user name in it is not supported") }

        let hostText: Substring
        let portText: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw invalid("a bracket is missing") }
            hostText = authority[authority.index(after: authority.startIndex)..<end]
            let after = authority[authority.index(after: end)...]
            guard case .v6? = IPAddress(hostText), after.isEmpty || after.hasPrefix(":") else {
                throw invalid("what stands in brackets must be an IPv6 address")
            }
            portText = after.dropFirst()
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            hostText = parts[0]
            portText = parts.count == 2 ? parts[1] : ""
            let isName = hostText.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
            guard !hostText.isEmpty, hostText.utf8.count <= 253, isName else { throw invalid("the host is not a name") }
        }
        var port: UInt16 = isSecure ? 443 : 80
        if !portText.isEmpty {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(portText), number > 0
            else { throw invalid("the port must be a number from 1 to 65535") }
            port = number
        }
        origin = HTTPOrigin(isSecure: isSecure, host: hostText.lowercased(), port: port)
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }
}
