internal import Signalling
internal import Wire

/// Subscriptions: which participant gets which tracks.
extension Room {
    /// Where a track is: the publisher's place and the track's place in its list.
    private func find(_ track: String) -> (publisher: Int, position: Int)? {
        for (publisher, participant) in participants.enumerated() {
            if let position = participant.tracks.firstIndex(where: { $0.info.sid == track }) {
                return (publisher, position)
            }
        }
        return nil
    }

    /// Subscribes a participant that joins to all tracks, if it subscribes automatically.
    mutating func subscribeToAll(_ sid: String) {
        guard let subscriber = participant(sid), subscriber.subscribesAutomatically else { return }
        for other in participants where other.sid != sid {
            for track in other.tracks { subscribe(sid, to: track.info.sid) }
        }
    }

    /// Subscribes unless that is not allowed, not wanted or done already.
    mutating func subscribe(_ sid: String, to track: String) {
        guard let index = index(of: sid), let (publisher, position) = find(track),
            participants[publisher].sid != sid, participants[index].permission.canSubscribe,
            participants[index].subscriptions[track] == nil, !participants[index].declinedTracks.contains(track)
        else { return }
        let isAllowed = participants[publisher].allows(participants[index], track: track)
        signal(
            .subscriptionPermissionUpdate(
                .with {
                    $0.participantSid = participants[publisher].sid
                    $0.trackSid = track
                    $0.allowed = isAllowed
                }), to: sid)
        guard isAllowed else { return }
        participants[index].subscriptions[track] = .init()
        emit(
            .attach(
                track: participants[publisher].tracks[position].info, publisher: participants[publisher].sid,
                subscriber: sid))
    }

    mutating func unsubscribe(_ sid: String, from track: String) {
        guard let index = index(of: sid), participants[index].subscriptions.removeValue(forKey: track) != nil else {
            return
        }
        emit(.detach(track: track, subscriber: sid))
    }

    /// A track ends: its subscriptions end with it.
    mutating func dropSubscriptions(to track: String) {
        for participant in participants { unsubscribe(participant.sid, from: track) }
        for index in participants.indices { participants[index].declinedTracks.remove(track) }
    }

    /// Media of a track can reach a subscriber. The publisher is told of its first one; agents wait for that before
    /// they speak.
    mutating func subscriptionEstablished(track: String, subscriber: String) {
        guard let index = index(of: subscriber), let (publisher, position) = find(track),
            participants[index].subscriptions[track]?.isEstablished == false
        else { return }
        participants[index].subscriptions[track]?.isEstablished = true
        guard !participants[publisher].tracks[position].hasHadSubscriber else { return }
        participants[publisher].tracks[position].hasHadSubscriber = true
        signal(.trackSubscribed(.with { $0.trackSid = track }), to: participants[publisher].sid)
    }

    /// A client wants some tracks, or no longer wants them.
    mutating func updateSubscription(_ sid: String, _ request: UpdateSubscription) {
        guard let index = index(of: sid) else { return }
        let tracks = request.trackSids + request.participantTracks.flatMap(\.trackSids)
        for track in tracks {
            if request.subscribe {
                participants[index].declinedTracks.remove(track)
                guard find(track) != nil else {
                    signal(
                        .subscriptionResponse(
                            .with {
                                $0.trackSid = track
                                $0.err = .trackNotfound
                            }), to: sid)
                    continue
                }
                subscribe(sid, to: track)
            } else {
                if find(track) != nil { participants[index].declinedTracks.insert(track) }
                unsubscribe(sid, from: track)
            }
        }
    }

    /// A client pauses or resumes tracks.
    mutating func updateTrackSettings(_ sid: String, _ request: UpdateTrackSettings) {
        guard let index = index(of: sid) else { return }
        for track in request.trackSids {
            guard let subscription = participants[index].subscriptions[track],
                subscription.isPaused != request.disabled
            else { continue }
            participants[index].subscriptions[track]?.isPaused = request.disabled
            emit(.pause(track: track, subscriber: sid, isPaused: request.disabled))
        }
    }

    /// A publisher says who may subscribe to its tracks.
    mutating func setTrackPermission(_ sid: String, _ permission: SubscriptionPermission) {
        guard let index = index(of: sid) else { return }
        participants[index].trackPermission = permission
        let publisher = participants[index]
        for track in publisher.tracks.map(\.info.sid) {
            for other in participants where other.sid != sid {
                let isAllowed = publisher.allows(other, track: track)
                if !isAllowed, other.subscriptions[track] != nil {
                    unsubscribe(other.sid, from: track)
                    signal(
                        .subscriptionPermissionUpdate(
                            .with {
                                $0.participantSid = sid
                                $0.trackSid = track
                                $0.allowed = false
                            }), to: other.sid)
                } else if isAllowed, other.subscribesAutomatically {
                    subscribe(other.sid, to: track)
                }
            }
        }
    }

    /// After a resume the client says what it believes. Returns false when it publishes tracks that are unknown here:
    /// its session is not the one that we know, and it has to start afresh.
    mutating func synchronize(_ sid: String, _ state: SyncState) -> Bool {
        guard let participant = participant(sid) else { return false }
        let known = Set(participant.tracks.map(\.info.sid) + participant.pendingTracks.map(\.info.sid))
        for track in state.publishTracks {
            guard let info = track.track, known.contains(info.sid) else { return false }
        }
        if let subscription = state.subscription { updateSubscription(sid, subscription) }
        if !state.trackSidsDisabled.isEmpty {
            updateTrackSettings(
                sid,
                .with {
                    $0.trackSids = state.trackSidsDisabled
                    $0.disabled = true
                })
        }
        return true
    }
}
