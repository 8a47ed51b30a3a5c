/// Bytes of spans without unsafe code. The standard library leaves loads from raw spans to functions that it marks unsafe,
/// because not every type takes every bit pattern; bytes and integers do. They are inlined where they are used: the
/// media path goes through them for each packet.
extension Span where Element == UInt8 {
    /// The same bytes. The standard library's own conversion is for types that may have padding, and is marked unsafe.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(copy self)
        @inline(__always)
        get { RawSpan(_elements: self) }
    }
}

extension RawSpan {
    /// The byte at an offset, which must be below `byteCount`.
    @inlinable
    public subscript(offset: Int) -> UInt8 {
        // SAFETY: every bit pattern is a byte, and the load checks the offset.
        @inline(__always) get { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
    }

    /// The same bytes, as elements.
    @inlinable
    public var octets: Span<UInt8> {
        @_lifetime(copy self)
        @inline(__always)
        get { Span(_bytes: self) }
    }

    /// Two bytes in network order; both must be there.
    @inlinable
    @inline(__always)
    public func bigEndianUInt16(at offset: Int) -> UInt16 {
        // SAFETY: every bit pattern is an integer, and the load checks its range.
        UInt16(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// Four bytes in network order; all must be there.
    @inlinable
    @inline(__always)
    public func bigEndianUInt32(at offset: Int) -> UInt32 {
        // SAFETY: every bit pattern is an integer, and the load checks its range.
        UInt32(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Eight bytes, the lowest first; all must be there.
    @inlinable
    @inline(__always)
    public func littleEndianUInt64(at offset: Int) -> UInt64 {
        // SAFETY: every bit pattern is an integer, and the load checks its range.
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether the bytes are these.
    @inlinable
    public func elementsEqual(_ other: [UInt8]) -> Bool {
        guard byteCount == other.count else { return false }
        for offset in 0..<byteCount where self[offset] != other[offset] { return false }
        return true
    }
}

extension MutableRawSpan {
    /// Writes a byte; it must have room.
    @inlinable
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func set(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes an integer in network order; all its bytes must have room.
    @inlinable
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func setBigEndian(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes an integer in network order; all its bytes must have room.
    @inlinable
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func setBigEndian(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Writes bytes from `offset` on; all must have room.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func set(_ source: RawSpan, at offset: Int) {
        precondition(offset >= 0 && source.byteCount <= byteCount - offset)
        // SAFETY: the range has just been checked, and both pointers are used during the calls only.
        unsafe withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
                unsafe (to + offset).copyMemory(from: from, byteCount: bytes.count)
            }
        }
    }
}

extension Array where Element == UInt8 {
    /// The bytes of a span, copied.
    @inlinable
    public init(copying span: RawSpan) {
        // SAFETY: the buffer is only read during the call.
        self = unsafe span.withUnsafeBytes { buffer in unsafe [UInt8](buffer) }
    }

    /// Appends the bytes of a span.
    @inlinable
    public mutating func append(copying span: RawSpan) {
        // SAFETY: the buffer is only read during the call.
        unsafe span.withUnsafeBytes { buffer in unsafe append(contentsOf: buffer) }
    }

    /// Lends the bytes for changes in place.
    @inlinable
    public mutating func withMutableBytes<Result>(_ body: (inout MutableRawSpan) -> Result) -> Result {
        var elements = mutableSpan
        var bytes = MutableRawSpan(_elements: &elements)
        return body(&bytes)
    }
}
