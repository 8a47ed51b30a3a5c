/// Tells MP3 and AAC that come without a container: each frame begins with twelve set bits or nearly so, and says how
/// long it is (ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-7, 6.2).
///
/// One such header is one in ten thousand samples; three of a kind, each where the one before says, are not: by chance
/// 1 in 2^35 at the least.
enum MPEGFrames {
    private static let framesThatPersuade = 3

    /// The kind of the frames with which the bytes begin; nil unless there are three of them.
    static func container(startingWith bytes: Span<UInt8>) -> AudioContainer? {
        if isChain(bytes, length: layer3FrameLength) { return .mp3 }
        if isChain(bytes, length: adtsFrameLength) { return .aac }
        return nil
    }

    private static func isChain(_ bytes: Span<UInt8>, length: (Span<UInt8>, Int) -> Int?) -> Bool {
        var offset = 0
        for _ in 0..<framesThatPersuade {
            guard offset + 6 <= bytes.count, let frame = length(bytes, offset) else { return false }
            // Version, layer and rate stay what they are from frame to frame.
            guard bytes[offset + 1] == bytes[1], bytes[offset + 2] & 0x0C == bytes[2] & 0x0C else { return false }
            offset += frame
        }
        return true
    }

    private static let bitRates: [[Int]] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ]

    /// In bytes; nil when no frame of layer III begins here.
    private static func layer3FrameLength(_ bytes: Span<UInt8>, at offset: Int) -> Int? {
        let (first, second, third) = (bytes[offset], bytes[offset + 1], bytes[offset + 2])
        let version = second >> 3 & 3
        guard first == 0xFF, second & 0xE0 == 0xE0, version != 1, second >> 1 & 3 == 1 else { return nil }
        let (rateIndex, bitRateIndex) = (Int(third >> 2 & 3), Int(third >> 4))
        guard rateIndex != 3, (1...14).contains(bitRateIndex) else { return nil }
        let isFirstVersion = version == 3
        let rate = [44_100, 48_000, 32_000][rateIndex] / (isFirstVersion ? 1 : version == 2 ? 2 : 4)
        let bitRate = bitRates[isFirstVersion ? 0 : 1][bitRateIndex - 1] * 1000
        return (isFirstVersion ? 144 : 72) * bitRate / rate + Int(third >> 1 & 1)
    }

    /// In bytes; nil when no frame of AAC in ADTS begins here.
    private static func adtsFrameLength(_ bytes: Span<UInt8>, at offset: Int) -> Int? {
        guard bytes[offset] == 0xFF, bytes[offset + 1] & 0xF6 == 0xF0, bytes[offset + 2] >> 2 & 15 < 13 else {
            return nil
        }
        let length =
            Int(bytes[offset + 3] & 3) << 11 | Int(bytes[offset + 4]) << 3 | Int(bytes[offset + 5] >> 5)
        return length > 7 ? length : nil
    }
}
