package import Signalling
package import Wire

/// A stream of text or bytes that somebody sends us.
package struct DataStreamInfo: Hashable, Sendable {
    /// What the stream carries.
    package enum Kind: Hashable, Sendable {
        case text
        /// With a file's name, perhaps empty.
        case bytes(name: String)
    }

    package let id: String
    package let topic: String
    package let kind: Kind
    package let mimeType: String
    /// The header's attributes; the trailer may add to them.
    package let attributes: [String: String]
    /// In whose name it was sent: an agent sends a user's transcript in the user's name.
    package let senderIdentity: String
    /// Who really sent it.
    package let senderSid: String
    /// Unix milliseconds.
    package let timestamp: Int64
    /// Bytes, when the sender knew.
    package let totalLength: UInt64?
}

/// Why a stream ended before its time.
package enum DataStreamFailure: Error, Hashable, Sendable {
    /// The sender's reason.
    case aborted(String)
    /// A chunk is missing.
    case gap
    /// It ended with fewer bytes than announced.
    case incomplete
    /// It is larger than `DataStreamAssembler.maximumStreamBytes` or than it announced.
    case tooLarge
    /// Text that is not UTF-8.
    case invalidText
    /// Nothing came for `DataStreamAssembler.maximumPause`, or newer streams needed its place.
    case abandoned
    /// The sender left the room, or we did.
    case senderLeft
}

/// What happens with incoming streams.
package enum DataStreamEvent: Hashable, Sendable {
    case opened(DataStreamInfo)
    case text(String, DataStreamInfo)
    case bytes([UInt8], DataStreamInfo)
    /// The end, with the attributes of header and trailer together.
    case closed(DataStreamInfo, attributes: [String: String], failure: DataStreamFailure?)
}

