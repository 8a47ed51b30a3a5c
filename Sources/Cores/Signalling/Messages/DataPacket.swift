/// What travels over `_reliable` and `_lossy`. Metrics are left out.
package struct DataPacket: ProtobufMessage {
    package var kind = DataPacket.Kind.reliable
    package var participantIdentity = ""
    package var destinationIdentities: [String] = []
    package var value: Value?
    package var sequence: UInt32 = 0
    package var participantSid = ""

    /// What the message holds; exactly one of these.
    package enum Value: Hashable, Sendable {
        case user(UserPacket)
        case speaker(ActiveSpeakerUpdate)
        case sipDtmf(SipDTMF)
        case transcription(Transcription)
        case chatMessage(ChatMessage)
        case rpcRequest(RpcRequest)
        case rpcAck(RpcAck)
        case rpcResponse(RpcResponse)
        case streamHeader(DataStream.Header)
        case streamChunk(DataStream.Chunk)
        case streamTrailer(DataStream.Trailer)
        case encryptedPacket(EncryptedPacket)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "kind", &kind)
        fields.field(4, "participant_identity", &participantIdentity)
        fields.field(5, "destination_identities", &destinationIdentities)
        fields.field(2, "user", &value, Value.user) { if case .user(let value) = $0 { value } else { nil } }
        fields.field(3, "speaker", &value, Value.speaker) { if case .speaker(let value) = $0 { value } else { nil } }
        fields.field(6, "sip_dtmf", &value, Value.sipDtmf) { if case .sipDtmf(let value) = $0 { value } else { nil } }
        fields.field(7, "transcription", &value, Value.transcription) {
            if case .transcription(let value) = $0 { value } else { nil }
        }
        fields.field(9, "chat_message", &value, Value.chatMessage) {
            if case .chatMessage(let value) = $0 { value } else { nil }
        }
        fields.field(10, "rpc_request", &value, Value.rpcRequest) {
            if case .rpcRequest(let value) = $0 { value } else { nil }
        }
        fields.field(11, "rpc_ack", &value, Value.rpcAck) { if case .rpcAck(let value) = $0 { value } else { nil } }
        fields.field(12, "rpc_response", &value, Value.rpcResponse) {
            if case .rpcResponse(let value) = $0 { value } else { nil }
        }
        fields.field(13, "stream_header", &value, Value.streamHeader) {
            if case .streamHeader(let value) = $0 { value } else { nil }
        }
        fields.field(14, "stream_chunk", &value, Value.streamChunk) {
            if case .streamChunk(let value) = $0 { value } else { nil }
        }
        fields.field(15, "stream_trailer", &value, Value.streamTrailer) {
            if case .streamTrailer(let value) = $0 { value } else { nil }
        }
        fields.field(18, "encrypted_packet", &value, Value.encryptedPacket) {
            if case .encryptedPacket(let value) = $0 { value } else { nil }
        }
        fields.field(16, "sequence", &sequence)
        fields.field(17, "participant_sid", &participantSid)
    }
}

extension DataPacket {
    /// Which channel a packet takes.
    package struct Kind: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let reliable = Self(rawValue: 0)
        package static let lossy = Self(rawValue: 1)

        package static let names: [Int32: String] = [
            0: "RELIABLE", 1: "LOSSY",
        ]
    }
}

/// An application's bytes.
package struct UserPacket: ProtobufMessage {
    package var participantSid = ""
    package var participantIdentity = ""
    package var payload: [UInt8] = []
    package var destinationSids: [String] = []
    package var destinationIdentities: [String] = []
    package var topic: String?
    package var id: String?
    package var startTime: UInt64?
    package var endTime: UInt64?
    package var nonce: [UInt8] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participant_sid", &participantSid)
        fields.field(5, "participant_identity", &participantIdentity)
        fields.field(2, "payload", &payload)
        fields.field(3, "destination_sids", &destinationSids)
        fields.field(6, "destination_identities", &destinationIdentities)
        fields.field(4, "topic", &topic)
        fields.field(8, "id", &id)
        fields.field(9, "start_time", &startTime)
        fields.field(10, "end_time", &endTime)
        fields.field(11, "nonce", &nonce)
    }
}

/// A telephone key.
package struct SipDTMF: ProtobufMessage {
    package var code: UInt32 = 0
    package var digit = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(3, "code", &code)
        fields.field(4, "digit", &digit)
    }
}

/// Speakers, in the old form.
package struct ActiveSpeakerUpdate: ProtobufMessage {
    package var speakers: [SpeakerInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "speakers", &speakers)
    }
}

/// Recognised speech, in the form before text streams.
package struct Transcription: ProtobufMessage {
    package var transcribedParticipantIdentity = ""
    package var trackId = ""
    package var segments: [TranscriptionSegment] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(2, "transcribed_participant_identity", &transcribedParticipantIdentity)
        fields.field(3, "track_id", &trackId)
        fields.field(4, "segments", &segments)
    }
}

