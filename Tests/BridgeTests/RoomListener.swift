import AudioCodec

#if canImport(Glibc)
    import Glibc
#endif

/// A listener in the room: decodes what it gets at the time it is for, and lets the decoder make up what is missing, as
/// WebRTC's receivers do in pauses.
struct RoomListener {
    let sampleRate: Int

    /// What is heard from the first packet on, in so many samples at least. Packets of `FakeRoom` are of 20 ms.
    func hear(_ packets: [FakeRoom.Packet], atLeast samples: Int) throws -> [Int16] {
        let decoder = try OpusDecoder(sampleRate: sampleRate, channels: 1)
        let frame = sampleRate / 50
        let scratch = UnsafeMutableBufferPointer<Int16>.allocate(capacity: decoder.maximumSamples)
        // SAFETY: the buffer was allocated here, and nothing uses it any more.
        defer { unsafe scratch.deallocate() }
        var heard: [Int16] = []
        var expected = packets.first?.timestamp ?? 0
        for packet in packets {
            while packet.timestamp != expected, packet.timestamp &- expected < 48_000 * 60 {
                let count = try unsafe decoder.conceal(samples: frame, into: scratch)
                unsafe heard += scratch[..<count]
                expected &+= 960
            }
            let count = try unsafe packet.bytes.withUnsafeBytes { try unsafe decoder.decode($0, into: scratch) }
            unsafe heard += scratch[..<count]
            expected = packet.timestamp &+ 960
        }
        while heard.count < samples {
            let count = try unsafe decoder.conceal(samples: frame, into: scratch)
            unsafe heard += scratch[..<count]
        }
        return heard
    }
}

/// Decibels of a root mean square over one of 32768; far below everything for silence.
func decibels(_ samples: some Collection<Int16>) -> Double {
    let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))
    return 10 * log10(power / (32_768 * 32_768) + 1e-12)
}
