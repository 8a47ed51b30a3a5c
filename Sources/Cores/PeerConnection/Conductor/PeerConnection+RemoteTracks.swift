/// The tracks that the peer announces, and which packets belong to them.
extension PeerConnection {
    /// Compares what the peer announces for a section with the track that we know there.
    func updateRemoteTrack(_ transceiver: Transceiver, _ section: MediaSection) {
        let source = section.sources.first
        let stream = section.streams.first ?? section.sources.compactMap(\.stream).first
        guard section.direction.sends, transceiver.wanted.receives, source != nil || stream != nil else {
            removeRemoteTrack(transceiver)
            return
        }
        let track = RemoteTrack(
            section: transceiver.index, mid: transceiver.mid, streamID: stream?.streamID ?? "",
            trackID: stream?.trackID ?? "", ssrc: source?.ssrc)
        guard transceiver.remoteTrack != track else { return }
        removeRemoteTrack(transceiver)
        addRemoteTrack(track, to: transceiver)
    }

    func addRemoteTrack(_ track: RemoteTrack, to transceiver: Transceiver) {
        transceiver.remoteTrack = track
        if let ssrc = track.ssrc { bind(ssrc, to: transceiver) }
        events.append(.trackAdded(track))
    }

    func removeRemoteTrack(_ transceiver: Transceiver) {
        if let receiver = transceiver.receiver {
            receiver.isRetired = true
            if receiversBySource[receiver.ssrc] === receiver { receiversBySource[receiver.ssrc] = nil }
            if retiredSources.count >= Self.maximumRetiredSources { retiredSources.removeFirst() }
            retiredSources.append(receiver.ssrc)
            transceiver.receiver = nil
        }
        guard let track = transceiver.remoteTrack else { return }
        transceiver.remoteTrack = nil
        events.append(.trackRemoved(track))
    }

    /// From now on packets of this source belong to the section.
    func bind(_ ssrc: UInt32, to transceiver: Transceiver) {
        guard receiversBySource.count < Self.maximumReceivers else { return }
        retiredSources.removeAll { $0 == ssrc }
        if let other = receiversBySource[ssrc], transceivers[other.section].receiver === other {
            transceivers[other.section].receiver = nil
            other.isRetired = true
        }
        let receiver = RTPReceiver(
            ssrc: ssrc, section: transceiver.index, mode: transceiver.receiveMode,
            hasNACK: transceiver.hasNACK && configuration.usesRetransmission)
        transceiver.receiver = receiver
        receiversBySource[ssrc] = receiver
    }
}
