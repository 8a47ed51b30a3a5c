/// What a client sends over the signalling WebSocket. Cases of data tracks, data blobs and video are left out.
package struct SignalRequest: ProtobufMessage {
    package var message: Message?

    /// What the message holds; exactly one of these.
    package enum Message: Hashable, Sendable {
        case offer(SignalDescription)
        case answer(SignalDescription)
        case trickle(TrickleRequest)
        case addTrack(AddTrackRequest)
        case mute(MuteTrackRequest)
        case subscription(UpdateSubscription)
        case trackSetting(UpdateTrackSettings)
        case leave(LeaveRequest)
        case subscriptionPermission(SubscriptionPermission)
        case syncState(SyncState)
        case simulate(SimulateScenario)
        case ping(Int64)
        case updateMetadata(UpdateParticipantMetadata)
        case pingReq(SignalPing)
        case updateAudioTrack(UpdateLocalAudioTrack)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "offer", &message, Message.offer) { if case .offer(let value) = $0 { value } else { nil } }
        fields.field(2, "answer", &message, Message.answer) { if case .answer(let value) = $0 { value } else { nil } }
        fields.field(3, "trickle", &message, Message.trickle) {
            if case .trickle(let value) = $0 { value } else { nil }
        }
        fields.field(4, "add_track", &message, Message.addTrack) {
            if case .addTrack(let value) = $0 { value } else { nil }
        }
        fields.field(5, "mute", &message, Message.mute) { if case .mute(let value) = $0 { value } else { nil } }
        fields.field(6, "subscription", &message, Message.subscription) {
            if case .subscription(let value) = $0 { value } else { nil }
        }
        fields.field(7, "track_setting", &message, Message.trackSetting) {
            if case .trackSetting(let value) = $0 { value } else { nil }
        }
        fields.field(8, "leave", &message, Message.leave) { if case .leave(let value) = $0 { value } else { nil } }
        fields.field(11, "subscription_permission", &message, Message.subscriptionPermission) {
            if case .subscriptionPermission(let value) = $0 { value } else { nil }
        }
        fields.field(12, "sync_state", &message, Message.syncState) {
            if case .syncState(let value) = $0 { value } else { nil }
        }
        fields.field(13, "simulate", &message, Message.simulate) {
            if case .simulate(let value) = $0 { value } else { nil }
        }
        fields.field(14, "ping", &message, Message.ping) { if case .ping(let value) = $0 { value } else { nil } }
        fields.field(15, "update_metadata", &message, Message.updateMetadata) {
            if case .updateMetadata(let value) = $0 { value } else { nil }
        }
        fields.field(16, "ping_req", &message, Message.pingReq) {
            if case .pingReq(let value) = $0 { value } else { nil }
        }
        fields.field(17, "update_audio_track", &message, Message.updateAudioTrack) {
            if case .updateAudioTrack(let value) = $0 { value } else { nil }
        }
    }
}
