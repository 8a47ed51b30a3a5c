package import ClientProtocol

/// Every bound and every waiting time of a session, in one place.
package struct Limits: Hashable, Sendable {
    // MARK: What a client may send

    /// Bytes of one message, a recorded utterance in base64 included.
    package var maximumMessageBytes = 16 << 20
    /// Sound of one turn that comes as a recording.
    package var maximumUtterance = Duration.seconds(60)
    /// Messages a second that are taken without end. Real clients send 10 to 100.
    package var messagesPerSecond = 500
    /// Messages that may come at once, as when a recording is uploaded in frames of 20 ms.
    package var messageBurst = 4000
    /// Sound of the caller that waits to be played into the room. Beyond it the oldest gives way.
    package var uplinkQueue = Duration.seconds(60)
    /// How late a caller may be whose client streams live. Beyond it pauses are shortened, then the oldest gives way.
    package var maximumBacklog = Duration.seconds(8)
    /// How often a client is told, at most, that its sound was dropped.
    package var dropReportInterval = Duration.seconds(1)

    // MARK: Joining and leaving

    /// How long a client that says nothing may take to send a `config` message before the room is joined.
    package var configWait = Duration.milliseconds(300)
    /// How long a call that moves here waits before it takes its caller's place in the room: what the caller has said at the
    /// gateway before is still on its way to the agent, and what an agent has not heard when a participant goes, it never hears.
    package var moveSettling = Duration.milliseconds(300)
    /// How long joining the room may take.
    package var joinTimeout = Duration.seconds(15)
    /// When a client is told that no agent has come.
    package var agentTimeout = Duration.seconds(10)
    /// When a session ends because no agent has come and nobody else is in the room.
    package var agentAbsence = Duration.seconds(60)
    /// How long before that the room server is asked why; its answer may take so long.
    package var absenceInquiry = Duration.seconds(3)
    /// How long a session outlives its agent, in case another one takes over.
    package var agentReplacement = Duration.seconds(10)
    /// An agent without `lk.agent.state` is taken to hear the caller this long after the track was subscribed to.
    package var silentAgentGrace = Duration.seconds(2)
    /// The same for an agent whose framework shows the state of its session, and whose session has not begun.
    package var startingAgentGrace = Duration.seconds(20)

    /// When a session ends in which the client sends nothing and nobody says anything; nil for never.
    package var idleTimeout: Duration?
    /// How long a session may last; nil for as long as it likes.
    package var maximumSession: Duration?

    // MARK: Lost connections

    /// How long the participant of a client whose connection broke stays in the room; zero: not at all.
    package var resumeGrace = Duration.zero
    /// How much sound is kept for a client that is away: the latest.
    package var heldSound = Duration.seconds(5)
    /// Its bytes, as they go to the client.
    package var maximumHeldSoundBytes = 4 << 20
    /// Messages for a client that is away, and their bytes.
    package var maximumHeldMessages = 1000
    package var maximumHeldBytes = 1 << 20

    // MARK: Pacing the caller's sound

    /// The rhythm of the shared tick.
    package var tick = Duration.milliseconds(20)
    /// How much a late client may catch up; a pause longer than this becomes silence.
    package var catchUp = Duration.milliseconds(200)
    /// How late the gateway itself may be, as on a busy machine, and still send everything that is due.
    package var ownLateness = Duration.seconds(1)
    /// How much earlier than real time a frame may leave, so that jitter of the clocks delays nothing.
    package var slack = Duration.milliseconds(5)
    /// Silence that goes to the room after the caller's last frame: what end-of-speech detection needs.
    package var trailingSilence = Duration.seconds(2)
    /// Silence between two turns of which the second came before the first was played.
    package var pauseBetweenTurns = Duration.seconds(1)
    /// How long after the last sound of a turn the agent's method for that is called: the sound arrives first.
    package var turnCallDelay = Duration.milliseconds(200)
    /// Silence that is always kept when a delay is shortened by leaving silence out.
    package var keptSilence = Duration.milliseconds(800)
    /// A delay below this, or below the length of the client's messages, is not shortened.
    package var toleratedDelay = Duration.milliseconds(20)
    /// Silence that is kept in front of a word: it may begin with a soft consonant.
    package var keptBeginning = Duration.milliseconds(100)
    /// A client is streaming live when its last sound is not older than this.
    package var liveness = Duration.milliseconds(250)

    /// How long the encoder and the decoders of a silent side are kept.
    package var idleCoderLife = Duration.seconds(5)

    // MARK: The agent's sound

    /// Silence of a track that is still passed on before it stops.
    package var silenceHangover = Duration.milliseconds(400)
    /// How long something faint must last before it is passed on.
    package var faintOnset = Duration.milliseconds(100)
    /// Sound that a track must have in store before it takes part in a mix.
    package var mixingDelay = Duration.milliseconds(40)
    /// Sound of one track that waits for the mix, at most.
    package var mixingQueue = Duration.milliseconds(400)
    /// An unfinished frame to the client is filled up and sent when nothing followed for this long.
    package var flushAfter = Duration.milliseconds(60)
    /// Tracks that are decoded at a time. Those with sound take precedence over silent ones.
    package var maximumTracks = 16
    /// How long a track must have been silent before another one takes its place.
    package var silentTrackHold = Duration.milliseconds(500)
    /// How long an agent that a client has interrupted is not heard unless it says earlier that it has stopped.
    package var interruptionSilence = Duration.seconds(5)
    /// How long sound of an agent that has stopped may still be on its way: it may be overtaken by the news.
    package var soundInFlight = Duration.milliseconds(250)
    /// How long before the end of an agent's speech the caller must have spoken for it to count as an interruption.
    package var interruptionWindow = Duration.milliseconds(1500)

    // MARK: Texts

    /// How long data of a sender waits until the room has told who that is.
    package var introductionGrace = Duration.milliseconds(500)

    /// How long transcripts of a lesser source wait for a better one to show up.
    package var transcriptSourceGrace = Duration.milliseconds(500)
    /// Transcripts of lesser sources that wait for a better one, at most.
    package var maximumWaitingTranscripts = 256

    package init() {}

    /// How fast a client's messages may come.
    package var messageRate: RateLimit {
        RateLimit(capacity: messageBurst, window: .seconds(messageBurst) / max(1, messagesPerSecond))
    }

    /// What of it concerns recordings. Base64 makes four bytes of three.
    package var recordings: RecordingLimits {
        var limits = RecordingLimits()
        limits.maximumMessageBytes = maximumMessageBytes
        limits.maximumUtterance = maximumUtterance
        limits.maximumRecordingBytes = maximumMessageBytes / 4 * 3
        return limits
    }
}

extension Duration {
    /// The duration in samples at 48 kHz, rounded down.
    var samplesAt48kHz: Int { Int(nanosecondsForAudio * 48 / 1_000_000) }

    private var nanosecondsForAudio: Int64 {
        let (seconds, attoseconds) = components
        // Bounded by a day, so that nothing below can overflow.
        return min(max(seconds, -86_400), 86_400) * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
