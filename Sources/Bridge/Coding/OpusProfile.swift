package import AudioCodec

/// How libopus is asked to encode: the one place that decides. The figures behind it: `docs/performance.md`, which
/// `make quality` reproduces.
package struct OpusProfile: Hashable, Sendable {
    /// What the way to the room server carries.
    package enum Link: Hashable, Sendable {
        /// Bandwidth is what there is plenty of: Opus's CELT costs a fifth of SILK's CPU, is 4 ms faster and sounds
        /// better from 48 kbit/s on.
        case wide
        /// 24 kbit/s have to do: SILK, with in-band FEC while packets are lost.
        case thin
    }

    package var link = Link.wide
    /// Bits per second; nil for what is best on the link.
    package var bitrate: Int?
    /// CPU for quality, 0 to 10; nil for what is best on the link.
    package var complexity: Int?

    package init() {}

    /// For the caller's sound on its way to the room.
    /// - Parameter found: what the link turned out to carry.
    package func forRoom(sampleRate: Int, over found: Link) -> OpusEncoder.Configuration {
        var configuration = OpusEncoder.Configuration()
        // Background noise is left out by ourselves: libopus's DTX makes tones after silence too loud at 8 kHz.
        configuration.usesDTX = false
        switch link == .thin ? .thin : found {
        case .wide:
            configuration.application = .lowDelay
            configuration.bitrate = bitrate ?? Self.wideBitrate(sampleRate: sampleRate)
            configuration.complexity = complexity ?? 0
            configuration.usesInBandFEC = false
        case .thin:
            configuration.application = .voice
            configuration.bitrate = link == .thin ? bitrate ?? Self.thinBitrate : min(bitrate ?? .max, Self.thinBitrate)
            configuration.complexity = complexity ?? 5
            configuration.usesInBandFEC = true
        }
        return configuration
    }

    private static let thinBitrate = 24_000

    /// More than this can be heard no more, or hardly: the wider the band, the more it takes.
    private static func wideBitrate(sampleRate: Int) -> Int {
        switch sampleRate {
        case ...8000: 48_000
        case ...16_000: 80_000
        default: 96_000
        }
    }

    /// For what a client hears that takes Opus: its link may be any, and nothing is lost on a TCP connection.
    func forClient() -> OpusEncoder.Configuration {
        var configuration = OpusEncoder.Configuration()
        configuration.application = .voice
        configuration.bitrate = 24_000
        configuration.complexity = complexity ?? 5
        configuration.usesInBandFEC = false
        configuration.usesDTX = true
        return configuration
    }
}
