package import Wire

/// A protobuf message whose fields are named once, in `visit`; encoding, decoding and both directions of protobuf's
/// JSON mapping follow from that. Fields keep their default value until they are set; unknown fields are dropped.
package protocol ProtobufMessage: Hashable, Sendable {
    /// The message with every field at its default.
    init()
    /// Shows each field to `fields`: number, proto name and storage, in the order of the numbers.
    mutating func visit(_ fields: inout FieldVisitor)
}

extension ProtobufMessage {
    /// A message with some fields set: `Ping.with { $0.timestamp = 5 }`.
    package static func with(_ fill: (inout Self) -> Void) -> Self {
        var message = Self()
        fill(&message)
        return message
    }

    /// Decodes one message; later values of a field win, embedded messages are merged, as protobuf demands.
    package init(
        decoding bytes: [UInt8], maximumSize: Int = ProtobufReader.maximumSize
    ) throws(ProtobufError) {
        self.init()
        try merge(try ProtobufReader(bytes, maximumSize: maximumSize))
    }

    /// The message in protobuf's wire format; fields at their default are left out.
    package func encoded() -> [UInt8] {
        var visitor = FieldVisitor(.encode)
        // Visiting to write changes nothing, but a visitor that also reads needs the fields to be writable.
        var copy = self
        copy.visit(&visitor)
        return visitor.writer.bytes
    }

    mutating func merge(_ reader: ProtobufReader) throws(ProtobufError) {
        var visitor = FieldVisitor(decoding: reader)
        while try visitor.nextField() {
            visit(&visitor)
            try visitor.finishField()
        }
    }

    /// The message in protobuf's JSON mapping.
    package func json(_ style: ProtobufJSONStyle) -> JSONValue {
        var visitor = FieldVisitor(.writeJSON(style))
        var copy = self
        copy.visit(&visitor)
        return .object(visitor.object)
    }

    /// Reads protobuf's JSON mapping: names in snake_case or camelCase, unknown members ignored.
    package init(json: JSONValue) throws(ProtobufJSONError) {
        guard case .object(let object) = json else {
            throw ProtobufJSONError(path: "", expected: "object", found: json.kindName)
        }
        self.init()
        var visitor = FieldVisitor(.readJSON)
        visitor.object = object
        visit(&visitor)
        if let failure = visitor.jsonFailure { throw failure }
    }
}

/// How to write protobuf's JSON mapping.
package enum ProtobufJSONStyle: Hashable, Sendable {
    /// snake_case names and every field, as LiveKit's servers answer over Twirp.
    case serverAnswer
    /// camelCase names and only what is set, as tokens carry `roomConfig`.
    case compact
}

/// A JSON member that does not fit its protobuf field.
package struct ProtobufJSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The member's path from the outermost message, for example `agents.metadata`; empty for the message itself.
    package let path: String
    /// What the field takes.
    package let expected: String
    /// What kind of JSON value stands there.
    package let found: String

    package init(path: String, expected: String, found: String) {
        self.path = path
        self.expected = expected
        self.found = found
    }

    package var description: String {
        "\(path.isEmpty ? "the message" : path) should be \(expected) and is \(found)"
    }
}
