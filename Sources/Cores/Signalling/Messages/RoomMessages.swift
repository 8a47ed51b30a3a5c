/// A room's public state (proto name `Room`). Timeouts in seconds, times in Unix seconds or milliseconds.
package struct RoomInfo: ProtobufMessage {
    package var sid = ""
    package var name = ""
    package var emptyTimeout: UInt32 = 0
    package var departureTimeout: UInt32 = 0
    package var maxParticipants: UInt32 = 0
    package var creationTime: Int64 = 0
    package var creationTimeMs: Int64 = 0
    package var turnPassword = ""
    package var enabledCodecs: [EnabledCodec] = []
    package var metadata = ""
    package var numParticipants: UInt32 = 0
    package var numPublishers: UInt32 = 0
    package var activeRecording = false
    package var version: TimedVersion?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sid", &sid)
        fields.field(2, "name", &name)
        fields.field(3, "empty_timeout", &emptyTimeout)
        fields.field(14, "departure_timeout", &departureTimeout)
        fields.field(4, "max_participants", &maxParticipants)
        fields.field(5, "creation_time", &creationTime)
        fields.field(15, "creation_time_ms", &creationTimeMs)
        fields.field(6, "turn_password", &turnPassword)
        fields.field(7, "enabled_codecs", &enabledCodecs)
        fields.field(8, "metadata", &metadata)
        fields.field(9, "num_participants", &numParticipants)
        fields.field(11, "num_publishers", &numPublishers)
        fields.field(10, "active_recording", &activeRecording)
        fields.field(13, "version", &version)
    }
}

/// A version that grows with time and, within a microsecond, with ticks.
package struct TimedVersion: ProtobufMessage {
    package var unixMicro: Int64 = 0
    package var ticks: Int32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "unix_micro", &unixMicro)
        fields.field(2, "ticks", &ticks)
    }
}

/// The room's state changed.
package struct RoomUpdate: ProtobufMessage {
    package var room: RoomInfo?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
    }
}

/// The participant now is in another room.
package struct RoomMovedResponse: ProtobufMessage {
    package var room: RoomInfo?
    package var token = ""
    package var participant: ParticipantInfo?
    package var otherParticipants: [ParticipantInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "token", &token)
        fields.field(3, "participant", &participant)
        fields.field(4, "other_participants", &otherParticipants)
    }
}

/// Speakers whose level or activity changed.
package struct SpeakersChanged: ProtobufMessage {
    package var speakers: [SpeakerInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "speakers", &speakers)
    }
}

/// One speaker: the participant's sid, a level from 0 to 1, and whether it speaks.
package struct SpeakerInfo: ProtobufMessage {
    package var sid = ""
    package var level: Float = 0
    package var active = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sid", &sid)
        fields.field(2, "level", &level)
        fields.field(3, "active", &active)
    }
}

/// Connection qualities, of us and of those we hear.
package struct ConnectionQualityUpdate: ProtobufMessage {
    package var updates: [ConnectionQualityInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "updates", &updates)
    }
}

/// One participant's connection quality.
package struct ConnectionQualityInfo: ProtobufMessage {
    package var participantSid = ""
    package var quality = ConnectionQuality.poor
    package var score: Float = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participant_sid", &participantSid)
        fields.field(2, "quality", &quality)
        fields.field(3, "score", &score)
    }
}

/// How good a connection is; the numbers are not ordered by goodness.
package struct ConnectionQuality: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let poor = Self(rawValue: 0)
    package static let good = Self(rawValue: 1)
    package static let excellent = Self(rawValue: 2)
    package static let lost = Self(rawValue: 3)

    package static let names: [Int32: String] = [
        0: "POOR", 1: "GOOD", 2: "EXCELLENT", 3: "LOST",
    ]
}
