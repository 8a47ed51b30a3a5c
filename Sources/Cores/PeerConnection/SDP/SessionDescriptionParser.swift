extension SessionDescription {
    /// Parses what libwebrtc, pion, aiortc and their kin write. Session-level ICE, DTLS and direction lines are
    /// handed down to every section that does not have its own.
    package init(parsing text: String) throws(SDPError) {
        guard text.utf8.count <= Self.maximumLength else { throw .tooLong }
        var parser = SessionDescriptionParser()
        var number = 0
        for line in text.utf8.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            number += 1
            try parser.take(Substring(line), number: number)
        }
        self = try parser.finish()
    }
}

/// Collects a description line by line.
private struct SessionDescriptionParser {
    private var description = SessionDescription(sessionID: 0, sessionVersion: 0)
    /// What session-level lines set for all sections.
    private var common = MediaSection(kind: .other(""), transport: "", formats: [])
    private var commonDirection: MediaDirection?
    private var section: MediaSection?
    private var sectionDirection: MediaDirection?
    private var sawVersion = false

    mutating func take(_ line: Substring, number: Int) throws(SDPError) {
        let bytes = line.utf8
        guard let type = bytes.first, bytes.dropFirst().first == 0x3D else {
            throw sawVersion ? .malformed(line: number) : .notADescription
        }
        let value = Substring(bytes.dropFirst(2))
        if !sawVersion {
            guard type == UInt8(ascii: "v"), value.trimmingSpaces() == "0" else { throw .notADescription }
            sawVersion = true
            return
        }
        switch type {
        case UInt8(ascii: "o"): takeOrigin(value)
        case UInt8(ascii: "m"):
            // What is written has no control characters, and would then be another transport than what was read.
            guard value.utf8.allSatisfy({ $0 >= 0x20 }) else { throw .malformed(line: number) }
            try takeMedia(value, number: number)
        case UInt8(ascii: "a"):
            // They may come with the name of a track, which is no reason to fail.
            let isPlain = value.utf8.allSatisfy { $0 >= 0x20 }
            let plain = isPlain ? value : Substring(decoding: value.utf8.filter { $0 >= 0x20 }, as: UTF8.self)
            try takeAttribute(plain, number: number)
        default: break
        }
    }

    mutating func finish() throws(SDPError) -> SessionDescription {
        guard sawVersion else { throw .notADescription }
        closeSection()
        var seen: Set<String> = []
        for mid in description.sections.compactMap(\.mid) where !seen.insert(mid).inserted {
            throw .duplicateMID(mid)
        }
        return description
    }

    private mutating func takeOrigin(_ value: Substring) {
        let parts = value.split(separator: " ")
        guard parts.count >= 3 else { return }
        description.sessionID = UInt64(parts[1]) ?? 0
        description.sessionVersion = UInt64(parts[2]) ?? 0
    }

    private mutating func takeMedia(_ value: Substring, number: Int) throws(SDPError) {
        closeSection()
        guard description.sections.count < SessionDescription.maximumSections else { throw .tooMany("sections") }
        let parts = value.split(separator: " ")
        // The port may carry a count, as in `9/2`.
        guard parts.count >= 4, let portText = parts[1].split(separator: "/").first, let port = UInt16(portText) else {
            throw .malformed(line: number)
        }
        guard parts.count - 3 <= SessionDescription.maximumEntries else { throw .tooMany("formats") }
        var opened = MediaSection(
            kind: MediaKind(String(parts[0])), transport: String(parts[2]), formats: parts[3...].map(String.init))
        opened.port = port
        if opened.transport.contains("RTP/") {
            for format in opened.formats {
                guard let type = UInt8(format), type < 128 else { throw .malformed(line: number) }
                opened.codecs.append(Self.staticCodec(type))
            }
        }
        section = opened
        sectionDirection = nil
    }

    /// The payload types of RFC 3551 that may come without `a=rtpmap`.
    private static func staticCodec(_ type: UInt8) -> RTPCodec {
        switch type {
        case 0: RTPCodec(payloadType: 0, name: "PCMU", clockRate: 8000)
        case 8: RTPCodec(payloadType: 8, name: "PCMA", clockRate: 8000)
        case 9: RTPCodec(payloadType: 9, name: "G722", clockRate: 8000)
        case 13: RTPCodec(payloadType: 13, name: "CN", clockRate: 8000)
        default: RTPCodec(payloadType: type, name: "", clockRate: 0)
        }
    }

