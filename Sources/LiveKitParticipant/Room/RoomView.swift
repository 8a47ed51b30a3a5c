package import Signalling

/// What changed in a room, as seen by one participant.
package enum RoomChange: Hashable, Sendable {
    case participantJoined(ParticipantInfo)
    /// The participant as it was last known.
    case participantLeft(ParticipantInfo, DisconnectReason)
    /// The participant as it is now, and what changed; a deleted key has an empty value.
    case attributesChanged(ParticipantInfo, changed: [String: String])
    case metadataChanged(ParticipantInfo)
    case nameChanged(ParticipantInfo)
    /// The participant's connection is up now; before, nothing sent to it arrives.
    case participantActive(ParticipantInfo)
    case trackPublished(TrackInfo, ParticipantInfo)
    case trackUnpublished(TrackInfo, ParticipantInfo)
    case trackMuted(TrackInfo, ParticipantInfo)
    /// Everybody who speaks now, the loudest first.
    case speakersChanged([Speaker])
    case roomMetadataChanged(String)
    /// Our own entry, as the server has it now.
    case localParticipantChanged(ParticipantInfo)
}

/// A participant who speaks.
package struct Speaker: Hashable, Sendable {
    package let identity: String
    /// From 0 to 1.
    package let level: Float

    package init(identity: String, level: Float) {
        self.identity = identity
        self.level = level
    }
}

