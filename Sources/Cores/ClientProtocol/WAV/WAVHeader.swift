/// The bytes before the samples of a WAV file: 44 for PCM, 58 for the other codecs, which must have a `fact` chunk.
package enum WAVHeader {
    /// A header for `dataByteCount` bytes of `format`; nil for Opus, which WAV does not carry. When the length is not
    /// known yet, write it with 0 and write the header again over the first one at the end.
    package static func bytes(for format: AudioFormat, dataByteCount: Int) -> [UInt8]? {
        let tag: UInt16
        switch format.encoding {
        case .pcmS16LE: tag = 1
        case .pcmF32LE: tag = 3
        case .alaw: tag = 6
        case .mulaw: tag = 7
        case .opus: return nil
        }
        guard let frameSize = format.bytesPerSampleFrame, frameSize > 0 else { return nil }
        let dataSize = UInt32(clamping: dataByteCount)
        let isPCM = tag == 1
        let headerSize: UInt32 = isPCM ? 44 : 58
        var header: [UInt8] = []
        header.reserveCapacity(Int(headerSize))
        header.append(contentsOf: "RIFF".utf8)
        append(dataSize.addingReportingOverflow(headerSize - 8).partialValue, to: &header)
        header.append(contentsOf: "WAVEfmt ".utf8)
        append(UInt32(isPCM ? 16 : 18), to: &header)
        append(tag, to: &header)
        append(UInt16(format.channels), to: &header)
        append(UInt32(format.sampleRate), to: &header)
        append(UInt32(format.sampleRate * frameSize), to: &header)
        append(UInt16(frameSize), to: &header)
        append(UInt16(frameSize / format.channels * 8), to: &header)
        if !isPCM {
            append(UInt16(0), to: &header)
            header.append(contentsOf: "fact".utf8)
            append(UInt32(4), to: &header)
            append(dataSize / UInt32(frameSize), to: &header)
        }
        header.append(contentsOf: "data".utf8)
        append(dataSize, to: &header)
        return header
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for place in 0..<value.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
}
