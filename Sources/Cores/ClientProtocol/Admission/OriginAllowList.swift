/// Which web pages may connect, by the `Origin` that their browser sends (RFC 6454).
///
/// An entry is `*`, `null`, `file://`, or an origin: `https://app.example.com`, `https://*.example.com` for all names below
/// one, `http://localhost:*` for all ports. Most programs that are no browser send no origin and are not concerned; those
/// built on arduinoWebSockets send `file://`, as some web views do for pages of their app.
package struct OriginAllowList: Hashable, Sendable {
    /// An entry that is not an origin.
    package struct InvalidEntry: Error, Hashable, Sendable, CustomStringConvertible {
        package let entry: String

        package var description: String {
            "\"\(entry)\" is not an origin; write *, null, file://, or scheme://host[:port], where the host may begin with *. and the port may be *"
        }
    }

    private enum Port: Hashable, Sendable {
        case number(UInt16)
        case any
    }

    private struct Origin: Hashable, Sendable {
        var scheme: String
        var host: String
        var port: Port
    }

    private enum Entry: Hashable, Sendable {
        case all
        case opaque
        /// `file://`, which has no host.
        case file
        case origin(Origin)
        /// All names below the host.
        case below(Origin)
    }

    /// Bytes of an origin that is looked at.
    package static let maximumSize = 512

    private let entries: [Entry]

    /// Every page may connect.
    package static let all = OriginAllowList(entries: [.all])

    /// Entries separated by commas, with or without spaces; none allows no page.
    package init(setting: String) throws(InvalidEntry) {
        var entries: [Entry] = []
        for part in setting.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            entries.append(try Self.parse(entry: String(part)))
        }
        self.init(entries: entries)
    }

    private init(entries: [Entry]) { self.entries = entries }

    package var allowsAll: Bool { entries.contains(.all) }

    /// Whether a request with this `Origin` header may go on; nil for one without.
    package func allows(_ origin: String?) -> Bool {
        guard let origin else { return true }
        if allowsAll { return true }
        if origin == "null" { return entries.contains(.opaque) }
        if Self.isFile(origin) { return entries.contains(.file) }
        guard let asked = Self.origin(origin) else { return false }
        return entries.contains { entry in
            switch entry {
            case .all: true
            case .opaque, .file: false
            case .origin(let allowed): Self.matches(asked, allowed) && asked.host == allowed.host
            case .below(let allowed): Self.matches(asked, allowed) && asked.host.hasSuffix("." + allowed.host)
            }
        }
    }

    private static func isFile(_ text: String) -> Bool { text.lowercased() == "file://" }

    private static func matches(_ asked: Origin, _ allowed: Origin) -> Bool {
        asked.scheme == allowed.scheme && (allowed.port == .any || asked.port == allowed.port)
    }

    private static func parse(entry: String) throws(InvalidEntry) -> Entry {
        if entry == "*" { return .all }
        if entry == "null" { return .opaque }
        if isFile(entry) { return .file }
        guard let separator = entry.firstRange(of: "://") else { throw InvalidEntry(entry: entry) }
        var rest = String(entry[separator.upperBound...])
        let isBelow = rest.hasPrefix("*.")
        if isBelow { rest.removeFirst(2) }
        let hasAnyPort = rest.hasSuffix(":*")
        if hasAnyPort { rest.removeLast(2) }
        guard var origin = origin(entry[..<separator.upperBound] + rest) else { throw InvalidEntry(entry: entry) }
        if hasAnyPort { origin.port = .any }
        return isBelow ? .below(origin) : .origin(origin)
    }

    /// Scheme, host and port of an origin as text, in lower case and with the port that goes without saying; nil for
    /// anything else, a path included.
    private static func origin(_ text: some StringProtocol) -> Origin? {
        guard text.utf8.count <= maximumSize, let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound].lowercased()
        var host = text[separator.upperBound...].lowercased()
        guard !scheme.isEmpty, scheme.utf8.allSatisfy(isSchemeByte) else { return nil }
        var port: UInt16? = scheme == "http" ? 80 : scheme == "https" ? 443 : 0
        // The colons of an IPv6 address stand in brackets.
        if let colon = host.lastIndex(of: ":"), host[colon...].firstIndex(of: "]") == nil {
            let digits = host[host.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            port = UInt16(digits)
            host = String(host[..<colon])
        }
        guard let port, !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { return nil }
        return Origin(scheme: scheme, host: host, port: .number(port))
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "-._[]:".utf8.contains(byte)
    }
}
