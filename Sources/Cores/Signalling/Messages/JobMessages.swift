/// One job of an agent.
package struct Job: ProtobufMessage {
    package var id = ""
    package var dispatchId = ""
    package var type = JobType.room
    package var room: RoomInfo?
    package var participant: ParticipantInfo?
    package var namespace = ""
    package var metadata = ""
    package var agentName = ""
    package var state: JobState?
    package var enableRecording = false
    package var deployment = ""
    package var attributes: [String: String] = [:]
    package var enableRedaction = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "id", &id)
        fields.field(9, "dispatch_id", &dispatchId)
        fields.field(2, "type", &type)
        fields.field(3, "room", &room)
        fields.field(4, "participant", &participant)
        fields.field(5, "namespace", &namespace)
        fields.field(6, "metadata", &metadata)
        fields.field(7, "agent_name", &agentName)
        fields.field(8, "state", &state)
        fields.field(10, "enable_recording", &enableRecording)
        fields.field(11, "deployment", &deployment)
        fields.field(12, "attributes", &attributes)
        fields.field(13, "enable_redaction", &enableRedaction)
    }
}

/// Where a job stands; times in Unix nanoseconds.
package struct JobState: ProtobufMessage {
    package var status = JobStatus.pending
    package var error = ""
    package var startedAt: Int64 = 0
    package var endedAt: Int64 = 0
    package var updatedAt: Int64 = 0
    package var participantIdentity = ""
    package var workerId = ""
    package var agentId = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "status", &status)
        fields.field(2, "error", &error)
        fields.field(3, "started_at", &startedAt)
        fields.field(4, "ended_at", &endedAt)
        fields.field(5, "updated_at", &updatedAt)
        fields.field(6, "participant_identity", &participantIdentity)
        fields.field(7, "worker_id", &workerId)
        fields.field(8, "agent_id", &agentId)
    }
}

/// What a job is about.
package struct JobType: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let room = Self(rawValue: 0)
    package static let publisher = Self(rawValue: 1)
    package static let participant = Self(rawValue: 2)

    package static let names: [Int32: String] = [
        0: "JT_ROOM", 1: "JT_PUBLISHER", 2: "JT_PARTICIPANT",
    ]
}

/// How a job is doing.
package struct JobStatus: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let pending = Self(rawValue: 0)
    package static let running = Self(rawValue: 1)
    package static let success = Self(rawValue: 2)
    package static let failed = Self(rawValue: 3)
    package static let cancelled = Self(rawValue: 4)

    package static let names: [Int32: String] = [
        0: "JS_PENDING", 1: "JS_RUNNING", 2: "JS_SUCCESS", 3: "JS_FAILED", 4: "JS_CANCELLED",
    ]
}

/// Whether a failed job is started again.
package struct JobRestartPolicy: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let onFailure = Self(rawValue: 0)
    package static let never = Self(rawValue: 1)

    package static let names: [Int32: String] = [
        0: "JRP_ON_FAILURE", 1: "JRP_NEVER",
    ]
}
