internal import PeerConnection
internal import Signalling

/// The tracks of others that we ask for, and those that come, by the section that carries them. Only audio is asked for,
/// each track by its name.
struct Subscriptions {
    private let maximum: Int
    /// Nil where sound comes in clear.
    private let encryption: RoomEncryption?
    /// What we asked for.
    private var requested: Set<String> = []
    /// Which track the section with a mid carries, by the server's last description.
    private var sidByMID: [String: String] = [:]
    private var tracks: [Int: SubscribedTrack] = [:]
    /// Sections with media whose publication is not known yet.
    private var unannounced: [Int: String] = [:]

    /// - Parameters:
    ///   - maximum: tracks that are subscribed to at a time.
    ///   - encryption: opens what is encrypted end to end.
    init(maximum: Int, encryption: RoomEncryption? = nil) {
        self.maximum = maximum
        self.encryption = encryption
    }

    // MARK: Asking

    /// For the server's eyes after a resume.
    var requestedSIDs: [String] { requested.sorted() }

    /// A request for the audio of everybody, as far as it was not asked for; nil when there is nothing to ask for.
    mutating func requestAll(in view: RoomView) -> SignalRequest.Message? {
        request(view.participants.values.sorted { $0.identity < $1.identity }.flatMap(\.tracks))
    }

    private mutating func request(_ tracks: [TrackInfo]) -> SignalRequest.Message? {
        let wanted = tracks.filter { $0.type == .audio && !requested.contains($0.sid) }.map(\.sid)
            .prefix(max(0, maximum - requested.count))
        guard !wanted.isEmpty else { return nil }
        requested.formUnion(wanted)
        return .subscription(
            .with {
                $0.trackSids = Array(wanted)
                $0.subscribe = true
            })
    }

    /// The server cannot give us a track.
    mutating func refused(sid: String) { requested.remove(sid) }

    /// Nothing is asked for any more: the session, or the room, is another one.
    mutating func forgetRequests() { requested = [] }

    /// The room has changed.
    /// - Returns: events to be told before the change, and a request to be made after it.
    mutating func follow(
        _ change: RoomChange, in view: RoomView
    ) -> (events: [ParticipantEvent], request: SignalRequest.Message?) {
        switch change {
        case .trackPublished(let track, _): return ([], request([track]))
        case .trackUnpublished(let track, _):
            let wasFull = requested.count >= maximum
            let hasMadePlace = requested.remove(track.sid) != nil && wasFull
            unannounced = unannounced.filter { $0.value != track.sid }
            // The section will follow, but nothing more is heard of the track.
            let sections = tracks.filter { $0.value.sid == track.sid }.keys.sorted()
            let events = sections.flatMap { removed(section: $0) }
            return (events, hasMadePlace ? requestAll(in: view) : nil)
        default: return ([], nil)
        }
    }

    // MARK: What comes

    /// Takes the server's map of its last description: which track a mid carries.
    mutating func take(_ midToTrackID: [String: String]) { sidByMID = midToTrackID }

    /// A section carries a remote track. Events tell what that changes.
    /// - Parameter namesItself: the track's own names say which one it is, as on a connection where the server offers.
    mutating func added(
        _ track: RemoteTrack, on connection: PeerConnection, namesItself: Bool, in view: RoomView
    ) -> [ParticipantEvent] {
        guard let sid = sidByMID[track.mid] ?? (namesItself ? Self.sid(in: track) : nil),
            tracks[track.section]?.sid != sid
        else { return [] }
        let gone = removed(section: track.section)
        unannounced[track.section] = sid
        return gone + announce(on: connection, in: view)
    }

    /// The track's own name, or what follows the bar in the stream's.
    private static func sid(in track: RemoteTrack) -> String? {
        if track.trackID.hasPrefix("TR_") { return track.trackID }
        guard let bar = track.streamID.firstIndex(of: "|") else { return nil }
        let behind = track.streamID[track.streamID.index(after: bar)...]
        return behind.hasPrefix("TR_") ? String(behind) : nil
    }

    /// Announces tracks whose publication has become known.
    mutating func announce(on connection: PeerConnection, in view: RoomView) -> [ParticipantEvent] {
        guard !unannounced.isEmpty else { return [] }
        var events: [ParticipantEvent] = []
        for (section, sid) in unannounced.sorted(by: { $0.key < $1.key }) {
            guard let (info, participant) = view.track(sid: sid) else { continue }
            unannounced[section] = nil
            let track = SubscribedTrack(
                sid: sid, participantIdentity: participant.identity, info: info, connection: connection,
                section: section, opener: info.encryption == .none ? nil : encryption?.opener(of: participant.identity))
            tracks[section] = track
            events.append(.trackSubscribed(track))
        }
        return events
    }

    mutating func removed(section: Int) -> [ParticipantEvent] {
        unannounced[section] = nil
        guard let gone = tracks.removeValue(forKey: section) else { return [] }
        gone.end()
        return [.trackUnsubscribed(gone)]
    }

    /// The session is over, and all its tracks with it.
    mutating func sessionEnded() -> [ParticipantEvent] {
        unannounced = [:]
        sidByMID = [:]
        return tracks.keys.sorted().flatMap { removed(section: $0) }
    }
}
