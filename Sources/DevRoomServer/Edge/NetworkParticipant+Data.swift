internal import Observability
internal import PeerConnection
internal import Signalling
internal import Wire

/// Data channels: `_reliable` and `_lossy`, opened by the client, or by us on the subscriber's connection.
extension NetworkParticipant {
    static let reliableLabel = "_reliable"
    static let lossyLabel = "_lossy"

    /// The connection over which data goes to the client.
    private var dataPeer: ServerPeer { primary }

    func openChannels(on peer: ServerPeer) {
        let lossy = DataChannelReliability(isOrdered: false, effort: .maximumRetransmissions(0))
        for (label, reliability) in [(Self.reliableLabel, .reliableOrdered), (Self.lossyLabel, lossy)] {
            guard let id = try? peer.connection.openChannel(label: label, reliability: reliability, now: now) else {
                log.error("data channel could not be opened", ["label": label])
                continue
            }
            channels[label] = id
        }
        peer.update()
    }

    func channelOpened(_ id: DataChannelID, label: String, on peer: ServerPeer) {
        guard peer === dataPeer else { return }
        channels[label] = id
        guard channels[Self.reliableLabel] != nil, channels[Self.lossyLabel] != nil else { return }
        let waiting = waitingData
        waitingData = []
        waitingBytes = 0
        for (packet, isReliable) in waiting { send(data: packet, isReliable: isReliable) }
    }

    func send(data packet: [UInt8], isReliable: Bool) {
        let label = isReliable ? Self.reliableLabel : Self.lossyLabel
        guard let id = channels[label] else {
            guard isReliable, waitingBytes + packet.count <= Self.maximumWaitingBytes else { return }
            waitingData.append((packet, isReliable))
            waitingBytes += packet.count
            return
        }
        let connection = dataPeer.connection
        if !isReliable, connection.bufferedAmount(id) > Self.maximumLossyBacklog { return }
        do throws(DataChannelError) {
            try connection.send(packet, on: id, now: now)
        } catch {
            log.warning("data packet could not be sent", ["error": "\(error)", "bytes": packet.count])
        }
        dataPeer.update()
    }

    func received(_ bytes: [UInt8], label: String) {
        switch label {
        case Self.reliableLabel: host.perform { $0.receiveData(bytes, isReliable: true, from: sid) }
        case Self.lossyLabel: host.perform { $0.receiveData(bytes, isReliable: false, from: sid) }
        default: break
        }
    }
}
