internal import Bridge
internal import ClientProtocol
internal import EventLoops
internal import LiveKitParticipant
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Whose key a call is encrypted with end to end.
enum KeyOwner: Hashable {
    /// It is not.
    case none
    case client
    case `operator`
}

/// A session's participant: turns what happens to a `RoomParticipant` into what sessions know, and back.
final class LiveKitRoomConnection: RoomConnection {
    private let participant: RoomParticipant
    private let microphone: PublishedTrack
    /// Whether the client brought the access token.
    private let hasOwnToken: Bool
    /// Whose key sound and data are encrypted with.
    private let encryption: KeyOwner
    private weak var delegate: (any RoomConnectionDelegate)?
    private var agents: RoomAgents?
    private var start: LoopTimer?
    private var hasJoined = false
    private var isMediaUp = false
    private var isOver = false
    /// Our track's SID, and whether the session knows of it.
    private var publishedSID: String?
    private var isMicrophoneTold = false
    /// Somebody subscribed to it before the session knew of it.
    private var isSubscriptionWaiting = false
    private let log: Log
    private var unsupported: UnsupportedMessages

    init(
        participant: RoomParticipant, placer: AgentPlacer, counters: UnsupportedMessageCounters, log: Log,
        hasOwnToken: Bool, encryption: KeyOwner, replacesCaller: Bool, wantsAgentEvents: Bool, loop: EventLoop,
        microphone options: MicrophoneOptions,
        delegate: any RoomConnectionDelegate
    ) {
        self.participant = participant
        microphone = participant.publishMicrophone(options)
        unsupported = UnsupportedMessages(counters, log: log)
        self.log = log
        self.hasOwnToken = hasOwnToken
        self.encryption = encryption
        self.delegate = delegate
        participant.delegate = self
        agents = RoomAgents(
            participant: participant, placer: placer, replacesCaller: replacesCaller, wantsEvents: wantsAgentEvents,
            log: log
        ) { [unowned self] in tell($0) }
        // Nothing may be told before the session holds this connection, not even a failure at the first step.
        let start = LoopTimer(loop: loop) { [unowned self] in self.participant.connect() }
        start.arm(after: .zero)
        self.start = start
    }

    // MARK: From the session

    func sendAudio(
        _ packet: RawSpan, timestamp: UInt32, samples: Int, isStart: Bool, level: UInt8?
    ) {
        let level = level.map { AudioLevel(negatedDecibels: $0, hasVoice: $0 < 50) }
        microphone.send(packet, timestamp: timestamp, level: level)
    }

    var reportedLossPercent: Int { microphone.reportedLossPercent }

    var linkQuality: LinkQuality? { participant.linkQuality }

    var allowsRedundancy: Bool {
        get { microphone.allowsRedundancy }
        set { microphone.allowsRedundancy = newValue }
    }

    func setMuted(_ isMuted: Bool) { microphone.setMuted(isMuted) }

    func sendText(_ text: String, topic: String) {
        attempt { () throws(DataSendError) in try participant.data.sendText(text, topic: topic) }
    }

    func publishData(_ payload: [UInt8], topic: String, destinations: [String]) {
        attempt { () throws(DataSendError) in try participant.data.send(payload, topic: topic, to: destinations) }
    }

    func publishDTMF(_ digit: DTMFDigit) {
        let packet = DataPacket.with {
            $0.value = .sipDtmf(
                .with {
                    $0.code = digit.code
                    $0.digit = String(digit.rawValue)
                })
        }
        attempt { () throws(DataSendError) in try participant.data.send(packet) }
    }

    func setAttributes(_ attributes: [String: String]) {
        // The server reads attributes. What they say goes as data and by methods as well.
        guard encryption == .none else { return }
        participant.update(attributes: attributes)
    }

    func performRPC(to identity: String, method: String, payload: String) {
        participant.data.call(method, of: identity, payload: payload) { [log] result in
            if case .failure(let error) = result {
                log.warning("agent method failed", ["method": method, "error": error.message])
            }
        }
    }

    func call(_ call: MethodCall, of identity: String) {
        participant.data.call(call.method, of: identity, payload: call.payload, timeout: call.timeout) {
            [weak self] result in self?.tell(.callEnded(id: call.id, MethodOutcome(result)))
        }
    }

    func end(call id: String, _ outcome: MethodOutcome) -> Bool {
        guard let call = participant.data.respond(toCall: id, RPCResult(outcome)) else { return false }
        if outcome == .failure(.unsupported) { unsupported.note(.rpc, call.method, from: call.callerIdentity) }
        return true
    }

    func leave(_ departure: RoomDeparture) {
        isOver = true
        start?.cancel()
        agents?.cancel()
        participant.leave(departure == .goodbye ? .clientInitiated : .userUnavailable)
    }

