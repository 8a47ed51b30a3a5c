/// What an `m=` line announces.
package enum MediaKind: Hashable, Sendable {
    case audio
    case video
    /// Data channels.
    case application
    case other(String)

    package init(_ text: String) {
        switch text {
        case "audio": self = .audio
        case "video": self = .video
        case "application": self = .application
        default: self = .other(text)
        }
    }

    package var text: String {
        switch self {
        case .audio: "audio"
        case .video: "video"
        case .application: "application"
        case .other(let text): text
        }
    }
}

/// One `m=` section of a session description. Kinds that we do not use are kept as well, so that they can be
/// answered and repeated.
package struct MediaSection: Hashable, Sendable {
    package var kind: MediaKind
    /// Zero rejects or retires the section.
    package var port: UInt16 = 9
    /// For example `UDP/TLS/RTP/SAVPF` or `UDP/DTLS/SCTP`.
    package var transport: String
    /// The tokens at the end of the `m=` line: payload types, or `webrtc-datachannel`.
    package var formats: [String]
    package var mid: String?
    package var direction = MediaDirection.sendReceive
    /// The section belongs to the bundle only and has port zero on purpose (RFC 8843).
    package var isBundleOnly = false

    package var iceUsernameFragment: String?
    package var icePassword: String?
    package var iceOptions: [String] = []
    package var fingerprints: [CertificateFingerprint] = []
    package var setup: DTLSSetup?
    /// The texts behind `a=candidate:`, in order.
    package var candidates: [String] = []
    package var hasEndOfCandidates = false

    package var hasRTCPMultiplexing = false
    package var hasReducedSizeRTCP = false
    /// Codecs in the order of the `m=` line.
    package var codecs: [RTPCodec] = []
    package var headerExtensions: [RTPHeaderExtensionMapping] = []
    package var streams: [MediaStreamIdentifier] = []
    package var sources: [MediaSource] = []

    /// Only in application sections: the SCTP port (RFC 8841).
    package var sctpPort: UInt16?
    /// Only in application sections: bytes of the largest message that the writer takes; 0 means no limit.
    package var maximumMessageSize: Int?

    package init(kind: MediaKind, transport: String, formats: [String]) {
        self.kind = kind
        self.transport = transport
        self.formats = formats
    }

    /// RTP over DTLS-SRTP with feedback (RFC 5764, RFC 5124).
    package static let secureRTPTransport = "UDP/TLS/RTP/SAVPF"
    package static let dataTransport = "UDP/DTLS/SCTP"
    package static let dataFormat = "webrtc-datachannel"

    /// Whether RTP flows over the section's transport, whatever secures it.
    package var isRTP: Bool {
        var text = ArraySlice(transport.utf8)
        while let slash = text.lastIndex(of: UInt8(ascii: "/")) {
            text = text[..<slash]
            if text.suffix(3).elementsEqual("RTP".utf8) { return true }
        }
        return false
    }

    /// Whether SCTP flows over the section's transport.
    var isSCTP: Bool { transport.contains("SCTP") }

    /// Whether the section was rejected or retired.
    package var isRejected: Bool { port == 0 && !isBundleOnly }
}
