/// Asks for a room's participants.
package struct ListParticipantsRequest: ProtobufMessage {
    package var room = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
    }
}

/// The participants.
package struct ListParticipantsResponse: ProtobufMessage {
    package var participants: [ParticipantInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participants", &participants)
    }
}

/// Names one participant of a room.
package struct RoomParticipantIdentity: ProtobufMessage {
    package var room = ""
    package var identity = ""
    package var revokeTokenTs: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "identity", &identity)
        fields.field(3, "revoke_token_ts", &revokeTokenTs)
    }
}

/// The participant was removed.
package struct RemoveParticipantResponse: ProtobufMessage {

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {}
}

/// Mutes a participant's track.
package struct MuteRoomTrackRequest: ProtobufMessage {
    package var room = ""
    package var identity = ""
    package var trackSid = ""
    package var muted = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "identity", &identity)
        fields.field(3, "track_sid", &trackSid)
        fields.field(4, "muted", &muted)
    }
}

/// The track as it is now.
package struct MuteRoomTrackResponse: ProtobufMessage {
    package var track: TrackInfo?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track", &track)
    }
}

/// Changes a participant's metadata, name, attributes or permission.
package struct UpdateParticipantRequest: ProtobufMessage {
    package var room = ""
    package var identity = ""
    package var metadata = ""
    package var permission: ParticipantPermission?
    package var name = ""
    package var attributes: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "identity", &identity)
        fields.field(3, "metadata", &metadata)
        fields.field(4, "permission", &permission)
        fields.field(5, "name", &name)
        fields.field(6, "attributes", &attributes)
    }
}

/// Changes a participant's subscriptions.
package struct UpdateSubscriptionsRequest: ProtobufMessage {
    package var room = ""
    package var identity = ""
    package var trackSids: [String] = []
    package var subscribe = false
    package var participantTracks: [ParticipantTracks] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "identity", &identity)
        fields.field(3, "track_sids", &trackSids)
        fields.field(4, "subscribe", &subscribe)
        fields.field(5, "participant_tracks", &participantTracks)
    }
}

/// The subscriptions were changed.
package struct UpdateSubscriptionsResponse: ProtobufMessage {

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {}
}