    private func attempt(_ send: () throws(DataSendError) -> Void) {
        do throws(DataSendError) {
            try send()
        } catch {
            tell(.undelivered(Self.sentence(error)))
        }
    }

    private static func sentence(_ error: DataSendError) -> String {
        switch error {
        case .notConnected: "the room is not connected"
        case .notAllowed: "the access token does not allow data"
        case .tooLarge(let maximum): "it is larger than \(maximum) bytes"
        case .congested: "too much waits to be sent already"
        }
    }

    private func tell(_ event: RoomEvent) {
        guard !isOver else { return }
        delegate?.room(self, event: event)
    }
}

// MARK: - From the participant

extension LiveKitRoomConnection: RoomParticipantDelegate {
    func participant(_ participant: RoomParticipant, event: ParticipantEvent) {
        switch event {
        case .joined(let room, let own):
            hasJoined = true
            tell(.joined(room: room.name, identity: own.identity))
            if !isOver { agents?.joined(room: room.name) }
        case .connected:
            isMediaUp = true
            tellMicrophone()
            if !isOver { agents?.connected() }
        case .room(let change): changed(change)
        case .trackSubscribed(let track) where encryption != .none && !track.info.isEncrypted:
            // Whoever runs the server could speak in the agent's name.
            let failure = Failure("this call is encrypted end to end, and that is not", blame: .operator)
            tell(.undecipherable(identity: track.participantIdentity, failure))
        case .trackSubscribed(let track):
            tell(.trackSubscribed(track))
            if track.info.muted { tell(.trackMuted(track: track.sid, isMuted: true)) }
        case .trackUnsubscribed(let track): tell(.trackEnded(track: track.sid))
        case .microphonePublished(let info):
            publishedSID = info.sid
            isMicrophoneTold = false
            isSubscriptionWaiting = false
            tellMicrophone()
        case .microphoneRefused(let reason):
            over(
                .failed(
                    Failure("the room does not take the microphone: \(reason)", blame: .operator)))
        case .microphoneMuted: break
        case .microphoneSubscribed:
            if isMicrophoneTold { tell(.microphoneSubscribed) } else { isSubscriptionWaiting = true }
        case .data(let message):
            if message.topic.hasPrefix(RoomTopics.reservedPrefix) {
                unsupported.note(.data, message.topic, from: message.senderIdentity)
            }
            tell(
                .data(
                    ApplicationData(
                        topic: message.topic, sender: message.senderIdentity, payload: message.payload)))
        case .transcript(let update):
            tell(
                .spoken(
                    SpokenText(
                        participant: update.identity, track: update.trackSid.isEmpty ? nil : update.trackSid,
                        segmentID: update.segmentID, text: update.text, isFinal: update.isFinal,
                        carrier: update.carrier == .packet ? .packet : .stream,
                        words: update.words.map { Transcript.Word(text: $0.text, start: $0.start, end: $0.end) },
                        expression: update.expression.map { .init(words: $0.words, mood: $0.mood) })))
        case .rpc(let invocation): tell(.called(MethodCall(invocation)))
        case .stream(let event):
            if case .opened(let info) = event { noteStream(info) }
            agents?.received(event)
        case .chat(_, let sender): unsupported.note(.chat, RoomTopics.chat, from: sender)
        case .dtmf(let key, let sender):
            if let digit = DTMFDigit(key) { tell(.dtmf(digit, sender: sender)) }
        case .mediaDelayed(let error): tell(.delayed(error.failure))
        case .encryption(.unreadable(let identity)):
            log.warning("sound cannot be decrypted", ["from": identity])
            let failure = Failure(
                "it is encrypted with another key than this call's", blame: encryption == .client ? .client : .operator)
            tell(.undecipherable(identity: identity, failure))
        case .encryption(.readable(let identity)):
            log.info("sound can be decrypted again", ["from": identity])
        case .reconnecting:
            isMediaUp = false
            agents?.interrupted()
            tell(.interrupted)
        case .mediaFlows(let flows): tell(.soundFlows(flows))
        case .reconnected:
            isMediaUp = true
            tellMicrophone()
            tell(.resumed)
            if !isOver { agents?.connected() }
        case .disconnected(let ending): ended(ending)
        }
    }

    private func noteStream(_ info: DataStreamInfo) {
        switch info.kind {
        case .text:
            guard info.topic != TranscriptBoard.topic else { return }
            unsupported.note(info.topic == RoomTopics.chat ? .chat : .textStream, info.topic, from: info.senderIdentity)
        case .bytes:
            guard info.topic != AgentSessionMessage.topic else { return }
            unsupported.note(.byteStream, info.topic, from: info.senderIdentity)
        }
    }

