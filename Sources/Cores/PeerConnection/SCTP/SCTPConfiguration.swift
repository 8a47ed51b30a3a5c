/// What an association is made with. docs/sctp.md lists where the numbers come from.
package struct SCTPConfiguration: Sendable {
    /// The port of `a=sctp-port` on our side and on the peer's; 5000 by convention.
    package var localPort: UInt16 = 5000
    package var remotePort: UInt16 = 5000
    /// Bytes of an SCTP packet, common header included, that we send at most (256 to 16384).
    package var maximumPacketSize = 1191
    /// Bytes of a message that we accept at most; the number that our `a=max-message-size` announces.
    package var maximumReceiveMessageSize = 262_144
    /// Bytes of received data that may wait for missing parts. Never less than twice the largest message.
    package var receiveWindow = 1_048_576
    /// Bytes of messages that may wait for transmission or acknowledgement, over all streams.
    package var sendBufferLimit = 2_097_152
    /// Messages that may wait for transmission, over all streams: small ones cost more than their bytes.
    package var queuedMessageLimit = 32_768
    /// How long a SACK may wait for company.
    package var sackDelay: Duration = .milliseconds(200)
    /// How long the association may be idle before the path is tried.
    package var heartbeatInterval: Duration = .seconds(30)
    /// Retransmissions of INIT or COOKIE ECHO before the handshake has failed.
    package var maximumInitRetransmissions = 8
    /// Unanswered retransmissions in a row before the association has failed.
    package var maximumRetransmissions = 20

    package init() {}

    /// The same with every number in the range in which the association works.
    var sanitized: SCTPConfiguration {
        var copy = self
        copy.maximumPacketSize = min(max(maximumPacketSize, 256), SCTPPacket.maximumLength)
        copy.maximumReceiveMessageSize = max(maximumReceiveMessageSize, 1)
        copy.receiveWindow = min(max(receiveWindow, 2 * copy.maximumReceiveMessageSize, 4096), Int(Int32.max))
        copy.maximumInitRetransmissions = max(maximumInitRetransmissions, 0)
        copy.maximumRetransmissions = max(maximumRetransmissions, 0)
        return copy
    }
}

/// How hard the association tries to deliver a message (RFC 3758, RFC 7496).
package enum SCTPReliability: Hashable, Sendable {
    case reliable
    /// Given up on once this many retransmissions were not enough; zero means sent once.
    case maximumRetransmissions(Int)
    /// Given up on when it is this old.
    case lifetime(Duration)
}

/// A message as it came out of the association.
package struct SCTPMessage: Hashable, Sendable {
    package let stream: UInt16
    /// Says what the payload is (PPID).
    package let payloadProtocol: UInt32
    package let isUnordered: Bool
    package let payload: [UInt8]

    package init(stream: UInt16, payloadProtocol: UInt32, isUnordered: Bool, payload: [UInt8]) {
        self.stream = stream
        self.payloadProtocol = payloadProtocol
        self.isUnordered = isUnordered
        self.payload = payload
    }
}

/// Why a message was not accepted for sending.
package enum SCTPSendError: Error, Hashable, Sendable {
    /// The association is closed or shutting down.
    case closed
    /// SCTP has no empty messages.
    case emptyMessage
    /// The message is larger than the peer (or the send buffer) takes; both in bytes.
    case messageTooLarge(size: Int, limit: Int)
    /// The send buffer holds `buffered` of at most `limit` bytes, or as many messages as it may.
    case bufferFull(buffered: Int, limit: Int)
    /// The stream is not among those that the peer accepts.
    case streamOutOfRange(stream: UInt16, count: Int)
}

/// Why an association ended.
package enum SCTPCloseReason: Hashable, Sendable {
    /// Both ends agreed (SHUTDOWN), or we aborted.
    case closedLocally
    /// The peer shut the association down in order.
    case closedByPeer
    /// The peer sent ABORT with these cause codes.
    case abortedByPeer(causes: [UInt16])
    /// INIT or COOKIE ECHO stayed unanswered, or the peer's answer was unusable.
    case handshakeFailed
    /// Too many retransmissions in a row stayed unanswered.
    case peerUnreachable
    /// The peer began a new association inside this one.
    case restartedByPeer
    /// The peer sent a message larger than we announced; in bytes.
    case messageTooLarge(limit: Int)
    /// The peer broke the rules of fragmentation.
    case protocolViolation
}

/// What an association wants done.
package enum SCTPOutput: Hashable, Sendable {
    /// Send this packet to the peer.
    case transmit([UInt8])
    /// The handshake is over.
    case connected
    case message(SCTPMessage)
    /// Our streams start again at zero; `isPerformed` is false if the peer refused or cannot do it.
    case outgoingStreamsReset([UInt16], isPerformed: Bool)
    /// The peer's streams start again at zero; an empty list means all of them.
    case incomingStreamsReset([UInt16])
    case closed(SCTPCloseReason)
}

/// Counters of an association.
package struct SCTPStatistics: Hashable, Sendable {
    /// Packets that were malformed or carried the wrong tag or ports.
    package internal(set) var discardedPackets = 0
    /// DATA chunks of the peer that were received twice.
    package internal(set) var duplicateChunks = 0
    /// DATA chunks dropped because the receive buffer was full.
    package internal(set) var refusedChunks = 0
    /// DATA chunks sent again.
    package internal(set) var retransmittedChunks = 0
    /// Messages given up on.
    package internal(set) var abandonedMessages = 0

    package init() {}
}
