/// Writes mono 16-bit samples as a client's PCM bytes.
package enum SampleEncoder {
    /// Appends `samples` in `encoding`, `channels` times each, to `bytes`. Opus appends nothing: it is not PCM.
    package static func append(
        _ samples: Span<Int16>, as encoding: AudioEncoding, channels: Int = 1, to bytes: inout [UInt8]
    ) {
        if encoding == .pcmS16LE, channels == 1, Int16(littleEndian: 1) == 1 {
            // The samples are in memory as they go out.
            // SAFETY: the buffer is only read during the call.
            samples.bytes.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            return
        }
        for index in samples.indices {
            let sample = samples[index]
            for _ in 0..<channels { append(sample, as: encoding, to: &bytes) }
        }
    }

    private static func append(_ sample: Int16, as encoding: AudioEncoding, to bytes: inout [UInt8]) {
        switch encoding {
        case .pcmS16LE:
            let bits = UInt16(bitPattern: sample)
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        case .pcmF32LE:
            let bits = (Float(sample) / 32768).bitPattern
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
        case .mulaw: bytes.append(G711.encodeMulaw(sample))
        case .alaw: bytes.append(G711.encodeAlaw(sample))
        case .opus: break
        }
    }
}
