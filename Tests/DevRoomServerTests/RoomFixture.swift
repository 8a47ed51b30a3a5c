import Signalling
import TestSupport
import Wire

@testable import DevRoomServer

/// A room in virtual time, and what it said to whom.
struct RoomFixture {
    var room: Room
    var time = ServerTime(now: .zero, unixMilliseconds: 1_700_000_000_000)
    private(set) var outputs: [RoomOutput] = []

    init(configure: (inout RoomConfiguration) -> Void = { _ in }) {
        var configuration = RoomConfiguration()
        configure(&configuration)
        room = Room(
            name: "lobby", configuration: configuration, server: ServerDescription(nodeID: "ND_test"),
            time: ServerTime(now: .zero, unixMilliseconds: 1_700_000_000_000), random: SystemRandomNumberGenerator())
    }

    /// Everybody's permissions unless a test wants others.
    static let everything = ParticipantPermission.with {
        $0.canPublish = true
        $0.canSubscribe = true
        $0.canPublishData = true
        $0.canUpdateMetadata = true
    }

    /// Lets somebody in and, unless told otherwise, connects it. Outputs are kept.
    mutating func join(
        _ identity: String, isActive: Bool = true, configure: (inout ParticipantJoin) -> Void = { _ in }
    ) throws -> String {
        var request = ParticipantJoin(identity: identity)
        request.permission = Self.everything
        request.client.protocolVersion = 17
        configure(&request)
        let sid = try room.join(request, time)
        if isActive { room.activate(sid, time) }
        collect()
        return sid
    }

    /// Publishes a track as a client would; returns its SID.
    mutating func publish(_ sid: String, cid: String = "cid") -> String? {
        room.addTrack(
            sid,
            .with {
                $0.cid = cid
                $0.source = .microphone
                $0.name = "microphone"
            })
        let track = room.trackNegotiated(sid, cid: cid, mid: "1")
        collect()
        return track
    }

    mutating func collect() { while let output = room.poll() { outputs.append(output) } }

    /// Takes what was said to one participant since the last call, and forgets everything else.
    mutating func take(_ sid: String) -> [SignalResponse.Message] {
        collect()
        defer { outputs = [] }
        return outputs.compactMap { if case .signal(let message, sid) = $0 { message } else { nil } }
    }

    mutating func takeAll() -> [RoomOutput] {
        collect()
        defer { outputs = [] }
        return outputs
    }

    mutating func advance(_ duration: Duration) {
        time.now += duration
        time.unixMilliseconds += duration.milliseconds
        room.handleTimeout(time)
    }
}

extension Array where Element == SignalResponse.Message {
    /// The participants of all updates, in order.
    var updated: [ParticipantInfo] {
        flatMap { message -> [ParticipantInfo] in
            if case .update(let update) = message { update.participants } else { [] }
        }
    }
    var leave: LeaveRequest? {
        compactMap { if case .leave(let leave) = $0 { leave } else { nil } }.first
    }
    var join: JoinResponse? {
        compactMap { if case .join(let join) = $0 { join } else { nil } }.first
    }
    var trackSubscribed: [String] {
        compactMap { if case .trackSubscribed(let message) = $0 { message.trackSid } else { nil } }
    }
    var requestResponses: [RequestResponse] {
        compactMap { if case .requestResponse(let message) = $0 { message } else { nil } }
    }
}
