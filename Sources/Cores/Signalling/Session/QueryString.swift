/// The parameters of a URL's query, in order, decoded.
package struct QueryString: Hashable, Sendable {
    /// One `name=value` pair.
    package struct Item: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    /// Parameters that are read; further ones are ignored.
    package static let maximumItems = 256

    package private(set) var items: [Item] = []

    package init() {}

    /// Parses `a=1&b=2`, with or without a leading `?`. `+` stands for a space, as in HTML forms; a malformed escape
    /// stands for itself, and bytes that are not UTF-8 become U+FFFD.
    package init(_ text: some StringProtocol) {
        let body = text.hasPrefix("?") ? text.dropFirst() : text[...]
        for pair in body.split(separator: "&").prefix(Self.maximumItems) {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            items.append(Item(name: Self.decoded(sides[0]), value: sides.count == 2 ? Self.decoded(sides[1]) : ""))
        }
    }

    /// The first parameter of that name.
    package subscript(_ name: String) -> String? { items.first { $0.name == name }?.value }

    package mutating func append(_ name: String, _ value: String) { items.append(Item(name: name, value: value)) }

    /// The query without `?`, everything but RFC 3986's unreserved characters escaped.
    package var encoded: String {
        items.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }.joined(separator: "&")
    }

    private static func decoded(_ text: some StringProtocol) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = Character(Unicode.Scalar(bytes[index + 1])).hexDigitValue,
                let low = Character(Unicode.Scalar(bytes[index + 2])).hexDigitValue
            {
                result.append(UInt8(high << 4 | low))
                index += 3
            } else {
                result.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func encoded(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(byte)
            default:
                result.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 0xF] {
                    result.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
