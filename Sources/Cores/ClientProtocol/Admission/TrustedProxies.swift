package import Wire

/// The proxies whose word about their clients is believed: addresses and networks (RFC 4632).
package struct TrustedProxies: Hashable, Sendable {
    /// An entry that is neither an address nor a network.
    package struct InvalidEntry: Error, Hashable, Sendable, CustomStringConvertible {
        package let entry: String

        package var description: String {
            "\"\(entry)\" is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8"
        }
    }

    /// How many hops of `X-Forwarded-For` are looked at.
    package static let maximumHops = 32

    private struct Network: Hashable, Sendable {
        let address: IPAddress
        let prefixLength: Int

        func contains(_ other: IPAddress) -> Bool {
            switch (address, other) {
            case (.v4(let mine), .v4(let its)):
                return prefixLength == 0 || (mine ^ its) >> UInt32(32 - prefixLength) == 0
            case (.v6(let high, let low), .v6(let itsHigh, let itsLow)):
                if prefixLength <= 64 {
                    return prefixLength == 0 || (high ^ itsHigh) >> UInt64(64 - prefixLength) == 0
                }
                return high == itsHigh && (low ^ itsLow) >> UInt64(128 - prefixLength) == 0
            default: return false
            }
        }
    }

    private let networks: [Network]

    /// Nobody is believed.
    package static let none = TrustedProxies(networks: [])

    private init(networks: [Network]) { self.networks = networks }

    /// Entries separated by commas, with or without spaces.
    package init(setting: String) throws(InvalidEntry) {
        var networks: [Network] = []
        for part in setting.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let network = Self.network(part) else { throw InvalidEntry(entry: String(part)) }
            networks.append(network)
        }
        self.init(networks: networks)
    }

    package var isEmpty: Bool { networks.isEmpty }

    /// Whether an address is one of these proxies.
    package func contains(_ address: IPAddress) -> Bool {
        let address = address.unmapped
        return networks.contains { $0.contains(address) }
    }

    /// Who sent a request: the sender itself, or, when that is a proxy to be believed, whom it names. Each proxy appends
    /// the address that it was reached from, so the list is read from its end up to the first address that is no such
    /// proxy; what stands before it anybody may have written.
    ///
    /// - Parameters:
    ///   - peer: the other end of the TCP connection.
    ///   - forwardedFor: the values of all `X-Forwarded-For` fields in their order.
    package func client(peer: IPAddress, forwardedFor: [String]) -> IPAddress {
        var client = peer.unmapped
        let hops = forwardedFor.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for hop in hops.reversed().prefix(Self.maximumHops) {
            guard contains(client), let next = Self.address(hop) else { return client }
            client = next
        }
        return client
    }

    private static func network(_ text: Substring) -> Network? {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = IPAddress(halves[0]) else { return nil }
        let longest = address.isV6 ? 128 : 32
        guard halves.count > 1 else {
            return Network(address: address.unmapped, prefixLength: address.unmapped.isV6 ? 128 : 32)
        }
        guard halves.count == 2, (1...3).contains(halves[1].utf8.count),
            halves[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(halves[1]), length <= longest
        else { return nil }
        return Network(address: address, prefixLength: length)
    }

    /// An entry of `X-Forwarded-For`: an address, which some proxies write with a port.
    private static func address(_ text: Substring) -> IPAddress? {
        var text = text
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return IPAddress(text[text.index(after: text.startIndex)..<end])?.unmapped
        }
        if let address = IPAddress(text) { return address.unmapped }
        guard let colon = text.firstIndex(of: ":") else { return nil }
        return IPAddress(text[..<colon])
    }
}

extension IPAddress {
    /// The address under which somebody is counted: who has an IPv6 address usually has 2⁶⁴ of them, and IPv4 is the
    /// same however it arrived.
    package var accountable: IPAddress {
        if case .v6(let high, _) = unmapped { .v6(high, 0) } else { unmapped }
    }
}
