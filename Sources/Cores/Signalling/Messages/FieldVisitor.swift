internal import Wire

/// Walks the fields of a message for one purpose: decoding one field, encoding all, or either way of JSON.
/// It remembers the first failure and lets the walk end quietly, so that messages need not spell `try`.
package struct FieldVisitor {
    enum Purpose {
        case decode
        case encode
        case writeJSON(ProtobufJSONStyle)
        case readJSON
    }

    private let purpose: Purpose
    private var reader: ProtobufReader?
    /// The field that stands next in the input; nil once a field took it.
    private var tag: ProtobufTag?
    private var failure: ProtobufError?
    private(set) var writer = ProtobufWriter()
    var object = JSONObject()
    private(set) var jsonFailure: ProtobufJSONError?

    init(_ purpose: Purpose) { self.purpose = purpose }

    init(decoding reader: ProtobufReader) {
        purpose = .decode
        self.reader = reader
    }

    // MARK: Decoding

    /// Reads the tag of the next field; false at the end.
    mutating func nextField() throws(ProtobufError) -> Bool {
        tag = try reader?.nextTag()
        return tag != nil
    }

    /// Skips the field if no one took it, and reports what went wrong when someone did.
    mutating func finishField() throws(ProtobufError) {
        if let failure { throw failure }
        if let tag { try reader?.skip(tag) }
    }

    /// Whether the next field has this number and layout; if so it must be read now. A known number in an unknown
    /// layout is left to be skipped.
    private mutating func take(_ number: Int, _ wireType: ProtobufWireType) -> Bool {
        guard let tag, tag.field == number, tag.wireType == wireType else { return false }
        self.tag = nil
        return true
    }

    /// Runs `body` over the input and keeps its failure.
    private mutating func reading(_ body: (inout ProtobufReader) throws(ProtobufError) -> Void) {
        guard var input = reader else { return }
        do throws(ProtobufError) { try body(&input) } catch { failure = failure ?? error }
        reader = input
    }

    private mutating func readMessage<Message: ProtobufMessage>(into message: inout Message) {
        var copy = message
        reading { (input) throws(ProtobufError) in try copy.merge(try input.readNested()) }
        message = copy
    }

    // MARK: Encoding

    private mutating func write(_ number: Int, _ value: some ProtobufValue) {
        writer.writeTag(number, type(of: value).wireType)
        value.write(&writer)
    }

    private mutating func write(_ number: Int, _ message: some ProtobufMessage) {
        writer.writeTag(number, .lengthDelimited)
        writer.writeDelimited(message.encoded())
    }

    // MARK: JSON

    /// Adds a member unless the style leaves out what is not set.
    private mutating func writeJSON(_ name: String, _ style: ProtobufJSONStyle, isSet: Bool, _ value: JSONValue) {
        guard isSet || style == .serverAnswer else { return }
        object.append(style == .compact ? Self.camelCase(name) : name, value)
    }

    /// The member of that name in either spelling; null counts as absent.
    private func member(_ name: String) -> JSONValue? {
        guard let value = object[name] ?? object[Self.camelCase(name)], !value.isNull else { return nil }
        return value
    }

    private mutating func fail(_ path: String, expected: String, found: JSONValue) {
        jsonFailure = jsonFailure ?? ProtobufJSONError(path: path, expected: expected, found: found.kindName)
    }

    private mutating func readScalar<Value: ProtobufValue>(_ name: String, _ json: JSONValue) -> Value? {
        let value = Value(json: json)
        if value == nil { fail(name, expected: Value.jsonForm, found: json) }
        return value
    }

    private mutating func readMessage<Message: ProtobufMessage>(_ name: String, _ json: JSONValue) -> Message? {
        do throws(ProtobufJSONError) {
            return try Message(json: json)
        } catch {
            let path = error.path.isEmpty ? name : "\(name).\(error.path)"
            jsonFailure = jsonFailure ?? ProtobufJSONError(path: path, expected: error.expected, found: error.found)
            return nil
        }
    }

    private mutating func elements(_ name: String) -> [JSONValue]? {
        guard let json = member(name) else { return nil }
        if json.array == nil { fail(name, expected: "an array", found: json) }
        return json.array
    }

    /// `num_audios` becomes `numAudios`.
    static func camelCase(_ name: String) -> String {
        var result = ""
        var raise = false
        for character in name {
            if character == "_" {
                raise = true
            } else {
                result += raise ? character.uppercased() : String(character)
                raise = false
            }
        }
        return result
    }
}

// MARK: The kinds of fields

// Never inlined: each has four purposes in it, and four hundred fields of messages would each get a copy of them all.

extension FieldVisitor {
    /// A scalar without presence: its default is not written.
    @inline(never)
    package mutating func field<Value: ProtobufValue>(_ number: Int, _ name: String, _ value: inout Value) {
        switch purpose {
        case .decode:
            guard take(number, Value.wireType) else { return }
            var result = value
            reading { (input) throws(ProtobufError) in result = try Value.read(&input, field: number) }
            value = result
        case .encode: if value != Value.unset { write(number, value) }
        case .writeJSON(let style): writeJSON(name, style, isSet: value != Value.unset, value.json)
        case .readJSON: if let json = member(name) { value = readScalar(name, json) ?? value }
        }
    }

    /// An `optional` scalar: written whenever it is not nil.
    @inline(never)
    package mutating func field<Value: ProtobufValue>(_ number: Int, _ name: String, _ value: inout Value?) {
        switch purpose {
        case .decode:
            guard take(number, Value.wireType) else { return }
            var result = value
            reading { (input) throws(ProtobufError) in result = try Value.read(&input, field: number) }
            value = result
        case .encode: if let value { write(number, value) }
        // Fields with presence are left out of JSON when they are not set, whatever the style.
        case .writeJSON(let style): if let value { writeJSON(name, style, isSet: true, value.json) }
        case .readJSON: if let json = member(name) { value = readScalar(name, json) }
        }
    }

