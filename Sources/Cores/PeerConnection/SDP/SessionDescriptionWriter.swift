extension SessionDescription {
    /// The description as text with CRLF line ends, in the order that browsers, pion and aiortc understand. In a
    /// media section `a=msid` stands before the `a=ssrc` lines, because pion fixes a track's id when it meets them.
    package func serialized() -> String {
        var lines = [
            "v=0", "o=- \(sessionID) \(sessionVersion) IN IP4 127.0.0.1", "s=-", "t=0 0",
        ]
        if !bundle.isEmpty { lines.append("a=group:BUNDLE " + bundle.joined(separator: " ")) }
        if allowsMixedHeaderExtensions { lines.append("a=extmap-allow-mixed") }
        lines.append("a=msid-semantic: WMS *")
        if isICELite { lines.append("a=ice-lite") }
        for section in sections { section.write(to: &lines) }
        lines.append("")
        return lines.map(Self.withoutControls).joined(separator: "\r\n")
    }

    /// Track names come from applications: a line break in one must not become a line of its own.
    private static func withoutControls(_ line: String) -> String {
        guard line.utf8.contains(where: { $0 < 0x20 }) else { return line }
        return String(decoding: line.utf8.filter { $0 >= 0x20 }, as: UTF8.self)
    }
}

extension MediaSection {
    fileprivate func write(to lines: inout [String]) {
        lines.append("m=\(kind.text) \(port) \(transport) " + formats.joined(separator: " "))
        lines.append("c=IN IP4 0.0.0.0")
        let isRTP = transport.contains("RTP/")
        if isRTP { lines.append("a=rtcp:9 IN IP4 0.0.0.0") }
        for candidate in candidates { lines.append("a=candidate:" + candidate) }
        if hasEndOfCandidates { lines.append("a=end-of-candidates") }
        if let iceUsernameFragment { lines.append("a=ice-ufrag:" + iceUsernameFragment) }
        if let icePassword { lines.append("a=ice-pwd:" + icePassword) }
        if !iceOptions.isEmpty { lines.append("a=ice-options:" + iceOptions.joined(separator: " ")) }
        for fingerprint in fingerprints { lines.append("a=fingerprint:" + fingerprint.attributeText) }
        if let setup { lines.append("a=setup:" + setup.rawValue) }
        if let mid { lines.append("a=mid:" + mid) }
        if isBundleOnly { lines.append("a=bundle-only") }
        if isRTP { writeMedia(to: &lines) }
        if let sctpPort { lines.append("a=sctp-port:\(sctpPort)") }
        if let maximumMessageSize { lines.append("a=max-message-size:\(maximumMessageSize)") }
    }

    private func writeMedia(to lines: inout [String]) {
        for mapping in headerExtensions { lines.append("a=extmap:\(mapping.id) \(mapping.uri)") }
        lines.append("a=" + direction.rawValue)
        for stream in streams { lines.append("a=msid:" + stream.text) }
        if hasRTCPMultiplexing { lines.append("a=rtcp-mux") }
        if hasReducedSizeRTCP { lines.append("a=rtcp-rsize") }
        for codec in codecs where !codec.name.isEmpty {
            let channels = codec.channels > 1 ? "/\(codec.channels)" : ""
            lines.append("a=rtpmap:\(codec.payloadType) \(codec.name)/\(codec.clockRate)\(channels)")
            for feedback in codec.feedback { lines.append("a=rtcp-fb:\(codec.payloadType) \(feedback)") }
            if !codec.formatParameters.isEmpty {
                lines.append("a=fmtp:\(codec.payloadType) \(codec.formatParameters)")
            }
        }
        for source in sources {
            if let cname = source.cname { lines.append("a=ssrc:\(source.ssrc) cname:\(cname)") }
            if let stream = source.stream { lines.append("a=ssrc:\(source.ssrc) msid:\(stream.text)") }
        }
    }
}

extension MediaStreamIdentifier {
    /// `<stream id> <track id>`
    fileprivate var text: String { trackID.isEmpty ? streamID : "\(streamID) \(trackID)" }
}
