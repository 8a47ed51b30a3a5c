/// Why bytes are not a protobuf message. Offsets count from the beginning of the outermost message.
package enum ProtobufError: Error, Hashable, Sendable {
    /// The input ended inside the field at `offset`.
    case truncated(offset: Int)
    /// A varint of more than ten bytes.
    case malformedVarint(offset: Int)
    /// Field number 0, a number beyond 29 bits, an unknown wire type or a group end without its start.
    case invalidTag(offset: Int)
    /// A string field that is not UTF-8.
    case invalidUTF8(field: Int)
    /// Messages or groups nested deeper than `ProtobufReader.maximumDepth`.
    case tooDeep
    /// More bytes than the caller allows.
    case tooLarge(maximum: Int)
}

/// How a field's value is laid out, the low three bits of a tag.
package enum ProtobufWireType: UInt8, Hashable, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// What stands before each value: which field it is and how it is laid out.
package struct ProtobufTag: Hashable, Sendable {
    package let field: Int
    package let wireType: ProtobufWireType

    package init(field: Int, wireType: ProtobufWireType) {
        self.field = field
        self.wireType = wireType
    }
}

/// Reads the protobuf wire format. Take a tag with `nextTag`, then read its value or `skip` it. No input traps.
package struct ProtobufReader: Sendable {
    /// Bytes that a message may have unless the caller says otherwise.
    package static let maximumSize = 16 << 20
    /// Nesting of messages, and of unknown groups, that is followed.
    package static let maximumDepth = 32

    private let bytes: [UInt8]
    private let end: Int
    private let depth: Int
    /// Where the next tag or value begins.
    package private(set) var offset: Int

    /// Reads a whole message.
    package init(_ bytes: [UInt8], maximumSize: Int = maximumSize) throws(ProtobufError) {
        guard bytes.count <= maximumSize else { throw .tooLarge(maximum: maximumSize) }
        self.init(bytes: bytes, range: 0..<bytes.count, depth: 0)
    }

    private init(bytes: [UInt8], range: Range<Int>, depth: Int) {
        self.bytes = bytes
        self.depth = depth
        offset = range.lowerBound
        end = range.upperBound
    }

    package var isAtEnd: Bool { offset == end }

    /// The tag of the next field, nil at the end of the message.
    package mutating func nextTag() throws(ProtobufError) -> ProtobufTag? {
        guard offset < end else { return nil }
        let start = offset
        let key = try readVarint()
        guard key >> 3 > 0, key >> 3 < 1 << 29, let wireType = ProtobufWireType(rawValue: UInt8(key & 7)) else {
            throw .invalidTag(offset: start)
        }
        return ProtobufTag(field: Int(key >> 3), wireType: wireType)
    }

    /// A base-128 varint of at most 64 bits; surplus high bits of the tenth byte are dropped, as protoc's parsers do.
    package mutating func readVarint() throws(ProtobufError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        for place in 0..<10 {
            guard offset < end else { throw .truncated(offset: start) }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(7 * place)
            if byte < 0x80 { return value }
        }
        throw .malformedVarint(offset: start)
    }

    /// Four bytes, little-endian (`fixed32`, `float`).
    package mutating func readFixed32() throws(ProtobufError) -> UInt32 {
        UInt32(truncatingIfNeeded: try readLittleEndian(4))
    }

    /// Eight bytes, little-endian (`fixed64`, `double`).
    package mutating func readFixed64() throws(ProtobufError) -> UInt64 { try readLittleEndian(8) }

    private mutating func readLittleEndian(_ count: Int) throws(ProtobufError) -> UInt64 {
        guard count <= end - offset else { throw .truncated(offset: offset) }
        var value: UInt64 = 0
        for place in 0..<count { value |= UInt64(bytes[offset + place]) << UInt64(8 * place) }
        offset += count
        return value
    }

    /// A length and that many bytes, consumed; the range where they stand.
    private mutating func readDelimited() throws(ProtobufError) -> Range<Int> {
        let start = offset
        let length = try readVarint()
        guard length <= UInt64(end - offset) else { throw .truncated(offset: start) }
        let range = offset..<offset + Int(length)
        offset = range.upperBound
        return range
    }

    /// A `bytes` value.
    package mutating func readBytes() throws(ProtobufError) -> [UInt8] { Array(bytes[try readDelimited()]) }

    /// A `string` value; `field` is only named in the error.
    package mutating func readString(field: Int) throws(ProtobufError) -> String {
        let range = try readDelimited()
        guard let string = String(validating: bytes[range], as: UTF8.self) else { throw .invalidUTF8(field: field) }
        return string
    }

    /// A reader over an embedded message or a packed list, which this reader has then passed.
    package mutating func readNested() throws(ProtobufError) -> ProtobufReader {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        return ProtobufReader(bytes: bytes, range: try readDelimited(), depth: depth + 1)
    }

    /// Passes over the value behind `tag`.
    package mutating func skip(_ tag: ProtobufTag) throws(ProtobufError) { try skip(tag, depth: depth) }

    private mutating func skip(_ tag: ProtobufTag, depth: Int) throws(ProtobufError) {
        switch tag.wireType {
        case .varint: _ = try readVarint()
        case .fixed64: _ = try readFixed64()
        case .fixed32: _ = try readFixed32()
        case .lengthDelimited: _ = try readDelimited()
        case .endGroup: throw .invalidTag(offset: offset)
        case .startGroup:
            guard depth < Self.maximumDepth else { throw .tooDeep }
            while let inner = try nextTag() {
                if inner.wireType == .endGroup {
                    guard inner.field == tag.field else { throw .invalidTag(offset: offset) }
                    return
                }
                try skip(inner, depth: depth + 1)
            }
            throw .truncated(offset: offset)
        }
    }
}
