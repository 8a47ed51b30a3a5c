internal import ClientProtocol
internal import Wire

/// What is said and whose turn it is: the agent's state and its replies, the caller's turns, and the transcripts of
/// both. Pure.
struct Conversation {
    /// What follows from what the agent does or publishes, in the order in which it is to be done.
    enum Action: Hashable {
        case tell(ServerEvent)
        /// The agent's state is new: whether it hears the caller depends on it.
        case state(AgentState)
        /// The reply is over: all of its sound goes to the client, before it is told so.
        case finishReply
        /// The agent was interrupted: the client is told to drop what it has queued, and sound on the way is dropped.
        case interrupted
        /// The same, but the client has the agent's own word for it.
        case discardSound
    }

    private var transcripts: TranscriptSelector
    private var replies: ReplyTracker
    private var turns = TurnTracker()
    private var lastUserTranscript: Instant?

    init(limits: Limits) {
        transcripts = TranscriptSelector(limits: limits)
        replies = ReplyTracker(limits: limits)
    }

    /// The first agent's state; nil while it shows none.
    var agentState: AgentState? { replies.state }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? { transcripts.nextDeadline }

    /// What this participant says, or what is said on this track, is the caller's.
    mutating func setCaller(identity: String) { transcripts.callerIdentity = identity }
    mutating func setCaller(track: String) { transcripts.callerTrack = track }

    // MARK: Words

    /// Takes what was spoken; nil when the client is not to be told, or not yet.
    mutating func take(_ text: SpokenText, isAgent: Bool, now: Instant) -> Transcript? {
        note(transcripts.take(text, isAgent: isAgent, now: now), now: now)
    }

    /// The transcripts that have waited long enough for better ones.
    mutating func handleTimeout(now: Instant) -> [Transcript] {
        let due = transcripts.handleTimeout(now: now)
        for transcript in due { _ = note(transcript, now: now) }
        return due
    }

    /// Takes note of words that are told.
    private mutating func note(_ transcript: Transcript?, now: Instant) -> Transcript? {
        guard let transcript else { return nil }
        switch transcript.role {
        case .user: if transcript.participant == transcripts.callerIdentity { lastUserTranscript = now }
        case .assistant:
            replies.noteText(now: now)
            turns.noteWords(areFinal: transcript.isFinal)
        }
        return transcript
    }

    // MARK: The agent

    /// Takes a data packet.
    /// - Parameters:
    ///   - sender: who has sent it, if the room has introduced it.
    ///   - lastSpeech: when the caller was last heard to speak.
    mutating func receive(
        _ message: ApplicationData, from sender: RoomMember?, lastSpeech: Instant?, now: Instant
    ) -> [Action] {
        guard let sender, sender.isAgent, message.payload.first == UInt8(ascii: "{"),
            let text = String(validating: message.payload, as: UTF8.self),
            let json = try? JSONValue(parsing: message.payload), json.object != nil
        else { return [.tell(.data(message))] }
        var actions = [Action.tell(.verbatim(text, message))]
        if let transcript = note(transcripts.take(json: json, from: message.sender, now: now), now: now) {
            actions.append(.tell(.transcript(transcript)))
        }
        switch json["type"]?.string {
        // Its attribute is the better source.
        case "agent.state" where sender.attributes[RoomTopics.agentState] == nil:
            guard let state = (json["state"]?.string).flatMap(AgentState.init(rawValue:)) else { break }
            actions += change(to: state, lastSpeech: lastSpeech, now: now)
        case "interrupted", "agent.interrupted": actions.append(.discardSound)
        default: break
        }
        return actions
    }

    /// The first agent shows this state.
    mutating func change(to state: AgentState, lastSpeech: Instant?, now: Instant) -> [Action] {
        guard state != replies.state else { return [] }
        let outcome = replies.change(to: state, lastSpeech: lastSpeech, lastTranscript: lastUserTranscript, now: now)
        var actions: [Action] = []
        if outcome == .finished {
            // Something new has begun already, and nothing can be waited for.
            turns.endReply(now: now)
            turns.noteTold()
            actions.append(.finishReply)
        }
        actions.append(.state(state))
        if outcome == .interrupted { actions.append(.interrupted) }
        return actions
    }

    /// The first agent has left.
    mutating func forgetAgent() { replies.reset() }

    // MARK: Turns and replies

    /// A piece of a reply is about to be sent; true when it is the first.
    mutating func noteSound() -> Bool { turns.noteSound() }

    /// The client has ended its turn.
    mutating func endTurn() { turns.endTurn() }

    /// All sound of the turn has been in the room.
    mutating func notePlayed(now: Instant) { turns.notePlayed(now: now) }

    /// Looks whether the agent has said everything of its reply; then all of its sound has to go to the client.
    /// - Parameter isAudible: whether the agent is heard at the moment.
    mutating func endReplyIfFinished(isAudible: Bool, now: Instant) -> Bool {
        guard replies.isReplyFinished(isAudible: isAudible, now: now) else { return false }
        turns.endReply(now: now)
        return true
    }

    /// Whether the client is to be told now that the next turn is its own.
    mutating func isNextTurn(isAudible: Bool, now: Instant) -> Bool {
        turns.isNextTurn(isReplying: isAudible || replies.isReplying, isAtWork: replies.isAtWork, now: now)
    }
}
