internal import Signalling
internal import Wire

/// Why a participant cannot join.
enum RoomJoinError: Error, Hashable {
    case full(maximum: UInt32)
    case closed
}

/// One room: its participants, their tracks and subscriptions, and what each is told. Pure: no socket, clock or media.
/// After each call that mutates drain `poll()`.
struct Room {
    /// Unless the room's creator says otherwise, in seconds.
    static let defaultEmptyTimeout: UInt32 = 300
    static let defaultDepartureTimeout: UInt32 = 20
    /// How long a participant may take to connect.
    static let joinTimeout: Duration = .seconds(60)
    /// How often counters are told.
    static let counterInterval: Duration = .seconds(5)
    static let maximumMetadataBytes = 512 << 10
    static let maximumAttributeBytes = 64 << 10

    let sid: String
    let name: String
    private(set) var configuration: RoomConfiguration
    let createdAt: ServerTime
    let server: ServerDescription
    /// In the order in which they came.
    var participants: [ParticipantRecord] = []
    var nonces = NonceFilter()
    var speakers = ActiveSpeakers()
    /// How well everybody is connected, as it was told last.
    var toldQualities: [String: ConnectionQuality] = [:]
    private(set) var isClosed = false
    /// When the room ends unless a participant joins.
    private(set) var closesAt: Instant?
    private var countersDueAt: Instant?
    private var countersToldAt: Instant
    private var outputs: [RoomOutput] = []
    private var firstOutput = 0
    var random: any RandomNumberGenerator

    init(
        name: String, configuration: RoomConfiguration, server: ServerDescription, time: ServerTime,
        random: any RandomNumberGenerator
    ) {
        var random = random
        sid = ServerIdentifier.make(ServerIdentifier.room, using: &random)
        self.name = name
        self.configuration = configuration
        self.server = server
        createdAt = time
        countersToldAt = time.now - Self.counterInterval
        self.random = random
        closesAt = time.now + .seconds(Int64(emptyTimeout))
    }

    var emptyTimeout: UInt32 {
        configuration.emptyTimeout == 0 ? Self.defaultEmptyTimeout : configuration.emptyTimeout
    }

    var departureTimeout: UInt32 {
        configuration.departureTimeout == 0 ? Self.defaultDepartureTimeout : configuration.departureTimeout
    }

    /// What clients are told about the room.
    var info: RoomInfo {
        .with {
            $0.sid = sid
            $0.name = name
            $0.emptyTimeout = emptyTimeout
            $0.departureTimeout = departureTimeout
            $0.maxParticipants = configuration.maxParticipants
            $0.creationTime = createdAt.unixSeconds
            $0.creationTimeMs = createdAt.unixMilliseconds
            $0.enabledCodecs = Self.codecs
            $0.metadata = configuration.metadata
            $0.numParticipants = UInt32(participants.count { !$0.isHidden })
            $0.numPublishers = UInt32(participants.count { !$0.tracks.isEmpty })
        }
    }

    static let codecs: [EnabledCodec] = [.with { $0.mime = "audio/opus" }]

    // MARK: Outputs and time

    mutating func poll() -> RoomOutput? {
        guard firstOutput < outputs.count else {
            outputs.removeAll(keepingCapacity: true)
            firstOutput = 0
            return nil
        }
        defer { firstOutput += 1 }
        return outputs[firstOutput]
    }

    mutating func emit(_ output: RoomOutput) { outputs.append(output) }

    mutating func signal(_ message: SignalResponse.Message, to sid: String) { emit(.signal(message, to: sid)) }

    /// Sends a message to all participants: each has its join response already.
    mutating func broadcast(_ message: SignalResponse.Message, except sid: String? = nil) {
        for participant in participants where participant.sid != sid { signal(message, to: participant.sid) }
    }

    /// When `handleTimeout` wants to be called.
    var nextDeadline: Instant? {
        guard !isClosed else { return nil }
        let joining = participants.filter { !$0.isActive }.map { $0.joinedAt + Self.joinTimeout }.min()
        return .earliest(.earliest(closesAt, countersDueAt), joining)
    }

    mutating func handleTimeout(_ time: ServerTime) {
        if let closesAt, closesAt <= time.now { return close(.roomClosed, time) }
        for participant in participants
        where !participant.isActive && participant.joinedAt + Self.joinTimeout <= time.now {
            disconnect(participant.sid, .joinFailure, time)
        }
        if let countersDueAt, countersDueAt <= time.now { tellCounters(time.now) }
    }

    /// Counters change often: the first change is told at once, more after an interval.
    mutating func countersChanged(_ now: Instant) {
        guard countersDueAt == nil else { return }
        countersDueAt = max(now, countersToldAt + Self.counterInterval)
        if countersDueAt == now { tellCounters(now) }
    }

