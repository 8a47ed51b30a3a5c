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

    /// Four bytes, little-endian (`fixed32`, `float`).
    package mutating func writeFixed32(_ value: UInt32) {
        for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * place))) }
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