/// The room and those in it, kept up by the server's messages (docs/livekit-protocol.md#room-state). Pure: messages in,
/// changes out.
package struct RoomView: Sendable {
    package private(set) var room = RoomInfo()
    /// Ourselves.
    package private(set) var local = ParticipantInfo()
    /// The others, by identity.
    package private(set) var participants: [String: ParticipantInfo] = [:]
    /// Identities of the others by session, and of their tracks' publishers by track.
    private var identityOfSession: [String: String] = [:]
    private var publisherOfTrack: [String: String] = [:]
    private var speakers: [String: SpeakerInfo] = [:]
    /// After a resume the first list with ourselves in it is complete: whoever is missing has left.
    private var awaitsSnapshot = false

    package init() {}

    package func participant(identity: String) -> ParticipantInfo? { participants[identity] }

    package func participant(sid: String) -> ParticipantInfo? { identityOfSession[sid].flatMap { participants[$0] } }

    /// The track with that sid and who publishes it.
    package func track(sid: String) -> (track: TrackInfo, participant: ParticipantInfo)? {
        guard let participant = publisherOfTrack[sid].flatMap({ participants[$0] }),
            let track = participant.tracks.first(where: { $0.sid == sid })
        else { return nil }
        return (track, participant)
    }

    /// Takes what is known now about one of the others, in place of what was known before.
    private mutating func keep(_ info: ParticipantInfo, insteadOf before: ParticipantInfo?) {
        if let before { forget(before) }
        participants[info.identity] = info
        identityOfSession[info.sid] = info.identity
        for track in info.tracks { publisherOfTrack[track.sid] = info.identity }
    }

    private mutating func forget(_ info: ParticipantInfo) {
        participants[info.identity] = nil
        if identityOfSession[info.sid] == info.identity { identityOfSession[info.sid] = nil }
        for track in info.tracks where publisherOfTrack[track.sid] == info.identity {
            publisherOfTrack[track.sid] = nil
        }
    }

    // MARK: Joining and resuming

    /// Takes the first message. After a full reconnect those who stayed are told apart from those who came and went.
    package mutating func joined(_ join: JoinResponse) -> [RoomChange] {
        room = join.room ?? RoomInfo()
        local = join.participant ?? ParticipantInfo()
        awaitsSnapshot = false
        speakers = [:]
        let present = Set(join.otherParticipants.map(\.identity))
        var changes: [RoomChange] = []
        for identity in participants.keys.sorted() where !present.contains(identity) {
            changes += left(identity, .unknownReason)
        }
        for info in join.otherParticipants { changes += changed(info) }
        return changes
    }

    /// The signalling connection was resumed; a complete list of participants will follow.
    package mutating func resumed() { awaitsSnapshot = true }

    /// We are in another room now.
    package mutating func moved(_ move: RoomMovedResponse) -> [RoomChange] {
        joined(
            .with {
                $0.room = move.room
                $0.participant = move.participant
                $0.otherParticipants = move.otherParticipants
            })
    }

    // MARK: Updates

    /// Takes a message about the room; nil when it is about something else.
    mutating func handle(_ message: SignalResponse.Message) -> [RoomChange]? {
        switch message {
        case .update(let update): self.update(update.participants)
        case .roomUpdate(let update): update.room.map { self.update($0) } ?? []
        case .speakersChanged(let change): update(change.speakers)
        default: nil
        }
    }

    package mutating func update(_ infos: [ParticipantInfo]) -> [RoomChange] {
        var changes: [RoomChange] = []
        var isSnapshot = false
        for info in infos {
            if info.sid == local.sid || info.identity == local.identity {
                isSnapshot = awaitsSnapshot
                guard info.sid == local.sid, info.version >= local.version, info != local else { continue }
                local = info
                changes.append(.localParticipantChanged(info))
            } else {
                changes += changed(info)
            }
        }
        if isSnapshot {
            awaitsSnapshot = false
            let present = Set(infos.map(\.identity))
            for identity in participants.keys.sorted() where !present.contains(identity) {
                changes += left(identity, .unknownReason)
            }
        }
        return changes
    }

    package mutating func update(_ info: RoomInfo) -> [RoomChange] {
        let before = room.metadata
        room = info
        return info.metadata == before ? [] : [.roomMetadataChanged(info.metadata)]
    }

    /// Only entries that changed are listed.
    package mutating func update(_ infos: [SpeakerInfo]) -> [RoomChange] {
        for info in infos { speakers[info.sid] = info.active ? info : nil }
        let now = speakers.values.sorted { ($1.level, $0.sid) < ($0.level, $1.sid) }.compactMap { info -> Speaker? in
            let identity = info.sid == local.sid ? local.identity : participant(sid: info.sid)?.identity
            return identity.map { Speaker(identity: $0, level: info.level) }
        }
        return [.speakersChanged(now)]
    }

    private mutating func left(_ identity: String, _ reason: DisconnectReason) -> [RoomChange] {
        guard let gone = participants[identity] else { return [] }
        forget(gone)
        speakers[gone.sid] = nil
        return gone.tracks.map { .trackUnpublished($0, gone) } + [.participantLeft(gone, reason)]
    }

    private mutating func changed(_ info: ParticipantInfo) -> [RoomChange] {
        let known = participants[info.identity]
        if info.state == .disconnected {
            // News about an earlier session of somebody who is back already concern nobody.
            return known?.sid == info.sid ? left(info.identity, info.disconnectReason) : []
        }
        guard let before = known, before.sid == info.sid else {
            // The same identity with another sid is a new session, which replaces the old one.
            let replaced = left(info.identity, .duplicateIdentity)
            keep(info, insteadOf: nil)
            var changes = replaced + [.participantJoined(info)]
            if info.state == .active { changes.append(.participantActive(info)) }
            return changes + info.tracks.map { .trackPublished($0, info) }
        }
        guard info.version >= before.version else { return [] }
        keep(info, insteadOf: before)
        return differences(before, info)
    }

    private func differences(_ before: ParticipantInfo, _ after: ParticipantInfo) -> [RoomChange] {
        var changes: [RoomChange] = []
        if after.state == .active, before.state != .active { changes.append(.participantActive(after)) }
        var changed = after.attributes.filter { before.attributes[$0.key] != $0.value }
        for key in before.attributes.keys where after.attributes[key] == nil { changed[key] = "" }
        if !changed.isEmpty { changes.append(.attributesChanged(after, changed: changed)) }
        if before.metadata != after.metadata { changes.append(.metadataChanged(after)) }
        if before.name != after.name { changes.append(.nameChanged(after)) }
        for track in before.tracks where !after.tracks.contains(where: { $0.sid == track.sid }) {
            changes.append(.trackUnpublished(track, after))
        }
        for track in after.tracks {
            if let earlier = before.tracks.first(where: { $0.sid == track.sid }) {
                if earlier.muted != track.muted { changes.append(.trackMuted(track, after)) }
            } else {
                changes.append(.trackPublished(track, after))
            }
        }
        return changes
    }
}
