package import Wire

/// The data channels of one peer connection (RFC 8831, RFC 8832) over one SCTP association, as a sans-I/O object.
/// After every call that mutates, drain `poll()`.
///
/// Channels may be opened and written to at any time: before the association begins, while its handshake runs, and
/// before the peer has acknowledged the channel.
package final class DataChannelMux {
    package struct Configuration: Sendable {
        package var association = SCTPConfiguration()
        /// Channels that may exist at once, ours and the peer's together.
        package var maximumChannels = 1024

        package init() {}
    }

    /// Where a channel stands.
    enum Phase {
        /// Waits for the role, the association or the peer's acknowledgement.
        case opening
        case open
        /// At least one direction has been asked to stop.
        case closing
    }

    struct Channel {
        var information: DataChannelInformation
        var phase = Phase.opening
        /// DATA_CHANNEL_OPEN has been given to the association.
        var isAnnounced = false
        /// Our direction was reset.
        var isOutgoingReset = false
        /// The peer's direction was reset.
        var isIncomingReset = false
        /// Messages from the time before the stream was known.
        var early: [(payload: [UInt8], payloadProtocol: UInt32)] = []
        var earlyBytes = 0
        var lowThreshold = 0
        /// `bufferedAmount` was above the threshold when last looked at.
        var isAboveThreshold = false
    }

    let configuration: Configuration
    package let association: SCTPAssociation
    /// Nil until `start`.
    package private(set) var role: DTLSRole?
    /// Messages with a payload protocol that WebRTC does not have, or on a stream that is no channel.
    package internal(set) var ignoredMessages = 0

    var channels: [DataChannelID: Channel] = [:]
    var idsByStream: [UInt16: DataChannelID] = [:]
    var outputs = FIFO<DataChannelOutput>()
    private var lastID: UInt32 = 0
    private var earlyBytes = 0

    /// Draws the association's tag and first TSN from `random`.
    package init(configuration: Configuration = Configuration(), random: inout some RandomNumberGenerator) {
        self.configuration = configuration
        association = SCTPAssociation(configuration: configuration.association, random: &random)
    }

    /// Bytes of a message that the peer accepts at most: its `a=max-message-size`; zero means any.
    package var maximumSendMessageSize: Int {
        get { association.maximumSendMessageSize }
        set { association.maximumSendMessageSize = max(newValue, 0) }
    }

    /// When `handleTimeout` wants to be called; valid once `poll` has returned nil.
    package var nextDeadline: Instant? { association.nextDeadline }

    /// Bytes that channels accepted and the peer has not acknowledged, over all channels.
    package var bufferedAmount: Int { association.bufferedAmount + earlyBytes }

    /// The same for one channel; zero if there is none.
    package func bufferedAmount(_ id: DataChannelID) -> Int {
        guard let channel = channels[id] else { return 0 }
        return channel.earlyBytes + (channel.information.stream.map { association.bufferedAmount(stream: $0) } ?? 0)
    }

    /// What the channel is; nil once it is closed.
    package func information(_ id: DataChannelID) -> DataChannelInformation? { channels[id]?.information }

    /// `bufferedAmountLow` comes when `bufferedAmount` falls to this number of bytes from above. Zero at first.
    package func setBufferedAmountLowThreshold(_ id: DataChannelID, _ bytes: Int) {
        channels[id]?.lowThreshold = max(bytes, 0)
        noteBuffered(id)
    }

    /// DTLS is connected in this role: gives streams to the channels that wait (even ones to the client, odd ones to
    /// the server, RFC 8832 section 6) and sends INIT. Both ends may do so at once.
    package func start(role: DTLSRole, now: Instant) {
        guard self.role == nil else { return }
        self.role = role
        for id in channels.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard var channel = channels[id] else { continue }
            if channel.information.stream == nil {
                guard let stream = freeStream() else {
                    remove(id)
                    continue
                }
                channel.information.stream = stream
                idsByStream[stream] = id
                channels[id] = channel
            }
            announce(id, now: now)
        }
        association.start(now: now)
    }

    /// Opens a channel and announces it to the peer. Messages may be sent at once.
    package func open(
        label: String, subprotocol: String = "", reliability: DataChannelReliability = .reliableOrdered, now: Instant
    ) throws(DataChannelError) -> DataChannelID {
        let stream = role == nil ? nil : freeStream()
        guard association.isOpenForSending else { throw .associationClosed }
        for text in [label, subprotocol] where text.utf8.count > DataChannelOpenMessage.maximumTextLength {
            throw .textTooLong(length: text.utf8.count, limit: DataChannelOpenMessage.maximumTextLength)
        }
        guard channels.count < configuration.maximumChannels, role == nil || stream != nil else {
            throw .tooManyChannels(limit: configuration.maximumChannels)
        }
        let id = insert(
            DataChannelInformation(
                label: label, subprotocol: subprotocol, reliability: reliability, stream: stream, isRemote: false))
        if stream != nil { announce(id, now: now) }
        return id
    }

    /// Registers a channel.
    func insert(_ information: DataChannelInformation) -> DataChannelID {
        lastID &+= 1
        let id = DataChannelID(rawValue: lastID)
        channels[id] = Channel(information: information)
        if let stream = information.stream { idsByStream[stream] = id }
        return id
    }

    /// The lowest free stream of our parity; nil if there is none.
    private func freeStream() -> UInt16? {
        var stream = role == .server ? 1 : 0
        while stream < association.outboundStreamCount {
            if idsByStream[UInt16(stream)] == nil { return UInt16(stream) }
            stream += 2
        }
        return nil
    }

    /// Sends DATA_CHANNEL_OPEN and what was sent before the stream was known.
    private func announce(_ id: DataChannelID, now: Instant) {
        guard let channel = channels[id], !channel.isAnnounced, let stream = channel.information.stream else { return }
        channels[id]?.isAnnounced = true
        let information = channel.information
        let open = DataChannelOpenMessage(
            label: information.label, subprotocol: information.subprotocol, reliability: information.reliability)
        sendControl(open.serialized(), stream: stream, now: now)
        channels[id]?.early = []
        channels[id]?.earlyBytes = 0
        earlyBytes -= channel.earlyBytes
        for message in channel.early {
            // Each was measured when it was accepted; the buffer cannot have filled since.
            try? association.send(
                message.payload, stream: stream, payloadProtocol: message.payloadProtocol, isUnordered: false,
                reliability: information.reliability.effort, now: now)
        }
    }

    /// A message of the channel protocol; if the send buffer is full, the channel cannot come about and is closed.
    func sendControl(_ payload: [UInt8], stream: UInt16, now: Instant) {
        do {
            try association.send(payload, stream: stream, payloadProtocol: DataChannelPayload.control, now: now)
        } catch {
            if let id = idsByStream[stream] { close(id, now: now) }
        }
    }

    /// Sends a message. Until the peer has acknowledged an unordered channel its messages are ordered, so that none
    /// overtakes the announcement (RFC 8832 section 6).
    package func send(
        _ id: DataChannelID, _ bytes: [UInt8], isText: Bool = false, now: Instant
    ) throws(DataChannelError) {
        guard let channel = channels[id], channel.phase != .closing else { throw .channelClosed }
        // SCTP has no empty messages: one zero byte under a payload protocol of its own stands for one.
        let payload = bytes.isEmpty ? [0] : bytes
        let payloadProtocol =
            switch (isText, bytes.isEmpty) {
            case (true, false): DataChannelPayload.string
            case (true, true): DataChannelPayload.emptyString
            case (false, false): DataChannelPayload.binary
            case (false, true): DataChannelPayload.emptyBinary
            }
        guard let stream = channel.information.stream, channel.isAnnounced else {
            try keepEarly(id, payload, payloadProtocol)
            return
        }
        do {
            try association.send(
                payload, stream: stream, payloadProtocol: payloadProtocol,
                isUnordered: !channel.information.reliability.isOrdered && channel.phase == .open,
                reliability: channel.information.reliability.effort, now: now)
        } catch {
            switch error {
            case .closed, .emptyMessage: throw .associationClosed
            case .messageTooLarge(let size, let limit): throw .messageTooLarge(size: size, limit: limit)
            case .bufferFull(let buffered, let limit): throw .bufferFull(buffered: buffered, limit: limit)
            case .streamOutOfRange(let stream, _): throw .streamUnavailable(stream)
            }
        }
        noteBuffered(id)
    }

    /// Keeps a message until the role is known.
    private func keepEarly(
        _ id: DataChannelID, _ payload: [UInt8], _ payloadProtocol: UInt32
    ) throws(DataChannelError) {
        let limit = configuration.association.sendBufferLimit
        let largest = maximumSendMessageSize == 0 ? limit : maximumSendMessageSize
        guard payload.count <= largest else { throw .messageTooLarge(size: payload.count, limit: largest) }
        guard bufferedAmount + payload.count <= limit else {
            throw .bufferFull(buffered: bufferedAmount, limit: limit)
        }
        channels[id]?.early.append((payload, payloadProtocol))
        channels[id]?.earlyBytes += payload.count
        earlyBytes += payload.count
        noteBuffered(id)
    }

    private func noteBuffered(_ id: DataChannelID) {
        guard let threshold = channels[id]?.lowThreshold else { return }
        let isAbove = bufferedAmount(id) > threshold
        channels[id]?.isAboveThreshold = isAbove
    }

    /// Closes a channel once what it was given has been sent. `channelClosed` comes when the peer has followed.
    package func close(_ id: DataChannelID, now: Instant) {
        guard let channel = channels[id], channel.phase != .closing else { return }
        guard let stream = channel.information.stream, channel.isAnnounced else { return remove(id) }
        channels[id]?.phase = .closing
        association.resetStreams([stream], now: now)
    }

    /// Forgets a channel and says so.
    func remove(_ id: DataChannelID) {
        guard let channel = channels.removeValue(forKey: id) else { return }
        earlyBytes -= channel.earlyBytes
        if let stream = channel.information.stream, idsByStream[stream] == id { idsByStream[stream] = nil }
        outputs.append(.channelClosed(id))
    }

    /// Takes one packet, as it came out of DTLS.
    package func receive(_ packet: RawSpan, now: Instant) {
        association.receive(packet, now: now)
        process(now: now)
    }

    /// Retransmits, acknowledges or gives up, whatever is due.
    package func handleTimeout(now: Instant) {
        association.handleTimeout(now: now)
        process(now: now)
    }

    /// Sends what is queued, then ends in agreement with the peer.
    package func shutdown(now: Instant) {
        association.shutdown(now: now)
        process(now: now)
    }

    /// Ends at once and tells the peer.
    package func abort(now: Instant) {
        association.abort(now: now)
        process(now: now)
    }
}
