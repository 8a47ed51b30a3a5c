/// What went through one session. Sound is counted in samples at 48 kHz unless it says otherwise.
package struct SessionStatistics: Hashable, Sendable {
    /// From the client: messages, and bytes of sound in them.
    package var clientMessages = 0
    package var clientAudioBytes = 0
    /// Packets to the room, those of silence that we made up included, and those that DTX left out.
    package var packetsSent = 0
    package var packetsSuppressed = 0
    /// Samples of the caller's sound that were played into the room.
    package var uplinkSamples = 0
    /// Samples that gave way because too much waited.
    package var uplinkDropped = 0
    /// Samples left out to shorten a delay: of silence, or of a microphone whose clock is fast.
    package var uplinkSkipped = 0
    /// The longest that sound of the caller has waited, in milliseconds.
    package var longestUplinkDelay = 0
    /// Packets to the room that it has reported as lost, and the greatest interarrival jitter of them, in milliseconds.
    package var uplinkLostPackets = 0
    package var uplinkJitter = 0
    /// The same of packets from the room.
    package var downlinkLostPackets = 0
    package var downlinkJitter = 0
    /// Packets from the room.
    package var packetsReceived = 0
    /// Samples that were invented or recovered because packets were lost.
    package var downlinkConcealed = 0
    package var downlinkRecovered = 0
    /// Packets that could not be decoded.
    package var undecodable = 0
    /// Frames and packets that could not be coded in either direction, those included for which there was no coder.
    package var codingFailures = 0
    /// Messages with sound to the client, their bytes, and how many the client was too slow for.
    package var audioMessagesSent = 0
    package var audioBytesSent = 0
    package var audioMessagesDropped = 0
    /// Messages of the client that could not be read.
    package var faultyMessages = 0
    /// Replies that the client says it has played to their end, in dialects that tell.
    package var repliesPlayedOut = 0
    /// Messages with events to the client.
    package var eventsSent = 0
    /// Replies of the agent that the client got sound of, and how often queued sound was dropped because somebody broke in.
    package var replies = 0
    package var interruptions = 0
    /// How often the client came back, and how often the room did.
    package var resumes = 0
    package var reconnects = 0
    /// Milliseconds from the start of the session to the room, to the moment when the agent heard the caller, and to the
    /// agent's first sound.
    package var joinedAfter: Int?
    package var heardAfter: Int?
    package var firstSoundAfter: Int?

    package init() {}

    init(_ client: borrowing ClientLink, _ state: borrowing RoomState, _ audio: AudioPath?) {
        self = audio?.numbers ?? SessionStatistics()
        client.add(to: &self)
        state.add(to: &self)
    }
}
