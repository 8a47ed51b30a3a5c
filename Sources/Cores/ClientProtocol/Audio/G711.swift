/// G.711 companding (ITU-T G.711): 8-bit µ-law and A-law to and from 16-bit linear PCM.
package enum G711 {
    /// The linear value of one µ-law byte.
    package static func decodeMulaw(_ code: UInt8) -> Int16 { mulawTable[Int(code)] }
    /// The linear value of one A-law byte.
    package static func decodeAlaw(_ code: UInt8) -> Int16 { alawTable[Int(code)] }

    /// The µ-law byte for a linear sample; what is beyond the largest code clips to it.
    package static func encodeMulaw(_ sample: Int16) -> UInt8 {
        // The law is defined on 14-bit values; bias and clip are in that scale.
        var magnitude = Int32(sample) >> 2
        let mask: UInt8
        if magnitude < 0 {
            magnitude = -magnitude
            mask = 0x7F
        } else {
            mask = 0xFF
        }
        magnitude = min(magnitude, 8159) + 33
        // 33…8192: the position of the leading one, counted from bit 5, is the segment.
        let segment = 31 - magnitude.leadingZeroBitCount - 5
        guard segment < 8 else { return 0x7F ^ mask }
        let code = UInt8(segment << 4) | UInt8(magnitude >> Int32(segment + 1) & 0xF)
        return code ^ mask
    }

    /// The A-law byte for a linear sample.
    package static func encodeAlaw(_ sample: Int16) -> UInt8 {
        // The law is defined on 13-bit values; even bits are inverted on the line.
        var magnitude = Int32(sample) >> 3
        let mask: UInt8
        if magnitude >= 0 {
            mask = 0xD5
        } else {
            mask = 0x55
            magnitude = -magnitude - 1
        }
        let segment = max(0, 31 - (magnitude | 0x1F).leadingZeroBitCount - 4)
        guard segment < 8 else { return 0x7F ^ mask }
        let shift = Int32(segment < 2 ? 1 : segment)
        return (UInt8(segment << 4) | UInt8(magnitude >> shift & 0xF)) ^ mask
    }

    private static let mulawTable: [Int16] = (0..<256).map { code in
        let bits = ~UInt8(code)
        let segment = Int32(bits >> 4 & 7)
        let magnitude = ((Int32(bits & 0xF) << 3) + 0x84) << segment - 0x84
        return Int16(bits & 0x80 == 0 ? magnitude : -magnitude)
    }

    private static let alawTable: [Int16] = (0..<256).map { code in
        let bits = UInt8(code) ^ 0x55
        let segment = Int32(bits >> 4 & 7)
        let step = Int32(bits & 0xF) << 4
        let magnitude = segment == 0 ? step + 8 : (step + 0x108) << (segment - 1)
        return Int16(bits & 0x80 != 0 ? magnitude : -magnitude)
    }
}
