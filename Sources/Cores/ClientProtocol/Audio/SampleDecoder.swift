internal import Wire

/// Turns a client's PCM bytes into mono 16-bit samples. Chunks may have any size: a sample that is split over two
/// chunks is put together again, stereo is mixed down, and nothing is allocated after the output has grown once.
package struct SampleDecoder: Sendable {
    /// What the bytes are; never Opus.
    package let format: AudioFormat

    private let frameSize: Int
    /// The start of a sample frame whose rest has not arrived, and how many of its bytes are there.
    private var carry: [UInt8]
    private var carried = 0

    /// Nil for Opus, which has packets and no samples.
    package init?(format: AudioFormat) {
        guard let frameSize = format.bytesPerSampleFrame, frameSize > 0 else { return nil }
        self.format = format
        self.frameSize = frameSize
        carry = [UInt8](repeating: 0, count: frameSize)
    }

    /// Bytes of an unfinished sample frame that are being kept.
    package var pendingByteCount: Int { carried }

    /// Forgets an unfinished sample frame, as at the end of a recording.
    package mutating func reset() { carried = 0 }

    /// Decodes `bytes` and appends the mono samples to `samples`.
    package mutating func append(_ bytes: RawSpan, to samples: inout [Int16]) {
        var offset = 0
        if carried > 0 {
            while carried < frameSize, offset < bytes.byteCount {
                carry[carried] = byte(of: bytes, at: offset)
                carried += 1
                offset += 1
            }
            guard carried == frameSize else { return }
            carried = 0
            let whole = carry
            decodeFrames(of: whole.span.bytes, from: 0, count: 1, to: &samples)
        }
        let count = (bytes.byteCount - offset) / frameSize
        decodeFrames(of: bytes, from: offset, count: count, to: &samples)
        offset += count * frameSize
        while offset < bytes.byteCount {
            carry[carried] = byte(of: bytes, at: offset)
            carried += 1
            offset += 1
        }
    }

    private func decodeFrames(of bytes: RawSpan, from start: Int, count: Int, to samples: inout [Int16]) {
        guard count > 0 else { return }
        if format.channels == 1 {
            // Room first, then writing in place: appending sample by sample takes ten times as long.
            let first = samples.count
            samples.append(contentsOf: repeatElement(0, count: count))
            // SAFETY: the samples are written during the call alone, and slices check their bounds.
            return unsafe samples.withUnsafeMutableBufferPointer { samples in
                unsafe decodeMono(
                    bytes.extracting(start..<start + count * frameSize),
                    into: UnsafeMutableBufferPointer(rebasing: samples[first...]))
            }
        }
        let sampleSize = frameSize / format.channels
        for index in 0..<count {
            var sum: Int32 = 0
            for channel in 0..<format.channels {
                sum += Int32(sample(of: bytes, at: start + index * frameSize + channel * sampleSize))
            }
            samples.append(Int16(clamping: sum / Int32(format.channels)))
        }
    }

    /// One channel; there is room for exactly what the bytes hold.
    private func decodeMono(_ bytes: RawSpan, into samples: UnsafeMutableBufferPointer<Int16>) {
        switch format.encoding {
        case .pcmS16LE where Int16(littleEndian: 1) == 1:
            // The samples come as they lie in memory.
            // SAFETY: the bytes are only read during the call; copying checks that they fit.
            unsafe bytes.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(samples).copyMemory(from: $0) }
        // SAFETY: the indices are those of the samples.
        case .pcmS16LE:
            for index in samples.indices { unsafe samples[index] = int16(of: bytes, at: 2 * index) }
        case .pcmF32LE:
            for index in samples.indices { unsafe samples[index] = float(of: bytes, at: 4 * index) }
        case .mulaw:
            for index in samples.indices { unsafe samples[index] = G711.decodeMulaw(byte(of: bytes, at: index)) }
        case .alaw:
            for index in samples.indices { unsafe samples[index] = G711.decodeAlaw(byte(of: bytes, at: index)) }
        case .opus: break
        }
    }

    private func sample(of bytes: RawSpan, at offset: Int) -> Int16 {
        switch format.encoding {
        case .pcmS16LE: int16(of: bytes, at: offset)
        case .pcmF32LE: float(of: bytes, at: offset)
        case .mulaw: G711.decodeMulaw(byte(of: bytes, at: offset))
        case .alaw: G711.decodeAlaw(byte(of: bytes, at: offset))
        case .opus: 0
        }
    }

    private func byte(of bytes: RawSpan, at offset: Int) -> UInt8 {
        // SAFETY: every bit pattern is a valid integer; the load checks its bounds.
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    private func int16(of bytes: RawSpan, at offset: Int) -> Int16 {
        // SAFETY: every bit pattern is a valid integer; the load checks its bounds.
        Int16(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int16.self))
    }

    private func float(of bytes: RawSpan, at offset: Int) -> Int16 {
        // SAFETY: every bit pattern is a valid integer; the load checks its bounds.
        let bits = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Self.linear(Float(bitPattern: UInt32(littleEndian: bits)))
    }

    /// Full scale at ±1.0; beyond it clips, and what is not a number is silence.
    static func linear(_ value: Float) -> Int16 {
        guard !value.isNaN else { return 0 }
        let scaled = (value * 32768).clamped(to: -32768...32767)
        // Rounds half away from zero by hand: without SSE 4.1 `rounded()` is a call into libm.
        return Int16(clamping: Int32(scaled + (scaled < 0 ? -0.5 : 0.5)))
    }
}

extension Float {
    fileprivate func clamped(to range: ClosedRange<Float>) -> Float {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
