internal import Signalling
internal import Wire

/// A data packet on its way through a room, rewritten by the rules of docs/livekit-protocol.md#what-the-server-changes.
/// Works on the wire format, so that kinds of packets that we do not know pass unharmed.
struct ForwardedPacket: Hashable {
    /// The rewritten `DataPacket`.
    var bytes: [UInt8]
    /// Empty for everybody.
    var destinationIdentities: [String]
    /// Old clients name participants by SID.
    var destinationSIDs: [String]
    /// Zero for none.
    var sequence: UInt32
    /// Empty for none.
    var nonce: [UInt8]
    /// Only agents may send these.
    var isTranscription: Bool
    /// Statistics for the server, never forwarded.
    var isMetrics: Bool

    /// What the rules need to know about the sender.
    struct Sender {
        var sid: String
        var identity: String
        var isAgent: Bool
    }

    /// Numbers of `DataPacket`'s fields.
    private enum Field {
        static let kind = 1
        static let user = 2
        static let identity = 4
        static let destinations = 5
        static let transcription = 7
        static let metrics = 8
        static let chat = 9
        static let streamHeader = 13
        static let sequence = 16
        static let sid = 17
    }

    /// Parses and rewrites a packet.
    init(_ packet: [UInt8], from sender: Sender, isReliable: Bool) throws(ProtobufError) {
        bytes = []
        destinationIdentities = []
        destinationSIDs = []
        sequence = 0
        nonce = []
        isTranscription = false
        isMetrics = false
        var claimedIdentity = ""
        var user: [UInt8]?
        var chat: [UInt8]?
        var header: [UInt8]?
        var others: [UInt8] = []
        var reader = try ProtobufReader(packet)
        var start = reader.offset
        while let tag = try reader.nextTag() {
            switch (tag.field, tag.wireType) {
            case (Field.kind, .varint): _ = try reader.readVarint()
            case (Field.user, .lengthDelimited): user = try reader.readBytes()
            case (Field.identity, .lengthDelimited): claimedIdentity = try reader.readString(field: Field.identity)
            case (Field.destinations, .lengthDelimited):
                destinationIdentities.append(try reader.readString(field: Field.destinations))
            case (Field.chat, .lengthDelimited): chat = try reader.readBytes()
            case (Field.streamHeader, .lengthDelimited): header = try reader.readBytes()
            case (Field.sequence, .varint): sequence = UInt32(truncatingIfNeeded: try reader.readVarint())
            case (Field.sid, .lengthDelimited): _ = try reader.readBytes()
            default:
                isTranscription = isTranscription || tag.field == Field.transcription
                isMetrics = isMetrics || tag.field == Field.metrics
                try reader.skip(tag)
                others += packet[start..<reader.offset]
            }
            start = reader.offset
        }
        // An agent writes what a user said under the user's name.
        let speaksForOther = sender.isAgent && !claimedIdentity.isEmpty && claimedIdentity != sender.identity
        var identity = sender.identity
        var writer = ProtobufWriter()
        if !isReliable { writer.write(Field.kind, varint: 1) }
        if let user { writer.write(Field.user, bytes: try rewriteUser(user, from: sender)) }
        if let chat {
            if speaksForOther {
                identity = claimedIdentity
                writer.write(Field.chat, bytes: try Self.setting(6, in: chat))
            } else {
                writer.write(Field.chat, bytes: chat)
            }
        }
        if let header {
            let generated = speaksForOther ? try Self.markGenerated(header) : nil
            if generated != nil { identity = claimedIdentity }
            writer.write(Field.streamHeader, bytes: generated ?? header)
        }
        if !identity.isEmpty { writer.write(Field.identity, bytes: Array(identity.utf8)) }
        for destination in destinationIdentities { writer.write(Field.destinations, bytes: Array(destination.utf8)) }
        if sequence != 0 { writer.write(Field.sequence, varint: UInt64(sequence)) }
        if !sender.sid.isEmpty { writer.write(Field.sid, bytes: Array(sender.sid.utf8)) }
        bytes = writer.bytes + others
    }

    /// Puts the sender's true names into a `UserPacket` and takes its destinations out.
    private mutating func rewriteUser(_ user: [UInt8], from sender: Sender) throws(ProtobufError) -> [UInt8] {
        var kept: [UInt8] = []
        var reader = try ProtobufReader(user)
        var start = reader.offset
        while let tag = try reader.nextTag() {
            switch (tag.field, tag.wireType) {
            case (1, .lengthDelimited), (5, .lengthDelimited): _ = try reader.readBytes()
            case (3, .lengthDelimited): destinationSIDs.append(try reader.readString(field: 3))
            case (6, .lengthDelimited):
                let destination = try reader.readString(field: 6)
                if !destinationIdentities.contains(destination) { destinationIdentities.append(destination) }
            default:
                if tag.field == 11, tag.wireType == .lengthDelimited {
                    nonce = try reader.readBytes()
                } else {
                    try reader.skip(tag)
                }
                kept += user[start..<reader.offset]
            }
            start = reader.offset
        }
        var writer = ProtobufWriter()
        if !sender.sid.isEmpty { writer.write(1, bytes: Array(sender.sid.utf8)) }
        if !sender.identity.isEmpty { writer.write(5, bytes: Array(sender.identity.utf8)) }
        return writer.bytes + kept
    }

