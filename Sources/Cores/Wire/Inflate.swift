/// Why bytes are not compressed data.
package enum InflateError: Error, Hashable, Sendable {
    case truncated
    /// The zlib or gzip header is wrong or asks for something unknown.
    case invalidHeader
    /// A reserved block type, or a stored block whose length and complement disagree.
    case invalidBlock
    /// A Huffman code that does not exist, or a set of them that cannot.
    case invalidCode
    /// A copy from before the beginning of the output.
    case invalidDistance
    /// The checksum or the length behind the data is another.
    case checksumMismatch
    /// More output than the caller allows.
    case tooLarge(maximum: Int)
    /// Something follows the data.
    case trailingContent
}

/// Decompresses DEFLATE (RFC 1951), alone or inside zlib (RFC 1950) or gzip (RFC 1952). Made for small inputs from
/// unknown peers: the output is limited, and no input traps.
package enum Inflate {
    /// What stands around the compressed data.
    package enum Container: Hashable, Sendable { case raw, zlib, gzip }

    /// The decompressed bytes; the input must hold exactly one stream.
    package static func decompress(
        _ input: [UInt8], _ container: Container, maximumOutput: Int
    ) throws(InflateError) -> [UInt8] {
        var decoder = InflateDecoder(input: input, maximumOutput: maximumOutput)
        switch container {
        case .raw:
            try decoder.inflate()
        case .zlib:
            try decoder.skipZlibHeader()
            try decoder.inflate()
            let sum = try decoder.readAligned(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard sum == adler32(decoder.output) else { throw .checksumMismatch }
        case .gzip:
            try decoder.skipGzipHeader()
            try decoder.inflate()
            let trailer = Array(try decoder.readAligned(8))
            func littleEndian(_ part: ArraySlice<UInt8>) -> UInt32 {
                part.reversed().reduce(0) { $0 << 8 | UInt32($1) }
            }
            guard littleEndian(trailer[..<4]) == crc32(decoder.output),
                littleEndian(trailer[4...]) == UInt32(truncatingIfNeeded: decoder.output.count)
            else { throw .checksumMismatch }
        }
        guard decoder.isAtEnd else { throw .trailingContent }
        return decoder.output
    }

    /// RFC 1950's checksum.
    package static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return high << 16 | low
    }

    /// RFC 1952's checksum, as STUN's FINGERPRINT uses it too.
    package static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { sum, byte in sum >> 8 ^ crcTable[Int((sum ^ UInt32(byte)) & 0xFF)] }
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }
}

/// A set of canonical Huffman codes: within a length codes are consecutive, longer codes follow shorter ones.
private struct HuffmanCode {
    static let maximumLength = 15

    /// How many codes each length has.
    private(set) var counts = [Int](repeating: 0, count: maximumLength + 1)
    /// The symbols in the order of their codes.
    private(set) var symbols: [Int] = []

    /// Makes the codes from their lengths; zero means that the symbol is not used.
    init(lengths: [Int]) throws(InflateError) {
        for length in lengths where length > 0 { counts[length] += 1 }
        var room = 1
        for length in 1...Self.maximumLength {
            room = room * 2 - counts[length]
            guard room >= 0 else { throw .invalidCode }
        }
        for length in 1...Self.maximumLength where counts[length] > 0 {
            for (symbol, itsLength) in lengths.enumerated() where itsLength == length { symbols.append(symbol) }
        }
    }

}

private struct InflateDecoder {
    let input: [UInt8]
    let maximumOutput: Int
    var output: [UInt8] = []
    private var offset = 0
    /// Bits of the byte before `offset` that are still unread, the next one lowest.
    private var held = 0
    private var heldCount = 0

    init(input: [UInt8], maximumOutput: Int) {
        self.input = input
        self.maximumOutput = maximumOutput
    }

    var isAtEnd: Bool { offset == input.count }

    // MARK: Input

    private mutating func nextByte() throws(InflateError) -> UInt8 {
        guard offset < input.count else { throw .truncated }
        offset += 1
        return input[offset - 1]
    }

    private mutating func nextBit() throws(InflateError) -> Int {
        if heldCount == 0 {
            held = Int(try nextByte())
            heldCount = 8
        }
        let bit = held & 1
        held >>= 1
        heldCount -= 1
        return bit
    }

    private mutating func bits(_ count: Int) throws(InflateError) -> Int {
        var value = 0
        for place in 0..<count { value |= try nextBit() << place }
        return value
    }

    /// Whole bytes, after dropping what is left of the current one.
    mutating func readAligned(_ count: Int) throws(InflateError) -> ArraySlice<UInt8> {
        heldCount = 0
        guard count <= input.count - offset else { throw .truncated }
        offset += count
        return input[offset - count..<offset]
    }

    // MARK: Headers

    mutating func skipZlibHeader() throws(InflateError) {
        let method = Int(try nextByte())
        let flags = Int(try nextByte())
        // Method 8 with a window of at most 32 kB, a check of the header, no preset dictionary.
        guard method & 0xF == 8, method >> 4 <= 7, (method << 8 | flags) % 31 == 0, flags & 0x20 == 0 else {
            throw .invalidHeader
        }
    }

