package import Wire

/// One chunk of an SCTP packet (RFC 9260 section 3.3, RFC 3758, RFC 6525).
package enum SCTPChunk: Equatable, Sendable {
    case data(SCTPDataChunk)
    case initiation(SCTPInitChunk)
    case initiationAck(SCTPInitChunk)
    case sack(SCTPSackChunk)
    /// The bytes of a heartbeat's parameters, which the receiver sends back as they are.
    case heartbeat([UInt8])
    case heartbeatAck([UInt8])
    /// `isTagReflected` is the T bit: the verification tag is the receiver's own view of the peer.
    case abort(isTagReflected: Bool, causes: [SCTPParameter])
    case shutdown(cumulativeTSN: UInt32)
    case shutdownAck
    case error(causes: [SCTPParameter])
    case cookieEcho([UInt8])
    case cookieAck
    case shutdownComplete(isTagReflected: Bool)
    case reconfiguration([SCTPReconfigurationParameter])
    case forwardTSN(SCTPForwardTSNChunk)
    /// A type that we do not know; the upper two bits of the type say what to do (RFC 9260 section 3.2).
    case unknown(type: UInt8, flags: UInt8, value: [UInt8])

    /// Chunk type numbers.
    package enum Kind {
        package static let data: UInt8 = 0
        package static let initiation: UInt8 = 1
        package static let initiationAck: UInt8 = 2
        package static let sack: UInt8 = 3
        package static let heartbeat: UInt8 = 4
        package static let heartbeatAck: UInt8 = 5
        package static let abort: UInt8 = 6
        package static let shutdown: UInt8 = 7
        package static let shutdownAck: UInt8 = 8
        package static let error: UInt8 = 9
        package static let cookieEcho: UInt8 = 10
        package static let cookieAck: UInt8 = 11
        package static let shutdownComplete: UInt8 = 14
        package static let reconfiguration: UInt8 = 130
        package static let forwardTSN: UInt8 = 192
    }

    /// Parses the value of a chunk, without its header and padding.
    init(type: UInt8, flags: UInt8, parsing value: RawSpan) throws(SCTPPacketError) {
        do {
            switch type {
            case Kind.data: self = .data(try SCTPDataChunk(flags: flags, parsing: value))
            case Kind.initiation: self = .initiation(try SCTPInitChunk(parsing: value))
            case Kind.initiationAck: self = .initiationAck(try SCTPInitChunk(parsing: value))
            case Kind.sack: self = .sack(try SCTPSackChunk(parsing: value))
            case Kind.heartbeat: self = .heartbeat([UInt8](copying: value))
            case Kind.heartbeatAck: self = .heartbeatAck([UInt8](copying: value))
            case Kind.abort:
                // The causes are only for the log; an abort with odd ones is an abort all the same.
                self = .abort(isTagReflected: flags & 1 == 1, causes: (try? SCTPParameter.list(parsing: value)) ?? [])
            case Kind.shutdown:
                var reader = ByteReader(value)
                self = .shutdown(cumulativeTSN: try reader.readUInt32())
            case Kind.shutdownAck: self = .shutdownAck
            case Kind.error: self = .error(causes: try SCTPParameter.list(parsing: value))
            case Kind.cookieEcho: self = .cookieEcho([UInt8](copying: value))
            case Kind.cookieAck: self = .cookieAck
            case Kind.shutdownComplete: self = .shutdownComplete(isTagReflected: flags & 1 == 1)
            case Kind.reconfiguration:
                self = .reconfiguration(
                    try SCTPParameter.list(parsing: value).map { (parameter) throws(Truncated) in
                        try SCTPReconfigurationParameter(parameter)
                    })
            case Kind.forwardTSN: self = .forwardTSN(try SCTPForwardTSNChunk(parsing: value))
            default: self = .unknown(type: type, flags: flags, value: [UInt8](copying: value))
            }
        } catch {
            throw .invalidChunk(type: type)
        }
    }

    /// Appends the chunk with header and padding.
    package func write(to writer: inout ByteWriter) {
        switch self {
        case .data(let chunk): chunk.write(to: &writer)
        case .initiation(let chunk): Self.write(Kind.initiation, to: &writer) { chunk.write(to: &$0) }
        case .initiationAck(let chunk): Self.write(Kind.initiationAck, to: &writer) { chunk.write(to: &$0) }
        case .sack(let chunk): Self.write(Kind.sack, to: &writer) { chunk.write(to: &$0) }
        case .heartbeat(let information): Self.write(Kind.heartbeat, to: &writer) { $0.write(information) }
        case .heartbeatAck(let information): Self.write(Kind.heartbeatAck, to: &writer) { $0.write(information) }
        case .abort(let isTagReflected, let causes):
            Self.write(Kind.abort, flags: isTagReflected ? 1 : 0, to: &writer) { writer in
                for cause in causes { cause.write(to: &writer) }
            }
        case .shutdown(let cumulativeTSN): Self.write(Kind.shutdown, to: &writer) { $0.write(cumulativeTSN) }
        case .shutdownAck: Self.write(Kind.shutdownAck, to: &writer) { _ in }
        case .error(let causes):
            Self.write(Kind.error, to: &writer) { writer in
                for cause in causes { cause.write(to: &writer) }
            }
        case .cookieEcho(let cookie): Self.write(Kind.cookieEcho, to: &writer) { $0.write(cookie) }
        case .cookieAck: Self.write(Kind.cookieAck, to: &writer) { _ in }
        case .shutdownComplete(let isTagReflected):
            Self.write(Kind.shutdownComplete, flags: isTagReflected ? 1 : 0, to: &writer) { _ in }
        case .reconfiguration(let parameters):
            Self.write(Kind.reconfiguration, to: &writer) { writer in
                for parameter in parameters { parameter.encoded.write(to: &writer) }
            }
        case .forwardTSN(let chunk): Self.write(Kind.forwardTSN, to: &writer) { chunk.write(to: &$0) }
        case .unknown(let type, let flags, let value):
            Self.write(type, flags: flags, to: &writer) { $0.write(value) }
        }
    }

    /// Writes a chunk header, the value, its length and the padding.
    private static func write(
        _ type: UInt8, flags: UInt8 = 0, to writer: inout ByteWriter, value: (inout ByteWriter) -> Void
    ) {
        let start = writer.count
        writer.write(type)
        writer.write(flags)
        writer.write(UInt16(0))
        value(&writer)
        writer.overwrite(at: start + 2, with: UInt16(truncatingIfNeeded: writer.count - start))
        writer.pad(to: 4)
    }
}
