internal import Wire

extension SessionParameters {
    /// What the client has chosen about sound, events and its participant, as pairs of a query: applied to the defaults of its
    /// dialect they give the same again.
    package var formats: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = [
            ("encoding", input.encoding.rawValue), ("sample_rate", String(input.sampleRate)),
            ("channels", String(input.channels)), ("output_encoding", output.encoding.rawValue),
            ("output_sample_rate", String(output.sampleRate)), ("frame_ms", String(frameMilliseconds)),
            ("events", events.rawValue),
        ]
        if let chosenFraming { pairs.append(("output_framing", chosenFraming.rawValue)) }
        if let pieceMilliseconds { pairs.append(("piece_ms", String(pieceMilliseconds))) }
        if transcriptMode != .full { pairs.append(("transcript_mode", transcriptMode.rawValue)) }
        if let bufferMilliseconds { pairs.append(("buffer_ms", String(bufferMilliseconds))) }
        if let resumedMilliseconds { pairs.append(("resume_audio_ms", String(resumedMilliseconds))) }
        if catchesUp { pairs.append(("catch_up", "true")) }
        if let passesAmbience { pairs.append(("ambience", String(passesAmbience))) }
        if !methods.isEmpty { pairs.append(("methods", methods.sorted().joined(separator: ","))) }
        if !attributes.isEmpty {
            pairs.append(("participant_attributes", JSONValue.object(JSONObject(texts: attributes)).serialized()))
        }
        return pairs
    }
}