/// Puts incoming data streams together (docs/livekit-protocol.md#data-streams). Chunks and trailers belong to a header
/// by the stream's id alone: their sender may differ from the header's. Pure: packets in, events out.
package struct DataStreamAssembler: Sendable {
    /// Streams that are open at once. A further one takes the place of the one that has been silent for longest.
    package static let maximumOpenStreams = 256
    /// How long a stream may be silent when others begin. An agent thinks within a sentence, but not for minutes.
    package static let maximumPause = Duration.seconds(300)
    /// Bytes of one stream.
    package static let maximumStreamBytes: UInt64 = 64 << 20

    private struct OpenStream {
        let info: DataStreamInfo
        var nextChunk: UInt64 = 0
        var received: UInt64 = 0
        /// The first bytes of a character that the next chunk completes.
        var partialCharacter: [UInt8] = []
        var lastNews: Instant
    }

    /// Topics to drop before anything is kept of them, such as an agent's session reports.
    private var ignoredTopics: Set<String>
    private var open: [String: OpenStream] = [:]

    package init(ignoredTopics: Set<String> = []) { self.ignoredTopics = ignoredTopics }

    /// Drops streams of a topic from now on, or takes them. What is open stays.
    package mutating func setIgnored(_ isIgnored: Bool, topic: String) {
        if isIgnored { ignoredTopics.insert(topic) } else { ignoredTopics.remove(topic) }
    }

    package var openStreamCount: Int { open.count }

    /// A header from the packet's sender.
    package mutating func handle(
        _ header: DataStream.Header, in packet: DataPacket, now: Instant
    ) -> [DataStreamEvent] {
        guard !header.streamId.isEmpty, !ignoredTopics.contains(header.topic), header.compression == .none,
            open[header.streamId] == nil
        else { return [] }
        let kind: DataStreamInfo.Kind
        switch header.content {
        case .textHeader: kind = .text
        case .byteHeader(let bytes): kind = .bytes(name: bytes.name)
        case nil: return []
        }
        let info = DataStreamInfo(
            id: header.streamId, topic: header.topic, kind: kind, mimeType: header.mimeType,
            attributes: header.attributes, senderIdentity: packet.participantIdentity,
            senderSid: packet.participantSid, timestamp: header.timestamp, totalLength: header.totalLength)
        var events = makeRoom(now: now)
        open[info.id] = OpenStream(info: info, lastNews: now)
        events.append(.opened(info))
        if let content = header.inlineContent {
            events += take(content, of: info.id)
            events += end(info.id, attributes: [:], failure: nil)
        }
        return events
    }

    /// Ends streams whose senders seem to have forgotten them.
    private mutating func makeRoom(now: Instant) -> [DataStreamEvent] {
        var abandoned = open.values.filter { $0.lastNews + Self.maximumPause < now }.map(\.info.id).sorted()
        if abandoned.isEmpty, open.count >= Self.maximumOpenStreams,
            let oldest = open.values.min(by: { ($0.lastNews, $0.info.id) < ($1.lastNews, $1.info.id) })
        {
            abandoned = [oldest.info.id]
        }
        return abandoned.flatMap { end($0, attributes: [:], failure: .abandoned) }
    }

    /// The next piece of a stream.
    package mutating func handle(_ chunk: DataStream.Chunk, now: Instant) -> [DataStreamEvent] {
        guard let stream = open[chunk.streamId] else { return [] }
        guard chunk.chunkIndex == stream.nextChunk else {
            // A chunk that we had already is no gap.
            return chunk.chunkIndex < stream.nextChunk ? [] : end(chunk.streamId, attributes: [:], failure: .gap)
        }
        open[chunk.streamId]?.nextChunk += 1
        open[chunk.streamId]?.lastNews = now
        return take(chunk.content, of: chunk.streamId)
    }

    /// The end of a stream.
    package mutating func handle(_ trailer: DataStream.Trailer) -> [DataStreamEvent] {
        guard let stream = open[trailer.streamId] else { return [] }
        var failure: DataStreamFailure?
        if !trailer.reason.isEmpty {
            failure = .aborted(trailer.reason)
        } else if let total = stream.info.totalLength, stream.received < total {
            failure = .incomplete
        }
        return end(trailer.streamId, attributes: trailer.attributes, failure: failure)
    }

    /// Ends the streams of somebody who left; of everybody when `sid` is nil.
    package mutating func senderLeft(sid: String?) -> [DataStreamEvent] {
        open.values.filter { sid == nil || $0.info.senderSid == sid }.map(\.info.id).sorted()
            .flatMap { end($0, attributes: [:], failure: .senderLeft) }
    }

    private mutating func take(_ content: [UInt8], of id: String) -> [DataStreamEvent] {
        guard var stream = open[id] else { return [] }
        stream.received += UInt64(content.count)
        let limit = min(stream.info.totalLength ?? Self.maximumStreamBytes, Self.maximumStreamBytes)
        guard stream.received <= limit else { return end(id, attributes: [:], failure: .tooLarge) }
        guard stream.info.kind == .text else {
            open[id] = stream
            return content.isEmpty ? [] : [.bytes(content, stream.info)]
        }
        let bytes = stream.partialCharacter + content
        let border = Self.characterBorder(bytes)
        guard let text = String(validating: bytes[..<border], as: UTF8.self) else {
            return end(id, attributes: [:], failure: .invalidText)
        }
        stream.partialCharacter = Array(bytes[border...])
        open[id] = stream
        return text.isEmpty ? [] : [.text(text, stream.info)]
    }

    private mutating func end(
        _ id: String, attributes: [String: String], failure: DataStreamFailure?
    ) -> [DataStreamEvent] {
        guard let stream = open.removeValue(forKey: id) else { return [] }
        let all = stream.info.attributes.merging(attributes) { _, new in new }
        let isCut = failure == nil && !stream.partialCharacter.isEmpty
        return [.closed(stream.info, attributes: all, failure: isCut ? .invalidText : failure)]
    }

    /// Where the last complete character ends, when the bytes are cut inside of one.
    static func characterBorder(_ bytes: [UInt8]) -> Int {
        for back in 1...3 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            return length > back ? bytes.count - back : bytes.count
        }
        return bytes.count
    }
}
