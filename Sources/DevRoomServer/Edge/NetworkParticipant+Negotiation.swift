internal import EventLoops
internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Offers and answers. With one peer connection the client offers, and we ask it to when a track waits for a section;
/// with two, we offer on the subscriber's (docs/livekit-protocol.md#negotiation-with-one-connection and after it).
extension NetworkParticipant {
    // MARK: The client offers

    func receive(offer: SignalDescription) {
        let connection = publisher.connection
        do throws(NegotiationError) {
            try connection.acceptOffer(offer.sdp, now: now)
            if transport == .onePeerConnection { placeWaiting() }
            refuseRedundancy(connection)
            let answer = try connection.createAnswer(now: now)
            publisher.update()
            session?.send(
                .answer(
                    .with {
                        $0.type = "answer"
                        $0.sdp = answer
                        $0.id = offer.id
                        $0.midToTrackId = midToTrackID(connection)
                    }))
        } catch {
            log.warning("offer refused", ["error": "\(error)"])
            return mismatch()
        }
        requestedSections = 0
        takeAnnounced()
        if transport == .onePeerConnection {
            establish(on: publisher)
            if downtracks.contains(where: { $0.section == nil }) {
                needsNegotiation = true
                negotiation?.request()
            }
        }
    }

    /// Tracks that were announced without redundant audio get none.
    private func refuseRedundancy(_ connection: PeerConnection) {
        for section in connection.sections where section.opusPayloadType == nil {
            guard let cid = section.remoteTrack?.trackID, host.room.refusesRedundancy(sid, cid: cid) else { continue }
            connection.setAcceptsRED(false, on: section.index)
        }
    }

    /// Which section carries which track to the client.
    private func midToTrackID(_ connection: PeerConnection) -> [String: String] {
        var map: [String: String] = [:]
        for section in connection.sections where section.direction.sends {
            if let track = section.localTrack { map[section.mid] = track.trackID }
        }
        return map
    }

    /// Makes tracks visible whose sections the client has just offered. A track that is announced only later waits.
    func takeAnnounced() {
        let candidates = announced
        announced = []
        for remote in candidates {
            let section = publisher.connection.sections.first { $0.index == remote.section }
            if let track = host.trackNegotiated(
                sid, cid: remote.trackID, mid: remote.mid, isRedundant: section?.redPayloadType != nil)
            {
                published[remote.section] = track
            } else {
                announced.append(remote)
            }
        }
    }

    /// Puts waiting tracks on sections where the client is ready to receive and nothing is sent yet.
    private func placeWaiting() {
        for downtrack in downtracks where downtrack.section == nil {
            let connection = publisher.connection
            guard
                let section = connection.sections.first(where: { section in
                    section.isFreeForSending && section.remoteTrack == nil
                        && usedSections[section.index]?.contains(downtrack.track.sid) != true
                })
            else { continue }
            connection.setLocalTrack(downtrack.makeLocalTrack(connection), on: section.index, now: now)
            downtrack.place(on: section.index, of: publisher)
            usedSections[section.index, default: []].insert(downtrack.track.sid)
        }
    }

    // MARK: The server offers

    func receive(answer: SignalDescription) {
        guard let subscriber, isOfferOutstanding else { return }
        isOfferOutstanding = false
        do throws(NegotiationError) {
            try subscriber.connection.acceptAnswer(answer.sdp, now: now)
        } catch {
            log.warning("answer refused", ["error": "\(error)"])
            return mismatch()
        }
        subscriber.update()
        establish(on: subscriber)
        negotiation?.request()
    }

    func offer(on subscriber: ServerPeer, iceRestart: Bool = false) {
        guard !isOfferOutstanding else {
            needsNegotiation = true
            return
        }
        needsNegotiation = false
        let connection = subscriber.connection
        for downtrack in downtracks where downtrack.section == nil {
            let track = downtrack.makeLocalTrack(connection)
            let free = connection.sections.first { section in
                section.kind == .audio && !section.isRejected && section.localTrack == nil
                    && usedSections[section.index]?.contains(downtrack.track.sid) != true
            }
            if let free {
                connection.setLocalTrack(track, on: free.index, now: now)
                connection.setDirection(.sendOnly, on: free.index)
            }
            guard let section = free?.index ?? connection.addAudioSection(direction: .sendOnly, track: track) else {
                log.warning("no room for another track")
                continue
            }
            downtrack.place(on: section, of: subscriber)
            usedSections[section, default: []].insert(downtrack.track.sid)
        }
        do throws(NegotiationError) {
            let sdp = try connection.createOffer(iceRestart: iceRestart, now: now)
            isOfferOutstanding = true
            offerNumber += 1
            var map: [String: String] = [:]
            for section in connection.sections { map[section.mid] = section.localTrack?.trackID }
            session?.send(
                .offer(
                    .with {
                        $0.type = "offer"
                        $0.sdp = sdp
                        $0.id = offerNumber
                        $0.midToTrackId = map
                    }))
        } catch {
            log.warning("offer could not be made", ["error": "\(error)"])
        }
        subscriber.update()
    }

    // MARK: Both

    /// What is negotiated now can flow.
    private func establish(on peer: ServerPeer) {
        let sending = Set(peer.connection.sections.filter(\.direction.sends).map(\.index))
        for downtrack in downtracks where !downtrack.isEstablished {
            guard let section = downtrack.section, sending.contains(section) else { continue }
            downtrack.isEstablished = true
            host.perform { $0.subscriptionEstablished(track: downtrack.track.sid, subscriber: sid) }
        }
    }

    /// Runs at the end of the loop's iteration, so that several changes cost one round.
    func negotiateIfNeeded() {
        guard !hasEnded else { return }
        if let subscriber {
            if needsNegotiation, !isOfferOutstanding { offer(on: subscriber) }
            return
        }
        let waiting = downtracks.count { $0.section == nil }
        guard needsNegotiation || waiting > 0, session != nil else { return }
        // Nothing was offered yet: the first offer brings spare sections.
        guard !publisher.connection.sections.isEmpty else { return }
        let free = publisher.connection.sections.count { $0.isFreeForSending && $0.remoteTrack == nil }
        let missing = max(0, waiting - free - requestedSections)
        guard needsNegotiation || missing > 0 else { return }
        needsNegotiation = false
        requestedSections += missing
        session?.send(.mediaSectionsRequirement(.with { $0.numAudios = UInt32(missing) }))
    }

    /// The two sides no longer agree; the client has to start afresh.
    func mismatch() {
        session?.send(
            .leave(
                .with {
                    $0.canReconnect = true
                    $0.reason = .stateMismatch
                    $0.action = .reconnect
                }))
        host.perform { $0.disconnect(sid, .stateMismatch, host.time) }
    }

    // MARK: Tracks to the client

    func attach(_ track: ForwardedTrack) {
        let downtrack = Downtrack(track)
        downtracks.append(downtrack)
        track.attach(downtrack, subscriber: sid)
        needsNegotiation = true
        negotiation?.request()
    }

    func detach(track sid: String) {
        guard let index = downtracks.firstIndex(where: { $0.track.sid == sid }) else { return }
        let downtrack = downtracks.remove(at: index)
        downtrack.track.detach(self.sid)
        guard let section = downtrack.section else { return }
        let peer = subscriber ?? publisher
        peer.connection.setLocalTrack(nil, on: section, now: now)
        peer.update()
        needsNegotiation = true
        negotiation?.request()
    }

    func pause(track sid: String, isPaused: Bool) {
        downtracks.first { $0.track.sid == sid }?.isPaused = isPaused
    }
}
