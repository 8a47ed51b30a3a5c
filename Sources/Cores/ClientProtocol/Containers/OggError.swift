/// What is wrong with bytes that should be an Ogg stream with Opus.
package enum OggError: Error, Hashable, Sendable {
    /// A page does not begin with `OggS`.
    case notOgg
    case unsupportedVersion(UInt8)
    /// A page is damaged.
    case checksumMismatch
    /// No Opus stream; `codec` is what there is instead.
    case noOpusStream(codec: String?)
    case malformedOpusHead
    /// More than two channels.
    case unsupportedChannels(Int)
    /// The second packet is not OpusTags.
    case missingOpusTags
    /// A packet is larger than any Opus packet.
    case packetTooLarge
    /// A packet is not Opus.
    case notOpus
}

extension OggError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notOgg: "not Ogg: a page does not begin with OggS"
        case .unsupportedVersion(let version): "Ogg of version \(version) instead of 0"
        case .checksumMismatch: "Ogg with a damaged page"
        case .noOpusStream(let codec?): "Ogg with \(codec) instead of Opus"
        case .noOpusStream(nil): "Ogg without an Opus stream"
        case .malformedOpusHead: "Ogg with a malformed OpusHead"
        case .unsupportedChannels(let count): "Ogg/Opus with \(count) channels instead of 1 or 2"
        case .missingOpusTags: "Ogg/Opus without OpusTags"
        case .packetTooLarge: "Ogg/Opus with a packet that is too large"
        case .notOpus: "Ogg/Opus with a packet that is not Opus"
        }
    }

    /// Whether the stream may be sound, but of a kind that is not accepted.
    package var isUnsupportedKind: Bool {
        switch self {
        case .unsupportedVersion, .noOpusStream, .unsupportedChannels: true
        default: false
        }
    }
}
