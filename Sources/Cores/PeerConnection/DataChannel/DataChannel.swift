import Wire

/// Names a data channel of one `DataChannelMux`. Unlike a stream identifier it is never used again, so what is said
/// late about a closed channel is not taken for its successor.
package struct DataChannelID: Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// What a data channel is.
package struct DataChannelInformation: Hashable, Sendable {
    package let label: String
    /// The WebSocket-style subprotocol; often empty.
    package let subprotocol: String
    package let reliability: DataChannelReliability
    /// The SCTP stream in both directions; nil until the DTLS role is known.
    package internal(set) var stream: UInt16?
    /// The peer opened it.
    package let isRemote: Bool
}

/// What a mux wants done.
package enum DataChannelOutput: Hashable, Sendable {
    /// Send this SCTP packet to the peer, through DTLS.
    case transmit([UInt8])
    case associationConnected
    /// The peer knows the channel: it acknowledged it, or opened it.
    case channelOpened(DataChannelID, label: String, isRemote: Bool)
    /// A message; text is UTF-8 that was not checked.
    case message(DataChannelID, [UInt8], isText: Bool)
    /// The channel's `bufferedAmount` has fallen to its threshold.
    case bufferedAmountLow(DataChannelID)
    /// Nothing more comes of the channel; both directions are done.
    case channelClosed(DataChannelID)
    /// All channels were closed before.
    case associationClosed(SCTPCloseReason)
}

/// Why a channel was not opened, or did not take a message.
package enum DataChannelError: Error, Hashable, Sendable {
    /// No such channel, or it is closing.
    case channelClosed
    /// The association is over or ending.
    case associationClosed
    /// Label or protocol is longer than `DataChannelOpenMessage.maximumTextLength` bytes.
    case textTooLong(length: Int, limit: Int)
    /// There are as many channels as there may be.
    case tooManyChannels(limit: Int)
    /// The stream is above what the association has.
    case streamUnavailable(UInt16)
    /// The message is larger than the peer accepts; in bytes.
    case messageTooLarge(size: Int, limit: Int)
    /// The send buffer is full: wait for `bufferedAmountLow`; in bytes.
    case bufferFull(buffered: Int, limit: Int)
}
