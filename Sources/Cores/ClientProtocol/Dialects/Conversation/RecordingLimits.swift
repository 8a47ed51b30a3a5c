/// How much a client of the conversation protocol may send.
package struct RecordingLimits: Hashable, Sendable {
    /// Bytes of one text message; base64 makes a recording a third longer.
    package var maximumMessageBytes = 4 << 20
    /// Sound of one turn.
    package var maximumUtterance = Duration.seconds(60)
    /// Bytes of a recording that is put together from several messages before it can be played.
    package var maximumRecordingBytes = 12 << 20

    package init() {}
}

/// Why the audio of a message cannot be taken.
package enum RecordingProblem: Error, Hashable, Sendable {
    /// It is damaged, or nothing that is known.
    case undecodable
    /// It is known, but not accepted; `name` says what it is.
    case unsupported(name: String)
    /// The turn is longer than allowed.
    case tooLong(maximum: Duration)
    /// The recording has more bytes than allowed.
    case tooLarge(maximum: Int)

    /// What the client is told.
    package var clientError: ClientError {
        switch self {
        case .undecodable: ClientError(.invalidAudio, "Invalid audio data")
        case .unsupported(let name):
            ClientError(.invalidAudio, "Unsupported audio: \(name). Accepted are \(AudioContainer.accepted).")
        case .tooLong(let maximum):
            ClientError(
                .invalidAudio, "The utterance is too long. At most \(maximum.components.seconds) seconds are accepted.")
        case .tooLarge(let maximum):
            ClientError(.invalidAudio, "The recording is too large. At most \(maximum) bytes are accepted.")
        }
    }
}