    /// A repeated scalar. Numbers are written packed and read in either form.
    @inline(never)
    package mutating func field<Value: ProtobufValue>(_ number: Int, _ name: String, _ values: inout [Value]) {
        switch purpose {
        case .decode:
            var result = values
            if take(number, Value.wireType) {
                reading { (input) throws(ProtobufError) in result.append(try Value.read(&input, field: number)) }
            } else if take(number, .lengthDelimited) {
                reading { (input) throws(ProtobufError) in
                    var packed = try input.readNested()
                    while !packed.isAtEnd { result.append(try Value.read(&packed, field: number)) }
                }
            } else {
                return
            }
            values = result
        case .encode:
            if Value.wireType == .lengthDelimited {
                for value in values { write(number, value) }
            } else if !values.isEmpty {
                writer.writeTag(number, .lengthDelimited)
                writer.writeDelimited { packed in for value in values { value.write(&packed) } }
            }
        case .writeJSON(let style): writeJSON(name, style, isSet: !values.isEmpty, .array(values.map(\.json)))
        case .readJSON:
            guard let elements = elements(name) else { return }
            values = elements.compactMap { readScalar(name, $0) }
        }
    }

    /// An embedded message.
    @inline(never)
    package mutating func field<Message: ProtobufMessage>(_ number: Int, _ name: String, _ message: inout Message?) {
        switch purpose {
        case .decode:
            guard take(number, .lengthDelimited) else { return }
            var result = message ?? Message()
            readMessage(into: &result)
            message = result
        case .encode: if let message { write(number, message) }
        case .writeJSON(let style):
            writeJSON(name, style, isSet: message != nil, message?.json(style) ?? .null)
        case .readJSON: if let json = member(name) { message = readMessage(name, json) }
        }
    }

    /// Repeated embedded messages.
    @inline(never)
    package mutating func field<Message: ProtobufMessage>(_ number: Int, _ name: String, _ messages: inout [Message]) {
        switch purpose {
        case .decode:
            guard take(number, .lengthDelimited) else { return }
            var result = Message()
            readMessage(into: &result)
            messages.append(result)
        case .encode: for message in messages { write(number, message) }
        case .writeJSON(let style):
            writeJSON(name, style, isSet: !messages.isEmpty, .array(messages.map { $0.json(style) }))
        case .readJSON:
            guard let elements = elements(name) else { return }
            messages = elements.compactMap { readMessage(name, $0) }
        }
    }

    /// A map from text to text, written in the order of its keys.
    @inline(never)
    package mutating func field(_ number: Int, _ name: String, _ map: inout [String: String]) {
        switch purpose {
        case .decode:
            guard take(number, .lengthDelimited) else { return }
            var entry = MapEntry()
            readMessage(into: &entry)
            map[entry.key] = entry.value
        case .encode:
            for (key, value) in map.sorted(by: { $0.key < $1.key }) { write(number, MapEntry(key: key, value: value)) }
        case .writeJSON(let style):
            writeJSON(name, style, isSet: !map.isEmpty, .object(JSONObject(texts: map)))
        case .readJSON:
            guard let json = member(name) else { return }
            guard let members = json.object?.members else {
                return fail(name, expected: "an object", found: json)
            }
            map = [:]
            for member in members { map[member.key] = readScalar("\(name).\(member.key)", member.value) ?? "" }
        }
    }

    /// One message case of a oneof: `wrap` makes the case, `payload` gives its content when the oneof holds it.
    @inline(never)
    package mutating func field<OneOf, Message: ProtobufMessage>(
        _ number: Int, _ name: String, _ oneOf: inout OneOf?, _ wrap: (Message) -> OneOf, payload: (OneOf) -> Message?
    ) {
        switch purpose {
        case .decode:
            guard take(number, .lengthDelimited) else { return }
            var result = oneOf.flatMap(payload) ?? Message()
            readMessage(into: &result)
            oneOf = wrap(result)
        case .encode: if let message = oneOf.flatMap(payload) { write(number, message) }
        case .writeJSON(let style):
            if let message = oneOf.flatMap(payload) { writeJSON(name, style, isSet: true, message.json(style)) }
        case .readJSON:
            if let json = member(name), let message: Message = readMessage(name, json) { oneOf = wrap(message) }
        }
    }

    /// One scalar case of a oneof; written even at its default.
    @inline(never)
    package mutating func field<OneOf, Value: ProtobufValue>(
        _ number: Int, _ name: String, _ oneOf: inout OneOf?, _ wrap: (Value) -> OneOf, payload: (OneOf) -> Value?
    ) {
        switch purpose {
        case .decode:
            guard take(number, Value.wireType) else { return }
            var result: Value?
            reading { (input) throws(ProtobufError) in result = try Value.read(&input, field: number) }
            if let result { oneOf = wrap(result) }
        case .encode: if let value = oneOf.flatMap(payload) { write(number, value) }
        case .writeJSON(let style):
            if let value = oneOf.flatMap(payload) { writeJSON(name, style, isSet: true, value.json) }
        case .readJSON:
            if let json = member(name), let value: Value = readScalar(name, json) { oneOf = wrap(value) }
        }
    }
}

/// What a map consists of on the wire.
private struct MapEntry: ProtobufMessage {
    var key = ""
    var value = ""

    init() {}

    init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "key", &key)
        fields.field(2, "value", &value)
    }
}
