package import ClientProtocol
package import PeerConnection
package import Wire

/// Which room to join, and as whom.
package struct RoomRequest: Hashable, Sendable {
    /// Ignored when there is an access token, which says all of it.
    package var room: String
    package var identity: String
    package var name: String
    /// What others in the room read of the participant.
    package var attributes: [String: String] = [:]
    /// A LiveKit access token that the client brought.
    package var accessToken: String?
    /// The room's key, if the client brought one.
    package var encryptionSecret: EncryptionSecret?
    /// The session's id, for the log.
    package var session = ""
    /// Whether the caller has a participant in the room, whose place this one takes.
    package var replacesCaller = false
    /// Whether events of agents' sessions are wanted.
    package var wantsAgentEvents = false
    /// The trace that it belongs to, for the log; nil for none.
    package var trace: TraceContext?

    package init(room: String, identity: String, name: String, accessToken: String? = nil) {
        self.room = room
        self.identity = identity
        self.name = name
        self.accessToken = accessToken
    }
}

/// How a caller leaves a room.
package enum RoomDeparture: Hashable, Sendable {
    /// The conversation is over: an agent that talked with this caller alone ends its session.
    case goodbye
    /// The caller's connection is gone, or the gateway goes: an agent waits for the same caller to come back.
    case withoutGoodbye
}

/// Makes connections to rooms.
package protocol RoomConnector: AnyObject {
    /// Starts to join. The outcome comes as an event, never during this call.
    func join(_ request: RoomRequest, delegate: any RoomConnectionDelegate) -> any RoomConnection
}

/// A participant in a room, with one microphone track, as a session needs it. Belongs to one loop.
package protocol RoomConnection: UplinkSink {
    /// Percent of our packets that the room says were lost lately.
    var reportedLossPercent: Int { get }
    /// How well sound gets through since the media connection was made; nil while there is none.
    var linkQuality: LinkQuality? { get }
    /// Whether packets may be sent twice while some are lost.
    var allowsRedundancy: Bool { get set }
    /// Tells the room that the microphone is off, or on again.
    func setMuted(_ isMuted: Bool)
    /// Sends a text stream to everybody.
    func sendText(_ text: String, topic: String)
    /// Sends a reliable data packet; an empty list of destinations means everybody.
    func publishData(_ payload: [UInt8], topic: String, destinations: [String])
    func publishDTMF(_ digit: DTMFDigit)
    /// Sets attributes of the own participant.
    func setAttributes(_ attributes: [String: String])
    /// Calls a method of another participant. Nobody waits for the answer.
    func performRPC(to identity: String, method: String, payload: String)
    /// The same for a client, who waits: the call ends as `RoomEvent.callEnded`.
    func call(_ call: MethodCall, of identity: String)
    /// Answers a call that came as `RoomEvent.called`. Returns false when nobody waits for it.
    func end(call id: String, _ outcome: MethodOutcome) -> Bool
    /// Leaves so that the others see it at once. No event comes after this call.
    func leave(_ departure: RoomDeparture)
}

extension RoomConnection {
    /// Of a room that reports nothing.
    package var reportedLossPercent: Int { 0 }
    package var linkQuality: LinkQuality? { nil }
}

/// Whom a participant tells what happens. All calls come on the loop, none during a call to the connection.
package protocol RoomConnectionDelegate: AnyObject {
    func room(_ room: any RoomConnection, event: RoomEvent)
}

/// A track of somebody in the room whose sound comes here.
package protocol RoomTrack: AnyObject {
    var sid: String { get }
    var participantIdentity: String { get }
    var source: TrackSource { get }
    /// Plays the sound into `sink` from now on, or nowhere. The sink is held weakly.
    func play(into sink: (any TrackSink)?)
}

/// Somebody in the room.
package struct RoomMember: Hashable, Sendable {
    package var identity: String
    package var name: String
    /// Whether it is of kind agent.
    package var isAgent: Bool
    package var attributes: [String: String]

    package init(identity: String, name: String = "", isAgent: Bool = false, attributes: [String: String] = [:]) {
        self.identity = identity
        self.name = name
        self.isAgent = isAgent
        self.attributes = attributes
    }
}

/// What somebody said, as the room tells it. Later ones replace earlier ones of the same segment.
package struct SpokenText: Hashable, Sendable {
    /// How it came.
    package enum Carrier: Hashable, Sendable {
        /// A text stream on `lk.transcription`.
        case stream
        /// A transcription packet, the older way of agents.
        case packet
    }

    /// Who spoke.
    package var participant: String
    /// The track that was spoken on; nil when unknown.
    package var track: String?
    package var segmentID: String
    /// The whole text of the segment so far.
    package var text: String
    package var isFinal: Bool
    package var carrier: Carrier
    /// As `Transcript.words`.
    package var words: [Transcript.Word]
    /// As `Transcript.expression`.
    package var expression: Transcript.Expression?

    package init(
        participant: String, track: String? = nil, segmentID: String, text: String, isFinal: Bool,
        carrier: Carrier = .stream, words: [Transcript.Word] = [], expression: Transcript.Expression? = nil
    ) {
        self.expression = expression
        self.participant = participant
        self.track = track
        self.segmentID = segmentID
        self.text = text
        self.isFinal = isFinal
        self.carrier = carrier
        self.words = words
    }
}

/// What its publisher says a track's sound is.
package enum TrackSource: Hashable, Sendable {
    case microphone
    /// Nothing is said.
    case unspecified
    /// No voice: a computer's sound, or what a framework plays beside the voice.
    case background
}

/// Why a participant is no longer in its room.
package enum RoomEnd: Hashable, Sendable {
    case roomDeleted
    case removed
    case duplicateIdentity
    case serverShutdown
    /// The connection broke and could not be made again.
    case connectionLost
    /// Sound and data do not get through to the room's server.
    case mediaUnreachable(Failure)
    case other(String)
}

/// What happens in a room.
package enum RoomEvent {
    /// Joined; who is there already follows as `participantJoined`.
    case joined(room: String, identity: String)
    case failed(Failure)
    /// Out of the room, not by `leave`.
    case ended(RoomEnd)
    /// Sound and data do not get through, for this reason; it is still tried.
    case delayed(Failure)
    /// What this participant says is not played, because it cannot be decrypted, or is not encrypted as it must be.
    case undecipherable(identity: String, Failure)
    /// The connection broke and is being made again; nothing can be sent, but for what `soundFlows` says.
    case interrupted
    /// Meanwhile: whether the caller's sound arrives all the same.
    case soundFlows(Bool)
    /// The connection is back.
    case resumed
    /// The microphone track has its id and can be sent on.
    case microphonePublished(track: String)
    /// Somebody subscribed to the microphone track.
    case microphoneSubscribed
    case participantJoined(RoomMember)
    /// The name or the attributes are new.
    case participantChanged(RoomMember)
    case participantLeft(identity: String, reason: String)
    /// A track's sound can be had.
    case trackSubscribed(any RoomTrack)
    case trackMuted(track: String, isMuted: Bool)
    case trackEnded(track: String)
    case spoken(SpokenText)
    case data(ApplicationData)
    /// An agent says something about its session.
    case agentEvent(AgentEvent)
    /// Somebody presses a telephone key.
    case dtmf(DTMFDigit, sender: String)
    /// Somebody calls a method of the caller.
    case called(MethodCall)
    /// A call that the client made has ended.
    case callEnded(id: String, MethodOutcome)
    /// A message could not be sent, and why.
    case undelivered(String)
}
