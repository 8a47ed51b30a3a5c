internal import ClientProtocol
internal import Wire

/// What a part of a session asks for that is the affair of another one. `BridgeSession` passes it on.
enum SessionAction: Hashable {
    // MARK: For the client

    case tell(ServerEvent)
    /// Tell of an error that may repeat itself with every message.
    case complain(ClientError)
    /// The dialect itself answers a message, in words of the session or in its own.
    case answer(ServerEvent)
    case send(ClientFrame)
    /// Sound on its way to the client is thrown away.
    case discardSound
    /// The client has played a reply to its end.
    case playedOut
    /// The client has ended the call by a message.
    case hangUp

    // MARK: For the session's life

    case life(SessionLifecycle.Input)
    /// Somebody has spoken, or sent something: the session is not idle.
    case activity
    /// The call has come so far.
    case note(SessionMilestone)

    // MARK: For sound and room

    case sound(SoundOrder)
    /// The room has been asked for: packets go there from now on.
    case connectSound
    /// The caller is heard: its sound and its messages go.
    case release
    /// The caller's turn is over.
    case endTurn
    /// The agents are to stop.
    case interrupt
    /// Tell the agent what it does not know yet of what the client wants from it.
    case brief
    /// Somebody calls a method of the client.
    case callClient(MethodCall)
    /// How such a call has ended.
    case endCall(String, MethodOutcome)
    /// The agent learns how far the client has heard it: so many ms, and these words.
    case tellHeard(Int, String)
    /// The client calls a method of the agent.
    case callAgent(MethodCall)
    /// A message for the room, as soon as somebody can take it.
    case deliver(ClientEvent)
    /// Session parameters of a `config` message.
    case configure(JSONObject)
    /// The session's parameters have changed: so do the dialect and the formats of sound.
    case adopt
}