    mutating func skipGzipHeader() throws(InflateError) {
        let header = Array(try readAligned(10))
        let flags = header[3]
        guard header[0] == 0x1F, header[1] == 0x8B, header[2] == 8, flags & 0xE0 == 0 else { throw .invalidHeader }
        if flags & 0x04 != 0 {
            let length = Array(try readAligned(2))
            _ = try readAligned(Int(length[0]) | Int(length[1]) << 8)
        }
        // The file's name and a comment, each up to a zero.
        for flag: UInt8 in [0x08, 0x10] where flags & flag != 0 {
            while try nextByte() != 0 {}
        }
        if flags & 0x02 != 0 { _ = try readAligned(2) }
    }

    // MARK: Blocks

    mutating func inflate() throws(InflateError) {
        var isLast = false
        while !isLast {
            isLast = try nextBit() == 1
            switch try bits(2) {
            case 0: try copyStoredBlock()
            case 1: try inflateBlock(literals: try Self.fixedLiterals(), distances: try Self.fixedDistances())
            case 2: try inflateDynamicBlock()
            default: throw .invalidBlock
            }
        }
    }

    private mutating func append(_ byte: UInt8) throws(InflateError) {
        guard output.count < maximumOutput else { throw .tooLarge(maximum: maximumOutput) }
        output.append(byte)
    }

    private mutating func copyStoredBlock() throws(InflateError) {
        let lengths = Array(try readAligned(4)).map { Int($0) }
        let length = lengths[0] | lengths[1] << 8
        guard length == ~(lengths[2] | lengths[3] << 8) & 0xFFFF else { throw .invalidBlock }
        guard length <= maximumOutput - output.count else { throw .tooLarge(maximum: maximumOutput) }
        output += try readAligned(length)
    }

    private mutating func inflateDynamicBlock() throws(InflateError) {
        let literalCount = try bits(5) + 257
        let distanceCount = try bits(5) + 1
        let lengthCount = try bits(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw .invalidCode }
        var lengthLengths = [Int](repeating: 0, count: 19)
        for symbol in Self.lengthOrder[..<lengthCount] { lengthLengths[symbol] = try bits(3) }
        let lengthCode = try HuffmanCode(lengths: lengthLengths)
        var lengths: [Int] = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try decode(lengthCode)
            switch symbol {
            case 16:
                guard let last = lengths.last else { throw .invalidCode }
                lengths += [Int](repeating: last, count: 3 + (try bits(2)))
            case 17: lengths += [Int](repeating: 0, count: 3 + (try bits(3)))
            case 18: lengths += [Int](repeating: 0, count: 11 + (try bits(7)))
            default: lengths.append(symbol)
            }
        }
        // Repeats must not run over the end, and a block without its end symbol could not end.
        guard lengths.count == literalCount + distanceCount, lengths[256] > 0 else { throw .invalidCode }
        try inflateBlock(
            literals: try HuffmanCode(lengths: Array(lengths[..<literalCount])),
            distances: try HuffmanCode(lengths: Array(lengths[literalCount...])))
    }

    private mutating func decode(_ code: HuffmanCode) throws(InflateError) -> Int {
        var bits = 0
        var firstCode = 0
        var firstSymbol = 0
        for length in 1...HuffmanCode.maximumLength {
            bits = bits << 1 | (try nextBit())
            let count = code.counts[length]
            if bits - firstCode < count { return code.symbols[firstSymbol + bits - firstCode] }
            firstSymbol += count
            firstCode = (firstCode + count) << 1
        }
        throw .invalidCode
    }

    private mutating func inflateBlock(literals: HuffmanCode, distances: HuffmanCode) throws(InflateError) {
        while true {
            let symbol = try decode(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                try append(UInt8(symbol))
                continue
            }
            guard symbol - 257 < Self.lengthBases.count else { throw .invalidCode }
            let length = Self.lengthBases[symbol - 257] + (try bits(Self.lengthExtraBits[symbol - 257]))
            let place = try decode(distances)
            guard place < Self.distanceBases.count else { throw .invalidCode }
            let distance = Self.distanceBases[place] + (try bits(Self.distanceExtraBits[place]))
            guard distance <= output.count else { throw .invalidDistance }
            for _ in 0..<length { try append(output[output.count - distance]) }
        }
    }

    // MARK: Tables of RFC 1951 sections 3.2.5 to 3.2.7

    private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthExtraBits = (0..<29).map { $0 < 8 || $0 == 28 ? 0 : $0 / 4 - 1 }
    private static let distanceExtraBits = (0..<30).map { $0 < 4 ? 0 : $0 / 2 - 1 }
    private static let lengthBases = bases(from: 3, lengthExtraBits[..<28]) + [258]
    private static let distanceBases = bases(from: 1, distanceExtraBits[...])

    /// Each code covers as many values as its extra bits can tell apart.
    private static func bases(from first: Int, _ extraBits: ArraySlice<Int>) -> [Int] {
        var next = first
        return extraBits.map { bits in
            defer { next += 1 << bits }
            return next
        }
    }

    private static func fixedLiterals() throws(InflateError) -> HuffmanCode {
        try HuffmanCode(lengths: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
    }

    private static func fixedDistances() throws(InflateError) -> HuffmanCode {
        try HuffmanCode(lengths: [Int](repeating: 5, count: 30))
    }
}
