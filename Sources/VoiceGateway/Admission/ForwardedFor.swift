internal import Wire

/// `X-Forwarded-For`: what proxies say about whom they speak for.
enum ForwardedFor {
    /// How many hops are looked at.
    static let maximumHops = 32

    /// Who sent a request: the sender itself, or, when that is a proxy to be believed, whom it names. Each proxy appends
    /// the address that it was reached from, so the list is read from its end up to the first address that is no such
    /// proxy; what stands before it anybody may have written.
    ///
    /// - Parameters:
    ///   - peer: the other end of the TCP connection.
    ///   - values: of all fields in their order.
    static func client(peer: IPAddress, values: [String], proxies: IPNetworkList) -> IPAddress {
        var client = peer.unmapped
        let hops = values.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for hop in hops.reversed().prefix(maximumHops) {
            guard proxies.contains(client), let next = address(hop) else { return client }
            client = next
        }
        return client
    }

    /// An entry: an address, which some proxies write with a port.
    private static func address(_ text: Substring) -> IPAddress? {
        let text = text.trimmed(.spacesAndTabs)
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return IPAddress(text[text.index(after: text.startIndex)..<end])?.unmapped
        }
        if let address = IPAddress(text) { return address.unmapped }
        guard let colon = text.firstIndex(of: ":") else { return nil }
        return IPAddress(text[..<colon])
    }
}
