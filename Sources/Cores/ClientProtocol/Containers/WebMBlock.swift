/// The frames of a Matroska block (RFC 9559 section 10): track number, time code, flags, lacing.
enum WebMBlock {
    /// Where the frames lie in `bytes[range]`, which is a whole block.
    static func frames(_ bytes: [UInt8], in range: Range<Int>) throws(WebMError) -> [Range<Int>] {
        let end = range.upperBound
        guard case .value(_, let length, _) = EBML.read(bytes, at: range.lowerBound, end: end) else {
            throw .malformedBlock
        }
        let flags = range.lowerBound + length + 2
        guard flags < end else { throw .malformedBlock }
        var offset = flags + 1
        let lacing = bytes[flags] >> 1 & 3
        guard lacing != 0 else { return [offset..<end] }
        guard offset < end else { throw .malformedBlock }
        let count = Int(bytes[offset]) + 1
        offset += 1
        switch lacing {
        case 1: return try xiph(bytes, offset, end, count)
        case 2:
            guard (end - offset).isMultiple(of: count) else { throw .malformedBlock }
            let size = (end - offset) / count
            let start = offset
            return (0..<count).map { start + $0 * size..<start + ($0 + 1) * size }
        default: return try ebml(bytes, offset, end, count)
        }
    }

    /// Each size but the last as a sum of bytes that ends with the first one below 255.
    private static func xiph(_ bytes: [UInt8], _ start: Int, _ end: Int, _ count: Int) throws(WebMError) -> [Range<Int>]
    {
        var offset = start
        var sizes: [Int] = []
        for _ in 0..<count - 1 {
            var size = 0
            while true {
                guard offset < end else { throw .malformedBlock }
                let part = bytes[offset]
                offset += 1
                size += Int(part)
                if part != 255 { break }
            }
            sizes.append(size)
        }
        return try ranges(sizes, offset, end)
    }

    /// The first size as an integer, the others as differences to the one before.
    private static func ebml(_ bytes: [UInt8], _ start: Int, _ end: Int, _ count: Int) throws(WebMError) -> [Range<Int>]
    {
        var offset = start
        var sizes: [Int] = []
        for index in 0..<count - 1 {
            guard case .value(let value, let length, _) = EBML.read(bytes, at: offset, end: end) else {
                throw .malformedBlock
            }
            offset += length
            // Values have 56 bits at most, so neither the bias nor the sum can overflow.
            let size: Int
            if index == 0 {
                size = Int(value)
            } else {
                let bias = 1 << (7 * length - 1) - 1
                size = sizes[index - 1] + Int(value) - bias
            }
            guard size >= 0, size <= end - start else { throw .malformedBlock }
            sizes.append(size)
        }
        return try ranges(sizes, offset, end)
    }

    private static func ranges(_ sizes: [Int], _ start: Int, _ end: Int) throws(WebMError) -> [Range<Int>] {
        var offset = start
        var ranges: [Range<Int>] = []
        for size in sizes {
            guard size <= end - offset else { throw .malformedBlock }
            ranges.append(offset..<offset + size)
            offset += size
        }
        ranges.append(offset..<end)
        return ranges
    }
}
