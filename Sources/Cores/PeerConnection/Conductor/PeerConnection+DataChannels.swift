package import Wire

/// Data channels: a thin layer over `DataChannelMux`, so that outputs are drained.
extension PeerConnection {
    /// Opens a channel and announces it to the peer (RFC 8832). May be called, and written to, before anything
    /// was negotiated; a data section must be added for it to come about.
    package func openChannel(
        label: String, subprotocol: String = "", reliability: DataChannelReliability = .reliableOrdered, now: Instant
    ) throws(DataChannelError) -> DataChannelID {
        let id = try channels.open(label: label, subprotocol: subprotocol, reliability: reliability, now: now)
        settle(now: now)
        return id
    }

    /// Sends a message; empty ones are allowed.
    package func send(
        _ bytes: [UInt8], isText: Bool = false, on channel: DataChannelID, now: Instant
    ) throws(DataChannelError) {
        try channels.send(channel, bytes, isText: isText, now: now)
        settle(now: now)
    }

    /// What the channel is; nil once it is closed.
    package func channelInformation(_ channel: DataChannelID) -> DataChannelInformation? {
        channels.information(channel)
    }

    /// Bytes accepted on a channel that the peer has not acknowledged.
    package func bufferedAmount(_ channel: DataChannelID) -> Int { channels.bufferedAmount(channel) }

    /// `channelBufferedAmountLow` comes when the channel's buffered amount falls to `bytes` from above.
    package func setBufferedAmountLowThreshold(_ channel: DataChannelID, _ bytes: Int) {
        channels.setBufferedAmountLowThreshold(channel, bytes)
    }

    /// The largest message that the peer takes, in bytes; zero means no limit.
    package var maximumMessageSize: Int { channels.maximumSendMessageSize }
}
