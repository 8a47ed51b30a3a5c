package import Wire

/// A STUN message (RFC 8489) with the attributes that ICE and TURN need.
///
/// Reading checks the header, every length, and FINGERPRINT when it is there. MESSAGE-INTEGRITY needs a key, and
/// which key is only known from the message itself, so it is checked in a second step: `hasValidIntegrity`.
package struct STUNMessage: Hashable, Sendable {
    /// The two class bits of the message type.
    package enum Class: UInt8, Hashable, Sendable {
        case request = 0
        case indication = 1
        case success = 2
        case failure = 3
    }

    package static let magicCookie: UInt32 = 0x2112_A442
    /// The only method that ICE uses.
    package static let bindingMethod: UInt16 = 0x001
    // Those of TURN (RFC 8656, section 17)
    package static let allocateMethod: UInt16 = 0x003
    package static let refreshMethod: UInt16 = 0x004
    package static let channelBindMethod: UInt16 = 0x009
    package static let headerLength = 20
    /// Far more than any real check carries (about ten).
    package static let maximumAttributes = 64
    private static let fingerprintMask: UInt32 = 0x5354_554E

    package var messageClass: Class
    /// 12 bits.
    package var method: UInt16
    package var transactionID: STUNTransactionID
    /// In the order of the message. When an attribute is repeated, only the first counts and is kept.
    package var attributes: [STUNAttribute]
    /// Comprehension-required attributes (types below 0x8000) that we do not know; a request with such an
    /// attribute must be answered with 420, a response must be discarded.
    package private(set) var unknownRequiredAttributes: [UInt16] = []
    /// Where MESSAGE-INTEGRITY starts in the datagram that was parsed, counted from the first header byte.
    package private(set) var integrityOffset: Int?
    /// Whether FINGERPRINT was there (and correct).
    package private(set) var hasFingerprint = false

    package init(
        _ messageClass: Class, method: UInt16 = bindingMethod, transactionID: STUNTransactionID,
        attributes: [STUNAttribute] = []
    ) {
        self.messageClass = messageClass
        self.method = method & 0xFFF
        self.transactionID = transactionID
        self.attributes = attributes
    }

    /// Reads one message that fills the whole datagram.
    package init(parsing datagram: RawSpan) throws(STUNError) {
        var reader = ByteReader(datagram)
        let header: Header
        do { header = try Header(&reader) } catch is Truncated { throw .wrongLength } catch { throw .notSTUN }
        guard Int(header.length) == reader.remaining, header.length.isMultiple(of: 4) else { throw .wrongLength }
        self.init(header.messageClass, method: header.method, transactionID: header.transactionID)
        var seen = 0
        while reader.remaining >= 4 {
            seen += 1
            guard seen <= Self.maximumAttributes else { throw .tooManyAttributes }
            let start = reader.offset
            do {
                let kind = try reader.readUInt16()
                let length = Int(try reader.readUInt16())
                let value = try reader.readSpan(length)
                try reader.skip((4 - length % 4) % 4)
                try take(kind, value, startingAt: start, of: datagram)
            } catch let error as STUNError {
                throw error
            } catch {
                throw .wrongLength
            }
            // FINGERPRINT is the last attribute by definition.
            if hasFingerprint { break }
        }
        guard reader.isAtEnd else { throw .wrongLength }
    }

    private mutating func take(
        _ kind: UInt16, _ value: RawSpan, startingAt start: Int, of datagram: RawSpan
    ) throws(STUNError) {
        if kind == STUNAttribute.Kind.fingerprint {
            guard value.byteCount == 4 else { throw .malformedAttribute(kind) }
            let found = ByteReader.bigEndian32(value)
            let covered = [UInt8](copying: datagram.extracting(0..<start))
            guard found == CRC32.checksum(covered) ^ Self.fingerprintMask else { throw .fingerprintMismatch }
            hasFingerprint = true
        } else if integrityOffset != nil {
            // RFC 8489, section 14.5: what follows MESSAGE-INTEGRITY is not protected and must be ignored.
        } else if kind == STUNAttribute.Kind.messageIntegrity {
            guard value.byteCount == 20 else { throw .malformedAttribute(kind) }
            integrityOffset = start
        } else if let attribute = try STUNAttribute(kind: kind, value: value, transactionID: transactionID) {
            if !attributes.contains(where: { $0.kind == kind }) { attributes.append(attribute) }
        } else if kind < 0x8000 {
            unknownRequiredAttributes.append(kind)
        }
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key` (short-term credentials: the password).
    ///
    /// `datagram` is what this message was parsed from. The comparison takes the same time wherever the first
    /// difference is.
    package func hasValidIntegrity(
        in datagram: RawSpan, key: [UInt8], authentication: MessageAuthentication
    ) -> Bool {
        guard let integrityOffset, integrityOffset + 24 <= datagram.byteCount else { return false }
        var covered = ByteWriter(capacity: integrityOffset)
        covered.write([UInt8](copying: datagram.extracting(0..<integrityOffset)))
        // The hash is taken as if the message ended after MESSAGE-INTEGRITY.
        covered.overwrite(at: 2, with: UInt16(clamping: integrityOffset + 24 - Self.headerLength))
        let found = [UInt8](copying: datagram.extracting(integrityOffset + 4..<integrityOffset + 24))
        return MessageAuthentication.isEqual(found, authentication.hmacSHA1(key, covered.bytes))
    }

    /// The bytes to send, with FINGERPRINT, and with MESSAGE-INTEGRITY when a key is given.
    package func serialized(integrityKey: [UInt8]? = nil, authentication: MessageAuthentication) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        let type = UInt16(messageClass.rawValue)
        // The class bits sit at 0x010 and 0x100, in the middle of the method bits.
        let spread = method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
        writer.write(spread | (type & 1) << 4 | (type & 2) << 7)
        writer.write(UInt16(0))
        writer.write(Self.magicCookie)
        writer.write(transactionID.high)
        writer.write(transactionID.low)
        for attribute in attributes { attribute.write(to: &writer, transactionID: transactionID) }
        if let integrityKey {
            writer.overwrite(at: 2, with: UInt16(clamping: writer.count + 24 - Self.headerLength))
            let code = authentication.hmacSHA1(integrityKey, writer.bytes)
            writer.write(STUNAttribute.Kind.messageIntegrity)
            writer.write(UInt16(20))
            writer.write(code.prefix(20))
        }
        writer.overwrite(at: 2, with: UInt16(clamping: writer.count + 8 - Self.headerLength))
        let checksum = CRC32.checksum(writer.bytes) ^ Self.fingerprintMask
        writer.write(STUNAttribute.Kind.fingerprint)
        writer.write(UInt16(4))
        writer.write(checksum)
        return writer.bytes
    }

    /// The fixed 20 bytes.
    private struct Header {
        let messageClass: Class
        let method: UInt16
        let length: UInt16
        let transactionID: STUNTransactionID

        @_lifetime(reader: copy reader)
        init(_ reader: inout ByteReader) throws {
            let type = try reader.readUInt16()
            length = try reader.readUInt16()
            let cookie = try reader.readUInt32()
            let high = try reader.readUInt32()
            transactionID = STUNTransactionID(high: high, low: try reader.readUInt64())
            let bits = UInt8(type >> 4 & 1 | type >> 7 & 2)
            guard type & 0xC000 == 0, cookie == STUNMessage.magicCookie, let found = Class(rawValue: bits) else {
                throw STUNError.notSTUN
            }
            messageClass = found
            method = type & 0xF | type >> 1 & 0x70 | type >> 2 & 0xF80
        }
    }
}

extension ByteReader {
    /// The first four bytes of a span that is known to hold them; 0 when it does not.
    fileprivate static func bigEndian32(_ span: RawSpan) -> UInt32 {
        var reader = ByteReader(span)
        return (try? reader.readUInt32()) ?? 0
    }
}
