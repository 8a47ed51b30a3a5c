package import Wire

/// Typed access to the attributes of a message, and the cheap look that a server with one socket for many peers
/// takes before it knows whose message it is.
extension STUNMessage {
    package var username: String? {
        for case .username(let text) in attributes { return text }
        return nil
    }

    package var errorCode: STUNErrorCode? {
        for case .errorCode(let error) in attributes { return error }
        return nil
    }

    /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS from servers that predate RFC 5389.
    package var mappedAddress: TransportAddress? {
        for case .xorMappedAddress(let address) in attributes { return address }
        for case .mappedAddress(let address) in attributes { return address }
        return nil
    }

    /// Where a TURN server relays from and to.
    package var relayedAddress: TransportAddress? {
        for case .xorRelayedAddress(let address) in attributes { return address }
        return nil
    }

    package var realm: String? {
        for case .realm(let text) in attributes { return text }
        return nil
    }

    package var nonce: [UInt8]? {
        for case .nonce(let bytes) in attributes { return bytes }
        return nil
    }

    /// Seconds.
    package var lifetime: UInt32? {
        for case .lifetime(let seconds) in attributes { return seconds }
        return nil
    }

    package var priority: UInt32? {
        for case .priority(let priority) in attributes { return priority }
        return nil
    }

    package var hasUseCandidate: Bool { attributes.contains(.useCandidate) }

    /// The tie-breaker of a sender that believes to be controlling.
    package var controllingTieBreaker: UInt64? {
        for case .iceControlling(let tieBreaker) in attributes { return tieBreaker }
        return nil
    }

    /// The tie-breaker of a sender that believes to be controlled.
    package var controlledTieBreaker: UInt64? {
        for case .iceControlled(let tieBreaker) in attributes { return tieBreaker }
        return nil
    }

    /// Whether a datagram looks like STUN: its first bits, the magic cookie and the length field. Much cheaper
    /// than parsing.
    package static func isSTUN(_ datagram: RawSpan) -> Bool {
        var reader = ByteReader(datagram)
        guard let type = try? reader.readUInt16(), let length = try? reader.readUInt16(),
            let cookie = try? reader.readUInt32()
        else { return false }
        return type & 0xC000 == 0 && cookie == magicCookie && Int(length) + headerLength == datagram.byteCount
    }

    /// The username fragment of the agent that a Binding request is meant for: what stands before the colon in
    /// USERNAME. Nil for everything that is not a request with such a name. Nothing is verified.
    package static func localUfragment(of datagram: RawSpan) -> String? {
        guard isSTUN(datagram) else { return nil }
        var reader = ByteReader(datagram)
        guard let type = try? reader.readUInt16(), type & 0x0110 == 0, (try? reader.skip(headerLength - 2)) != nil
        else { return nil }
        for _ in 0..<maximumAttributes {
            guard let kind = try? reader.readUInt16(), let length = try? reader.readUInt16() else { return nil }
            guard kind == STUNAttribute.Kind.username else {
                let padded = (Int(length) + 3) & ~3
                guard (try? reader.skip(padded)) != nil else { return nil }
                continue
            }
            guard Int(length) <= STUNAttribute.maximumUsernameLength, let bytes = try? reader.readBytes(Int(length)),
                let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0
            else { return nil }
            return String(validating: bytes[..<colon], as: UTF8.self)
        }
        return nil
    }
}
