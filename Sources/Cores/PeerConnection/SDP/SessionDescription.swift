/// A session description (RFC 8866) as far as WebRTC uses it: bundled sections over one multiplexed transport.
/// Attributes that we do not know are skipped when parsing.
package struct SessionDescription: Hashable, Sendable {
    /// The numeric session id of the `o=` line.
    package var sessionID: UInt64
    /// Raised with each description of one side.
    package var sessionVersion: UInt64
    /// The section ids of the first BUNDLE group; the first one names the section whose transport is used.
    package var bundle: [String] = []
    package var isICELite = false
    package var allowsMixedHeaderExtensions = false
    package var sections: [MediaSection] = []

    /// The longest text that is parsed, in bytes.
    package static let maximumLength = 512 * 1024
    /// The most sections in one description.
    package static let maximumSections = 256
    /// The most entries of one kind (candidates, codecs, sources and so on) in one section.
    package static let maximumEntries = 128
    /// The most `a=rtcp-fb` entries of one codec.
    package static let maximumFeedback = 16
    /// The most tokens of `a=ice-options` that are kept.
    static let maximumICEOptions = 16

    package init(sessionID: UInt64, sessionVersion: UInt64) {
        self.sessionID = sessionID
        self.sessionVersion = sessionVersion
    }

    /// The section whose ICE, DTLS and candidate lines count for the whole bundle.
    package var transportSection: MediaSection? {
        if let tag = bundle.first, let tagged = sections.first(where: { $0.mid == tag }) { return tagged }
        return sections.first { !$0.isRejected }
    }
}

/// Why a session description was refused.
package enum SDPError: Error, Hashable, Sendable {
    /// Longer than `SessionDescription.maximumLength`.
    case tooLong
    /// The first line is not `v=0`.
    case notADescription
    /// More of something than the named limits allow.
    case tooMany(String)
    /// A line that we need cannot be understood; the number counts from one.
    case malformed(line: Int)
    /// Two sections have the same id.
    case duplicateMID(String)
}
