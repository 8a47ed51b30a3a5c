extension SessionDescription {
    /// The description as text with CRLF line ends, in the order that browsers, pion and aiortc understand. In a
    /// media section `a=msid` stands before the `a=ssrc` lines, because pion fixes a track's id when it meets them.
    package func serialized() -> String {
        var writer = SDPWriter()
        writer.line("v=0")
        writer.line("o=- \(sessionID) \(sessionVersion) IN IP4 127.0.0.1")
        writer.line("s=-")
        writer.line("t=0 0")
        if !bundle.isEmpty { writer.line("a=group:BUNDLE", bundle) }
        if allowsMixedHeaderExtensions { writer.line("a=extmap-allow-mixed") }
        writer.line("a=msid-semantic: WMS *")
        if isICELite { writer.line("a=ice-lite") }
        for section in sections { section.write(to: &writer) }
        return writer.text
    }
}

/// Appends lines to one text.
private struct SDPWriter {
    private var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(2048) }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func line(_ text: String, _ fields: [String] = []) {
        append(text)
        for field in fields {
            bytes.append(UInt8(ascii: " "))
            append(field)
        }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    /// Track names come from applications: a line break in one must not become a line of its own.
    private mutating func append(_ text: String) {
        if text.utf8.contains(where: { $0 < 0x20 }) {
            bytes.append(contentsOf: text.utf8.lazy.filter { $0 >= 0x20 })
        } else {
            bytes.append(contentsOf: text.utf8)
        }
    }
}

extension MediaSection {
    fileprivate func write(to writer: inout SDPWriter) {
        writer.line("m=\(kind.text) \(port) \(transport)", formats)
        writer.line("c=IN IP4 0.0.0.0")
        let isRTP = isRTP
        if isRTP { writer.line("a=rtcp:9 IN IP4 0.0.0.0") }
        for candidate in candidates { writer.line("a=candidate:" + candidate) }
        if hasEndOfCandidates { writer.line("a=end-of-candidates") }
        if let iceUsernameFragment { writer.line("a=ice-ufrag:" + iceUsernameFragment) }
        if let icePassword { writer.line("a=ice-pwd:" + icePassword) }
        if let option = iceOptions.first { writer.line("a=ice-options:" + option, Array(iceOptions.dropFirst())) }
        for fingerprint in fingerprints { writer.line("a=fingerprint:" + fingerprint.attributeText) }
        if let setup { writer.line("a=setup:" + setup.rawValue) }
        if let mid { writer.line("a=mid:" + mid) }
        if isBundleOnly { writer.line("a=bundle-only") }
        if isRTP { writeMedia(to: &writer) }
        if let sctpPort { writer.line("a=sctp-port:\(sctpPort)") }
        if let maximumMessageSize { writer.line("a=max-message-size:\(maximumMessageSize)") }
    }

    private func writeMedia(to writer: inout SDPWriter) {
        for mapping in headerExtensions { writer.line("a=extmap:\(mapping.id) \(mapping.uri)") }
        writer.line("a=" + direction.rawValue)
        for stream in streams { writer.line("a=msid:" + stream.text) }
        if hasRTCPMultiplexing { writer.line("a=rtcp-mux") }
        if hasReducedSizeRTCP { writer.line("a=rtcp-rsize") }
        for codec in codecs where !codec.name.isEmpty {
            let channels = codec.channels > 1 ? "/\(codec.channels)" : ""
            writer.line("a=rtpmap:\(codec.payloadType) \(codec.name)/\(codec.clockRate)\(channels)")
            for feedback in codec.feedback { writer.line("a=rtcp-fb:\(codec.payloadType) \(feedback)") }
            if !codec.formatParameters.isEmpty {
                writer.line("a=fmtp:\(codec.payloadType) \(codec.formatParameters)")
            }
        }
        for source in sources {
            if let cname = source.cname { writer.line("a=ssrc:\(source.ssrc) cname:\(cname)") }
            if let stream = source.stream { writer.line("a=ssrc:\(source.ssrc) msid:\(stream.text)") }
        }
    }
}

extension MediaStreamIdentifier {
    /// `<stream id> <track id>`
    fileprivate var text: String { trackID.isEmpty ? streamID : "\(streamID) \(trackID)" }
}
