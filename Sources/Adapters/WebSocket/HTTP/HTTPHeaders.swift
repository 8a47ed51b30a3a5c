/// Header fields of an HTTP message in their order; names compare without regard to case (RFC 9110 section 5).
package struct HTTPHeaders: Hashable, Sendable {
    /// One field line.
    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(_ fields: [(String, String)]) {
        for (name, value) in fields { add(name, value) }
    }

    /// The value of the first field of that name; nil when there is none.
    package subscript(name: String) -> String? {
        fields.first { Self.isEqual($0.name, name) }?.value
    }

    /// The values of all fields of that name.
    package func values(_ name: String) -> [String] {
        fields.filter { Self.isEqual($0.name, name) }.map(\.value)
    }

    /// Whether a comma-separated list (`Connection`, `Upgrade`, …) names `token`, in any case.
    package func contains(token: String, in name: String) -> Bool {
        values(name).contains { value in
            value.split(separator: ",").contains { Self.isEqual(Self.trim($0), token) }
        }
    }

    /// Appends a field.
    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// Replaces all fields of that name by one.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    package mutating func remove(_ name: String) { fields.removeAll { Self.isEqual($0.name, name) } }

    /// Writes the field lines. What would break out of its line (CR, LF, NUL) becomes a space, and a field whose name is
    /// not a token is left out, so that no value from elsewhere can add a header of its own.
    func write(to bytes: inout [UInt8]) {
        for field in fields where !field.name.isEmpty && field.name.utf8.allSatisfy(HTTPSyntax.isTokenCharacter) {
            bytes += field.name.utf8
            bytes += [0x3A, 0x20]
            bytes += field.value.utf8.lazy.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F ? 0x20 : $0 }
            bytes += HTTPSyntax.lineEnd
        }
    }

    static func isEqual(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { HTTPSyntax.lowercased($0) == HTTPSyntax.lowercased($1) }
    }

    static func trim(_ text: Substring) -> Substring {
        var text = text
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }
}

/// Character classes of RFC 9110 and 9112.
enum HTTPSyntax {
    static let lineEnd: [UInt8] = [0x0D, 0x0A]

    static func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    /// RFC 9110 section 5.6.2.
    static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// RFC 9110 section 5.5: visible characters, space, tab, and obs-text.
    static func isValueCharacter(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// A request target holds visible ASCII only.
    static func isTargetCharacter(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

    /// What RFC 3986 section 3.2 allows in a host with a port: names, percent-encoding, addresses, brackets.
    static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x24...0x2E, 0x3A, 0x3B, 0x3D, 0x5B, 0x5D, 0x5F, 0x7E: true
        default: false
        }
    }
}
