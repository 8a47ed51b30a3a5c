/// A TURN server and how it is reached (RFC 7065).
package struct TURNServer: Hashable, Sendable {
    /// What carries the datagrams to it.
    package enum Carrier: Hashable, Sendable { case udp, tcp, tls }

    package let carrier: Carrier
    package let host: String
    package let port: UInt16
    package let username: String
    /// Never logged.
    package let password: String

    /// Reads a URL as signalling has it: `turn:host:port?transport=udp`. Nil for `stun:` and for what is none.
    package init?(url: String, username: String, password: String) {
        guard url.utf8.count <= 512, let colon = url.firstIndex(of: ":") else { return nil }
        let isSecure: Bool
        switch url[..<colon].lowercased() {
        case "turn": isSecure = false
        case "turns": isSecure = true
        default: return nil
        }
        let parts = url[url.index(after: colon)...].split(separator: "?", maxSplits: 1)
        guard let place = parts.first, let (host, port) = Self.split(place) else { return nil }
        let transport = parts.count > 1 ? parts[1].lowercased() : ""
        switch (isSecure, transport) {
        case (false, ""), (false, "transport=udp"): carrier = .udp
        case (false, "transport=tcp"): carrier = .tcp
        case (true, ""), (true, "transport=tcp"): carrier = .tls
        // TURN over DTLS is not spoken here.
        default: return nil
        }
        self.host = host
        self.port = port ?? (isSecure ? 5349 : 3478)
        self.username = username
        self.password = password
    }

    /// Host and port; an IPv6 address stands in brackets.
    private static func split(_ place: Substring) -> (host: String, port: UInt16?)? {
        let host: Substring
        var rest: Substring
        if place.hasPrefix("["), let end = place.firstIndex(of: "]") {
            host = place[place.index(after: place.startIndex)..<end]
            rest = place[place.index(after: end)...]
        } else {
            let end = place.firstIndex(of: ":") ?? place.endIndex
            host = place[..<end]
            rest = place[end...]
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.removeFirst() == ":", let port = UInt16(rest), port > 0 else { return nil }
        return (String(host), port)
    }
}

extension TURNServer: CustomStringConvertible {
    package var description: String { "\(carrier.name) at \(place)" }

    /// Host and port.
    package var place: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

extension TURNServer.Carrier {
    package var name: String {
        switch self {
        case .udp: "TURN over UDP"
        case .tcp: "TURN over TCP"
        case .tls: "TURN over TLS"
        }
    }
}
