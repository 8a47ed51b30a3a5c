internal import Signalling
internal import Wire

/// A piece of somebody's speech as text, interim or final.
package struct TranscriptUpdate: Hashable, Sendable {
    /// Whose speech it is.
    package let identity: String
    /// Stable for one segment; a later update replaces the text of an earlier one.
    package let segmentID: String
    /// The whole text of the segment so far.
    package let text: String
    /// No further update will come.
    package let isFinal: Bool
    /// The track that was spoken on, empty when unknown.
    package let trackSid: String
    /// The words with times that are new since the segment's last update, or all of them when it is final; empty for
    /// agents that tell no times.
    package let words: [TimedWord]
    /// How it is said, in the words of the agent's voice and in one of a fixed set; nil for agents that tell nothing of that.
    package var expression: Expression?
    /// How it came. Agents since 1.0 say the same both ways.
    package var carrier = Carrier.stream

    package struct Expression: Hashable, Sendable {
        package let words: String
        package let mood: String
    }

    package enum Carrier: Hashable, Sendable {
        /// A text stream on `lk.transcription`.
        case stream
        /// A transcription packet, the only way of agents before 1.0.
        case packet
    }
}

extension TranscriptUpdate {
    /// Segments of one packet that are read; agents send one.
    private static let maximumSegments = 64

    /// What a transcription packet tells; `sender` spoke when the packet does not say who.
    static func updates(of packet: Transcription, from sender: String) -> [TranscriptUpdate] {
        let speaker = packet.transcribedParticipantIdentity.isEmpty ? sender : packet.transcribedParticipantIdentity
        return packet.segments.prefix(maximumSegments).compactMap { segment in
            guard !segment.text.isEmpty, segment.text.utf8.count <= TranscriptBoard.maximumTextBytes else { return nil }
            return TranscriptUpdate(
                identity: speaker, segmentID: segment.id, text: segment.text, isFinal: segment.isFinal,
                trackSid: packet.trackId, words: [], carrier: .packet)
        }
    }
}

/// Reads transcripts out of text streams on `lk.transcription` (docs/livekit-protocol.md#transcripts). A user's interim
/// results each come as a stream of their own with the full text; an agent's words come as one stream that grows and
/// whose trailer says that they are final. Either way one segment has one text, and that is what comes out.
package struct TranscriptBoard: Sendable {
    package static let topic = "lk.transcription"
    /// Bytes of text of one segment that are kept.
    package static let maximumTextBytes = 256 << 10
    private static let finalKey = "lk.transcription_final"
    private static let segmentKey = "lk.segment_id"
    private static let expressionKey = "lk.expression"
    /// Bytes of such an attribute.
    private static let maximumExpressionBytes = 1024
    private static let trackKey = "lk.transcribed_track_id"

    /// A segment that is being read, and how many of its words have been told.
    private struct Reading {
        var reader = TimedTextReader()
        var bytes = 0
        var toldWords = 0
    }

    private var readings: [String: Reading] = [:]

    package init() {}

    /// The update that an event brings; nil for other topics and for events without news.
    package mutating func handle(_ event: DataStreamEvent) -> TranscriptUpdate? {
        switch event {
        case .opened(let info):
            if info.topic == Self.topic { readings[info.id] = Reading() }
            return nil
        case .bytes: return nil
        case .text(let text, let info):
            guard let bytes = readings[info.id]?.bytes, bytes + text.utf8.count <= Self.maximumTextBytes else {
                return nil
            }
            readings[info.id]?.bytes += text.utf8.count
            // A stream that is final from the start is told once, when it is complete.
            guard readings[info.id]?.reader.append(text) == true, info.attributes[Self.finalKey] != "true",
                let reading = readings[info.id]
            else { return nil }
            readings[info.id]?.toldWords = reading.reader.words.count
            let news = Array(reading.reader.words.dropFirst(reading.toldWords))
            return update(info, info.attributes, text: reading.reader.text, words: news, isFinal: false)
        case .closed(let info, let attributes, let failure):
            guard var reader = readings.removeValue(forKey: info.id)?.reader else { return nil }
            reader.finish()
            // Words that were cut off by their speaker's leaving will not go on.
            guard attributes[Self.finalKey] == "true" || failure != nil, !reader.text.isEmpty else { return nil }
            return update(info, attributes, text: reader.text, words: reader.words, isFinal: true)
        }
    }

    private func update(
        _ info: DataStreamInfo, _ attributes: [String: String], text: String, words: [TimedWord],
        isFinal: Bool
    ) -> TranscriptUpdate {
        TranscriptUpdate(
            identity: info.senderIdentity, segmentID: attributes[Self.segmentKey] ?? info.id, text: text,
            isFinal: isFinal, trackSid: attributes[Self.trackKey] ?? "", words: words,
            expression: isFinal ? Self.expression(attributes[Self.expressionKey]) : nil)
    }

    /// What `{"expression":…,"mood":…}` says.
    private static func expression(_ attribute: String?) -> TranscriptUpdate.Expression? {
        guard let attribute, attribute.utf8.count <= maximumExpressionBytes,
            let value = try? JSONValue(parsing: Array(attribute.utf8)), let words = value["expression"]?.string
        else { return nil }
        return TranscriptUpdate.Expression(words: words, mood: value["mood"]?.string ?? "")
    }
}