    private mutating func tellCounters(_ now: Instant) {
        countersDueAt = nil
        countersToldAt = now
        let update = RoomUpdate.with { $0.room = info }
        for participant in participants where participant.isActive {
            signal(.roomUpdate(update), to: participant.sid)
        }
    }

    // MARK: Participants

    func index(of sid: String) -> Int? { participants.firstIndex { $0.sid == sid } }

    func participant(_ sid: String) -> ParticipantRecord? { participants.first { $0.sid == sid } }

    func participant(identity: String) -> ParticipantRecord? { participants.first { $0.identity == identity } }

    /// Lets a participant in and answers with the join response. An older session of the same identity ends.
    /// Returns the new participant's SID.
    mutating func join(_ request: ParticipantJoin, _ time: ServerTime) throws(RoomJoinError) -> String {
        guard !isClosed else { throw .closed }
        if let old = participant(identity: request.identity) {
            remove(old.sid, .duplicateIdentity, time, isReplaced: true)
        }
        if configuration.maxParticipants > 0, participants.count >= configuration.maxParticipants {
            throw .full(maximum: configuration.maxParticipants)
        }
        let info = ParticipantInfo.with {
            $0.sid = ServerIdentifier.make(ServerIdentifier.participant, using: &random)
            $0.identity = request.identity
            $0.name = request.name
            $0.metadata = request.metadata
            $0.attributes = request.attributes
            $0.kind = request.kind
            $0.permission = request.permission
            $0.state = .joined
            $0.joinedAt = time.unixSeconds
            $0.joinedAtMs = time.unixMilliseconds
            $0.version = 1
            $0.clientProtocol = request.client.clientProtocol
            $0.capabilities = request.client.capabilities
        }
        let participant = ParticipantRecord(
            info: info, transport: request.transport, protocolVersion: request.client.protocolVersion,
            subscribesAutomatically: request.subscribesAutomatically && request.permission.canSubscribe,
            joinedAt: time.now)
        participants.append(participant)
        signal(.join(joinResponse(for: participant)), to: info.sid)
        updateClosing(time.now)
        emit(.joined(info))
        subscribeToAll(info.sid)
        return info.sid
    }

    private func joinResponse(for participant: ParticipantRecord) -> JoinResponse {
        .with {
            $0.room = info
            $0.participant = participant.info
            $0.otherParticipants = participants.filter { $0.sid != participant.sid && !$0.isHidden }.map(\.info)
            $0.serverVersion = ServerDescription.version
            $0.serverInfo = server.info
            $0.iceServers = server.iceServers
            $0.clientConfiguration = server.clientConfiguration
            // Older clients expect to offer first, whatever they may subscribe to.
            $0.subscriberPrimary =
                participant.transport == .twoPeerConnections && participant.protocolVersion > 2
                && participant.permission.canSubscribe
            $0.pingInterval = ServerDescription.pingInterval
            $0.pingTimeout = ServerDescription.pingTimeout
            $0.enabledPublishCodecs = Self.codecs
            $0.fastPublish = participant.permission.canPublish || participant.permission.canPublishData
        }
    }

    /// The participant's media path is up: others may see it, and what waited for it is sent.
    mutating func activate(_ sid: String, _ time: ServerTime) {
        guard let index = index(of: sid), !participants[index].isActive else { return }
        participants[index].info.state = .active
        participants[index].changed()
        let held = participants[index].heldPackets
        participants[index].heldPackets = []
        participants[index].heldBytes = 0
        announce(index, includingSelf: false)
        for packet in held { emit(.data(packet, isReliable: true, to: sid)) }
        countersChanged(time.now)
    }

    /// The signalling connection was lost and is back: tells everything that may have been missed.
    mutating func resume(_ sid: String) {
        guard let participant = participant(sid) else { return }
        signal(
            .reconnect(
                .with {
                    $0.serverInfo = server.info
                    $0.iceServers = server.iceServers
                    $0.clientConfiguration = server.clientConfiguration
                    $0.lastMessageSeq = participant.lastSequence
                }), to: sid)
        let visible = participants.filter { !$0.isHidden || $0.sid == sid }.map(\.info)
        signal(.update(.with { $0.participants = visible }), to: sid)
        signal(.roomUpdate(.with { $0.room = info }), to: sid)
    }

    /// The participant leaves of its own accord. As with LiveKit's own server, it chooses among these reasons.
    mutating func leave(_ sid: String, _ time: ServerTime, _ reason: DisconnectReason = .clientInitiated) {
        switch reason {
        case .userUnavailable, .userRejected, .agentError: disconnect(sid, reason, time)
        default: disconnect(sid, .clientInitiated, time)
        }
    }

    /// Tells the participant to go, with the reason, and all others that it went.
    mutating func disconnect(_ sid: String, _ reason: DisconnectReason, _ time: ServerTime) {
        remove(sid, reason, time, isReplaced: false)
    }

