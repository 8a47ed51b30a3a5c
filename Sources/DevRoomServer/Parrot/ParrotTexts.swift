internal import Signalling
internal import Wire

/// The parrot's side of text streams: transcripts out, chat in (docs/livekit-protocol.md#transcripts). Pure: it makes
/// packets and reads them.
struct ParrotTexts {
    static let transcriptionTopic = "lk.transcription"
    static let chatTopic = "lk.chat"
    /// Bytes of one chunk.
    static let maximumChunk = 15_000
    /// Bytes of chat that are listened to; what is beyond them is dropped.
    static let maximumChat = 4096
    /// Chat streams that are open at one time.
    static let maximumOpenChats = 16

    /// A stream that stays open while the parrot speaks.
    struct OpenSegment {
        let streamID: String
        let track: String
    }

    private var sequence: UInt32 = 0
    private var chats: [String: [UInt8]] = [:]
    private var random: any RandomNumberGenerator

    init(random: any RandomNumberGenerator) { self.random = random }

    mutating func makeSegmentID() -> String { ServerIdentifier.make("SG_", using: &random) }

    /// What the caller said, complete in one stream under the caller's name. Later ones with the same segment replace
    /// earlier ones.
    mutating func callerTranscript(
        _ text: String, identity: String, segment: String, track: String, isFinal: Bool, time: ServerTime
    ) -> [DataPacket] {
        let attributes = [
            "lk.segment_id": segment, "lk.transcribed_track_id": track,
            "lk.transcription_final": isFinal ? "true" : "false",
        ]
        let (id, header) = header(attributes, identity: identity, time)
        return [header, chunk(text, id, index: 0), trailer(id, [:])].map { number($0) }
    }

    /// What the parrot begins to say: a stream that ends with its speech.
    mutating func beginSegment(_ text: String, track: String, time: ServerTime) -> (OpenSegment, [DataPacket]) {
        let attributes = [
            "lk.segment_id": makeSegmentID(), "lk.transcribed_track_id": track, "lk.transcription_final": "false",
        ]
        let (id, header) = header(attributes, identity: "", time)
        return (OpenSegment(streamID: id, track: track), [header, chunk(text, id, index: 0)].map { number($0) })
    }

    mutating func endSegment(_ segment: OpenSegment) -> DataPacket {
        number(
            trailer(
                segment.streamID, ["lk.transcription_final": "true", "lk.transcribed_track_id": segment.track]))
    }

    /// Takes a packet that came for the parrot. Returns a chat message of the caller when it is complete.
    mutating func receive(_ packet: DataPacket, caller: String) -> String? {
        switch packet.value {
        case .streamHeader(let header):
            guard header.topic == Self.chatTopic, packet.participantIdentity == caller,
                header.compression == .none, case .textHeader = header.content
            else { return nil }
            if let content = header.inlineContent { return Self.text(content) }
            if chats.count < Self.maximumOpenChats { chats[header.streamId] = [] }
        case .streamChunk(let chunk):
            guard let known = chats[chunk.streamId]?.count, known + chunk.content.count <= Self.maximumChat else {
                return nil
            }
            chats[chunk.streamId]? += chunk.content
        case .streamTrailer(let trailer):
            guard let content = chats.removeValue(forKey: trailer.streamId), trailer.reason.isEmpty else { return nil }
            return Self.text(content)
        default: break
        }
        return nil
    }

    private static func text(_ bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    // MARK: Packets

    private mutating func number(_ packet: DataPacket) -> DataPacket {
        sequence += 1
        var packet = packet
        packet.sequence = sequence
        return packet
    }

    private mutating func header(
        _ attributes: [String: String], identity: String, _ time: ServerTime
    ) -> (String, DataPacket) {
        let id = ServerIdentifier.make("TS_", using: &random)
        let packet = DataPacket.with {
            $0.participantIdentity = identity
            $0.value = .streamHeader(
                .with {
                    $0.streamId = id
                    $0.timestamp = time.unixMilliseconds
                    $0.topic = Self.transcriptionTopic
                    $0.mimeType = "text/plain"
                    $0.attributes = attributes
                    $0.content = .textHeader(.init())
                })
        }
        return (id, packet)
    }

    private func chunk(_ text: String, _ id: String, index: UInt64) -> DataPacket {
        .with {
            $0.value = .streamChunk(
                .with {
                    $0.streamId = id
                    $0.chunkIndex = index
                    $0.content = Array(text.utf8.prefix(Self.maximumChunk))
                })
        }
    }

    private func trailer(_ id: String, _ attributes: [String: String]) -> DataPacket {
        .with {
            $0.value = .streamTrailer(
                .with {
                    $0.streamId = id
                    $0.attributes = attributes
                })
        }
    }
}
