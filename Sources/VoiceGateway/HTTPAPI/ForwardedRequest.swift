internal import HTTP

/// What a trusted proxy says about the request that it passes on: the `X-Forwarded-…` fields that proxies agree on, and
/// `Forwarded` (RFC 7239) for what those leave open. In lists the first entry counts, which the proxy nearest to the client
/// has written.
///
/// Most proxies pass on the fields of this kind that they do not know, so a client may have written them. That is good
/// enough for an address that the same client is told; for the client's own address see `ForwardedFor`.
struct ForwardedRequest {
    /// Longer prefixes, hosts and elements are not read.
    static let maximumBytes = 255

    /// With a port, or without.
    let host: String?
    /// Where the proxy was reached, when it says so beside the host.
    let port: UInt16?
    let isSecure: Bool
    /// What the proxy takes from the front of paths: empty, or begins with a slash and ends without.
    let prefix: String

    init(_ headers: HTTPHeaders) {
        let element = Self.element(headers["Forwarded"])
        let scheme = (Self.first(headers["X-Forwarded-Proto"]) ?? element["proto"])?.lowercased()
        isSecure =
            if let scheme {
                scheme == "https" || scheme == "wss"
            } else {
                Self.first(headers["X-Forwarded-Ssl"])?.lowercased() == "on"
            }
        host = Self.first(headers["X-Forwarded-Host"]) ?? element["host"]
        port = Self.first(headers["X-Forwarded-Port"]).flatMap(Self.port)
        prefix = headers.values("X-Forwarded-Prefix").flatMap { $0.split(separator: ",") }.map(Self.path).joined()
    }

    private static func first(_ field: String?) -> String? {
        guard let entry = field?.split(separator: ",").first else { return nil }
        let trimmed = entry.filter { $0 != " " && $0 != "\t" }
        return trimmed.isEmpty ? nil : trimmed
    }

    private static func port(_ text: String) -> UInt16? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(text), port > 0 else {
            return nil
        }
        return port
    }

    /// One proxy's prefix; empty when it has characters that do not belong into a path (RFC 3986 section 3.3).
    private static func path(_ text: Substring) -> String {
        var path = Substring(text.filter { $0 != " " && $0 != "\t" })
        while path.last == "/" { path.removeLast() }
        guard path.first == "/", path.utf8.count <= maximumBytes,
            path.utf8.allSatisfy({ isAlphanumeric($0) || "-._~!$&'()*+;=:@%/".utf8.contains($0) })
        else { return "" }
        return String(path)
    }

    /// The parameters of the first element of a `Forwarded` field, by their names in small letters.
    private static func element(_ field: String?) -> [String: String] {
        var parameters: [String: String] = [:]
        guard var rest = field.map({ Array($0.utf8.prefix(4 * maximumBytes))[...] }) else { return parameters }
        while !rest.isEmpty, rest.first != UInt8(ascii: ",") {
            let name = rest.prefix { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
            rest = rest.dropFirst(name.count)
            guard !name.isEmpty, rest.first == UInt8(ascii: "=") else {
                // A separator, or what is no parameter.
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst()
            parameters[String(decoding: name, as: UTF8.self).lowercased()] = value(&rest)
        }
        return parameters
    }

    /// A token or a quoted string (RFC 9110 section 5.6).
    private static func value(_ rest: inout ArraySlice<UInt8>) -> String {
        guard rest.first == UInt8(ascii: "\"") else {
            let value = rest.prefix { !";, \t".utf8.contains($0) }
            rest = rest.dropFirst(value.count)
            return String(decoding: value, as: UTF8.self)
        }
        rest = rest.dropFirst()
        var value: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
                value.append(escaped)
            } else {
                value.append(byte)
            }
        }
        return String(decoding: value, as: UTF8.self)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
