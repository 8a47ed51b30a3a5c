internal import Signalling
internal import Wire

/// `livekit.RoomService`.
extension TwirpService {
    func roomService(_ method: String, _ call: Call) throws(TwirpError) -> [UInt8] {
        switch method {
        case "CreateRoom":
            try call.answer(CreateRoomRequest.self, { grant, _ in grant.roomCreate }, createRoom)
        case "ListRooms":
            try call.answer(ListRoomsRequest.self, { grant, _ in grant.roomList }, listRooms)
        case "DeleteRoom":
            try call.answer(DeleteRoomRequest.self, { grant, _ in grant.roomCreate }, deleteRoom)
        case "ListParticipants":
            try call.answer(
                ListParticipantsRequest.self, { grant, request in grant.isAdmin(of: request.room) }, listParticipants)
        case "GetParticipant":
            try call.answer(
                RoomParticipantIdentity.self, { grant, request in grant.isAdmin(of: request.room) }, getParticipant)
        case "RemoveParticipant":
            try call.answer(
                RoomParticipantIdentity.self, { grant, request in grant.isAdmin(of: request.room) }, removeParticipant)
        case "MutePublishedTrack":
            try call.answer(
                MuteRoomTrackRequest.self, { grant, request in grant.isAdmin(of: request.room) }, mutePublishedTrack)
        case "UpdateParticipant":
            try call.answer(
                UpdateParticipantRequest.self, { grant, request in grant.isAdmin(of: request.room) }, updateParticipant)
        case "UpdateSubscriptions":
            try call.answer(
                UpdateSubscriptionsRequest.self, { grant, request in grant.isAdmin(of: request.room) },
                updateSubscriptions)
        case "SendData":
            try call.answer(SendDataRequest.self, { grant, request in grant.isAdmin(of: request.room) }, sendData)
        case "UpdateRoomMetadata":
            try call.answer(
                UpdateRoomMetadataRequest.self, { grant, request in grant.isAdmin(of: request.room) },
                updateRoomMetadata)
        default: throw TwirpError(.badRoute, "no handler for method \"\(method)\"")
        }
    }

    private func createRoom(_ request: CreateRoomRequest) throws(TwirpError) -> RoomInfo {
        guard !request.name.isEmpty else { throw TwirpError(.invalidArgument, "name is required") }
        guard request.name.count <= JoinEndpoint.maximumNameLength else {
            throw TwirpError(.invalidArgument, "room name exceeds \(JoinEndpoint.maximumNameLength) characters")
        }
        let configuration = RoomConfiguration.with {
            $0.emptyTimeout = request.emptyTimeout
            $0.departureTimeout = request.departureTimeout
            $0.maxParticipants = request.maxParticipants
            $0.metadata = request.metadata
            $0.agents = request.agents
            $0.tags = request.tags
        }
        guard let host = hub.room(request.name, configuration: configuration) else {
            throw TwirpError(.resourceExhausted, "too many rooms")
        }
        return host.room.info
    }

    private func listRooms(_ request: ListRoomsRequest) -> ListRoomsResponse {
        .with {
            $0.rooms = hub.rooms.values.map(\.room.info)
                .filter { request.names.isEmpty || request.names.contains($0.name) }
                .sorted { $0.name < $1.name }
        }
    }

    private func deleteRoom(_ request: DeleteRoomRequest) throws(TwirpError) -> DeleteRoomResponse {
        let host = try room(request.room)
        host.perform { $0.close(.roomDeleted, host.time) }
        return DeleteRoomResponse()
    }

    private func listParticipants(_ request: ListParticipantsRequest) -> ListParticipantsResponse {
        .with { $0.participants = hub.rooms[request.room]?.room.participants.map(\.info) ?? [] }
    }

    private func participant(_ identity: String, in host: RoomHost?) throws(TwirpError) -> ParticipantRecord {
        guard let participant = host?.room.participant(identity: identity) else {
            throw TwirpError(.notFound, "participant does not exist")
        }
        return participant
    }

    private func getParticipant(_ request: RoomParticipantIdentity) throws(TwirpError) -> ParticipantInfo {
        try participant(request.identity, in: hub.rooms[request.room]).info
    }

    private func removeParticipant(
        _ request: RoomParticipantIdentity
    ) throws(TwirpError) -> RemoveParticipantResponse {
        let host = hub.rooms[request.room]
        let sid = try participant(request.identity, in: host).sid
        host?.perform { $0.disconnect(sid, .participantRemoved, hub.environment.time) }
        return RemoveParticipantResponse()
    }

    private func mutePublishedTrack(_ request: MuteRoomTrackRequest) throws(TwirpError) -> MuteRoomTrackResponse {
        let host = try room(request.room)
        let sid = try participant(request.identity, in: host).sid
        // The server API may mute a microphone, but not open it.
        guard request.muted else { throw TwirpError(.failedPrecondition, "remote unmute not enabled") }
        guard let track = host.perform({ $0.mute(sid, track: request.trackSid, isMuted: true, byServer: true) }) else {
            throw TwirpError(.notFound, "track is not found")
        }
        return .with { $0.track = track }
    }

    private func updateParticipant(_ request: UpdateParticipantRequest) throws(TwirpError) -> ParticipantInfo {
        let host = try room(request.room)
        let sid = try participant(request.identity, in: host).sid
        do throws(Room.MetadataError) {
            try host.perform { (room) throws(Room.MetadataError) in
                try room.update(
                    sid, name: request.name, metadata: request.metadata, attributes: request.attributes, byServer: true)
            }
        } catch {
            throw error == .tooLarge
                ? TwirpError(.invalidArgument, "metadata or attributes exceed the limit")
                : TwirpError(.notFound, "participant does not exist")
        }
        if let permission = request.permission { host.perform { $0.setPermission(sid, permission) } }
        return try participant(request.identity, in: host).info
    }

    private func updateSubscriptions(
        _ request: UpdateSubscriptionsRequest
    ) throws(TwirpError) -> UpdateSubscriptionsResponse {
        let host = try room(request.room)
        let sid = try participant(request.identity, in: host).sid
        let update = UpdateSubscription.with {
            $0.trackSids = request.trackSids
            $0.subscribe = request.subscribe
            $0.participantTracks = request.participantTracks
        }
        host.perform { $0.updateSubscription(sid, update) }
        return UpdateSubscriptionsResponse()
    }

    private func sendData(_ request: SendDataRequest) throws(TwirpError) -> SendDataResponse {
        guard request.nonce.isEmpty || request.nonce.count == 16 else {
            throw TwirpError(
                .invalidArgument, "nonce should be 16-bytes or not present, got: \(request.nonce.count) bytes")
        }
        let host = try room(request.room)
        host.perform { $0.sendData(request) }
        return SendDataResponse()
    }

    private func updateRoomMetadata(_ request: UpdateRoomMetadataRequest) throws(TwirpError) -> RoomInfo {
        let host = try room(request.room)
        guard request.metadata.utf8.count <= Room.maximumMetadataBytes else {
            throw TwirpError(.invalidArgument, "metadata exceeds \(Room.maximumMetadataBytes) bytes")
        }
        host.perform { $0.setMetadata(request.metadata) }
        return host.room.info
    }
}

extension VideoGrant {
    /// Whether the bearer may administer the room.
    func isAdmin(of room: String) -> Bool { roomAdmin && !room.isEmpty && room == self.room }
}
