/// What an agent worker sends to the server.
package struct WorkerMessage: ProtobufMessage {
    package var message: Message?

    /// What the message holds; exactly one of these.
    package enum Message: Hashable, Sendable {
        case register(RegisterWorkerRequest)
        case availability(AvailabilityResponse)
        case updateWorker(UpdateWorkerStatus)
        case updateJob(UpdateJobStatus)
        case ping(WorkerPing)
        case simulateJob(SimulateJobRequest)
        case migrateJob(MigrateJobRequest)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "register", &message, Message.register) {
            if case .register(let value) = $0 { value } else { nil }
        }
        fields.field(2, "availability", &message, Message.availability) {
            if case .availability(let value) = $0 { value } else { nil }
        }
        fields.field(3, "update_worker", &message, Message.updateWorker) {
            if case .updateWorker(let value) = $0 { value } else { nil }
        }
        fields.field(4, "update_job", &message, Message.updateJob) {
            if case .updateJob(let value) = $0 { value } else { nil }
        }
        fields.field(5, "ping", &message, Message.ping) { if case .ping(let value) = $0 { value } else { nil } }
        fields.field(6, "simulate_job", &message, Message.simulateJob) {
            if case .simulateJob(let value) = $0 { value } else { nil }
        }
        fields.field(7, "migrate_job", &message, Message.migrateJob) {
            if case .migrateJob(let value) = $0 { value } else { nil }
        }
    }
}

/// What the server sends to an agent worker.
package struct ServerMessage: ProtobufMessage {
    package var message: Message?

    /// What the message holds; exactly one of these.
    package enum Message: Hashable, Sendable {
        case register(RegisterWorkerResponse)
        case availability(AvailabilityRequest)
        case assignment(JobAssignment)
        case termination(JobTermination)
        case pong(WorkerPong)
    }

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "register", &message, Message.register) {
            if case .register(let value) = $0 { value } else { nil }
        }
        fields.field(2, "availability", &message, Message.availability) {
            if case .availability(let value) = $0 { value } else { nil }
        }
        fields.field(3, "assignment", &message, Message.assignment) {
            if case .assignment(let value) = $0 { value } else { nil }
        }
        fields.field(5, "termination", &message, Message.termination) {
            if case .termination(let value) = $0 { value } else { nil }
        }
        fields.field(4, "pong", &message, Message.pong) { if case .pong(let value) = $0 { value } else { nil } }
    }
}

/// A worker's first message. An empty agent name asks for automatic dispatch.
package struct RegisterWorkerRequest: ProtobufMessage {
    package var type = JobType.room
    package var agentName = ""
    package var version = ""
    package var pingInterval: UInt32 = 0
    package var namespace: String?
    package var allowedPermissions: ParticipantPermission?
    package var deployment = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "type", &type)
        fields.field(8, "agent_name", &agentName)
        fields.field(3, "version", &version)
        fields.field(5, "ping_interval", &pingInterval)
        fields.field(6, "namespace", &namespace)
        fields.field(7, "allowed_permissions", &allowedPermissions)
        fields.field(9, "deployment", &deployment)
    }
}

/// The server's first message.
package struct RegisterWorkerResponse: ProtobufMessage {
    package var workerId = ""
    package var serverInfo: ServerInfo?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "worker_id", &workerId)
        fields.field(3, "server_info", &serverInfo)
    }
}

/// Offers a job.
package struct AvailabilityRequest: ProtobufMessage {
    package var job: Job?
    package var resuming = false

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "job", &job)
        fields.field(2, "resuming", &resuming)
    }
}

/// Takes or refuses a job.
package struct AvailabilityResponse: ProtobufMessage {
    package var jobId = ""
    package var available = false
    package var supportsResume = false
    package var terminate = false
    package var participantName = ""
    package var participantIdentity = ""
    package var participantMetadata = ""
    package var participantAttributes: [String: String] = [:]

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "job_id", &jobId)
        fields.field(2, "available", &available)
        fields.field(3, "supports_resume", &supportsResume)
        fields.field(8, "terminate", &terminate)
        fields.field(4, "participant_name", &participantName)
        fields.field(5, "participant_identity", &participantIdentity)
        fields.field(6, "participant_metadata", &participantMetadata)
        fields.field(7, "participant_attributes", &participantAttributes)
    }
}

/// Grants a job, with the token for the room.
package struct JobAssignment: ProtobufMessage {
    package var job: Job?
    package var url: String?
    package var token = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "job", &job)
        fields.field(2, "url", &url)
        fields.field(3, "token", &token)
    }
}

/// Ends a job.
package struct JobTermination: ProtobufMessage {
    package var jobId = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "job_id", &jobId)
    }
}

/// A worker's load, from 0 to 1.
package struct UpdateWorkerStatus: ProtobufMessage {
    package var status: WorkerStatus?
    package var load: Float = 0
    package var jobCount: UInt32 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "status", &status)
        fields.field(3, "load", &load)
        fields.field(4, "job_count", &jobCount)
    }
}

/// How a job is doing.
package struct UpdateJobStatus: ProtobufMessage {
    package var jobId = ""
    package var status = JobStatus.pending
    package var error = ""

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "job_id", &jobId)
        fields.field(2, "status", &status)
        fields.field(3, "error", &error)
    }
}

/// Jobs that still run after a worker reconnected.
package struct MigrateJobRequest: ProtobufMessage {
    package var jobIds: [String] = []

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(2, "job_ids", &jobIds)
    }
}

/// Asks for a test job.
package struct SimulateJobRequest: ProtobufMessage {
    package var type = JobType.room
    package var room: RoomInfo?
    package var participant: ParticipantInfo?

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "type", &type)
        fields.field(2, "room", &room)
        fields.field(3, "participant", &participant)
    }
}

/// A worker's ping, Unix milliseconds.
package struct WorkerPing: ProtobufMessage {
    package var timestamp: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "timestamp", &timestamp)
    }
}

/// The answer to a worker's ping.
package struct WorkerPong: ProtobufMessage {
    package var lastTimestamp: Int64 = 0
    package var timestamp: Int64 = 0

    package init() {}

    package mutating func visit(_ fields: inout FieldVisitor) {
        fields.field(1, "last_timestamp", &lastTimestamp)
        fields.field(2, "timestamp", &timestamp)
    }
}

/// Whether a worker takes jobs.
package struct WorkerStatus: ProtobufEnum {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let available = Self(rawValue: 0)
    package static let full = Self(rawValue: 1)

    package static let names: [Int32: String] = [
        0: "WS_AVAILABLE", 1: "WS_FULL",
    ]
}