    private mutating func remove(_ sid: String, _ reason: DisconnectReason, _ time: ServerTime, isReplaced: Bool) {
        guard let index = index(of: sid) else { return }
        signal(.leave(.with { $0.reason = reason }), to: sid)
        emit(.end(participant: sid, reason: reason))
        for track in participants[index].tracks { dropSubscriptions(to: track.info.sid) }
        var gone = participants.remove(at: index)
        gone.info.state = .disconnected
        gone.info.disconnectReason = reason
        gone.info.tracks = []
        gone.changed()
        if let change = speakers.remove(sid) { broadcastSpeakers([change]) }
        if !gone.isHidden {
            let update = ParticipantUpdate.with { $0.participants = [gone.info] }
            for other in participants where !isReplaced || other.protocolVersion <= 11 {
                signal(.update(update), to: other.sid)
            }
        }
        emit(.left(gone.info))
        countersChanged(time.now)
        updateClosing(time.now)
    }

    /// Ends the room for everybody.
    mutating func close(_ reason: DisconnectReason, _ time: ServerTime) {
        guard !isClosed else { return }
        for participant in participants { remove(participant.sid, reason, time, isReplaced: false) }
        isClosed = true
        closesAt = nil
        emit(.closed)
    }

    private mutating func updateClosing(_ now: Instant) {
        if participants.contains(where: \.keepsRoomOpen) {
            closesAt = nil
        } else if closesAt == nil {
            closesAt = now + .seconds(Int64(departureTimeout))
        }
    }

    // MARK: What is known about them

    /// Shows a participant's present state to all that may see it.
    mutating func announce(_ index: Int, includingSelf: Bool = true) {
        let participant = participants[index]
        participants[index].isAnnounced = true
        let update = ParticipantUpdate.with { $0.participants = [participant.info] }
        for other in participants {
            let isSelf = other.sid == participant.sid
            if isSelf ? includingSelf : !participant.isHidden { signal(.update(update), to: other.sid) }
        }
    }

    /// Why a change of name, metadata or attributes is refused.
    enum MetadataError: Error, Hashable {
        case notAllowed
        case tooLarge
        case noParticipant
    }

    /// Changes what is known about a participant; empty means unchanged, an empty attribute deletes its key.
    mutating func update(
        _ sid: String, name: String, metadata: String, attributes: [String: String], byServer: Bool
    ) throws(MetadataError) {
        guard let index = index(of: sid) else { throw .noParticipant }
        guard byServer || participants[index].permission.canUpdateMetadata else { throw .notAllowed }
        var merged = participants[index].info.attributes
        for (key, value) in attributes { merged[key] = value.isEmpty ? nil : value }
        guard metadata.utf8.count <= Self.maximumMetadataBytes,
            merged.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= Self.maximumAttributeBytes
        else { throw .tooLarge }
        if !name.isEmpty { participants[index].info.name = name }
        if !metadata.isEmpty { participants[index].info.metadata = metadata }
        participants[index].info.attributes = merged
        participants[index].changed()
        announce(index)
        emit(.tokenOutdated(participants[index].info))
    }

    /// A client's own request, answered with a `RequestResponse`.
    mutating func updateMetadata(_ sid: String, _ request: UpdateParticipantMetadata) {
        var reason = RequestResponse.Reason.ok
        var message = ""
        do throws(MetadataError) {
            try update(
                sid, name: request.name, metadata: request.metadata, attributes: request.attributes, byServer: false)
        } catch {
            reason = error == .tooLarge ? .limitExceeded : .notAllowed
            message = error == .tooLarge ? "exceeds the limit" : "does not have permission to update own metadata"
        }
        signal(
            .requestResponse(
                .with {
                    $0.requestId = request.requestId
                    $0.reason = reason
                    $0.message = message
                    $0.request = .updateMetadata(request)
                }), to: sid)
    }

    /// Replaces a participant's permission; tracks that are no longer allowed go.
    mutating func setPermission(_ sid: String, _ permission: ParticipantPermission) {
        guard let index = index(of: sid) else { return }
        participants[index].info.permission = permission
        participants[index].changed()
        if !permission.canPublish {
            for track in participants[index].tracks { unpublish(track.info.sid, of: sid, tellsPublisher: true) }
        }
        if !permission.canSubscribe {
            for track in participants[index].subscriptions.keys { unsubscribe(sid, from: track) }
        }
        announce(index)
        emit(.tokenOutdated(participants[index].info))
    }

    /// Changes the room's metadata; everybody is told at once.
    mutating func setMetadata(_ metadata: String) {
        configuration.metadata = metadata
        broadcast(.roomUpdate(.with { $0.room = info }))
    }
}
