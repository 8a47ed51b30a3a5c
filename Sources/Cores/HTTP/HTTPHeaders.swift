internal import Wire

/// Header fields of an HTTP message in their order; names compare without regard to case (RFC 9110 section 5).
package struct HTTPHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
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

    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// The value of the first field of that name; nil when there is none.
    package subscript(name: String) -> String? {
        fields.first { HTTPSyntax.isEqual($0.name, name) }?.value
    }

    /// The values of all fields of that name.
    package func values(_ name: String) -> [String] {
        fields.filter { HTTPSyntax.isEqual($0.name, name) }.map(\.value)
    }

    /// Whether a comma-separated list (`Connection`, `Upgrade`, …) names `token`, in any case.
    package func contains(token: String, in name: String) -> Bool {
        values(name).contains { value in
            value.split(separator: ",").contains { HTTPSyntax.isEqual($0.trimmed(.spacesAndTabs), token) }
        }
    }

    /// The members of a comma-separated list, over all fields of that name, as they were written, without empty ones.
    package func list(_ name: String) -> [Substring] {
        values(name).flatMap { $0.split(separator: ",") }.map { $0.trimmed(.spacesAndTabs) }.filter { !$0.isEmpty }
    }

    /// Appends a field.
    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// Replaces all fields of that name by one.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    package mutating func remove(_ name: String) { fields.removeAll { HTTPSyntax.isEqual($0.name, name) } }

    /// Writes the field lines. What would break out of its line (CR, LF, NUL) becomes a space, and a field whose name is
    /// not a token is left out, so that no value from elsewhere can add a header of its own.
    package func write(to bytes: inout [UInt8]) {
        for field in fields where HTTPSyntax.isToken(field.name) {
            bytes += field.name.utf8
            bytes += [0x3A, 0x20]
            bytes += field.value.utf8.lazy.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F ? 0x20 : $0 }
            bytes += HTTPSyntax.lineEnd
        }
    }
}
