package import Wire

/// What the gateway tells a client, before a dialect puts it into that client's words. A dialect leaves out what
/// its clients do not know.
package enum ServerEvent: Hashable, Sendable {
    /// The connection is accepted; audio may be sent at once.
    case ready
    /// Which session, room and identity this is; sent once the room is joined.
    case session(SessionSummary)
    /// A `config` message was taken over; carries the instructions if there are any.
    case configured(instructions: String?)
    case transcript(Transcript)
    case agentState(AgentState)
    /// The caller begins to speak, or has stopped, so many ms behind the beginning of its sound, as far as is heard here.
    case callerSpeech(Bool, at: Int)
    /// The agent was interrupted: drop what is queued for playback.
    case interrupted
    case agentJoined(identity: String, name: String)
    case agentLeft(identity: String, reason: String)
    /// An agent says something about its session.
    case agentEvent(AgentEvent)
    /// An agent presses a telephone key.
    case dtmf(DTMFDigit)
    /// The first sound of a reply comes next.
    case replyStarted
    /// The agent has said everything of its reply, or will not reply: the next turn is the client's.
    case replyFinished
    case data(ApplicationData)
    /// A JSON object that an agent published, to be passed on character by character; and the packet that it came in, for
    /// clients that could take the object for a word of the gateway's.
    case verbatim(String, ApplicationData)
    /// The connection to the room broke and is being made again. What is said waits.
    case reconnecting
    /// It is back.
    case reconnected
    case pong(id: JSONValue?)
    /// How a call that the client made has ended.
    case callEnded(id: String, MethodOutcome)
    case error(ClientError)
    case warning(ClientWarning)
    /// The gateway goes: the client may go on at another one, with this token and within so many seconds.
    case move(resumeToken: String, seconds: Int)
    /// The server is about to close the connection.
    case closing(reason: ClosingReason, message: String)
}

/// Who and where a session is.
package struct SessionSummary: Hashable, Sendable {
    package var id: String
    package var room: String
    package var identity: String
    /// Lets a later connection continue this session; nil when the server keeps nothing to continue.
    package var resumeToken: String?
    /// What the client has missed; nil on its first connection.
    package var resumption: Resumption?
    package var input: AudioFormat
    package var output: AudioFormat

    /// What was dropped between two connections of one session, because too much waited.
    package struct Resumption: Hashable, Sendable {
        package var droppedMessages: Int
        /// Sound, in milliseconds.
        package var droppedMilliseconds: Int

        package init(droppedMessages: Int = 0, droppedMilliseconds: Int = 0) {
            self.droppedMessages = droppedMessages
            self.droppedMilliseconds = droppedMilliseconds
        }
    }

    package init(
        id: String, room: String, identity: String, resumeToken: String? = nil, resumption: Resumption? = nil,
        input: AudioFormat, output: AudioFormat
    ) {
        self.id = id
        self.room = room
        self.identity = identity
        self.resumeToken = resumeToken
        self.resumption = resumption
        self.input = input
        self.output = output
    }
}

/// What somebody said, as text. Later ones replace earlier ones of the same segment.
package struct Transcript: Hashable, Sendable {
    /// Who spoke.
    package enum Role: String, Hashable, Sendable {
        case user
        case assistant
    }

    /// Where the text came from; a client hears of each sentence from one source only.
    package enum Source: Hashable, Sendable {
        /// A text stream on `lk.transcription`, or a transcription packet where there are no streams.
        case room
        /// A JSON data packet of the agent, which extended clients have already got verbatim.
        case dataPacket
    }

    /// A word, and when it is spoken, in ms from where the agent begins to count.
    package struct Word: Hashable, Sendable {
        package let text: String
        /// Nil when the agent does not know it.
        package let start: Int?
        package let end: Int?

        package init(text: String, start: Int?, end: Int?) {
            self.text = text
            self.start = start
            self.end = end
        }
    }

    /// How something is said.
    package struct Expression: Hashable, Sendable {
        /// In the words of the agent's voice.
        package let words: String
        /// In one word of a fixed set.
        package let mood: String

        package init(words: String, mood: String) {
            self.words = words
            self.mood = mood
        }
    }

    package var role: Role
    /// The whole text of the segment so far.
    package var content: String
    /// No later transcript of this segment follows.
    package var isFinal: Bool
    package var segmentID: String
    /// The identity of the participant who spoke.
    package var participant: String
    package var source: Source
    /// Words with times that are new since the segment's last transcript, or all of them in the final one; empty for
    /// agents that tell no times.
    package var words: [Word]
    /// Of final ones alone; nil for agents that tell none.
    package var expression: Expression?

    package init(
        role: Role, content: String, isFinal: Bool, segmentID: String, participant: String, source: Source = .room,
        words: [Word] = [], expression: Expression? = nil
    ) {
        self.expression = expression
        self.role = role
        self.content = content
        self.isFinal = isFinal
        self.segmentID = segmentID
        self.participant = participant
        self.source = source
        self.words = words
    }
}

/// What an agent does at the moment: the values of the participant attribute `lk.agent.state`.
package enum AgentState: String, Hashable, Sendable, CaseIterable {
    case initializing
    case idle
    case listening
    case thinking
    case speaking
}

/// A data packet from somebody in the room.
package struct ApplicationData: Hashable, Sendable {
    package var topic: String
    /// The identity of who sent it; empty when a server did.
    package var sender: String
    package var payload: [UInt8]

    package init(topic: String, sender: String, payload: [UInt8]) {
        self.topic = topic
        self.sender = sender
        self.payload = payload
    }
}
