/// Writes mono 16-bit samples as a client's PCM bytes.
package enum SampleEncoder {
    /// Appends `samples` in `encoding`, `channels` times each, to `bytes`. Opus appends nothing: it is not PCM.
    package static func append(
        _ samples: Span<Int16>, as encoding: AudioEncoding, channels: Int = 1, to bytes: inout [UInt8]
    ) {
        if encoding == .pcmS16LE, channels == 1, Int16(littleEndian: 1) == 1 {
            // The samples are in memory as they go out.
            // SAFETY: the buffer is only read during the call.
            unsafe samples.bytes.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            return
        }
        guard let size = encoding.bytesPerSample, channels > 0 else { return }
        // Room first, then writing in place: appending byte by byte takes ten times as long.
        let first = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: samples.count * size * channels))
        // SAFETY: the room is as large as all samples in this encoding, and is written during the call alone.
        unsafe bytes.withUnsafeMutableBytes { bytes in
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[first...])
            var offset = 0
            for index in samples.indices {
                for _ in 0..<channels {
                    unsafe write(samples[index], as: encoding, into: room, at: offset)
                    offset += size
                }
            }
        }
    }

    // SAFETY: the caller has made room for the sample at this offset.
    @inline(__always)
    private static func write(
        _ sample: Int16, as encoding: AudioEncoding, into bytes: UnsafeMutableRawBufferPointer, at offset: Int
    ) {
        switch encoding {
        case .pcmS16LE: unsafe bytes.storeBytes(of: sample.littleEndian, toByteOffset: offset, as: Int16.self)
        case .pcmF32LE:
            let bits = (Float(sample) / 32768).bitPattern.littleEndian
            unsafe bytes.storeBytes(of: bits, toByteOffset: offset, as: UInt32.self)
        case .mulaw: unsafe bytes[offset] = G711.encodeMulaw(sample)
        case .alaw: unsafe bytes[offset] = G711.encodeAlaw(sample)
        case .opus: break
        }
    }
}