/// One segment of a transcription; updates reuse its id.
package struct TranscriptionSegment: ProtobufMessage {
    package var id = ""
    package var text = ""
    package var startTime: UInt64 = 0
    package var endTime: UInt64 = 0
    package var isFinal = false
    package var language = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "id", &id)
        fields.field(2, "text", &text)
        fields.field(3, "start_time", &startTime)
        fields.field(4, "end_time", &endTime)
        fields.field(5, "final", &isFinal)
        fields.field(6, "language", &language)
    }
}

/// A chat message, in the form before text streams.
package struct ChatMessage: ProtobufMessage {
    package var id = ""
    package var timestamp: Int64 = 0
    package var editTimestamp: Int64?
    package var message = ""
    package var deleted = false
    package var generated = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "id", &id)
        fields.field(2, "timestamp", &timestamp)
        fields.field(3, "edit_timestamp", &editTimestamp)
        fields.field(4, "message", &message)
        fields.field(5, "deleted", &deleted)
        fields.field(6, "generated", &generated)
    }
}

/// A remote procedure call, version 1. The timeout is in milliseconds.
package struct RpcRequest: ProtobufMessage {
    package var id = ""
    package var method = ""
    package var payload = ""
    package var responseTimeoutMs: UInt32 = 0
    package var version: UInt32 = 0
    package var compressedPayload: [UInt8] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "id", &id)
        fields.field(2, "method", &method)
        fields.field(3, "payload", &payload)
        fields.field(4, "response_timeout_ms", &responseTimeoutMs)
        fields.field(5, "version", &version)
        fields.field(6, "compressed_payload", &compressedPayload)
    }
}

/// The callee has the request.
package struct RpcAck: ProtobufMessage {
    package var requestId = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "request_id", &requestId)
    }
}

/// The outcome of a call.
package struct RpcResponse: ProtobufMessage {
    package var requestId = ""
    package var value: Value?

    /// What the message holds; exactly one of these.
    package enum Value: Hashable, Sendable {
        case payload(String)
        case error(RpcError)
        case compressedPayload([UInt8])
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "request_id", &requestId)
        fields.field(2, "payload", &value, Value.payload) { if case .payload(let value) = $0 { value } else { nil } }
        fields.field(3, "error", &value, Value.error) { if case .error(let value) = $0 { value } else { nil } }
        fields.field(4, "compressed_payload", &value, Value.compressedPayload) {
            if case .compressedPayload(let value) = $0 { value } else { nil }
        }
    }
}

/// Why a call failed.
package struct RpcError: ProtobufMessage {
    package var code: UInt32 = 0
    package var message = ""
    package var data = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "code", &code)
        fields.field(2, "message", &message)
        fields.field(3, "data", &data)
    }
}

/// An end-to-end encrypted packet.
package struct EncryptedPacket: ProtobufMessage {
    package var encryptionType = EncryptionType.none
    package var iv: [UInt8] = []
    package var keyIndex: UInt32 = 0
    package var encryptedValue: [UInt8] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "encryption_type", &encryptionType)
        fields.field(2, "iv", &iv)
        fields.field(3, "key_index", &keyIndex)
        fields.field(4, "encrypted_value", &encryptedValue)
    }
}

/// What is inside an encrypted packet.
package struct EncryptedPacketPayload: ProtobufMessage {
    package var value: Value?

    /// What the message holds; exactly one of these.
    package enum Value: Hashable, Sendable {
        case user(UserPacket)
        case chatMessage(ChatMessage)
        case rpcRequest(RpcRequest)
        case rpcAck(RpcAck)
        case rpcResponse(RpcResponse)
        case streamHeader(DataStream.Header)
        case streamChunk(DataStream.Chunk)
        case streamTrailer(DataStream.Trailer)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "user", &value, Value.user) { if case .user(let value) = $0 { value } else { nil } }
        fields.field(3, "chat_message", &value, Value.chatMessage) {
            if case .chatMessage(let value) = $0 { value } else { nil }
        }
        fields.field(4, "rpc_request", &value, Value.rpcRequest) {
            if case .rpcRequest(let value) = $0 { value } else { nil }
        }
        fields.field(5, "rpc_ack", &value, Value.rpcAck) { if case .rpcAck(let value) = $0 { value } else { nil } }
        fields.field(6, "rpc_response", &value, Value.rpcResponse) {
            if case .rpcResponse(let value) = $0 { value } else { nil }
        }
        fields.field(7, "stream_header", &value, Value.streamHeader) {
            if case .streamHeader(let value) = $0 { value } else { nil }
        }
        fields.field(8, "stream_chunk", &value, Value.streamChunk) {
            if case .streamChunk(let value) = $0 { value } else { nil }
        }
        fields.field(9, "stream_trailer", &value, Value.streamTrailer) {
            if case .streamTrailer(let value) = $0 { value } else { nil }
        }
    }
}
