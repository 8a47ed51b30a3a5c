/// A participant's public state. `version` grows with every change within one sid.
package struct ParticipantInfo: ProtobufMessage {
    package var sid = ""
    package var identity = ""
    package var state = ParticipantInfo.State.joining
    package var tracks: [TrackInfo] = []
    package var metadata = ""
    package var joinedAt: Int64 = 0
    package var joinedAtMs: Int64 = 0
    package var name = ""
    package var version: UInt32 = 0
    package var permission: ParticipantPermission?
    package var region = ""
    package var isPublisher = false
    package var kind = ParticipantInfo.Kind.standard
    package var attributes: [String: String] = [:]
    package var disconnectReason = DisconnectReason.unknownReason
    package var kindDetails: [ParticipantInfo.KindDetail] = []
    package var clientProtocol: Int32 = 0
    package var capabilities: [ClientInfo.Capability] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "sid", &sid)
        fields.field(2, "identity", &identity)
        fields.field(3, "state", &state)
        fields.field(4, "tracks", &tracks)
        fields.field(5, "metadata", &metadata)
        fields.field(6, "joined_at", &joinedAt)
        fields.field(17, "joined_at_ms", &joinedAtMs)
        fields.field(9, "name", &name)
        fields.field(10, "version", &version)
        fields.field(11, "permission", &permission)
        fields.field(12, "region", &region)
        fields.field(13, "is_publisher", &isPublisher)
        fields.field(14, "kind", &kind)
        fields.field(15, "attributes", &attributes)
        fields.field(16, "disconnect_reason", &disconnectReason)
        fields.field(18, "kind_details", &kindDetails)
        fields.field(20, "client_protocol", &clientProtocol)
        fields.field(21, "capabilities", &capabilities)
    }
}

extension ParticipantInfo {
    /// How far a participant has come.
    package struct State: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let joining = Self(rawValue: 0)
        package static let joined = Self(rawValue: 1)
        package static let active = Self(rawValue: 2)
        package static let disconnected = Self(rawValue: 3)

        package static let names: [Int32: String] = [
            0: "JOINING", 1: "JOINED", 2: "ACTIVE", 3: "DISCONNECTED",
        ]
    }
}

extension ParticipantInfo {
    /// What kind of participant it is.
    package struct Kind: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let standard = Self(rawValue: 0)
        package static let ingress = Self(rawValue: 1)
        package static let egress = Self(rawValue: 2)
        package static let sip = Self(rawValue: 3)
        package static let agent = Self(rawValue: 4)
        package static let connector = Self(rawValue: 7)
        package static let bridge = Self(rawValue: 8)

        package static let names: [Int32: String] = [
            0: "STANDARD", 1: "INGRESS", 2: "EGRESS", 3: "SIP", 4: "AGENT", 7: "CONNECTOR", 8: "BRIDGE",
        ]
    }
}

extension ParticipantInfo {
    /// More about the kind.
    package struct KindDetail: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let cloudAgent = Self(rawValue: 0)
        package static let forwarded = Self(rawValue: 1)
        package static let connectorWhatsapp = Self(rawValue: 2)
        package static let connectorTwilio = Self(rawValue: 3)
        package static let bridgeRtsp = Self(rawValue: 4)
        package static let simulation = Self(rawValue: 5)

        package static let names: [Int32: String] = [
            0: "CLOUD_AGENT", 1: "FORWARDED", 2: "CONNECTOR_WHATSAPP", 3: "CONNECTOR_TWILIO", 4: "BRIDGE_RTSP",
            5: "SIMULATION",
        ]
    }
}

/// What a participant may do.
package struct ParticipantPermission: ProtobufMessage {
    package var canSubscribe = false
    package var canPublish = false
    package var canPublishData = false
    package var canPublishSources: [TrackSource] = []
    package var hidden = false
    package var recorder = false
    package var canUpdateMetadata = false
    package var agent = false
    package var canSubscribeMetrics = false
    package var canManageAgentSession = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "can_subscribe", &canSubscribe)
        fields.field(2, "can_publish", &canPublish)
        fields.field(3, "can_publish_data", &canPublishData)
        fields.field(9, "can_publish_sources", &canPublishSources)
        fields.field(7, "hidden", &hidden)
        fields.field(8, "recorder", &recorder)
        fields.field(10, "can_update_metadata", &canUpdateMetadata)
        fields.field(11, "agent", &agent)
        fields.field(12, "can_subscribe_metrics", &canSubscribeMetrics)
        fields.field(13, "can_manage_agent_session", &canManageAgentSession)
    }
}

/// Participants that changed, ours among them.
package struct ParticipantUpdate: ProtobufMessage {
    package var participants: [ParticipantInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "participants", &participants)
    }
}

/// Changes our name, metadata or attributes; empty means unchanged, an empty attribute value deletes the key.
package struct UpdateParticipantMetadata: ProtobufMessage {
    package var metadata = ""
    package var name = ""
    package var attributes: [String: String] = [:]
    package var requestId: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "metadata", &metadata)
        fields.field(2, "name", &name)
        fields.field(3, "attributes", &attributes)
        fields.field(4, "request_id", &requestId)
    }
}

/// Why a participant left, or has to leave.
package struct DisconnectReason: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unknownReason = Self(rawValue: 0)
    package static let clientInitiated = Self(rawValue: 1)
    package static let duplicateIdentity = Self(rawValue: 2)
    package static let serverShutdown = Self(rawValue: 3)
    package static let participantRemoved = Self(rawValue: 4)
    package static let roomDeleted = Self(rawValue: 5)
    package static let stateMismatch = Self(rawValue: 6)
    package static let joinFailure = Self(rawValue: 7)
    package static let migration = Self(rawValue: 8)
    package static let signalClose = Self(rawValue: 9)
    package static let roomClosed = Self(rawValue: 10)
    package static let userUnavailable = Self(rawValue: 11)
    package static let userRejected = Self(rawValue: 12)
    package static let sipTrunkFailure = Self(rawValue: 13)
    package static let connectionTimeout = Self(rawValue: 14)
    package static let mediaFailure = Self(rawValue: 15)
    package static let agentError = Self(rawValue: 16)

    package static let names: [Int32: String] = [
        0: "UNKNOWN_REASON", 1: "CLIENT_INITIATED", 2: "DUPLICATE_IDENTITY", 3: "SERVER_SHUTDOWN",
        4: "PARTICIPANT_REMOVED", 5: "ROOM_DELETED", 6: "STATE_MISMATCH", 7: "JOIN_FAILURE", 8: "MIGRATION",
        9: "SIGNAL_CLOSE", 10: "ROOM_CLOSED", 11: "USER_UNAVAILABLE", 12: "USER_REJECTED", 13: "SIP_TRUNK_FAILURE",
        14: "CONNECTION_TIMEOUT", 15: "MEDIA_FAILURE", 16: "AGENT_ERROR",
    ]
}
