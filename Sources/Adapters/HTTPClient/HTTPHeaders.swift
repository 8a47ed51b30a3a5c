/// Header fields in the order in which they came. Names compare without regard to case (RFC 9110 section 5.1).
package struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// All values of that name, in order.
    package func all(_ name: String) -> [String] {
        fields.lazy.filter { Self.isSame($0.name, name) }.map(\.value)
    }

    /// The first value of that name.
    package subscript(name: String) -> String? {
        fields.first { Self.isSame($0.name, name) }?.value
    }

    /// The members of a comma-separated list, over all fields of that name, lower-cased, without empty ones.
    package func tokens(_ name: String) -> [String] {
        all(name).flatMap { $0.split(separator: ",") }.map { Self.trim($0).lowercased() }.filter { !$0.isEmpty }
    }

    /// A name as RFC 9110 section 5.6.2 allows it: a token.
    static func isToken(_ name: some StringProtocol) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
                default: false
                }
            }
    }

    /// A value without control characters, so that it cannot end its line.
    static func isSafeValue(_ value: some StringProtocol) -> Bool {
        value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    /// Without the spaces and tabs around it.
    static func trim(_ text: some StringProtocol) -> String {
        var bytes = Substring(text)
        while let first = bytes.first, first == " " || first == "\t" { bytes.removeFirst() }
        while let last = bytes.last, last == " " || last == "\t" { bytes.removeLast() }
        return String(bytes)
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
