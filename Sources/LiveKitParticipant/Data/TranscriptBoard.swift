internal import Signalling

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
            isFinal: isFinal, trackSid: attributes[Self.trackKey] ?? "", words: words)
    }
}