    /// The track is told once it has its name and packets arrive.
    private func tellMicrophone() {
        guard isMediaUp, !isMicrophoneTold, let publishedSID else { return }
        isMicrophoneTold = true
        tell(.microphonePublished(track: publishedSID))
        guard isSubscriptionWaiting else { return }
        isSubscriptionWaiting = false
        tell(.microphoneSubscribed)
    }

    private func changed(_ change: RoomChange) {
        switch change {
        case .participantJoined(let info) where encryption == .none && info.tracks.contains { $0.isEncrypted }:
            endEncrypted(info)
        case .trackPublished(let track, let info) where encryption == .none && track.isEncrypted: endEncrypted(info)
        case .participantJoined(let info):
            if RoomAgents.isAgent(info) { agents?.arrived(info) } else { tell(.participantJoined(RoomMember(info))) }
        case .participantLeft(let info, let reason):
            if RoomAgents.isAgent(info) {
                agents?.left(info.identity, reason, reason: Self.sentence(reason))
                return
            }
            tell(.participantLeft(identity: info.identity, reason: Self.sentence(reason)))
        case .attributesChanged(let info, _), .nameChanged(let info), .participantActive(let info):
            if RoomAgents.isAgent(info), agents?.isIntroduced(info.identity) != true { return }
            tell(.participantChanged(RoomMember(info)))
        case .trackMuted(let track, _): tell(.trackMuted(track: track.sid, isMuted: track.muted))
        case .metadataChanged, .trackPublished, .trackUnpublished, .speakersChanged, .roomMetadataChanged,
            .localParticipantChanged:
            break
        }
    }

    /// The gateway has no key: the client would hear noise, and the room the caller in clear.
    private func endEncrypted(_ info: ParticipantInfo) {
        over(
            .failed(
                Failure(
                    "\"\(info.identity)\" encrypts its tracks end to end, and the gateway has no key of this room (ROOM_KEY, ROOM_KEYS, or encryption_key)",
                    blame: .operator)))
    }

    private func ended(_ ending: ParticipantEnding) {
        guard let event = RoomEvent(ending, hasJoined: hasJoined, hasOwnToken: hasOwnToken) else { return }
        over(event)
    }

    private func over(_ event: RoomEvent) {
        tell(event)
        isOver = true
        agents?.cancel()
    }

    /// A reason for people.
    private static func sentence(_ reason: DisconnectReason) -> String {
        switch reason {
        case .clientInitiated: "left"
        case .connectionTimeout, .signalClose, .userUnavailable: "lost its connection"
        case .participantRemoved: "was removed"
        case .roomDeleted, .roomClosed: "the room was deleted"
        case .duplicateIdentity: "another participant took its identity"
        case .agentError: "failed"
        case .unknownReason: "unknown"
        default: reason.name
        }
    }
}

extension SubscribedTrack: RoomTrack {
    /// The name under which livekit-agents publishes ambience and other sounds, without a source.
    private static let backgroundName = "background_audio"

    var source: Bridge.TrackSource {
        switch info.source {
        case .microphone: .microphone
        case .unknown where info.name != Self.backgroundName: .unspecified
        default: .background
        }
    }
}

extension TrackInfo {
    /// End to end, so that the server cannot read it either (LiveKit's `Encryption.Type`).
    fileprivate var isEncrypted: Bool { encryption != .none }
}

extension RoomMember {
    init(_ info: ParticipantInfo) {
        self.init(
            identity: info.identity, name: info.name, isAgent: info.kind == .agent, attributes: info.attributes)
    }
}

extension RoomEvent {
    /// What the end of a participant means to its session; nil when the session wanted it.
    init?(_ ending: ParticipantEnding, hasJoined: Bool, hasOwnToken: Bool) {
        switch ending {
        case .left: return nil
        case .removed(let reason) where hasJoined: self = .ended(RoomEnd(reason))
        case .removed(let reason):
            self = .failed(
                Failure("the server sent the participant away (\(reason.name))", blame: .room, isRetryable: true))
        case .failed(let error) where hasJoined:
            if case .removed(let reason) = error.kind {
                self = .ended(RoomEnd(reason))
            } else if error.kind == .mediaUnreachable {
                self = .ended(.mediaUnreachable(error.failure))
            } else {
                self = .ended(.connectionLost)
            }
        // A token that the client brought is the client's affair.
        case .failed(let error) where hasOwnToken && error.kind == .unauthorized:
            self = .failed(Failure("the server refuses the access token", blame: .client))
        case .failed(let error): self = .failed(error.failure)
        }
    }
}

extension RoomEnd {
    init(_ reason: DisconnectReason) {
        switch reason {
        case .roomDeleted, .roomClosed: self = .roomDeleted
        case .participantRemoved: self = .removed
        case .duplicateIdentity: self = .duplicateIdentity
        case .serverShutdown: self = .serverShutdown
        default: self = .other(reason.name)
        }
    }
}
