internal import PeerConnection
internal import Signalling
internal import Wire

/// Placeholder.
final class Parrot {
    let identity: String
    init(_ job: Job, host: RoomHost, environment: ServerEnvironment) { identity = "agent-" + job.id }
    func leave() {}
}
