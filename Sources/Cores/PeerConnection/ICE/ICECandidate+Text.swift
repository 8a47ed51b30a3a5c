internal import Wire

/// Why the text of a candidate cannot be used.
package enum ICECandidateError: Error, Hashable, Sendable {
    /// Longer than `ICECandidate.maximumTextLength` bytes.
    case tooLong
    /// Does not begin with `candidate:`, or has fewer than the eight mandatory fields.
    case malformed
    /// This field holds something that the grammar does not allow.
    case invalidField(Field)
    /// Neither UDP nor TCP.
    case unsupportedTransport(String)
    /// A host name instead of an address, mostly an mDNS name that hides a browser's address. The agent resolves
    /// nothing; such a peer is found as a peer-reflexive candidate when it sends its checks.
    case unresolvable(host: String)

    /// The fields that have a grammar of their own.
    package enum Field: Hashable, Sendable {
        case foundation, component, priority, address, port, kind, relatedAddress
    }
}

/// The `candidate` attribute of RFC 8839, section 5.1.
extension ICECandidate {
    package static let maximumTextLength = 1024

    /// Reads `candidate:…`, with or without `a=` before it, as it stands in a session description or comes
    /// trickled. Unknown extension pairs are kept; an extension name without a value is passed over.
    package init(parsing text: some StringProtocol) throws(ICECandidateError) {
        guard text.utf8.count <= Self.maximumTextLength else { throw .tooLong }
        let fields = Array(text.utf8).split { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard fields.count >= 8 else { throw .malformed }
        var foundation = fields[0]
        if foundation.starts(with: "a=".utf8) { foundation = foundation.dropFirst(2) }
        guard foundation.starts(with: "candidate:".utf8) else { throw .malformed }
        foundation = foundation.dropFirst("candidate:".utf8.count)
        guard (1...32).contains(foundation.count) else { throw .invalidField(.foundation) }
        guard let component = fields[1].number(Int.self), (1...256).contains(component) else {
            throw .invalidField(.component)
        }
        guard let priority = fields[3].number(UInt32.self) else { throw .invalidField(.priority) }
        guard let port = fields[5].number(UInt16.self) else { throw .invalidField(.port) }
        guard fields[6].isEqual(lowercase: "typ") else { throw .malformed }
        guard let kind = Kind(rawValue: fields[7].text.lowercased()) else { throw .invalidField(.kind) }

        // The first of each known name counts; all others are kept as they are.
        var related: (address: String?, port: ArraySlice<UInt8>?) = (nil, nil)
        var tcpType: String?
        var extensions: [Extension] = []
        let isTCP = fields[2].isEqual(lowercase: "tcp") || fields[2].isEqual(lowercase: "ssltcp")
        for index in stride(from: 8, to: fields.count - 1, by: 2) {
            let (name, value) = (fields[index], fields[index + 1])
            if name.isEqual(lowercase: "raddr") {
                if related.address == nil { related.address = value.text }
            } else if name.isEqual(lowercase: "rport") {
                if related.port == nil { related.port = value }
            } else if isTCP, name.isEqual(lowercase: "tcptype") {
                if tcpType == nil { tcpType = value.text }
            } else {
                extensions.append(Extension(name: name.text, value: value.text))
            }
        }
        let transport: Transport
        if fields[2].isEqual(lowercase: "udp") {
            transport = .udp
        } else if isTCP {
            transport = .tcp(type: tcpType ?? "")
        } else {
            throw .unsupportedTransport(fields[2].text)
        }
        let host = fields[4].text
        guard let ip = IPAddress(host) else {
            guard Self.isHostName(host) else { throw .invalidField(.address) }
            throw .unresolvable(host: host)
        }
        // Browsers write 0.0.0.0 and port 0 or 9 here to hide what is behind; a hidden name is no reason to fail.
        var relatedAddress: TransportAddress?
        if let address = related.address, let ip = IPAddress(address) {
            let port = related.port.map { $0.number(UInt16.self) } ?? 0
            guard let port else { throw .invalidField(.relatedAddress) }
            relatedAddress = TransportAddress(ip: ip, port: port)
        }
        self.init(
            foundation: foundation.text, component: component, transport: transport,
            priority: min(priority, Self.maximumPriority), address: TransportAddress(ip: ip, port: port), kind: kind,
            relatedAddress: relatedAddress, extensions: extensions)
    }

    /// `candidate:…`, the form that is trickled; a session description puts `a=` before it.
    package var text: String {
        var text = "candidate:\(foundation) \(component) "
        switch transport {
        case .udp: text += "udp"
        case .tcp: text += "tcp"
        }
        text += " \(priority) \(address.ip) \(address.port) typ \(kind.rawValue)"
        if let relatedAddress { text += " raddr \(relatedAddress.ip) rport \(relatedAddress.port)" }
        if case .tcp(let type) = transport, !type.isEmpty { text += " tcptype \(type)" }
        for pair in extensions { text += " \(pair.name) \(pair.value)" }
        return text
    }

    private static func isHostName(_ text: String) -> Bool {
        text.utf8.count <= 253 && text.contains(where: { $0.isLetter }) && !text.contains(":")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
