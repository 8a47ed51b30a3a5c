package import Wire

/// What a client says, whatever dialect it says it in. Binary audio does not pass through here: it goes from the
/// socket to the audio path without becoming a value.
package enum ClientEvent: Hashable, Sendable {
    /// Session parameters and instructions, as the members of a JSON object.
    case configure(JSONObject)
    /// Audio bytes in the session's input format, or one packet when that is Opus.
    case audio([UInt8])
    /// What sound is from now on, as the header of a file says that goes on over many messages; nil at its end: what the
    /// session's parameters say.
    case fileFormat(AudioFormat?)
    /// One Opus packet, whatever the session's input format is: taken out of a container by the dialect.
    case opusPacket([UInt8])
    /// A recorded utterance, whole.
    case recording(WAVFile)
    /// Typed input in place of speech.
    case text(String)
    /// The user's turn is complete.
    case endTurn
    /// The turn had too little sound and is forgotten, of which the dialect has told the client.
    case forgetTurn
    /// Stop the agent.
    case interrupt
    /// A data message for the room.
    case data(topic: String, payload: [UInt8])
    /// A question whether the connection lives; `id` comes back in the answer.
    case ping(id: JSONValue?)
    /// Telephone keys: 0–9, *, #, A–D.
    case dtmf([DTMFDigit])
    /// Stop sending the caller's sound to the room.
    case mute
    /// Send it again.
    case unmute
    /// A method of the agent is to be called.
    case call(MethodCall)
    /// How a call of one of the client's methods has ended.
    case callEnded(id: String, MethodOutcome)
    /// The client has played all sound that was sent before its latest `replyFinished`.
    case playedOut
    /// The client has played so many ms of a reply and will play no more of it; the text is what of it that was.
    case heard(milliseconds: Int, text: String)
    /// The client says goodbye.
    case hangUp
    /// An API key that came as a message because the client can send no headers.
    case authenticate(apiKey: String)
}

/// A telephone key with its RFC 4733 event code.
package enum DTMFDigit: Character, Hashable, Sendable, CaseIterable {
    case zero = "0"
    case one = "1"
    case two = "2"
    case three = "3"
    case four = "4"
    case five = "5"
    case six = "6"
    case seven = "7"
    case eight = "8"
    case nine = "9"
    case star = "*"
    case pound = "#"
    case a = "A"
    case b = "B"
    case c = "C"
    case d = "D"

    /// The event code of RFC 4733 section 3.2, 0 to 15.
    package var code: UInt32 { UInt32(Self.allCases.firstIndex(of: self) ?? 0) }
}