    private mutating func closeSection() {
        guard var done = section else { return }
        section = nil
        done.direction = sectionDirection ?? commonDirection ?? .sendReceive
        if done.iceUsernameFragment == nil { done.iceUsernameFragment = common.iceUsernameFragment }
        if done.icePassword == nil { done.icePassword = common.icePassword }
        if done.iceOptions.isEmpty { done.iceOptions = common.iceOptions }
        if done.fingerprints.isEmpty { done.fingerprints = common.fingerprints }
        if done.setup == nil { done.setup = common.setup }
        if done.headerExtensions.isEmpty { done.headerExtensions = common.headerExtensions }
        description.sections.append(done)
    }

    private mutating func takeAttribute(_ value: Substring, number: Int) throws(SDPError) {
        let name: Substring
        let rest: Substring
        if let colon = value.utf8.firstIndex(of: 0x3A) {
            name = value[..<colon]
            rest = value[value.utf8.index(after: colon)...].trimmingSpaces()
        } else {
            name = value.trimmingSpaces()
            rest = ""
        }
        if section == nil {
            switch name {
            case "group": try takeGroup(rest)
            case "ice-lite": description.isICELite = true
            case "extmap-allow-mixed": description.allowsMixedHeaderExtensions = true
            default:
                if let direction = MediaDirection(rawValue: String(name)) {
                    commonDirection = direction
                } else {
                    try Self.take(name, rest, into: &common, number: number)
                }
            }
        } else if let direction = MediaDirection(rawValue: String(name)) {
            sectionDirection = direction
        } else if var open = section {
            // Moved out and back, so that appending never copies the section.
            section = nil
            try Self.take(name, rest, into: &open, number: number)
            section = open
        }
    }

    private mutating func takeGroup(_ rest: Substring) throws(SDPError) {
        let parts = rest.split(separator: " ")
        guard parts.first == "BUNDLE", description.bundle.isEmpty else { return }
        guard parts.count <= SessionDescription.maximumSections + 1 else { throw .tooMany("bundled sections") }
        description.bundle = parts.dropFirst().map(String.init)
    }

    private static func take(
        _ name: Substring, _ rest: Substring, into section: inout MediaSection, number: Int
    ) throws(SDPError) {
        switch name {
        case "mid": section.mid = String(rest)
        case "ice-ufrag": section.iceUsernameFragment = String(rest)
        case "ice-pwd": section.icePassword = String(rest)
        case "ice-options": section.iceOptions = rest.split(separator: " ").prefix(16).map(String.init)
        case "fingerprint":
            guard let fingerprint = CertificateFingerprint(attribute: rest) else { throw .malformed(line: number) }
            try append(fingerprint, to: &section.fingerprints)
        case "setup":
            guard let setup = DTLSSetup(rawValue: String(rest)) else { throw .malformed(line: number) }
            section.setup = setup
        case "candidate": try append(String(rest), to: &section.candidates)
        case "end-of-candidates": section.hasEndOfCandidates = true
        case "rtcp-mux": section.hasRTCPMultiplexing = true
        case "rtcp-rsize": section.hasReducedSizeRTCP = true
        case "bundle-only": section.isBundleOnly = true
        case "extmap": try takeHeaderExtension(rest, into: &section)
        case "rtpmap": try takeMapping(rest, into: &section, number: number)
        case "fmtp": takeFormatParameters(rest, into: &section)
        case "rtcp-fb": try takeFeedback(rest, into: &section)
        case "msid": try takeStream(rest, into: &section)
        case "ssrc": try takeSource(rest, into: &section, number: number)
        case "sctp-port": section.sctpPort = UInt16(rest)
        case "sctpmap":
            // The form before RFC 8841: `5000 webrtc-datachannel 1024`.
            if section.sctpPort == nil, let port = rest.split(separator: " ").first { section.sctpPort = UInt16(port) }
        case "max-message-size":
            guard let size = Int(rest), size >= 0 else { throw .malformed(line: number) }
            section.maximumMessageSize = size
        default: break
        }
    }

    private static func append<Entry>(_ entry: Entry, to list: inout [Entry]) throws(SDPError) {
        guard list.count < SessionDescription.maximumEntries else { throw .tooMany("attributes of one section") }
        list.append(entry)
    }

