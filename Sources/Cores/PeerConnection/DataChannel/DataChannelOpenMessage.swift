import Wire

/// Payload protocol identifiers of WebRTC data channels (RFC 8831 section 8).
package enum DataChannelPayload {
    package static let control: UInt32 = 50
    package static let string: UInt32 = 51
    package static let binary: UInt32 = 53
    package static let emptyString: UInt32 = 56
    package static let emptyBinary: UInt32 = 57
}

/// Order and effort of a channel's messages, in both directions (RFC 8832 section 5.1).
package struct DataChannelReliability: Hashable, Sendable {
    package var isOrdered: Bool
    package var effort: SCTPReliability

    package init(isOrdered: Bool = true, effort: SCTPReliability = .reliable) {
        self.isOrdered = isOrdered
        self.effort = effort
    }

    /// What a channel has unless it asks for something else.
    package static let reliableOrdered = DataChannelReliability()
}

/// DATA_CHANNEL_OPEN (RFC 8832 section 5.1).
package struct DataChannelOpenMessage: Hashable, Sendable {
    /// Bytes of UTF-8 that label and protocol may have each, ours and the peer's. The RFC allows 65535; channel names
    /// are a few dozen.
    package static let maximumTextLength = 1024
    /// First byte of the message.
    static let messageType: UInt8 = 3
    /// First and only byte of DATA_CHANNEL_ACK.
    static let acknowledgementType: UInt8 = 2

    package var label: String
    package var subprotocol: String
    package var reliability: DataChannelReliability
    /// RFC 8831 section 6.4; carried, without effect on our scheduling.
    package var priority: UInt16

    package init(
        label: String, subprotocol: String = "", reliability: DataChannelReliability = .reliableOrdered,
        priority: UInt16 = 0
    ) {
        self.label = label
        self.subprotocol = subprotocol
        self.reliability = reliability
        self.priority = priority
    }

    /// Nil if the message is malformed, too long, not UTF-8, or of a channel type that the RFC does not have.
    package init?(parsing bytes: RawSpan) {
        var reader = ByteReader(bytes)
        do {
            guard try reader.readUInt8() == Self.messageType else { return nil }
            let type = try reader.readUInt8()
            priority = try reader.readUInt16()
            let parameter = try reader.readUInt32()
            let labelLength = Int(try reader.readUInt16())
            let protocolLength = Int(try reader.readUInt16())
            guard labelLength <= Self.maximumTextLength, protocolLength <= Self.maximumTextLength,
                let label = String(validating: try reader.readBytes(labelLength), as: UTF8.self),
                let subprotocol = String(validating: try reader.readBytes(protocolLength), as: UTF8.self)
            else { return nil }
            self.label = label
            self.subprotocol = subprotocol
            let effort: SCTPReliability
            switch type & 0x7F {
            case 0: effort = .reliable
            case 1: effort = .maximumRetransmissions(Int(parameter))
            case 2: effort = .lifetime(.milliseconds(Int64(parameter)))
            default: return nil
            }
            reliability = DataChannelReliability(isOrdered: type & 0x80 == 0, effort: effort)
        } catch {
            return nil
        }
    }

    /// The bytes of the message. Texts longer than the limit were refused before.
    package func serialized() -> [UInt8] {
        var writer = ByteWriter(capacity: 12 + label.utf8.count + subprotocol.utf8.count)
        let (type, parameter): (UInt8, UInt32) =
            switch reliability.effort {
            case .reliable: (0, 0)
            case .maximumRetransmissions(let count): (1, UInt32(clamping: count))
            case .lifetime(let duration): (2, UInt32(clamping: duration.milliseconds))
            }
        writer.write(Self.messageType)
        writer.write(type | (reliability.isOrdered ? 0 : 0x80))
        writer.write(priority)
        writer.write(parameter)
        writer.write(UInt16(clamping: label.utf8.count))
        writer.write(UInt16(clamping: subprotocol.utf8.count))
        writer.write(label.utf8)
        writer.write(subprotocol.utf8)
        return writer.bytes
    }
}
