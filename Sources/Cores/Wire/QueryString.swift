/// The query of a URL (RFC 3986 section 3.4) in the form that browsers write: `name=value` pairs between `&`,
/// percent-encoded, `+` for a space. Decoded, in the order in which they came.
package struct QueryString: Hashable, Sendable {
    /// One pair; without `=` the value is empty.
    package struct Item: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    /// Pairs beyond this many are not read.
    package static let maximumItems = 128

    package private(set) var items: [Item] = []

    package init() {}

    /// Parses `a=1&b=2`, with or without a leading `?`. Nothing is ever refused.
    package init(_ text: some StringProtocol) {
        let body = text.hasPrefix("?") ? text.dropFirst() : text[...]
        for pair in body.utf8.split(separator: UInt8(ascii: "&"), maxSplits: Self.maximumItems).prefix(
            Self.maximumItems)
        {
            let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            items.append(
                Item(
                    name: PercentEncoding.decoded(sides[0], plusIsSpace: true),
                    value: sides.count == 2 ? PercentEncoding.decoded(sides[1], plusIsSpace: true) : ""))
        }
    }

    /// The value of the last parameter of that name: a later one replaces an earlier one, for everybody who asks.
    package subscript(_ name: String) -> String? { items.last { $0.name == name }?.value }

    /// Whether a parameter of that name is there, with or without a value.
    package func contains(_ name: String) -> Bool { items.contains { $0.name == name } }

    /// Names and values in their order.
    package var pairs: [(name: String, value: String)] { items.map { ($0.name, $0.value) } }

    package mutating func append(_ name: String, _ value: String) { items.append(Item(name: name, value: value)) }

    /// The query without `?`.
    package var encoded: String {
        items.map { PercentEncoding.encoded($0.name) + "=" + PercentEncoding.encoded($0.value) }.joined(separator: "&")
    }
}
