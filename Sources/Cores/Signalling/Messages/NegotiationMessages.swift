/// An SDP offer or answer (proto name `SessionDescription`). `midToTrackId` comes from the server alone.
package struct SignalDescription: ProtobufMessage {
    package var type = ""
    package var sdp = ""
    package var id: UInt32 = 0
    package var midToTrackId: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "type", &type)
        fields.field(2, "sdp", &sdp)
        fields.field(3, "id", &id)
        fields.field(4, "mid_to_track_id", &midToTrackId)
    }
}

/// An ICE candidate, as JSON text (see `CandidateInit`), for one of the peer connections.
package struct TrickleRequest: ProtobufMessage {
    package var candidateInit = ""
    package var target = SignalTarget.publisher
    package var isFinal = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "candidateInit", &candidateInit)
        fields.field(2, "target", &target)
        fields.field(3, "final", &isFinal)
    }
}

/// Which peer connection is meant, from the client's point of view.
package struct SignalTarget: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let publisher = Self(rawValue: 0)
    package static let subscriber = Self(rawValue: 1)

    package static let names: [Int32: String] = [
        0: "PUBLISHER", 1: "SUBSCRIBER",
    ]
}

/// Over `/rtc/v1`: how many receiving sections of each kind are missing. Zeros too ask for an offer.
package struct MediaSectionsRequirement: ProtobufMessage {
    package var numAudios: UInt32 = 0
    package var numVideos: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "num_audios", &numAudios)
        fields.field(2, "num_videos", &numVideos)
    }
}

/// What a client still has when it resumes.
package struct SyncState: ProtobufMessage {
    package var answer: SignalDescription?
    package var subscription: UpdateSubscription?
    package var publishTracks: [TrackPublishedResponse] = []
    package var dataChannels: [DataChannelInfo] = []
    package var offer: SignalDescription?
    package var trackSidsDisabled: [String] = []
    package var datachannelReceiveStates: [DataChannelReceiveState] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "answer", &answer)
        fields.field(2, "subscription", &subscription)
        fields.field(3, "publish_tracks", &publishTracks)
        fields.field(4, "data_channels", &dataChannels)
        fields.field(5, "offer", &offer)
        fields.field(6, "track_sids_disabled", &trackSidsDisabled)
        fields.field(7, "datachannel_receive_states", &datachannelReceiveStates)
    }
}

/// An open data channel.
package struct DataChannelInfo: ProtobufMessage {
    package var label = ""
    package var id: UInt32 = 0
    package var target = SignalTarget.publisher

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "label", &label)
        fields.field(2, "id", &id)
        fields.field(3, "target", &target)
    }
}

/// The last reliable sequence number that we had from a participant.
package struct DataChannelReceiveState: ProtobufMessage {
    package var publisherSid = ""
    package var lastSeq: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "publisher_sid", &publisherSid)
        fields.field(2, "last_seq", &lastSeq)
    }
}
