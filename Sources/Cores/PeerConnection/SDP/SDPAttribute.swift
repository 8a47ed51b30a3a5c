/// The `a=` lines that count. Found by one look into a table: a description has hundreds of lines, and most names are long.
enum SDPAttribute: Hashable, Sendable {
    // Of the whole description.
    case group, iceLite, allowsMixedHeaderExtensions
    case direction(MediaDirection)
    // Of a section, or of all of them.
    case candidate, ssrc, rtpMap, rtcpFeedback, formatParameters, headerExtension, mid, msid
    case iceUsernameFragment, icePassword, iceOptions, fingerprint, setup, endOfCandidates
    case rtcpMultiplexing, reducedSizeRTCP, bundleOnly, sctpPort, sctpMap, maximumMessageSize

    /// Nil for one that we do not know.
    init?(_ name: ArraySlice<UInt8>) {
        guard let found = Self.byName[name.text] else { return nil }
        self = found
    }

    private static let byName: [String: SDPAttribute] = [
        "group": .group, "ice-lite": .iceLite, "extmap-allow-mixed": .allowsMixedHeaderExtensions,
        "sendrecv": .direction(.sendReceive), "sendonly": .direction(.sendOnly), "recvonly": .direction(.receiveOnly),
        "inactive": .direction(.inactive),
        "candidate": .candidate, "ssrc": .ssrc, "rtpmap": .rtpMap, "rtcp-fb": .rtcpFeedback, "fmtp": .formatParameters,
        "extmap": .headerExtension, "mid": .mid, "msid": .msid, "ice-ufrag": .iceUsernameFragment,
        "ice-pwd": .icePassword, "ice-options": .iceOptions, "fingerprint": .fingerprint, "setup": .setup,
        "end-of-candidates": .endOfCandidates, "rtcp-mux": .rtcpMultiplexing, "rtcp-rsize": .reducedSizeRTCP,
        "bundle-only": .bundleOnly, "sctp-port": .sctpPort, "sctpmap": .sctpMap,
        "max-message-size": .maximumMessageSize,
    ]
}
