extension SessionDescription {
    /// Parses what libwebrtc, pion, aiortc and their kin write. Session-level ICE, DTLS and direction lines are
    /// handed down to every section that does not have its own.
    package init(parsing text: String) throws(SDPError) {
        guard text.utf8.count <= Self.maximumLength else { throw .tooLong }
        let bytes = Array(text.utf8)
        var parser = SessionDescriptionParser()
        var number = 0
        var start = 0
        // Line ends are control characters: one look at each byte finds both.
        var hasControls = false
        var index = 0
        while index <= bytes.count {
            let byte = index < bytes.count ? bytes[index] : 0x0A
            if byte < 0x20 {
                if byte == 0x0A || byte == 0x0D {
                    if index > start {
                        number += 1
                        try parser.take(bytes[start..<index], hasControls: hasControls, number: number)
                    }
                    start = index + 1
                    hasControls = false
                } else {
                    hasControls = true
                }
            }
            index += 1
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

    /// - Parameter hasControls: whether control characters are in the line.
    mutating func take(_ line: ArraySlice<UInt8>, hasControls: Bool, number: Int) throws(SDPError) {
        guard let type = line.first, line.dropFirst().first == UInt8(ascii: "=") else {
            throw sawVersion ? .malformed(line: number) : .notADescription
        }
        let value = line.dropFirst(2)
        if !sawVersion {
            guard type == UInt8(ascii: "v"), value.trimmingSpaces().elementsEqual("0".utf8) else {
                throw .notADescription
            }
            sawVersion = true
            return
        }
        switch type {
        case UInt8(ascii: "o"): takeOrigin(value)
        case UInt8(ascii: "m"):
            // What is written has no control characters, and would then be another transport than what was read.
            guard !hasControls else { throw .malformed(line: number) }
            try takeMedia(value, number: number)
        case UInt8(ascii: "a"):
            // They may come with the name of a track, which is no reason to fail.
            try takeAttribute(hasControls ? ArraySlice(value.filter { $0 >= 0x20 }) : value, number: number)
        default: break
        }
    }

    mutating func finish() throws(SDPError) -> SessionDescription {
        guard sawVersion else { throw .notADescription }
        closeSection()
        var seen: Set<String> = []
        for section in description.sections {
            if let mid = section.mid, !seen.insert(mid).inserted { throw .duplicateMID(mid) }
        }
        return description
    }

    private mutating func takeOrigin(_ value: ArraySlice<UInt8>) {
        var rest = value
        guard rest.popField() != nil, let id = rest.popField(), let version = rest.popField() else { return }
        description.sessionID = id.number() ?? 0
        description.sessionVersion = version.number() ?? 0
    }

    private mutating func takeMedia(_ value: ArraySlice<UInt8>, number: Int) throws(SDPError) {
        closeSection()
        guard description.sections.count < SessionDescription.maximumSections else { throw .tooMany("sections") }
        var rest = value
        // The port may carry a count, as in `9/2`.
        guard let kind = rest.popField(), var portField = rest.popField(), let transport = rest.popField(),
            let port = portField.popField(UInt8(ascii: "/"))?.number(UInt16.self)
        else { throw .malformed(line: number) }
        var opened = MediaSection(kind: MediaKind(kind.text), transport: transport.text, formats: [])
        opened.port = port
        let isRTP = opened.isRTP
        while let format = rest.popField() {
            guard opened.formats.count < SessionDescription.maximumEntries else { throw .tooMany("formats") }
            opened.formats.append(format.text)
            guard isRTP else { continue }
            guard let type = format.number(UInt8.self), type < 128 else { throw .malformed(line: number) }
            opened.codecs.append(Self.staticCodec(type))
        }
        guard !opened.formats.isEmpty else { throw .malformed(line: number) }
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

    private mutating func takeAttribute(_ value: ArraySlice<UInt8>, number: Int) throws(SDPError) {
        let name: SDPAttribute?
        let rest: ArraySlice<UInt8>
        if let colon = value.firstIndex(of: UInt8(ascii: ":")) {
            name = SDPAttribute(value[..<colon])
            rest = value[(colon + 1)...].trimmingSpaces()
        } else {
            name = SDPAttribute(value.trimmingSpaces())
            rest = []
        }
        // Those that we do not know are skipped.
        guard let name else { return }
        if section == nil {
            switch name {
            case .group: try takeGroup(rest)
            case .iceLite: description.isICELite = true
            case .allowsMixedHeaderExtensions: description.allowsMixedHeaderExtensions = true
            case .direction(let direction): commonDirection = direction
            default: try common.take(name, rest, number: number)
            }
        } else if case .direction(let direction) = name {
            sectionDirection = direction
        } else {
            // In place, so that a line never copies the section.
            try section?.take(name, rest, number: number)
        }
    }

    private mutating func takeGroup(_ value: ArraySlice<UInt8>) throws(SDPError) {
        var rest = value
        guard let semantics = rest.popField(), semantics.elementsEqual("BUNDLE".utf8), description.bundle.isEmpty
        else { return }
        while let mid = rest.popField() {
            guard description.bundle.count < SessionDescription.maximumSections else {
                throw .tooMany("bundled sections")
            }
            description.bundle.append(mid.text)
        }
    }
}
