package import Wire

/// The STUN attributes that ICE and TURN use. MESSAGE-INTEGRITY and FINGERPRINT are not among them: they are computed
/// when a message is written and checked when it is read.
package enum STUNAttribute: Hashable, Sendable {
    case mappedAddress(TransportAddress)
    case xorMappedAddress(TransportAddress)
    /// UTF-8, at most `maximumUsernameLength` bytes.
    case username(String)
    case errorCode(STUNErrorCode)
    /// The comprehension-required types that a 420 response complains about.
    case unknownAttributes([UInt16])
    case software(String)
    /// The priority that a peer-reflexive candidate learned from this check shall have (RFC 8445, section 7.1.1).
    case priority(UInt32)
    case useCandidate
    /// The sender's tie-breaker; the sender believes to be controlled.
    case iceControlled(UInt64)
    /// The sender's tie-breaker; the sender believes to be controlling.
    case iceControlling(UInt64)
    // TURN (RFC 8656, section 18) and long-term credentials
    case channelNumber(UInt16)
    /// Seconds.
    case lifetime(UInt32)
    case xorPeerAddress(TransportAddress)
    case xorRelayedAddress(TransportAddress)
    case realm(String)
    case nonce([UInt8])
    case requestedFamily(isV6: Bool)
    /// A protocol's number: `udp`.
    case requestedTransport(UInt8)

    /// The protocol number of UDP.
    package static let udp: UInt8 = 17

    /// Two ICE username fragments of at most 256 characters and the colon between them.
    package static let maximumUsernameLength = 513
    /// Bytes of the longest realm, nonce, reason and software (RFC 8489, section 14).
    package static let maximumTextLength = 763

    /// Attribute types by their registered numbers.
    package enum Kind {
        static let mappedAddress: UInt16 = 0x0001
        static let username: UInt16 = 0x0006
        static let messageIntegrity: UInt16 = 0x0008
        static let errorCode: UInt16 = 0x0009
        static let unknownAttributes: UInt16 = 0x000A
        static let xorMappedAddress: UInt16 = 0x0020
        static let priority: UInt16 = 0x0024
        static let useCandidate: UInt16 = 0x0025
        static let software: UInt16 = 0x8022
        static let fingerprint: UInt16 = 0x8028
        static let iceControlled: UInt16 = 0x8029
        static let iceControlling: UInt16 = 0x802A
        static let channelNumber: UInt16 = 0x000C
        static let lifetime: UInt16 = 0x000D
        static let xorPeerAddress: UInt16 = 0x0012
        static let realm: UInt16 = 0x0014
        static let nonce: UInt16 = 0x0015
        static let xorRelayedAddress: UInt16 = 0x0016
        static let requestedFamily: UInt16 = 0x0017
        static let requestedTransport: UInt16 = 0x0019
    }

    /// The registered number of this attribute.
    package var kind: UInt16 {
        switch self {
        case .mappedAddress: Kind.mappedAddress
        case .xorMappedAddress: Kind.xorMappedAddress
        case .username: Kind.username
        case .errorCode: Kind.errorCode
        case .unknownAttributes: Kind.unknownAttributes
        case .software: Kind.software
        case .priority: Kind.priority
        case .useCandidate: Kind.useCandidate
        case .iceControlled: Kind.iceControlled
        case .iceControlling: Kind.iceControlling
        case .channelNumber: Kind.channelNumber
        case .lifetime: Kind.lifetime
        case .xorPeerAddress: Kind.xorPeerAddress
        case .xorRelayedAddress: Kind.xorRelayedAddress
        case .realm: Kind.realm
        case .nonce: Kind.nonce
        case .requestedFamily: Kind.requestedFamily
        case .requestedTransport: Kind.requestedTransport
        }
    }

    /// Reads the value of one attribute; nil when the type is none of ours.
    init?(kind: UInt16, value: RawSpan, transactionID: STUNTransactionID) throws(STUNError) {
        var reader = ByteReader(value)
        do {
            switch kind {
            case Kind.mappedAddress: self = .mappedAddress(try Self.readAddress(&reader))
            case Kind.xorMappedAddress:
                self = .xorMappedAddress(Self.xored(try Self.readAddress(&reader), transactionID))
            case Kind.username:
                guard reader.remaining <= Self.maximumUsernameLength,
                    let text = String(validating: reader.readRest(), as: UTF8.self)
                else { throw STUNError.malformedAttribute(kind) }
                self = .username(text)
            case Kind.errorCode:
                try reader.skip(2)
                let hundreds = Int(try reader.readUInt8() & 0x7)
                let number = Int(try reader.readUInt8())
                guard (3...6).contains(hundreds), number < 100 else { throw STUNError.malformedAttribute(kind) }
                let reason = String(decoding: reader.readRest(), as: UTF8.self)
                self = .errorCode(STUNErrorCode(code: hundreds * 100 + number, reason: reason))
            case Kind.unknownAttributes:
                var kinds: [UInt16] = []
                while reader.remaining >= 2 { kinds.append(try reader.readUInt16()) }
                self = .unknownAttributes(kinds)
            case Kind.software: self = .software(String(decoding: reader.readRest(), as: UTF8.self))
            case Kind.priority: self = .priority(try reader.readUInt32())
            case Kind.useCandidate: self = .useCandidate
            case Kind.iceControlled: self = .iceControlled(try reader.readUInt64())
            case Kind.iceControlling: self = .iceControlling(try reader.readUInt64())
            case Kind.channelNumber:
                self = .channelNumber(try reader.readUInt16())
                try reader.skip(2)
            case Kind.lifetime: self = .lifetime(try reader.readUInt32())
            case Kind.xorPeerAddress:
                self = .xorPeerAddress(Self.xored(try Self.readAddress(&reader), transactionID))
            case Kind.xorRelayedAddress:
                self = .xorRelayedAddress(Self.xored(try Self.readAddress(&reader), transactionID))
            case Kind.realm:
                guard reader.remaining <= Self.maximumTextLength,
                    let text = String(validating: reader.readRest(), as: UTF8.self)
                else { throw STUNError.malformedAttribute(kind) }
                self = .realm(text)
            case Kind.nonce:
                guard reader.remaining <= Self.maximumTextLength else { throw STUNError.malformedAttribute(kind) }
                self = .nonce(reader.readRest())
            case Kind.requestedFamily:
                self = .requestedFamily(isV6: try reader.readUInt8() == 2)
                try reader.skip(3)
            case Kind.requestedTransport:
                self = .requestedTransport(try reader.readUInt8())
                try reader.skip(3)
            default: return nil
            }
        } catch {
            throw .malformedAttribute(kind)
        }
        // What is left over means that the sender and we do not agree on what this attribute is.
        guard reader.isAtEnd else { throw .malformedAttribute(kind) }
    }

    /// Appends type, length, value and padding.
    func write(to writer: inout ByteWriter, transactionID: STUNTransactionID) {
        writer.write(kind)
        let lengthAt = writer.count
        writer.write(UInt16(0))
        switch self {
        case .mappedAddress(let address): Self.writeAddress(address, to: &writer)
        case .xorMappedAddress(let address): Self.writeAddress(Self.xored(address, transactionID), to: &writer)
        case .username(let text): writer.write(text.utf8.prefix(Self.maximumUsernameLength))
        case .errorCode(let error):
            writer.write(UInt16(0))
            writer.write(UInt8(clamping: error.code / 100))
            writer.write(UInt8(clamping: error.code % 100))
            writer.write(error.reason.utf8.prefix(Self.maximumTextLength))
        case .unknownAttributes(let kinds): for kind in kinds { writer.write(kind) }
        case .software(let text): writer.write(text.utf8.prefix(Self.maximumTextLength))
        case .priority(let priority): writer.write(priority)
        case .useCandidate: break
        case .iceControlled(let tieBreaker), .iceControlling(let tieBreaker): writer.write(tieBreaker)
        case .channelNumber(let number):
            writer.write(number)
            writer.write(UInt16(0))
        case .lifetime(let seconds): writer.write(seconds)
        case .xorPeerAddress(let address), .xorRelayedAddress(let address):
            Self.writeAddress(Self.xored(address, transactionID), to: &writer)
        case .realm(let text): writer.write(text.utf8.prefix(Self.maximumTextLength))
        case .nonce(let bytes): writer.write(bytes.prefix(Self.maximumTextLength))
        case .requestedFamily(let isV6): writer.write(UInt32(isV6 ? 2 : 1) << 24)
        case .requestedTransport(let number): writer.write(UInt32(number) << 24)
        }
        writer.overwrite(at: lengthAt, with: UInt16(clamping: writer.count - lengthAt - 2))
        writer.pad(to: 4)
    }

    @_lifetime(reader: copy reader)
    private static func readAddress(_ reader: inout ByteReader) throws -> TransportAddress {
        try reader.skip(1)
        let family = try reader.readUInt8()
        let port = try reader.readUInt16()
        switch family {
        case 1: return TransportAddress(ip: .v4(try reader.readUInt32()), port: port)
        case 2:
            let high = try reader.readUInt64()
            return TransportAddress(ip: .v6(high, try reader.readUInt64()), port: port)
        default: throw STUNError.malformedAttribute(Kind.mappedAddress)
        }
    }

    private static func writeAddress(_ address: TransportAddress, to writer: inout ByteWriter) {
        writer.write(UInt16(address.ip.isV6 ? 2 : 1))
        writer.write(address.port)
        switch address.ip {
        case .v4(let bits): writer.write(bits)
        case .v6(let high, let low):
            writer.write(high)
            writer.write(low)
        }
    }

    /// RFC 8489, section 14.2: hides addresses from middleboxes that rewrite whatever looks like one.
    private static func xored(_ address: TransportAddress, _ id: STUNTransactionID) -> TransportAddress {
        let cookie = STUNMessage.magicCookie
        let port = address.port ^ UInt16(cookie >> 16)
        switch address.ip {
        case .v4(let bits): return TransportAddress(ip: .v4(bits ^ cookie), port: port)
        case .v6(let high, let low):
            let mask = UInt64(cookie) << 32 | UInt64(id.high)
            return TransportAddress(ip: .v6(high ^ mask, low ^ id.low), port: port)
        }
    }
}
