import Testing
import Wire

@Suite struct ProtobufTests {
    /// Fields 1 varint 150, 2 string "testing", 3 nested {1: 3}, 4 fixed32, 5 fixed64, 6 packed [3, 270, 86942].
    static var sample: [UInt8] {
        var writer = ProtobufWriter()
        writer.writeTag(1, .varint)
        writer.writeVarint(150)
        writer.writeTag(2, .lengthDelimited)
        writer.writeDelimited("testing".utf8)
        writer.writeTag(3, .lengthDelimited)
        writer.writeDelimited {
            $0.writeTag(1, .varint)
            $0.writeVarint(3)
        }
        writer.writeTag(4, .fixed32)
        writer.writeFixed32(0x1234_5678)
        writer.writeTag(5, .fixed64)
        writer.writeFixed32(0x89AB_CDEF)
        writer.writeFixed32(0x0123_4567)
        writer.writeTag(6, .lengthDelimited)
        writer.writeDelimited { nested in for value: UInt64 in [3, 270, 86942] { nested.writeVarint(value) } }
        return writer.bytes
    }

    @Test("the bytes are those of the format's description")
    func bytes() {
        #expect(Array(Self.sample[..<3]) == [0x08, 0x96, 0x01])
        #expect(Array(Self.sample[3..<12]) == [0x12, 0x07] + Array("testing".utf8))
        #expect(Array(Self.sample[12..<16]) == [0x1A, 0x02, 0x08, 0x03])
        #expect(Array(Self.sample[30...]) == [0x32, 0x06, 0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05])
    }

    @Test("what was written is read back")
    func roundTrip() throws {
        var reader = try ProtobufReader(Self.sample)
        #expect(try reader.nextTag() == ProtobufTag(field: 1, wireType: .varint))
        #expect(try reader.readVarint() == 150)
        #expect(try reader.nextTag()?.field == 2)
        #expect(try reader.readString(field: 2) == "testing")
        #expect(try reader.nextTag()?.field == 3)
        var nested = try reader.readNested()
        #expect(try nested.nextTag() == ProtobufTag(field: 1, wireType: .varint))
        #expect(try nested.readVarint() == 3)
        #expect(nested.isAtEnd)
        #expect(try reader.nextTag() == ProtobufTag(field: 4, wireType: .fixed32))
        #expect(try reader.readFixed32() == 0x1234_5678)
        #expect(try reader.nextTag() == ProtobufTag(field: 5, wireType: .fixed64))
        #expect(try reader.readFixed64() == 0x0123_4567_89AB_CDEF)
        #expect(try reader.nextTag()?.field == 6)
        var packed = try reader.readNested()
        var values: [UInt64] = []
        while !packed.isAtEnd { values.append(try packed.readVarint()) }
        #expect(values == [3, 270, 86942])
        #expect(try reader.nextTag() == nil)
    }

    /// Skips through a message and everything in it.
    func walk(_ bytes: [UInt8]) throws(ProtobufError) {
        var reader = try ProtobufReader(bytes)
        while let tag = try reader.nextTag() { try reader.skip(tag) }
    }

    @Test("every truncation ends at a field border or is refused")
    func truncations() throws {
        let bytes = Self.sample
        let borders: Set = [0, 3, 12, 16, 21, 30, 38]
        for length in 0...bytes.count {
            if borders.contains(length) {
                try walk(Array(bytes[..<length]))
            } else {
                #expect(throws: ProtobufError.self) { try walk(Array(bytes[..<length])) }
            }
        }
    }

    @Test("unknown groups are passed over, and only up to a depth")
    func groups() throws {
        try walk([0x0B, 0x08, 0x01, 0x13, 0x14, 0x0C])
        #expect(throws: ProtobufError.self) { try walk([0x0B, 0x14]) }
        #expect(throws: ProtobufError.self) { try walk([0x0B]) }
        #expect(throws: ProtobufError.self) { try walk([0x0C]) }
        #expect(throws: ProtobufError.tooDeep) { try walk([UInt8](repeating: 0x0B, count: 100)) }
    }

    @Test("malformed tags and varints are refused")
    func malformed() {
        #expect(throws: ProtobufError.invalidTag(offset: 0)) { try walk([0x00]) }
        #expect(throws: ProtobufError.invalidTag(offset: 0)) { try walk([0x0E]) }
        #expect(throws: ProtobufError.malformedVarint(offset: 1)) {
            try walk([0x08] + [UInt8](repeating: 0xFF, count: 11))
        }
        #expect(throws: ProtobufError.truncated(offset: 1)) {
            try walk([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
        }
        #expect(throws: ProtobufError.tooLarge(maximum: 3)) { try ProtobufReader([8, 1, 8, 1], maximumSize: 3) }
    }

    @Test("the extreme integers survive")
    func extremes() throws {
        for value: Int64 in [.min, -1, 0, 1, .max] {
            var writer = ProtobufWriter()
            writer.writeVarint(UInt64(bitPattern: value))
            var reader = try ProtobufReader(writer.bytes)
            #expect(try reader.readVarint() == UInt64(bitPattern: value))
        }
    }
}
