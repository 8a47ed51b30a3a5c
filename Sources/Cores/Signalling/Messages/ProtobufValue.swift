package import Wire

/// A type that one scalar field can hold.
package protocol ProtobufValue: Hashable, Sendable {
    /// The value of a field that is not set.
    static var unset: Self { get }
    static var wireType: ProtobufWireType { get }
    /// What protobuf's JSON mapping takes here, for error texts.
    static var jsonForm: String { get }
    static func read(_ reader: inout ProtobufReader, field: Int) throws(ProtobufError) -> Self
    func write(_ writer: inout ProtobufWriter)
    var json: JSONValue { get }
    init?(json: JSONValue)
}

/// A field type that travels as a varint.
package protocol ProtobufVarint: ProtobufValue {
    init(varint: UInt64)
    var varint: UInt64 { get }
}

extension ProtobufVarint {
    package static var unset: Self { Self(varint: 0) }
    package static var wireType: ProtobufWireType { .varint }
    package static func read(_ reader: inout ProtobufReader, field: Int) throws(ProtobufError) -> Self {
        Self(varint: try reader.readVarint())
    }
    package func write(_ writer: inout ProtobufWriter) { writer.writeVarint(varint) }
}

extension ProtobufVarint where Self: FixedWidthInteger {
    package static var jsonForm: String { "an integer of \(Self.bitWidth) bits" }
    package init(varint: UInt64) { self.init(truncatingIfNeeded: varint) }
    /// Negative numbers of any width are extended to 64 bits.
    package var varint: UInt64 { UInt64(truncatingIfNeeded: self) }
    /// 64-bit integers are strings in protobuf's JSON, since JSON's readers keep only 53 bits.
    package var json: JSONValue {
        Self.bitWidth == 64 ? .string(String(self)) : .integer(Int64(truncatingIfNeeded: self))
    }
    package init?(json: JSONValue) {
        if let string = json.string {
            self.init(string)
        } else if let integer = json.integer {
            self.init(exactly: integer)
        } else {
            return nil
        }
    }
}

extension Int32: ProtobufVarint {}
extension Int64: ProtobufVarint {}
extension UInt32: ProtobufVarint {}
extension UInt64: ProtobufVarint {}

extension Bool: ProtobufVarint {
    package static var jsonForm: String { "a boolean" }
    package init(varint: UInt64) { self = varint != 0 }
    package var varint: UInt64 { self ? 1 : 0 }
    package var json: JSONValue { .bool(self) }
    package init?(json: JSONValue) {
        guard let value = json.bool else { return nil }
        self = value
    }
}

extension Float: ProtobufValue {
    package static var unset: Float { 0 }
    package static var wireType: ProtobufWireType { .fixed32 }
    package static var jsonForm: String { "a number" }
    package static func read(_ reader: inout ProtobufReader, field: Int) throws(ProtobufError) -> Self {
        Float(bitPattern: try reader.readFixed32())
    }
    package func write(_ writer: inout ProtobufWriter) { writer.writeFixed32(bitPattern) }
    package var json: JSONValue { .double(Double(self)) }
    package init?(json: JSONValue) {
        guard let value = json.double else { return nil }
        self = Float(value)
    }
}

extension String: ProtobufValue {
    package static var unset: String { "" }
    package static var wireType: ProtobufWireType { .lengthDelimited }
    package static var jsonForm: String { "a string" }
    package static func read(_ reader: inout ProtobufReader, field: Int) throws(ProtobufError) -> Self {
        try reader.readString(field: field)
    }
    package func write(_ writer: inout ProtobufWriter) { writer.writeDelimited(utf8) }
    package var json: JSONValue { .string(self) }
    package init?(json: JSONValue) {
        guard let value = json.string else { return nil }
        self = value
    }
}

/// A `bytes` field; base64 in JSON.
extension [UInt8]: ProtobufValue {
    package static var unset: [UInt8] { [] }
    package static var wireType: ProtobufWireType { .lengthDelimited }
    package static var jsonForm: String { "base64 text" }
    package static func read(_ reader: inout ProtobufReader, field: Int) throws(ProtobufError) -> Self {
        try reader.readBytes()
    }
    package func write(_ writer: inout ProtobufWriter) { writer.writeDelimited(self) }
    package var json: JSONValue { .string(Base64.encode(self)) }
    package init?(json: JSONValue) {
        guard let text = json.string, let bytes = Base64.decode(text) ?? Base64.decode(text, .urlSafe) else {
            return nil
        }
        self = bytes
    }
}

/// An enum field. Open: a number without a name is kept and written back.
package protocol ProtobufEnum: ProtobufVarint, RawRepresentable where RawValue == Int32 {
    init(rawValue: Int32)
    /// The proto names of the numbers, for JSON and for logs.
    static var names: [Int32: String] { get }
}

extension ProtobufEnum {
    package static var jsonForm: String {
        "one of \(names.sorted { $0.key < $1.key }.map(\.value).joined(separator: ", "))"
    }
    package init(varint: UInt64) { self.init(rawValue: Int32(truncatingIfNeeded: varint)) }
    package var varint: UInt64 { UInt64(truncatingIfNeeded: rawValue) }
    /// The proto name, or the number when it has none.
    package var name: String { Self.names[rawValue] ?? String(rawValue) }
    package var json: JSONValue { Self.names[rawValue].map { .string($0) } ?? .integer(Int64(rawValue)) }
    package init?(json: JSONValue) {
        if let name = json.string {
            guard let number = Self.names.first(where: { $0.value == name })?.key else { return nil }
            self.init(rawValue: number)
        } else if let integer = json.integer, let number = Int32(exactly: integer) {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}
