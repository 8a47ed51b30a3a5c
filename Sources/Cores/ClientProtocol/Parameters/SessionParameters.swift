package import Wire

/// How audio is wrapped on its way to the client.
package enum OutputFraming: String, Hashable, Sendable, CaseIterable {
    /// A binary frame of bytes in the output format.
    case binary
    /// `{"type":"audio","data":"<base64>"}` with bytes in the output format.
    case json
    /// The same with a complete WAV file in each message.
    case wav
}

/// Which events a client wants, and in whose words.
package enum EventVocabulary: String, Hashable, Sendable, CaseIterable {
    /// Those of old frontends.
    case legacy
    /// All there are.
    case extended
    /// The same without transcripts of what is still being said.
    case final
    /// No text message at all.
    case none

    /// Whether the words are those of `ExtendedVocabulary`.
    package var isExtended: Bool { self == .extended || self == .final }
}

/// What a transcript says of a segment of which some was told before.
package enum TranscriptMode: String, Hashable, Sendable, CaseIterable {
    /// All of its text.
    case full
    /// What is new.
    case delta
}

/// Everything that a client can choose about its session, by query or by a `config` message. Unset identity fields
/// are nil; what they then become is the gateway's affair.
package struct SessionParameters: Hashable, Sendable {
    /// What the client sends.
    package var input = AudioFormat(encoding: .pcmS16LE, sampleRate: 16000)
    /// What the client gets; always mono.
    package var output = AudioFormat(encoding: .pcmS16LE, sampleRate: 24000)
    /// Nil: as the dialect does it.
    package var chosenFraming: OutputFraming?
    /// Length of an audio frame to the client.
    package var frameMilliseconds = 20
    /// Length of a file to a client that plays files; nil: short first, then as long as can be without a gap.
    package var pieceMilliseconds: Int?
    /// Whether ambience is heard by itself, or only with a voice. Nil: by itself, unless the sound goes as files.
    package var passesAmbience: Bool?
    package var events: EventVocabulary
    package var transcriptMode = TranscriptMode.full
    /// How much sound the client can have waiting, in ms; nil for any amount.
    package var bufferMilliseconds: Int?
    /// How much of what it has missed it wants to hear on its next connection, in ms; nil for all that is kept.
    package var resumedMilliseconds: Int?
    /// Whether it gets sound faster that it is late with, until it is in real time again.
    package var catchesUp = false
    /// Whether the client is told what agents say about their sessions.
    package var wantsAgentEvents = false
    /// The methods of the client that others in the room may call.
    package var methods: Set<String> = []
    /// Attributes that the caller's participant has besides those of the gateway.
    package var attributes: [String: String] = [:]
    package var room: String?
    package var identity: String?
    package var name: String?
    /// Nil: the operator's agent. Empty: none.
    package var agent: String?
    /// Passed to the agent; usually the text of a JSON object.
    package var metadata: String?
    package var accessToken: String?
    /// The room's key, with which sound and data are encrypted end to end. Never logged.
    package var encryptionSecret: EncryptionSecret?
    /// The resume token of an earlier connection.
    package var resumeToken: String?
    package var instructions: String?
    /// Of a handshake: which device connects, in dialects that say so.
    package var device: ClientDevice?
    /// Of a query: the trace to which the call shall belong.
    package var trace: TraceContext?
    /// Members of `config` messages that are no parameters: the agent's affair.
    package var agentFields: JSONObject = [:]
    /// Names that no parameter has, which the client is to be told of.
    var unknown: [UnknownParameter] = []

    /// What is not said here is as above.
    package init(events: EventVocabulary) { self.events = events }

    /// The frame lengths, in milliseconds, that a client may choose.
    package static let frameLengths = [10, 20, 40, 60, 100]
    /// How long a packet from the room is at least, in milliseconds.
    static let opusFrame = 20
    /// The lengths of a file that a client may choose, in milliseconds.
    package static let pieceLengths = 100...2000
    /// What a client may say that it can have waiting, in milliseconds.
    package static let bufferLengths = 40...10_000
    /// What a client may want to hear again, in milliseconds.
    package static let resumedLengths = 0...5000
    /// Characters of a room, an identity or a name.
    package static let maximumNameLength = 128
    /// Bytes of the metadata for an agent.
    package static let maximumMetadataSize = 48 * 1024
    /// Members of `config` messages that are passed to the agent.
    package static let maximumAgentFields = 64
    /// Methods that a client may have.
    package static let maximumMethods = 32
    /// Bytes of the instructions.
    package static let maximumInstructionsSize = 32 * 1024
    /// Bytes of an access token or a resume token.
    package static let maximumTokenSize = 32 * 1024
}
