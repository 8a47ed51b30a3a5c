package import Signalling

/// One call of LiveKit's server API (docs/livekit-protocol.md#the-server-api): what to ask, what for, and the right that
/// it takes.
package struct ServerCall<Response: ProtobufMessage>: Sendable {
    /// `RoomService` or `AgentDispatchService`.
    package let service: String
    package let method: String
    /// The request in protobuf's wire format.
    package let body: [UInt8]
    /// Exactly the grant that the server demands for this call, no more
    /// (docs/livekit-protocol.md#grants-of-the-server-api).
    package let grant: VideoGrant
    /// Whether asking twice is the same as asking once, so that a call that got lost may be sent again. It is not for a
    /// dispatch, which would bring two agents.
    package private(set) var isIdempotent = false

    private init(_ service: String, _ method: String, _ request: some ProtobufMessage, grant: VideoGrant) {
        self.service = service
        self.method = method
        body = request.encoded()
        self.grant = grant
    }

    private var repeatable: Self {
        var call = self
        call.isIdempotent = true
        return call
    }

    private static func room(_ method: String, _ request: some ProtobufMessage, grant: VideoGrant) -> Self {
        Self("RoomService", method, request, grant: grant)
    }

    private static func participant(_ method: String, _ identity: String, in room: String) -> Self {
        let request = RoomParticipantIdentity.with {
            $0.room = room
            $0.identity = identity
        }
        return Self.room(method, request, grant: .administration(of: room))
    }

    private static func dispatch(_ method: String, _ request: some ProtobufMessage, room: String) -> Self {
        Self("AgentDispatchService", method, request, grant: .administration(of: room))
    }
}

extension VideoGrant {
    /// The right over one room.
    fileprivate static func administration(of room: String) -> VideoGrant {
        .with {
            $0.roomAdmin = true
            $0.room = room
        }
    }

    /// The right to make and end rooms.
    fileprivate static let creation = VideoGrant.with { $0.roomCreate = true }
}

extension ServerCall where Response == RoomInfo {
    /// Makes a room, or answers with the one that is there; with the agents in the request dispatched into it.
    package static func createRoom(_ request: CreateRoomRequest) -> Self {
        // The agents of a second request are passed over, because the room is there by then.
        room("CreateRoom", request, grant: .creation).repeatable
    }
}

extension ServerCall where Response == DeleteRoomResponse {
    /// Ends a room; its participants are sent away. An unknown room is `not_found`.
    package static func deleteRoom(_ name: String) -> Self {
        room("DeleteRoom", DeleteRoomRequest.with { $0.room = name }, grant: .creation).repeatable
    }
}

extension ServerCall where Response == ListParticipantsResponse {
    /// Who is in a room; nobody in an unknown one.
    package static func listParticipants(in room: String) -> Self {
        self.room(
            "ListParticipants", ListParticipantsRequest.with { $0.room = room }, grant: .administration(of: room)
        ).repeatable
    }
}

extension ServerCall where Response == ParticipantInfo {
    /// Who has an identity in a room. `not_found` when nobody has, or there is no such room.
    package static func getParticipant(_ identity: String, in room: String) -> Self {
        participant("GetParticipant", identity, in: room)
    }
}

extension ServerCall where Response == RemoveParticipantResponse {
    /// Sends somebody out of a room. `not_found` when they are not there.
    package static func removeParticipant(_ identity: String, from room: String) -> Self {
        participant("RemoveParticipant", identity, in: room)
    }
}

extension ServerCall where Response == SendDataResponse {
    /// Sends a data packet into a room, without being in it.
    package static func sendData(_ request: SendDataRequest) -> Self {
        room("SendData", request, grant: .administration(of: request.room))
    }
}

extension ServerCall where Response == AgentDispatch {
    /// Asks for an agent; the answer has the id that takes it back.
    package static func createDispatch(_ request: CreateAgentDispatchRequest) -> Self {
        dispatch("CreateDispatch", request, room: request.room)
    }

    /// Takes a dispatch back and ends its jobs.
    package static func deleteDispatch(_ id: String, from room: String) -> Self {
        let request = DeleteAgentDispatchRequest.with {
            $0.dispatchId = id
            $0.room = room
        }
        return dispatch("DeleteDispatch", request, room: room).repeatable
    }
}

extension ServerCall where Response == ListAgentDispatchResponse {
    /// The dispatches of a room, or the one of that id.
    package static func listDispatch(in room: String, id: String = "") -> Self {
        let request = ListAgentDispatchRequest.with {
            $0.dispatchId = id
            $0.room = room
        }
        return dispatch("ListDispatch", request, room: room).repeatable
    }
}
