import AudioCodec
import Wire

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
        var scratch = [Int16](repeating: 0, count: decoder.maximumSamples)
        var heard: [Int16] = []
        func conceal() throws {
            var room = scratch.mutableSpan
            let count = try decoder.conceal(samples: frame, into: &room)
            heard += scratch[..<count]
        }
        var expected = packets.first?.timestamp ?? 0
        for packet in packets {
            while packet.timestamp != expected, packet.timestamp &- expected < 48_000 * 60 {
                try conceal()
                expected &+= 960
            }
            var room = scratch.mutableSpan
            let count = try decoder.decode(packet.bytes.span.bytes, into: &room)
            heard += scratch[..<count]
            expected = packet.timestamp &+ 960
        }
        while heard.count < samples { try conceal() }
        return heard
    }
}

/// Decibels of a root mean square over one of 32768; far below everything for silence.
func decibels(_ samples: some Collection<Int16>) -> Double {
    let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(max(1, samples.count))
    return 10 * log10(power / (32_768 * 32_768) + 1e-12)
}
