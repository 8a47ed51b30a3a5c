package import Wire

/// What a proxy says about the connection that it passes on, before any byte of it: the PROXY protocol, version 2 (HAProxy's
/// doc/proxy-protocol.txt). Version 1, a line of text, is refused.
package struct ProxyHeader: Hashable, Sendable {
    /// Longer ones are refused: addresses take 36 bytes, and what certificates add is passed over.
    package static let maximumBytes = 4096
    /// With which each header begins.
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// Signature, version and command, family, length.
    static let fixedBytes = 16
    /// The type of the field about TLS, and its bit for a client that speaks it.
    private static let tlsField: UInt8 = 0x20
    private static let tlsBit: UInt8 = 0x01

    /// Where the client is; nil when the proxy speaks for itself (a health check), or of another kind of socket.
    package let source: TransportAddress?
    /// The client speaks TLS with the proxy.
    package let isSecure: Bool

    package init(source: TransportAddress?, isSecure: Bool = false) {
        self.source = source
        self.isSecure = isSecure
    }

    /// Why the bytes are no header.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        case missing
        case versionOne
        case unsupported(String)
        case tooLong(Int)
        /// Its own lengths do not fit each other.
        case malformed(String)

        package var description: String {
            switch self {
            case .missing:
                "a trusted proxy sends no PROXY protocol header; it has to (send-proxy-v2), or PROXY_PROTOCOL must not be set"
            case .versionOne:
                "a trusted proxy sends version 1 of the PROXY protocol; version 2 is wanted (send-proxy-v2)"
            case .unsupported(let what): "the PROXY protocol header has \(what)"
            case .tooLong(let count):
                "the PROXY protocol header has \(count) bytes, allowed are \(ProxyHeader.maximumBytes)"
            case .malformed(let what): "the PROXY protocol header is malformed: \(what)"
            }
        }
    }

    /// Reads a header at the beginning of what has come.
    ///
    /// - Returns: the header, and how many bytes it takes; nil when more have to come.
    package static func read(_ bytes: [UInt8]) throws(Failure) -> (header: ProxyHeader, length: Int)? {
        let known = min(bytes.count, signature.count)
        guard bytes[..<known] == signature[..<known] else {
            throw bytes.starts(with: Array("PROXY ".utf8).prefix(bytes.count)) && !bytes.isEmpty
                ? .versionOne : .missing
        }
        guard bytes.count >= fixedBytes else { return nil }
        let version = bytes[12] >> 4
        let command = bytes[12] & 0x0F
        guard version == 2 else { throw .unsupported("version \(version)") }
        guard command <= 1 else { throw .unsupported("the command \(command)") }
        let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= maximumBytes else { throw .tooLong(length) }
        guard bytes.count >= length else { return nil }
        var reader = ByteReader(bytes.span.bytes.extracting(fixedBytes..<length))
        let (source, isSecure): (TransportAddress?, Bool)
        do throws(Truncated) {
            source = try address(family: bytes[13], &reader)
            isSecure = try hasTLS(&reader)
        } catch {
            throw .malformed("a field of \(error.needed) bytes, and \(error.available) are left")
        }
        // A proxy that speaks for itself says nothing about a client.
        return (command == 0 ? ProxyHeader(source: nil) : ProxyHeader(source: source, isSecure: isSecure), length)
    }

    private static func address(family: UInt8, _ reader: inout ByteReader) throws(Truncated) -> TransportAddress? {
        switch family {
        case 0x11:
            let source = try reader.readUInt32()
            try reader.skip(4)
            let port = try reader.readUInt16()
            try reader.skip(2)
            return TransportAddress(ip: .v4(source), port: port)
        case 0x21:
            let source = IPAddress.v6(try reader.readUInt64(), try reader.readUInt64())
            try reader.skip(16)
            let port = try reader.readUInt16()
            try reader.skip(2)
            return TransportAddress(ip: source.unmapped, port: port)
        case 0x31:
            try reader.skip(216)
            return nil
        default:
            // What is unknown is passed over, its fields included, whose beginning is unknown, too.
            _ = reader.readRest()
            return nil
        }
    }

    private static func hasTLS(_ reader: inout ByteReader) throws(Truncated) -> Bool {
        var isSecure = false
        while !reader.isAtEnd {
            let type = try reader.readUInt8()
            let value = try reader.readBytes(Int(try reader.readUInt16()))
            if type == tlsField, let bits = value.first { isSecure = bits & tlsBit != 0 }
        }
        return isSecure
    }
}
