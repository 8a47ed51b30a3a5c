/// Creates a room, or returns the one that exists. Timeouts in seconds, delays in milliseconds. Egress is left out.
package struct CreateRoomRequest: ProtobufMessage {
    package var name = ""
    package var roomPreset = ""
    package var emptyTimeout: UInt32 = 0
    package var departureTimeout: UInt32 = 0
    package var maxParticipants: UInt32 = 0
    package var nodeId = ""
    package var metadata = ""
    package var tags: [String: String] = [:]
    package var minPlayoutDelay: UInt32 = 0
    package var maxPlayoutDelay: UInt32 = 0
    package var syncStreams = false
    package var replayEnabled = false
    package var agents: [RoomAgentDispatch] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "name", &name)
        fields.field(12, "room_preset", &roomPreset)
        fields.field(2, "empty_timeout", &emptyTimeout)
        fields.field(10, "departure_timeout", &departureTimeout)
        fields.field(3, "max_participants", &maxParticipants)
        fields.field(4, "node_id", &nodeId)
        fields.field(5, "metadata", &metadata)
        fields.field(15, "tags", &tags)
        fields.field(7, "min_playout_delay", &minPlayoutDelay)
        fields.field(8, "max_playout_delay", &maxPlayoutDelay)
        fields.field(9, "sync_streams", &syncStreams)
        fields.field(13, "replay_enabled", &replayEnabled)
        fields.field(14, "agents", &agents)
    }
}

/// How a room shall be made when the first participant joins. Egress is left out.
package struct RoomConfiguration: ProtobufMessage {
    package var name = ""
    package var emptyTimeout: UInt32 = 0
    package var departureTimeout: UInt32 = 0
    package var maxParticipants: UInt32 = 0
    package var metadata = ""
    package var minPlayoutDelay: UInt32 = 0
    package var maxPlayoutDelay: UInt32 = 0
    package var syncStreams = false
    package var agents: [RoomAgentDispatch] = []
    package var tags: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "name", &name)
        fields.field(2, "empty_timeout", &emptyTimeout)
        fields.field(3, "departure_timeout", &departureTimeout)
        fields.field(4, "max_participants", &maxParticipants)
        fields.field(11, "metadata", &metadata)
        fields.field(7, "min_playout_delay", &minPlayoutDelay)
        fields.field(8, "max_playout_delay", &maxPlayoutDelay)
        fields.field(9, "sync_streams", &syncStreams)
        fields.field(10, "agents", &agents)
        fields.field(12, "tags", &tags)
    }
}

/// Asks for rooms; no names means all.
package struct ListRoomsRequest: ProtobufMessage {
    package var names: [String] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "names", &names)
    }
}

/// The rooms.
package struct ListRoomsResponse: ProtobufMessage {
    package var rooms: [RoomInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "rooms", &rooms)
    }
}

/// Ends a room.
package struct DeleteRoomRequest: ProtobufMessage {
    package var room = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
    }
}

/// The room has ended.
package struct DeleteRoomResponse: ProtobufMessage {

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {}
}

/// Replaces a room's metadata.
package struct UpdateRoomMetadataRequest: ProtobufMessage {
    package var room = ""
    package var metadata = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "metadata", &metadata)
    }
}

/// Sends a packet to a room's participants; no destinations means everybody.
package struct SendDataRequest: ProtobufMessage {
    package var room = ""
    package var data: [UInt8] = []
    package var kind = DataPacket.Kind.reliable
    package var destinationSids: [String] = []
    package var destinationIdentities: [String] = []
    package var topic: String?
    package var nonce: [UInt8] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "data", &data)
        fields.field(3, "kind", &kind)
        fields.field(4, "destination_sids", &destinationSids)
        fields.field(6, "destination_identities", &destinationIdentities)
        fields.field(5, "topic", &topic)
        fields.field(7, "nonce", &nonce)
    }
}

/// The packet was sent.
package struct SendDataResponse: ProtobufMessage {

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {}
}

/// Calls a participant's procedure.
package struct PerformRpcRequest: ProtobufMessage {
    package var room = ""
    package var destinationIdentity = ""
    package var method = ""
    package var payload = ""
    package var responseTimeoutMs: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "room", &room)
        fields.field(2, "destination_identity", &destinationIdentity)
        fields.field(3, "method", &method)
        fields.field(4, "payload", &payload)
        fields.field(5, "response_timeout_ms", &responseTimeoutMs)
    }
}

/// What the procedure returned.
package struct PerformRpcResponse: ProtobufMessage {
    package var payload = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "payload", &payload)
    }
}
