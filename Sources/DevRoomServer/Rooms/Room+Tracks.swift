internal import Signalling
internal import Wire

/// Publishing: tracks are announced, become visible when their media section is negotiated, and go with it.
extension Room {
    /// Takes an announcement, and answers with the track's SID or with the reason why not.
    mutating func addTrack(_ sid: String, _ request: AddTrackRequest) {
        guard let index = index(of: sid) else { return }
        let participant = participants[index]
        let permission = participant.permission
        func refuse(_ reason: RequestResponse.Reason, _ message: String, in room: inout Room) {
            room.signal(
                .requestResponse(
                    .with {
                        $0.reason = reason
                        $0.message = message
                        $0.request = .addTrack(request)
                    }), to: sid)
        }
        guard permission.canPublish,
            permission.canPublishSources.isEmpty || permission.canPublishSources.contains(request.source)
        else { return refuse(.notAllowed, "does not have permission to publish", in: &self) }
        guard request.type == .audio else {
            return refuse(.unsupportedType, "this development server forwards audio only", in: &self)
        }
        guard participant.pendingTracks.count < ParticipantRecord.maximumPendingTracks else {
            return refuse(.limitExceeded, "too many tracks are being published", in: &self)
        }
        if participant.pendingTracks.contains(where: { $0.cid == request.cid }) {
            return refuse(.queued, "a track with this cid is being published", in: &self)
        }
        let info = makeTrack(request)
        participants[index].pendingTracks.append(.init(cid: request.cid, info: info))
        signal(
            .trackPublished(
                .with {
                    $0.cid = request.cid
                    $0.track = info
                }), to: sid)
    }

    private mutating func makeTrack(_ request: AddTrackRequest) -> TrackInfo {
        let isMicrophone = request.source == .microphone
        let letters = "A" + (isMicrophone ? "M" : request.source == .screenShareAudio ? "s" : "")
        return .with {
            $0.sid = ServerIdentifier.make(ServerIdentifier.track + letters, using: &random)
            $0.type = request.type
            $0.name = request.name
            $0.muted = request.muted
            $0.source = request.source
            $0.disableDtx = request.disableDtx
            $0.stereo = request.stereo
            $0.disableRed = request.disableRed
            $0.encryption = request.encryption
            $0.stream =
                !request.stream.isEmpty ? request.stream : request.source == .screenShareAudio ? "screen" : "camera"
            $0.audioFeatures = request.audioFeatures
            $0.backupCodecPolicy = request.backupCodecPolicy
        }
    }

    /// Whether a track was announced without redundant audio (RFC 2198).
    func refusesRedundancy(_ sid: String, cid: String) -> Bool {
        guard let index = index(of: sid) else { return false }
        return participants[index].pendingTracks.first { $0.cid == cid }?.info.disableRed == true
    }

    /// A media section that sends a track was negotiated: everybody may see it now. The track is the announced one
    /// with this client id, or else the oldest announced. Returns its SID, nil when nothing was announced yet.
    mutating func trackNegotiated(_ sid: String, cid: String, mid: String, isRedundant: Bool = false) -> String? {
        guard let index = index(of: sid) else { return nil }
        if let known = participants[index].tracks.first(where: { $0.cid == cid }) { return known.info.sid }
        let pending = participants[index].pendingTracks
        guard let position = pending.firstIndex(where: { $0.cid == cid }) ?? pending.indices.first else { return nil }
        var track = participants[index].pendingTracks.remove(at: position)
        track.info.mid = mid
        track.info.mimeType = isRedundant ? "audio/red" : "audio/opus"
        track.info.codecs = [
            .with {
                $0.mimeType = track.info.mimeType
                $0.mid = mid
                $0.cid = track.cid
            }
        ]
        let isFirst = !participants[index].info.isPublisher
        participants[index].tracks.append(.init(cid: track.cid, info: track.info))
        participants[index].refreshTracks()
        announce(index)
        for other in participants where other.sid != sid && other.subscribesAutomatically {
            subscribe(other.sid, to: track.info.sid)
        }
        if isFirst { emit(.published(participants[index].info)) }
        return track.info.sid
    }

    /// The section of a track was given up: it goes for everybody.
    mutating func trackEnded(_ sid: String, track: String) { unpublish(track, of: sid, tellsPublisher: false) }

    mutating func unpublish(_ track: String, of sid: String, tellsPublisher: Bool) {
        guard let index = index(of: sid),
            let position = participants[index].tracks.firstIndex(where: { $0.info.sid == track })
        else { return }
        dropSubscriptions(to: track)
        participants[index].tracks.remove(at: position)
        participants[index].refreshTracks()
        if tellsPublisher { signal(.trackUnpublished(.with { $0.trackSid = track }), to: sid) }
        announce(index)
    }

    /// Mutes or unmutes a participant's track. The publisher is told only when the server API asked for it.
    @discardableResult
    mutating func mute(_ sid: String, track: String, isMuted: Bool, byServer: Bool) -> TrackInfo? {
        guard let index = index(of: sid) else { return nil }
        if let position = participants[index].pendingTracks.firstIndex(where: { $0.info.sid == track }) {
            participants[index].pendingTracks[position].info.muted = isMuted
            return participants[index].pendingTracks[position].info
        }
        guard let position = participants[index].tracks.firstIndex(where: { $0.info.sid == track }) else { return nil }
        if participants[index].tracks[position].info.muted != isMuted {
            participants[index].tracks[position].info.muted = isMuted
            participants[index].refreshTracks()
            announce(index)
        }
        if byServer {
            signal(
                .mute(
                    .with {
                        $0.sid = track
                        $0.muted = isMuted
                    }), to: sid)
        }
        return participants[index].tracks[position].info
    }

    /// Replaces the audio features of a track.
    mutating func setFeatures(_ sid: String, _ request: UpdateLocalAudioTrack) {
        guard let index = index(of: sid),
            let position = participants[index].tracks.firstIndex(where: { $0.info.sid == request.trackSid })
        else { return }
        participants[index].tracks[position].info.audioFeatures = request.features
        participants[index].refreshTracks()
        announce(index)
    }
}
