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
        var fields = String(text).split { $0.isWhitespace }.map(String.init)[...]
        guard fields.count >= 8, var first = fields.popFirst() else { throw .malformed }
        if first.hasPrefix("a=") { first.removeFirst(2) }
        guard first.hasPrefix("candidate:") else { throw .malformed }
        first.removeFirst("candidate:".utf8.count)
        guard (1...32).contains(first.utf8.count) else { throw .invalidField(.foundation) }
        let mandatory = Array(fields.prefix(7))
        fields = fields.dropFirst(7)
        guard let component = Int(mandatory[0]), (1...256).contains(component) else {
            throw .invalidField(.component)
        }
        guard let priority = UInt32(mandatory[2]) else { throw .invalidField(.priority) }
        guard let port = UInt16(mandatory[4]) else { throw .invalidField(.port) }
        guard mandatory[5].lowercased() == "typ" else { throw .malformed }
        guard let kind = Kind(rawValue: mandatory[6].lowercased()) else { throw .invalidField(.kind) }

        var extensions: [Extension] = []
        while let name = fields.popFirst(), let value = fields.popFirst() {
            extensions.append(Extension(name: name, value: value))
        }
        /// Takes a known pair out of the extensions, and any that repeat it.
        func take(_ name: String) -> String? {
            let value = extensions.first { $0.name.lowercased() == name }?.value
            if value != nil { extensions.removeAll { $0.name.lowercased() == name } }
            return value
        }
        let related = (address: take("raddr"), port: take("rport"))
        let transport: Transport
        switch mandatory[1].lowercased() {
        case "udp": transport = .udp
        case "tcp", "ssltcp": transport = .tcp(type: take("tcptype") ?? "")
        default: throw .unsupportedTransport(mandatory[1])
        }
        guard let ip = IPAddress(mandatory[3]) else {
            guard Self.isHostName(mandatory[3]) else { throw .invalidField(.address) }
            throw .unresolvable(host: mandatory[3])
        }
        // Browsers write 0.0.0.0 and port 0 or 9 here to hide what is behind; a hidden name is no reason to fail.
        var relatedAddress: TransportAddress?
        if let address = related.address, let ip = IPAddress(address) {
            guard let port = UInt16(related.port ?? "0") else { throw .invalidField(.relatedAddress) }
            relatedAddress = TransportAddress(ip: ip, port: port)
        }
        self.init(
            foundation: first, component: component, transport: transport,
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
