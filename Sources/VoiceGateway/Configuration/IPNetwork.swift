package import Wire

/// Addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address alone (RFC 4632).
package struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    /// Bits that count: 0 to 32 for IPv4, 0 to 128 for IPv6.
    package let prefixLength: Int

    /// Parses `ADDRESS` or `ADDRESS/BITS`; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        let limit = address.isV6 ? 128 : 32
        self.address = address
        guard parts.count == 2 else {
            prefixLength = limit
            return
        }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let bits = Int(parts[1]), bits <= limit
        else { return nil }
        prefixLength = bits
    }

    /// Whether an address is inside. IPv4 counts as IPv4 however it arrived.
    package func contains(_ other: IPAddress) -> Bool {
        switch (address, other.unmapped) {
        case (.v4(let network), .v4(let candidate)):
            // A smart shift by 32 gives 0: everything matches.
            (network ^ candidate) >> UInt32(32 - prefixLength) == 0
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            prefixLength <= 64
                ? (high ^ otherHigh) >> UInt64(64 - prefixLength) == 0
                : high == otherHigh && (low ^ otherLow) >> UInt64(128 - prefixLength) == 0
        default: false
        }
    }

    package var description: String {
        prefixLength == (address.isV6 ? 128 : 32) ? "\(address)" : "\(address)/\(prefixLength)"
    }
}

/// Several networks.
package struct IPNetworkList: Hashable, Sendable, CustomStringConvertible {
    package let networks: [IPNetwork]

    package init(_ networks: [IPNetwork] = []) { self.networks = networks }

    /// Whether an address is in one of them.
    package func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

    package var description: String { networks.map(\.description).joined(separator: ",") }
}
