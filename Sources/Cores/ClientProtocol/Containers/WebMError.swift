/// What is wrong with bytes that should be a WebM stream with Opus.
package enum WebMError: Error, Hashable, Sendable {
    /// They do not begin with an EBML header.
    case notEBML
    /// An EBML document of another type than `webm` and `matroska`.
    case unsupportedDocumentType(String)
    /// An element's name or length is not a variable-size integer of the allowed length.
    case malformedElement
    /// Only segments and clusters may leave their length open.
    case unknownSize(element: UInt32)
    /// An element is longer than what it is in.
    case beyondParent(element: UInt32)
    /// An element that must be kept in memory is larger than any real one.
    case tooLarge(element: UInt32)
    /// No Opus track before the first cluster; `codec` is what there is instead.
    case noOpusTrack(codec: String?)
    /// The track's content is compressed or encrypted once more.
    case encodedTrack
    /// The track's OpusHead is malformed.
    case malformedOpusHead
    /// More than two channels.
    case unsupportedChannels(Int)
    case malformedBlock
    /// What a block holds is not an Opus packet.
    case notOpus
}

extension WebMError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notEBML: "not WebM: it does not begin with an EBML header"
        case .unsupportedDocumentType(let type): "an EBML document of type \(type), not webm or matroska"
        case .malformedElement: "WebM with a malformed element"
        case .unknownSize(let element): "WebM with an open length in element \(Self.hexadecimal(element))"
        case .beyondParent(let element): "WebM whose element \(Self.hexadecimal(element)) is longer than its parent"
        case .tooLarge(let element): "WebM whose element \(Self.hexadecimal(element)) is too large"
        case .noOpusTrack(let codec?): "WebM with codec \(codec) instead of Opus"
        case .noOpusTrack(nil): "WebM without an audio track"
        case .encodedTrack: "WebM with compressed or encrypted content"
        case .malformedOpusHead: "WebM with a malformed OpusHead"
        case .unsupportedChannels(let count): "WebM/Opus with \(count) channels instead of 1 or 2"
        case .malformedBlock: "WebM with a malformed block"
        case .notOpus: "WebM with a block that is not Opus"
        }
    }

    /// Whether the stream may be sound, but of a kind that is not accepted.
    package var isUnsupportedKind: Bool {
        switch self {
        case .unsupportedDocumentType, .noOpusTrack, .encodedTrack, .unsupportedChannels: true
        default: false
        }
    }

    private static func hexadecimal(_ element: UInt32) -> String { "0x" + String(element, radix: 16, uppercase: true) }
}