    /// Sets `generated` in the text header of a `DataStream.Header`; nil when it has none.
    private static func markGenerated(_ header: [UInt8]) throws(ProtobufError) -> [UInt8]? {
        var writer = ProtobufWriter()
        var kept: [UInt8] = []
        var hasText = false
        var reader = try ProtobufReader(header)
        var start = reader.offset
        while let tag = try reader.nextTag() {
            if tag.field == 9, tag.wireType == .lengthDelimited {
                hasText = true
                writer.write(9, bytes: try setting(5, in: try reader.readBytes()))
            } else {
                try reader.skip(tag)
                kept += header[start..<reader.offset]
            }
            start = reader.offset
        }
        return hasText ? kept + writer.bytes : nil
    }

    /// The message with a boolean field set; of several values of a field the last one counts.
    private static func setting(_ field: Int, in message: [UInt8]) throws(ProtobufError) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.write(field, varint: 1)
        return message + writer.bytes
    }
}

extension ProtobufWriter {
    fileprivate mutating func write(_ field: Int, varint value: UInt64) {
        writeTag(field, .varint)
        writeVarint(value)
    }

    fileprivate mutating func write(_ field: Int, bytes: [UInt8]) {
        writeTag(field, .lengthDelimited)
        writeDelimited(bytes)
    }
}

/// Remembers the nonces of recent packets, so that a packet sent twice arrives once.
struct NonceFilter {
    static let capacity = 256

    private var recent: [[UInt8]] = []

    /// Whether the nonce is new; an empty one always is.
    mutating func admits(_ nonce: [UInt8]) -> Bool {
        if nonce.isEmpty { return true }
        if recent.contains(nonce) { return false }
        if recent.count == Self.capacity { recent.removeFirst() }
        recent.append(nonce)
        return true
    }
}

extension Room {
    /// Forwards a packet of a participant to whom it is for.
    mutating func receiveData(_ packet: [UInt8], isReliable: Bool, from sid: String) {
        guard let index = index(of: sid), participants[index].permission.canPublishData else { return }
        let participant = participants[index]
        let sender = ForwardedPacket.Sender(
            sid: participant.sid, identity: participant.isHidden ? "" : participant.identity,
            isAgent: participant.isAgent)
        guard let forwarded = try? ForwardedPacket(packet, from: sender, isReliable: isReliable),
            !forwarded.isMetrics, !forwarded.isTranscription || participant.isAgent, nonces.admits(forwarded.nonce)
        else { return }
        if isReliable, forwarded.sequence != 0 {
            guard forwarded.sequence > participant.lastSequence else { return }
            participants[index].lastSequence = forwarded.sequence
        }
        deliver(
            forwarded.bytes, isReliable: isReliable, to: forwarded.destinationIdentities,
            sids: forwarded.destinationSIDs, except: sid)
    }

    /// Sends data in the server's own name. False when the nonce was seen before.
    mutating func sendData(_ request: SendDataRequest) {
        guard nonces.admits(request.nonce) else { return }
        let packet = DataPacket.with {
            $0.kind = request.kind
            $0.destinationIdentities = request.destinationIdentities
            $0.value = .user(
                .with {
                    $0.payload = request.data
                    $0.topic = request.topic
                    $0.nonce = request.nonce
                })
        }
        deliver(
            packet.encoded(), isReliable: request.kind == .reliable, to: request.destinationIdentities,
            sids: request.destinationSids, except: nil)
    }

    /// Sends a packet to the named, or to all but the sender. Reliable packets wait for participants that still
    /// connect.
    private mutating func deliver(
        _ packet: [UInt8], isReliable: Bool, to identities: [String], sids: [String], except sender: String?
    ) {
        let isForAll = identities.isEmpty && sids.isEmpty
        for index in participants.indices where participants[index].sid != sender {
            let participant = participants[index]
            guard isForAll || identities.contains(participant.identity) || sids.contains(participant.sid) else {
                continue
            }
            if participant.isActive {
                emit(.data(packet, isReliable: isReliable, to: participant.sid))
            } else if isReliable, participant.heldBytes + packet.count <= ParticipantRecord.maximumHeldBytes {
                participants[index].heldPackets.append(packet)
                participants[index].heldBytes += packet.count
            }
        }
    }
}
