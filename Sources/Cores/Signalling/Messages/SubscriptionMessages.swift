/// Subscribes to tracks, or ends subscriptions.
package struct UpdateSubscription: ProtobufMessage {
    package var trackSids: [String] = []
    package var subscribe = false
    package var participantTracks: [ParticipantTracks] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sids", &trackSids)
        fields.field(2, "subscribe", &subscribe)
        fields.field(3, "participant_tracks", &participantTracks)
    }
}

/// Tracks of one participant.
package struct ParticipantTracks: ProtobufMessage {
    package var participantSid = ""
    package var trackSids: [String] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participant_sid", &participantSid)
        fields.field(2, "track_sids", &trackSids)
    }
}

/// Pauses a subscription or chooses a video layer.
package struct UpdateTrackSettings: ProtobufMessage {
    package var trackSids: [String] = []
    package var disabled = false
    package var quality = VideoQuality.low
    package var width: UInt32 = 0
    package var height: UInt32 = 0
    package var fps: UInt32 = 0
    package var priority: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sids", &trackSids)
        fields.field(3, "disabled", &disabled)
        fields.field(4, "quality", &quality)
        fields.field(5, "width", &width)
        fields.field(6, "height", &height)
        fields.field(7, "fps", &fps)
        fields.field(8, "priority", &priority)
    }
}

/// A video layer.
package struct VideoQuality: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let low = Self(rawValue: 0)
    package static let medium = Self(rawValue: 1)
    package static let high = Self(rawValue: 2)
    package static let off = Self(rawValue: 3)

    package static let names: [Int32: String] = [
        0: "LOW", 1: "MEDIUM", 2: "HIGH", 3: "OFF",
    ]
}

/// A subscription failed.
package struct SubscriptionResponse: ProtobufMessage {
    package var trackSid = ""
    package var err = SubscriptionError.unknown

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sid", &trackSid)
        fields.field(2, "err", &err)
    }
}

/// Why a subscription failed.
package struct SubscriptionError: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unknown = Self(rawValue: 0)
    package static let codecUnsupported = Self(rawValue: 1)
    package static let trackNotfound = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "SE_UNKNOWN", 1: "SE_CODEC_UNSUPPORTED", 2: "SE_TRACK_NOTFOUND",
    ]
}

/// Who may subscribe to our tracks.
package struct SubscriptionPermission: ProtobufMessage {
    package var allParticipants = false
    package var trackPermissions: [TrackPermission] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "all_participants", &allParticipants)
        fields.field(2, "track_permissions", &trackPermissions)
    }
}

/// Which of our tracks one participant may subscribe to.
package struct TrackPermission: ProtobufMessage {
    package var participantSid = ""
    package var allTracks = false
    package var trackSids: [String] = []
    package var participantIdentity = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participant_sid", &participantSid)
        fields.field(2, "all_tracks", &allTracks)
        fields.field(3, "track_sids", &trackSids)
        fields.field(4, "participant_identity", &participantIdentity)
    }
}

/// Whether we may subscribe to a track.
package struct SubscriptionPermissionUpdate: ProtobufMessage {
    package var participantSid = ""
    package var trackSid = ""
    package var allowed = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participant_sid", &participantSid)
        fields.field(2, "track_sid", &trackSid)
        fields.field(3, "allowed", &allowed)
    }
}

/// Which codecs our subscribers use.
package struct SubscribedAudioCodecUpdate: ProtobufMessage {
    package var trackSid = ""
    package var subscribedAudioCodecs: [SubscribedAudioCodec] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "track_sid", &trackSid)
        fields.field(2, "subscribed_audio_codecs", &subscribedAudioCodecs)
    }
}

/// One codec and whether a subscriber uses it.
package struct SubscribedAudioCodec: ProtobufMessage {
    package var codec = ""
    package var enabled = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "codec", &codec)
        fields.field(2, "enabled", &enabled)
    }
}
