internal import Wire

/// The `video` claim of an access token: what its bearer may do (docs/livekit-protocol.md#the-video-grant). Nil means
/// that the claim does not say, and the default applies.
package struct VideoGrant: Hashable, Sendable {
    package var roomJoin = false
    package var room = ""
    package var canPublish: Bool?
    package var canSubscribe: Bool?
    package var canPublishData: Bool?
    /// Empty means all.
    package var canPublishSources: [TrackSource] = []
    package var canUpdateOwnMetadata: Bool?
    package var canSubscribeMetrics: Bool?
    package var hidden = false
    package var recorder = false
    package var agent = false
    package var roomCreate = false
    package var roomList = false
    package var roomRecord = false
    package var roomAdmin = false
    package var ingressAdmin = false
    package var destinationRoom = ""

    package init() {}

    /// A grant with some members set.
    package static func with(_ fill: (inout VideoGrant) -> Void) -> VideoGrant {
        var grant = VideoGrant()
        fill(&grant)
        return grant
    }

    /// The grant to join a room with all that a participant needs.
    package static func join(room: String) -> VideoGrant {
        .with {
            $0.roomJoin = true
            $0.room = room
            $0.canPublish = true
            $0.canSubscribe = true
            $0.canPublishData = true
            $0.canUpdateOwnMetadata = true
        }
    }

    /// What the grant comes to once the defaults are applied.
    package var permission: ParticipantPermission {
        .with {
            $0.canSubscribe = canSubscribe ?? true
            $0.canPublish = canPublish ?? true
            $0.canPublishData = canPublishData ?? canPublish ?? true
            $0.canPublishSources = canPublishSources
            $0.canUpdateMetadata = canUpdateOwnMetadata ?? false
            $0.canSubscribeMetrics = canSubscribeMetrics ?? false
            $0.hidden = hidden
            $0.recorder = recorder
            $0.agent = agent
        }
    }

    private static let flags: [(String, any WritableKeyPath<VideoGrant, Bool> & Sendable)] = [
        ("roomJoin", \.roomJoin), ("roomCreate", \.roomCreate), ("roomList", \.roomList),
        ("roomRecord", \.roomRecord), ("roomAdmin", \.roomAdmin), ("ingressAdmin", \.ingressAdmin),
        ("hidden", \.hidden), ("recorder", \.recorder), ("agent", \.agent),
    ]
    private static let choices: [(String, any WritableKeyPath<VideoGrant, Bool?> & Sendable)] = [
        ("canPublish", \.canPublish), ("canSubscribe", \.canSubscribe), ("canPublishData", \.canPublishData),
        ("canUpdateOwnMetadata", \.canUpdateOwnMetadata), ("canSubscribeMetrics", \.canSubscribeMetrics),
    ]

    /// The claim as JSON; what is not set is left out.
    var json: JSONValue {
        var object = JSONObject()
        for (name, path) in Self.flags where self[keyPath: path] { object.append(name, true) }
        if !room.isEmpty { object.append("room", .string(room)) }
        if !destinationRoom.isEmpty { object.append("destinationRoom", .string(destinationRoom)) }
        for (name, path) in Self.choices {
            if let value = self[keyPath: path] { object.append(name, .bool(value)) }
        }
        if !canPublishSources.isEmpty {
            object.append("canPublishSources", .array(canPublishSources.map { .string($0.name.lowercased()) }))
        }
        return .object(object)
    }

    /// Reads the claim; members of another type than expected count as absent.
    init(json: JSONValue) {
        for (name, path) in Self.flags { self[keyPath: path] = json[name]?.bool ?? false }
        for (name, path) in Self.choices { self[keyPath: path] = json[name]?.bool }
        room = json["room"]?.string ?? ""
        destinationRoom = json["destinationRoom"]?.string ?? ""
        canPublishSources = (json["canPublishSources"]?.array ?? []).compactMap {
            $0.string.flatMap { TrackSource(json: .string($0.uppercased())) }
        }
    }
}
