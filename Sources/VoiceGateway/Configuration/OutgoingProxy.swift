package import HTTP
internal import Wire

/// Which connections towards the room server go by a proxy: HTTPS_PROXY and NO_PROXY, as other programs understand them.
package struct OutgoingProxy: Hashable, Sendable {
    /// Nil: none does.
    package var proxy: HTTPProxy?
    /// Hosts that are reached without it.
    package var exceptions = ProxyExceptions()

    package init() {}

    /// The proxy for connections to an origin; TLS alone goes by it.
    package func proxy(for origin: HTTPOrigin) -> HTTPProxy? {
        guard origin.isSecure, !exceptions.contains(origin.host) else { return nil }
        return proxy
    }
}

/// Hosts that need no proxy: names with all below them, addresses, networks, or `*` for all.
package struct ProxyExceptions: Hashable, Sendable, CustomStringConvertible {
    private var names: [String] = []
    private var networks: [IPNetwork] = []
    private var isAll = false

    package let description: String

    package init(_ text: String = "") {
        description = text
        for part in text.split(separator: ",") {
            let entry = part.trimmed(.spacesAndTabs).lowercased()
            if entry == "*" {
                isAll = true
            } else if let network = IPNetwork(String(entry)) {
                networks.append(network)
            } else {
                var name = entry.hasPrefix("*.") ? String(entry.dropFirst(2)) : String(entry)
                while name.hasPrefix(".") { name.removeFirst() }
                if !name.isEmpty { names.append(name) }
            }
        }
    }

    package func contains(_ host: String) -> Bool {
        if isAll { return true }
        // Whoever is on this machine needs no proxy to it.
        if host == "localhost" { return true }
        if let address = IPAddress(host) { return address.isLoopback || networks.contains { $0.contains(address) } }
        return names.contains { host == $0 || host.hasSuffix("." + $0) }
    }
}

extension HTTPProxy {
    /// Reads a URL, with a user and a password or without; nil when it is none.
    init?(url text: String) {
        var text = text
        var authorization: String?
        guard text.lowercased().hasPrefix("http://") else { return nil }
        let start = text.index(text.startIndex, offsetBy: "http://".count)
        if let at = text.lastIndex(of: "@") {
            let words = text[start..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let user = PercentEncoding.decoded(words[0].utf8)
            let password = PercentEncoding.decoded((words.count > 1 ? words[1] : "").utf8)
            authorization = "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
            text.removeSubrange(start...at)
        }
        guard let url = try? HTTPURL(base: text), url.target == "/" else { return nil }
        // Without a port it is 80 for HTTP, as for any URL.
        self.init(host: url.origin.host, port: url.origin.port, authorization: authorization)
    }
}
