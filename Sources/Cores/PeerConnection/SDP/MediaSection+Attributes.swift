/// What the `a=` lines of one media section say.
extension MediaSection {
    /// Takes one attribute; those of the whole description are not its own.
    /// - Parameters:
    ///   - value: what stands behind the colon, without spaces around it.
    ///   - number: the line's, for the error.
    mutating func take(_ name: SDPAttribute, _ value: ArraySlice<UInt8>, number: Int) throws(SDPError) {
        switch name {
        case .candidate: try Self.append(value.text, to: &candidates)
        case .ssrc: try takeSource(value, number: number)
        case .rtpMap: try takeMapping(value, number: number)
        case .rtcpFeedback: try takeFeedback(value)
        case .formatParameters: takeFormatParameters(value)
        case .headerExtension: try takeHeaderExtension(value)
        case .mid: mid = value.text
        case .msid: if let stream = Self.identifier(value) { try Self.append(stream, to: &streams) }
        case .iceUsernameFragment: iceUsernameFragment = value.text
        case .icePassword: icePassword = value.text
        case .iceOptions: takeICEOptions(value)
        case .fingerprint:
            guard let fingerprint = CertificateFingerprint(attribute: value) else { throw .malformed(line: number) }
            try Self.append(fingerprint, to: &fingerprints)
        case .setup:
            guard let known = DTLSSetup(rawValue: value.text) else { throw .malformed(line: number) }
            setup = known
        case .endOfCandidates: hasEndOfCandidates = true
        case .rtcpMultiplexing: hasRTCPMultiplexing = true
        case .reducedSizeRTCP: hasReducedSizeRTCP = true
        case .bundleOnly: isBundleOnly = true
        case .sctpPort: sctpPort = value.number()
        case .sctpMap:
            // The form before RFC 8841: `5000 webrtc-datachannel 1024`.
            var rest = value
            if sctpPort == nil, let port = rest.popField() { sctpPort = port.number() }
        case .maximumMessageSize: maximumMessageSize = value.number()
        case .group, .iceLite, .allowsMixedHeaderExtensions, .direction: break
        }
    }

    private static func append<Entry>(_ entry: Entry, to list: inout [Entry]) throws(SDPError) {
        guard list.count < SessionDescription.maximumEntries else { throw .tooMany("attributes of one section") }
        list.append(entry)
    }

    private mutating func takeICEOptions(_ value: ArraySlice<UInt8>) {
        iceOptions = []
        var rest = value
        while iceOptions.count < SessionDescription.maximumICEOptions, let option = rest.popField() {
            iceOptions.append(option.text)
        }
    }

    /// `<id>[/<direction>] <uri> [attributes]`
    private mutating func takeHeaderExtension(_ value: ArraySlice<UInt8>) throws(SDPError) {
        var rest = value
        guard var number = rest.popField(), let uri = rest.popField(),
            let id = number.popField(UInt8(ascii: "/"))?.number(UInt8.self), id > 0
        else { return }
        try Self.append(RTPHeaderExtensionMapping(id: id, uri: uri.text), to: &headerExtensions)
    }

    /// Splits `<payload type> <text>` and finds the codec; nil when the `m=` line does not list the type.
    private func codecIndex(_ value: ArraySlice<UInt8>) -> (index: Int, text: ArraySlice<UInt8>)? {
        var rest = value
        guard let type = rest.popField()?.number(UInt8.self) else { return nil }
        let text = rest.trimmingSpaces()
        guard !text.isEmpty, let index = codecs.firstIndex(where: { $0.payloadType == type }) else { return nil }
        return (index, text)
    }

    private mutating func takeMapping(_ value: ArraySlice<UInt8>, number: Int) throws(SDPError) {
        guard let (index, fields) = codecIndex(value) else { return }
        var text = fields
        let slash = UInt8(ascii: "/")
        guard let name = text.popField(slash), let clockRate = text.popField(slash)?.number(UInt32.self) else {
            throw .malformed(line: number)
        }
        codecs[index].name = name.text
        codecs[index].clockRate = clockRate
        codecs[index].channels = text.popField(slash)?.number() ?? 1
    }

    private mutating func takeFormatParameters(_ value: ArraySlice<UInt8>) {
        guard let (index, text) = codecIndex(value) else { return }
        codecs[index].formatParameters = text.text
    }

    /// `<payload type> <text>`, or `* <text>` for all codecs. One line then makes an entry for each of them, so their
    /// number has a limit of its own.
    private mutating func takeFeedback(_ value: ArraySlice<UInt8>) throws(SDPError) {
        if value.first == UInt8(ascii: "*") {
            let text = value.dropFirst().trimmingSpaces().text
            guard !text.isEmpty else { return }
            for index in codecs.indices { try appendFeedback(text, to: index) }
        } else if let (index, text) = codecIndex(value) {
            try appendFeedback(text.text, to: index)
        }
    }

    private mutating func appendFeedback(_ text: String, to index: Int) throws(SDPError) {
        guard codecs[index].feedback.count < SessionDescription.maximumFeedback else {
            throw .tooMany("feedback attributes of one codec")
        }
        codecs[index].feedback.append(text)
    }

    /// `<stream id> [<track id>]`
    private static func identifier(_ value: ArraySlice<UInt8>) -> MediaStreamIdentifier? {
        var rest = value
        guard let stream = rest.popField() else { return nil }
        return MediaStreamIdentifier(streamID: stream.text, trackID: rest.popField()?.text ?? "")
    }

    /// `<ssrc> <name>[:<value>]`
    private mutating func takeSource(_ value: ArraySlice<UInt8>, number: Int) throws(SDPError) {
        var rest = value
        guard let ssrc = rest.popField()?.number(UInt32.self) else { throw .malformed(line: number) }
        let index: Int
        if let known = sources.firstIndex(where: { $0.ssrc == ssrc }) {
            index = known
        } else {
            try Self.append(MediaSource(ssrc: ssrc), to: &sources)
            index = sources.count - 1
        }
        rest = rest.trimmingSpaces()
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), colon + 1 < rest.endIndex else { return }
        let text = rest[(colon + 1)...].trimmingSpaces()
        switch rest[..<colon].text {
        case "cname": sources[index].cname = text.text
        case "msid": sources[index].stream = Self.identifier(text)
        default: break
        }
    }
}