    private static func takeHeaderExtension(_ rest: Substring, into section: inout MediaSection) throws(SDPError) {
        // `<id>[/<direction>] <uri> [attributes]`
        let parts = rest.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, let number = parts[0].split(separator: "/").first, let id = UInt8(number), id > 0 else {
            return
        }
        try append(RTPHeaderExtensionMapping(id: id, uri: String(parts[1])), to: &section.headerExtensions)
    }

    /// Splits `<payload type> <text>` and finds the codec; nil when the `m=` line does not list the type.
    private static func codecIndex(_ rest: Substring, in section: MediaSection) -> (index: Int, text: Substring)? {
        let parts = rest.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let type = UInt8(parts[0]),
            let index = section.codecs.firstIndex(where: { $0.payloadType == type })
        else { return nil }
        return (index, parts[1].trimmingSpaces())
    }

    private static func takeMapping(
        _ rest: Substring, into section: inout MediaSection, number: Int
    ) throws(SDPError) {
        guard let (index, text) = codecIndex(rest, in: section) else { return }
        let parts = text.split(separator: "/")
        guard parts.count >= 2, let clockRate = UInt32(parts[1]) else { throw .malformed(line: number) }
        section.codecs[index].name = String(parts[0])
        section.codecs[index].clockRate = clockRate
        section.codecs[index].channels = parts.count > 2 ? UInt8(parts[2]) ?? 1 : 1
    }

    private static func takeFormatParameters(_ rest: Substring, into section: inout MediaSection) {
        guard let (index, text) = codecIndex(rest, in: section) else { return }
        section.codecs[index].formatParameters = String(text)
    }

    private static func takeFeedback(_ rest: Substring, into section: inout MediaSection) throws(SDPError) {
        if rest.utf8.first == UInt8(ascii: "*") {
            let text = String(rest.dropFirst().trimmingSpaces())
            for index in section.codecs.indices { try append(text, to: &section.codecs[index].feedback) }
        } else if let (index, text) = codecIndex(rest, in: section) {
            try append(String(text), to: &section.codecs[index].feedback)
        }
    }

    private static func identifier(_ text: Substring) -> MediaStreamIdentifier? {
        let parts = text.split(separator: " ")
        guard let stream = parts.first else { return nil }
        return MediaStreamIdentifier(streamID: String(stream), trackID: parts.count > 1 ? String(parts[1]) : "")
    }

    private static func takeStream(_ rest: Substring, into section: inout MediaSection) throws(SDPError) {
        guard let stream = identifier(rest) else { return }
        try append(stream, to: &section.streams)
    }

    private static func takeSource(
        _ rest: Substring, into section: inout MediaSection, number: Int
    ) throws(SDPError) {
        // `<ssrc> <name>[:<value>]`
        let parts = rest.split(separator: " ", maxSplits: 1)
        guard let first = parts.first, let ssrc = UInt32(first) else { throw .malformed(line: number) }
        let index: Int
        if let known = section.sources.firstIndex(where: { $0.ssrc == ssrc }) {
            index = known
        } else {
            try append(MediaSource(ssrc: ssrc), to: &section.sources)
            index = section.sources.count - 1
        }
        guard parts.count == 2 else { return }
        let halves = parts[1].split(separator: ":", maxSplits: 1)
        guard halves.count == 2 else { return }
        switch halves[0] {
        case "cname": section.sources[index].cname = String(halves[1].trimmingSpaces())
        case "msid": section.sources[index].stream = identifier(halves[1])
        default: break
        }
    }
}

extension CertificateFingerprint {
    /// Parses `sha-256 AB:CD:…` (RFC 8122); nil for anything else.
    package init?(attribute text: some StringProtocol) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[1].utf8.count <= 3 * 64 else { return nil }
        var digest: [UInt8] = []
        for pair in parts[1].split(separator: ":", omittingEmptySubsequences: false) {
            guard pair.utf8.count == 2, pair.utf8.first != UInt8(ascii: "+"), let byte = UInt8(pair, radix: 16) else {
                return nil
            }
            digest.append(byte)
        }
        guard !digest.isEmpty else { return nil }
        self.init(algorithm: parts[0].lowercased(), digest: digest)
    }

    /// `sha-256 AB:CD:…`
    package var attributeText: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text = Array((algorithm + " ").utf8)
        for (index, byte) in digest.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ":")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
