/// Writes the protobuf wire format, values without their tags; `writeTag` goes before each.
package struct ProtobufWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func writeTag(_ field: Int, _ wireType: ProtobufWireType) {
        writeVarint(UInt64(field) << 3 | UInt64(wireType.rawValue))
    }

    /// A base-128 varint.
    package mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// A varint in zigzag form (`sint32`, `sint64`).
    package mutating func writeZigZag(_ value: Int64) { writeVarint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    /// Four bytes, little-endian (`fixed32`, `float`).
    package mutating func writeFixed32(_ value: UInt32) {
        for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * place))) }
    }

    /// Eight bytes, little-endian (`fixed64`, `double`).
    package mutating func writeFixed64(_ value: UInt64) {
        for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
    }

    /// A length and the bytes themselves.
    package mutating func writeDelimited(_ value: some Collection<UInt8>) {
        writeVarint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A length and what `body` writes: an embedded message or a packed list.
    package mutating func writeDelimited<Failure: Error>(
        _ body: (inout ProtobufWriter) throws(Failure) -> Void
    ) throws(Failure) {
        var nested = ProtobufWriter()
        try body(&nested)
        writeDelimited(nested.bytes)
    }
}
