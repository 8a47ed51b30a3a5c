/// What the server sends over the signalling WebSocket. Cases of data tracks, data blobs and video are left out.
package struct SignalResponse: ProtobufMessage {
    package var message: Message?

    /// What the message holds; exactly one of these.
    package enum Message: Hashable, Sendable {
        case join(JoinResponse)
        case answer(SignalDescription)
        case offer(SignalDescription)
        case trickle(TrickleRequest)
        case update(ParticipantUpdate)
        case trackPublished(TrackPublishedResponse)
        case leave(LeaveRequest)
        case mute(MuteTrackRequest)
        case speakersChanged(SpeakersChanged)
        case roomUpdate(RoomUpdate)
        case connectionQuality(ConnectionQualityUpdate)
        case subscriptionPermissionUpdate(SubscriptionPermissionUpdate)
        case refreshToken(String)
        case trackUnpublished(TrackUnpublishedResponse)
        case pong(Int64)
        case reconnect(ReconnectResponse)
        case pongResp(SignalPong)
        case subscriptionResponse(SubscriptionResponse)
        case requestResponse(RequestResponse)
        case trackSubscribed(TrackSubscribed)
        case roomMoved(RoomMovedResponse)
        case mediaSectionsRequirement(MediaSectionsRequirement)
        case subscribedAudioCodecUpdate(SubscribedAudioCodecUpdate)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "join", &message, Message.join) { if case .join(let value) = $0 { value } else { nil } }
        fields.field(2, "answer", &message, Message.answer) { if case .answer(let value) = $0 { value } else { nil } }
        fields.field(3, "offer", &message, Message.offer) { if case .offer(let value) = $0 { value } else { nil } }
        fields.field(4, "trickle", &message, Message.trickle) {
            if case .trickle(let value) = $0 { value } else { nil }
        }
        fields.field(5, "update", &message, Message.update) { if case .update(let value) = $0 { value } else { nil } }
        fields.field(6, "track_published", &message, Message.trackPublished) {
            if case .trackPublished(let value) = $0 { value } else { nil }
        }
        fields.field(8, "leave", &message, Message.leave) { if case .leave(let value) = $0 { value } else { nil } }
        fields.field(9, "mute", &message, Message.mute) { if case .mute(let value) = $0 { value } else { nil } }
        fields.field(10, "speakers_changed", &message, Message.speakersChanged) {
            if case .speakersChanged(let value) = $0 { value } else { nil }
        }
        fields.field(11, "room_update", &message, Message.roomUpdate) {
            if case .roomUpdate(let value) = $0 { value } else { nil }
        }
        fields.field(12, "connection_quality", &message, Message.connectionQuality) {
            if case .connectionQuality(let value) = $0 { value } else { nil }
        }
        fields.field(15, "subscription_permission_update", &message, Message.subscriptionPermissionUpdate) {
            if case .subscriptionPermissionUpdate(let value) = $0 { value } else { nil }
        }
        fields.field(16, "refresh_token", &message, Message.refreshToken) {
            if case .refreshToken(let value) = $0 { value } else { nil }
        }
        fields.field(17, "track_unpublished", &message, Message.trackUnpublished) {
            if case .trackUnpublished(let value) = $0 { value } else { nil }
        }
        fields.field(18, "pong", &message, Message.pong) { if case .pong(let value) = $0 { value } else { nil } }
        fields.field(19, "reconnect", &message, Message.reconnect) {
            if case .reconnect(let value) = $0 { value } else { nil }
        }
        fields.field(20, "pong_resp", &message, Message.pongResp) {
            if case .pongResp(let value) = $0 { value } else { nil }
        }
        fields.field(21, "subscription_response", &message, Message.subscriptionResponse) {
            if case .subscriptionResponse(let value) = $0 { value } else { nil }
        }
        fields.field(22, "request_response", &message, Message.requestResponse) {
            if case .requestResponse(let value) = $0 { value } else { nil }
        }
        fields.field(23, "track_subscribed", &message, Message.trackSubscribed) {
            if case .trackSubscribed(let value) = $0 { value } else { nil }
        }
        fields.field(24, "room_moved", &message, Message.roomMoved) {
            if case .roomMoved(let value) = $0 { value } else { nil }
        }
        fields.field(25, "media_sections_requirement", &message, Message.mediaSectionsRequirement) {
            if case .mediaSectionsRequirement(let value) = $0 { value } else { nil }
        }
        fields.field(26, "subscribed_audio_codec_update", &message, Message.subscribedAudioCodecUpdate) {
            if case .subscribedAudioCodecUpdate(let value) = $0 { value } else { nil }
        }
    }
}
