/// An IPv4 or IPv6 address as plain bits.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    /// The upper and lower 64 bits, in network order.
    case v6(UInt64, UInt64)

    package static let loopbackV4 = IPAddress.v4(0x7F00_0001)
    package static let loopbackV6 = IPAddress.v6(0, 1)
    package static let anyV4 = IPAddress.v4(0)
    package static let anyV6 = IPAddress.v6(0, 0)

    package var isV6: Bool {
        if case .v6 = self { true } else { false }
    }

    /// 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let bits): bits >> 24 == 127
        case .v6: self == .loopbackV6
        }
    }

    /// 169.254.0.0/16 or fe80::/10.
    package var isLinkLocal: Bool {
        switch self {
        case .v4(let bits): bits >> 16 == 0xA9FE
        case .v6(let high, _): high >> 54 == 0xFE80 >> 6
        }
    }

    /// An IPv4 address that arrived as ::ffff:a.b.c.d on a dual-stack socket becomes plain IPv4.
    package var unmapped: IPAddress {
        if case .v6(0, let low) = self, low >> 32 == 0xFFFF { .v4(UInt32(truncatingIfNeeded: low)) } else { self }
    }
}

/// An IP address and a port: RFC 8445's transport address for UDP and TCP alike.
package struct TransportAddress: Hashable, Sendable {
    package var ip: IPAddress
    package var port: UInt16

    package init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952's shortest form.
    package var description: String {
        switch self {
        case .v4(let bits):
            return "\(bits >> 24).\(bits >> 16 & 0xFF).\(bits >> 8 & 0xFF).\(bits & 0xFF)"
        case .v6(let high, let low):
            let groups =
                [48, 32, 16, 0].map { high >> UInt64($0) & 0xFFFF }
                + [48, 32, 16, 0].map { low >> UInt64($0) & 0xFFFF }
            var best = 0..<0
            var index = 0
            while index < 8 {
                var end = index
                while end < 8, groups[end] == 0 { end += 1 }
                if end - index > max(best.count, 1) { best = index..<end }
                index = max(end, index + 1)
            }
            func hex(_ part: some Sequence<UInt64>) -> String {
                part.map { String($0, radix: 16) }.joined(separator: ":")
            }
            if best.isEmpty { return hex(groups) }
            return hex(groups[..<best.lowerBound]) + "::" + hex(groups[best.upperBound...])
        }
    }

    /// Parses dotted decimal or any RFC 4291 text form without a zone; nil for anything else.
    package init?(_ text: some StringProtocol) {
        if let bits = Self.parseV4(text) {
            self = .v4(bits)
        } else if let (high, low) = Self.parseV6(text) {
            self = .v6(high, low)
        } else {
            return nil
        }
    }

    private static func parseV4(_ text: some StringProtocol) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard part.count <= 3, part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let byte = UInt8(part) else {
                return nil
            }
            bits = bits << 8 | UInt32(byte)
        }
        return bits
    }

    private static func parseV6(_ text: some StringProtocol) -> (UInt64, UInt64)? {
        guard text.utf8.count <= 45, text.contains(":") else { return nil }
        /// The 16-bit groups of one side of "::"; a trailing dotted quad counts as two.
        func groups(_ side: some StringProtocol) -> [UInt64]? {
            if side.isEmpty { return [] }
            var found: [UInt64] = []
            let parts = side.split(separator: ":", omittingEmptySubsequences: false)
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, part.contains(".") {
                    guard let bits = parseV4(part) else { return nil }
                    found += [UInt64(bits >> 16), UInt64(bits & 0xFFFF)]
                    continue
                }
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit),
                    let group = UInt64(part, radix: 16)
                else { return nil }
                found.append(group)
            }
            return found
        }
        let all: [UInt64]
        if let gap = firstGap(in: text) {
            guard let left = groups(text[..<gap.lowerBound]), let right = groups(text[gap.upperBound...]),
                left.count + right.count < 8
            else { return nil }
            all = left + [UInt64](repeating: 0, count: 8 - left.count - right.count) + right
        } else {
            guard let whole = groups(text), whole.count == 8 else { return nil }
            all = whole
        }
        return (all[..<4].reduce(0) { $0 << 16 | $1 }, all[4...].reduce(0) { $0 << 16 | $1 })
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func firstGap<Text: StringProtocol>(in text: Text) -> Range<Text.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == ":", next < text.endIndex, text[next] == ":" { return index..<text.index(after: next) }
            index = next
        }
        return nil
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `192.0.2.1:3478` or `[2001:db8::1]:3478`.
    package var description: String { ip.isV6 ? "[\(ip)]:\(port)" : "\(ip):\(port)" }
}
