internal import Signalling
internal import Wire

/// One participant as its room knows it.
struct ParticipantRecord {
    /// How the participant is connected.
    enum Transport: Hashable {
        /// One peer connection, the client offers (`/rtc/v1`).
        case onePeerConnection
        /// Two peer connections; the server offers on the subscriber's (`/rtc`).
        case twoPeerConnections
        /// Lives inside this process.
        case inProcess
    }

    /// A track that was announced and has no media section yet.
    struct PendingTrack {
        let cid: String
        var info: TrackInfo
    }

    /// A track that others can see.
    struct PublishedTrack {
        let cid: String
        var info: TrackInfo
        /// The publisher was told that its track has a subscriber.
        var hasHadSubscriber = false
    }

    /// A track of another participant that this one gets.
    struct Subscription {
        var isEstablished = false
        var isPaused = false
    }

    /// Tracks that may be announced and not negotiated at one time.
    static let maximumPendingTracks = 20
    /// Bytes of reliable packets held for a participant that is not connected yet.
    static let maximumHeldBytes = 100_000

    var info: ParticipantInfo
    let transport: Transport
    let protocolVersion: Int32
    let subscribesAutomatically: Bool
    let joinedAt: Instant
    /// Others have been told.
    var isAnnounced = false
    var pendingTracks: [PendingTrack] = []
    var tracks: [PublishedTrack] = []
    var subscriptions: [String: Subscription] = [:]
    /// Tracks that the participant does not want.
    var declinedTracks: Set<String> = []
    /// Who may subscribe to this participant's tracks; nil for everybody.
    var trackPermission: SubscriptionPermission?
    /// The highest number among reliable packets that came from it.
    var lastSequence: UInt32 = 0
    var heldPackets: [[UInt8]] = []
    var heldBytes = 0

    var sid: String { info.sid }
    var identity: String { info.identity }
    var isActive: Bool { info.state == .active }
    var permission: ParticipantPermission { info.permission ?? ParticipantPermission() }
    var isHidden: Bool { permission.hidden }
    /// The server trusts agents with other identities' transcriptions
    /// (docs/livekit-protocol.md#what-the-server-changes).
    var isAgent: Bool { info.kind == .agent || permission.agent }
    /// Neither agents nor recorders keep a room open.
    var keepsRoomOpen: Bool { !isAgent && info.kind != .egress && !permission.recorder }

    /// Whether `subscriber` may have the track.
    func allows(_ subscriber: ParticipantRecord, track sid: String) -> Bool {
        guard let trackPermission, !trackPermission.allParticipants else { return true }
        return trackPermission.trackPermissions.contains { entry in
            (entry.participantSid == subscriber.sid
                || !entry.participantIdentity.isEmpty && entry.participantIdentity == subscriber.identity)
                && (entry.allTracks || entry.trackSids.contains(sid))
        }
    }

    /// After each change, so that receivers can tell old from new.
    mutating func changed() { info.version += 1 }

    mutating func refreshTracks() {
        info.tracks = tracks.map(\.info)
        if !tracks.isEmpty { info.isPublisher = true }
        changed()
    }
}

/// What a token and a join request come to.
struct ParticipantJoin {
    var identity: String
    var name = ""
    var metadata = ""
    var attributes: [String: String] = [:]
    var kind = ParticipantInfo.Kind.standard
    var permission = ParticipantPermission()
    var client = ClientInfo()
    var subscribesAutomatically = true
    var transport = ParticipantRecord.Transport.onePeerConnection

    init(identity: String) { self.identity = identity }
}
