/// The input ended before the field that was asked for.
package struct Truncated: Error, Hashable, Sendable {
    /// How many bytes the field needs.
    package let needed: Int
    /// How many bytes were left.
    package let available: Int

    package init(needed: Int, available: Int) {
        self.needed = needed
        self.available = available
    }
}

/// Reads big-endian (network order) fields from the front of borrowed bytes. Never traps on input: a field that
/// does not fit throws `Truncated` and consumes nothing.
package struct ByteReader: ~Escapable {
    /// The bytes that the reader was made over.
    package let bytes: RawSpan
    /// How many bytes have been consumed.
    package private(set) var offset = 0

    @_lifetime(copy bytes)
    package init(_ bytes: RawSpan) { self.bytes = bytes }

    /// How many bytes are left.
    package var remaining: Int { bytes.byteCount - offset }
    package var isAtEnd: Bool { remaining == 0 }

    @_lifetime(self: copy self)
    package mutating func readUInt8() throws(Truncated) -> UInt8 { try readInteger() }
    @_lifetime(self: copy self)
    package mutating func readUInt16() throws(Truncated) -> UInt16 { try readInteger() }
    @_lifetime(self: copy self)
    package mutating func readUInt32() throws(Truncated) -> UInt32 { try readInteger() }
    @_lifetime(self: copy self)
    package mutating func readUInt64() throws(Truncated) -> UInt64 { try readInteger() }

    /// The next `count` bytes, copied. A negative count throws.
    @_lifetime(self: copy self)
    package mutating func readBytes(_ count: Int) throws(Truncated) -> [UInt8] {
        [UInt8](copying: try readSpan(count))
    }

    /// The next `count` bytes, borrowed from the input. A negative count throws.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    package mutating func readSpan(_ count: Int) throws(Truncated) -> RawSpan {
        try need(count)
        let part = bytes.extracting(offset..<offset + count)
        offset += count
        return part
    }

    /// All that is left, copied.
    @_lifetime(self: copy self)
    package mutating func readRest() -> [UInt8] {
        let rest = [UInt8](copying: bytes.extracting(offset..<bytes.byteCount))
        offset = bytes.byteCount
        return rest
    }

    /// Passes over `count` bytes. A negative count throws.
    @_lifetime(self: copy self)
    package mutating func skip(_ count: Int) throws(Truncated) {
        try need(count)
        offset += count
    }

    private func need(_ count: Int) throws(Truncated) {
        guard count >= 0, count <= remaining else { throw Truncated(needed: count, available: remaining) }
    }

    @_lifetime(self: copy self)
    private mutating func readInteger<Value: FixedWidthInteger & BitwiseCopyable>() throws(Truncated) -> Value {
        let size = MemoryLayout<Value>.size
        try need(size)
        // SAFETY: every bit pattern is a valid integer, and the range was checked one line above.
        let raw = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
        offset += size
        return Value(bigEndian: raw)
    }
}
