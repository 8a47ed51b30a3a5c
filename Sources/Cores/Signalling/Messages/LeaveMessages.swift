/// The end of a session, or an order to reconnect. Without an action it means disconnect.
package struct LeaveRequest: ProtobufMessage {
    package var canReconnect = false
    package var reason = DisconnectReason.unknownReason
    package var action = LeaveRequest.Action.disconnect
    package var regions: RegionSettings?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "can_reconnect", &canReconnect)
        fields.field(2, "reason", &reason)
        fields.field(3, "action", &action)
        fields.field(4, "regions", &regions)
    }
}

extension LeaveRequest {
    /// What to do about a leave.
    package struct Action: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let disconnect = Self(rawValue: 0)
        package static let resume = Self(rawValue: 1)
        package static let reconnect = Self(rawValue: 2)

        package static let names: [Int32: String] = [
            0: "DISCONNECT", 1: "RESUME", 2: "RECONNECT",
        ]
    }
}

/// Other regions to connect to.
package struct RegionSettings: ProtobufMessage {
    package var regions: [RegionInfo] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "regions", &regions)
    }
}

/// A region, its address and distance.
package struct RegionInfo: ProtobufMessage {
    package var region = ""
    package var url = ""
    package var distance: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "region", &region)
        fields.field(2, "url", &url)
        fields.field(3, "distance", &distance)
    }
}

/// How a request ended, with the request itself when it has no id.
package struct RequestResponse: ProtobufMessage {
    package var requestId: UInt32 = 0
    package var reason = RequestResponse.Reason.ok
    package var message = ""
    package var request: Request?

    /// The request that this answers.
    package enum Request: Hashable, Sendable {
        case trickle(TrickleRequest)
        case addTrack(AddTrackRequest)
        case mute(MuteTrackRequest)
        case updateMetadata(UpdateParticipantMetadata)
        case updateAudioTrack(UpdateLocalAudioTrack)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "request_id", &requestId)
        fields.field(2, "reason", &reason)
        fields.field(3, "message", &message)
        fields.field(4, "trickle", &request, Request.trickle) {
            if case .trickle(let value) = $0 { value } else { nil }
        }
        fields.field(5, "add_track", &request, Request.addTrack) {
            if case .addTrack(let value) = $0 { value } else { nil }
        }
        fields.field(6, "mute", &request, Request.mute) { if case .mute(let value) = $0 { value } else { nil } }
        fields.field(7, "update_metadata", &request, Request.updateMetadata) {
            if case .updateMetadata(let value) = $0 { value } else { nil }
        }
        fields.field(8, "update_audio_track", &request, Request.updateAudioTrack) {
            if case .updateAudioTrack(let value) = $0 { value } else { nil }
        }
    }
}

extension RequestResponse {
    /// How a request ended.
    package struct Reason: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let ok = Self(rawValue: 0)
        package static let notFound = Self(rawValue: 1)
        package static let notAllowed = Self(rawValue: 2)
        package static let limitExceeded = Self(rawValue: 3)
        package static let queued = Self(rawValue: 4)
        package static let unsupportedType = Self(rawValue: 5)
        package static let unclassifiedError = Self(rawValue: 6)
        package static let invalidHandle = Self(rawValue: 7)
        package static let invalidName = Self(rawValue: 8)
        package static let duplicateHandle = Self(rawValue: 9)
        package static let duplicateName = Self(rawValue: 10)
        package static let invalidRequest = Self(rawValue: 11)

        package static let names: [Int32: String] = [
            0: "OK", 1: "NOT_FOUND", 2: "NOT_ALLOWED", 3: "LIMIT_EXCEEDED", 4: "QUEUED", 5: "UNSUPPORTED_TYPE",
            6: "UNCLASSIFIED_ERROR", 7: "INVALID_HANDLE", 8: "INVALID_NAME", 9: "DUPLICATE_HANDLE",
            10: "DUPLICATE_NAME", 11: "INVALID_REQUEST",
        ]
    }
}

/// Asks the server for a failure, for tests.
package struct SimulateScenario: ProtobufMessage {
    package var scenario: Scenario?

    /// What the message holds; exactly one of these.
    package enum Scenario: Hashable, Sendable {
        case speakerUpdate(Int32)
        case nodeFailure(Bool)
        case migration(Bool)
        case serverLeave(Bool)
        case switchCandidateProtocol(CandidateProtocol)
        case subscriberBandwidth(Int64)
        case disconnectSignalOnResume(Bool)
        case disconnectSignalOnResumeNoMessages(Bool)
        case leaveRequestFullReconnect(Bool)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "speaker_update", &scenario, Scenario.speakerUpdate) {
            if case .speakerUpdate(let value) = $0 { value } else { nil }
        }
        fields.field(2, "node_failure", &scenario, Scenario.nodeFailure) {
            if case .nodeFailure(let value) = $0 { value } else { nil }
        }
        fields.field(3, "migration", &scenario, Scenario.migration) {
            if case .migration(let value) = $0 { value } else { nil }
        }
        fields.field(4, "server_leave", &scenario, Scenario.serverLeave) {
            if case .serverLeave(let value) = $0 { value } else { nil }
        }
        fields.field(5, "switch_candidate_protocol", &scenario, Scenario.switchCandidateProtocol) {
            if case .switchCandidateProtocol(let value) = $0 { value } else { nil }
        }
        fields.field(6, "subscriber_bandwidth", &scenario, Scenario.subscriberBandwidth) {
            if case .subscriberBandwidth(let value) = $0 { value } else { nil }
        }
        fields.field(7, "disconnect_signal_on_resume", &scenario, Scenario.disconnectSignalOnResume) {
            if case .disconnectSignalOnResume(let value) = $0 { value } else { nil }
        }
        fields.field(
            8, "disconnect_signal_on_resume_no_messages", &scenario, Scenario.disconnectSignalOnResumeNoMessages
        ) { if case .disconnectSignalOnResumeNoMessages(let value) = $0 { value } else { nil } }
        fields.field(9, "leave_request_full_reconnect", &scenario, Scenario.leaveRequestFullReconnect) {
            if case .leaveRequestFullReconnect(let value) = $0 { value } else { nil }
        }
    }
}

/// What ICE shall run over.
package struct CandidateProtocol: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let udp = Self(rawValue: 0)
    package static let tcp = Self(rawValue: 1)
    package static let tls = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "UDP", 1: "TCP", 2: "TLS",
    ]
}
