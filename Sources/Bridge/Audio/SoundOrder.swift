internal import ClientProtocol

/// What the other parts of a session ask of `AudioPath`.
enum SoundOrder: Hashable {
    // MARK: The caller's

    /// Bytes in the input format, or one packet when that is Opus.
    case bytes([UInt8])
    /// What bytes are from now on, until nil comes, whatever the input format is.
    case fileFormat(AudioFormat?)
    /// One Opus packet out of a recording.
    case recordedPacket([UInt8])
    /// A recorded utterance, whole.
    case recording(WAVFile)
    /// The microphone is published.
    case start
    /// Nobody hears the caller: its sound waits.
    case hold
    /// Somebody does: it goes.
    case release
    case mute(Bool)
    case endTurn

    // MARK: The agent's

    case removeTrack(String)
    case muteTrack(String, Bool)
    /// The reply is over: all of it goes to the client.
    case endReply
    /// What has not been sent is thrown away.
    case discard
    /// The client has asked the agent to stop: no voice is heard for a while, if one is heard now or the agent is speaking
    /// by its own word.
    case suppress(isSpeaking: Bool)
    /// The agent has stopped in the middle: what of it is still on its way is not heard.
    case noteInterruption
    /// The agent begins to speak, or does not speak any more.
    case noteAgent(isSpeaking: Bool)
    /// What these tracks are to the client.
    case assignRoles([String: SoundRole])

    // MARK: Both

    /// The client may send and want its sound otherwise from here on. What waits goes on as before.
    case change(input: AudioFormat, delivery: SoundDelivery)
}
