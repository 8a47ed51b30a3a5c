/// The first message of a fresh connection.
package struct JoinResponse: ProtobufMessage {
    package var room: RoomInfo?
    package var participant: ParticipantInfo?
    package var otherParticipants: [ParticipantInfo] = []
    package var serverVersion = ""
    package var iceServers: [ICEServer] = []
    package var subscriberPrimary = false
    package var alternativeUrl = ""
    package var clientConfiguration: ClientConfiguration?
    package var serverRegion = ""
    package var pingTimeout: Int32 = 0
    package var pingInterval: Int32 = 0
    package var serverInfo: ServerInfo?
    package var sifTrailer: [UInt8] = []
    package var enabledPublishCodecs: [EnabledCodec] = []
    package var fastPublish = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "participant", &participant)
        fields.field(3, "other_participants", &otherParticipants)
        fields.field(4, "server_version", &serverVersion)
        fields.field(5, "ice_servers", &iceServers)
        fields.field(6, "subscriber_primary", &subscriberPrimary)
        fields.field(7, "alternative_url", &alternativeUrl)
        fields.field(8, "client_configuration", &clientConfiguration)
        fields.field(9, "server_region", &serverRegion)
        fields.field(10, "ping_timeout", &pingTimeout)
        fields.field(11, "ping_interval", &pingInterval)
        fields.field(12, "server_info", &serverInfo)
        fields.field(13, "sif_trailer", &sifTrailer)
        fields.field(14, "enabled_publish_codecs", &enabledPublishCodecs)
        fields.field(15, "fast_publish", &fastPublish)
    }
}

/// The first message after a resume.
package struct ReconnectResponse: ProtobufMessage {
    package var iceServers: [ICEServer] = []
    package var clientConfiguration: ClientConfiguration?
    package var serverInfo: ServerInfo?
    package var lastMessageSeq: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "ice_servers", &iceServers)
        fields.field(2, "client_configuration", &clientConfiguration)
        fields.field(3, "server_info", &serverInfo)
        fields.field(4, "last_message_seq", &lastMessageSeq)
    }
}

/// All that a client tells when it joins over `/rtc/v1`.
package struct JoinRequest: ProtobufMessage {
    package var clientInfo: ClientInfo?
    package var connectionSettings: ConnectionSettings?
    package var metadata = ""
    package var participantAttributes: [String: String] = [:]
    package var addTrackRequests: [AddTrackRequest] = []
    package var publisherOffer: SignalDescription?
    package var reconnect = false
    package var reconnectReason = ReconnectReason.unknown
    package var participantSid = ""
    package var syncState: SyncState?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "client_info", &clientInfo)
        fields.field(2, "connection_settings", &connectionSettings)
        fields.field(3, "metadata", &metadata)
        fields.field(4, "participant_attributes", &participantAttributes)
        fields.field(5, "add_track_requests", &addTrackRequests)
        fields.field(6, "publisher_offer", &publisherOffer)
        fields.field(7, "reconnect", &reconnect)
        fields.field(8, "reconnect_reason", &reconnectReason)
        fields.field(9, "participant_sid", &participantSid)
        fields.field(10, "sync_state", &syncState)
    }
}

/// The `join_request` parameter, behind base64: a serialized `JoinRequest`, perhaps compressed.
package struct WrappedJoinRequest: ProtobufMessage {
    package var compression = WrappedJoinRequest.Compression.none
    package var joinRequest: [UInt8] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "compression", &compression)
        fields.field(2, "join_request", &joinRequest)
    }
}

extension WrappedJoinRequest {
    /// How the join request inside is compressed.
    package struct Compression: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let none = Self(rawValue: 0)
        package static let gzip = Self(rawValue: 1)

        package static let names: [Int32: String] = [
            0: "NONE", 1: "GZIP",
        ]
    }
}

/// How the server shall treat this connection. Absent booleans count as false.
package struct ConnectionSettings: ProtobufMessage {
    package var autoSubscribe = false
    package var adaptiveStream = false
    package var subscriberAllowPause: Bool?
    package var disableIceLite = false
    package var autoSubscribeDataTrack: Bool?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "auto_subscribe", &autoSubscribe)
        fields.field(2, "adaptive_stream", &adaptiveStream)
        fields.field(3, "subscriber_allow_pause", &subscriberAllowPause)
        fields.field(4, "disable_ice_lite", &disableIceLite)
        fields.field(5, "auto_subscribe_data_track", &autoSubscribeDataTrack)
    }
}

/// A STUN or TURN server.
package struct ICEServer: ProtobufMessage {
    package var urls: [String] = []
    package var username = ""
    package var credential = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "urls", &urls)
        fields.field(2, "username", &username)
        fields.field(3, "credential", &credential)
    }
}

/// Why a client resumes.
package struct ReconnectReason: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let unknown = Self(rawValue: 0)
    package static let signalDisconnected = Self(rawValue: 1)
    package static let publisherFailed = Self(rawValue: 2)
    package static let subscriberFailed = Self(rawValue: 3)
    package static let switchCandidate = Self(rawValue: 4)

    package static let names: [Int32: String] = [
        0: "RR_UNKNOWN", 1: "RR_SIGNAL_DISCONNECTED", 2: "RR_PUBLISHER_FAILED", 3: "RR_SUBSCRIBER_FAILED",
        4: "RR_SWITCH_CANDIDATE",
    ]
}

/// A client's ping: its Unix time and the last round trip, both in milliseconds.
package struct SignalPing: ProtobufMessage {
    package var timestamp: Int64 = 0
    package var rtt: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "timestamp", &timestamp)
        fields.field(2, "rtt", &rtt)
    }
}

/// The answer to a ping: the ping's time and the server's, both Unix milliseconds.
package struct SignalPong: ProtobufMessage {
    package var lastPingTimestamp: Int64 = 0
    package var timestamp: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "last_ping_timestamp", &lastPingTimestamp)
        fields.field(2, "timestamp", &timestamp)
    }
}
