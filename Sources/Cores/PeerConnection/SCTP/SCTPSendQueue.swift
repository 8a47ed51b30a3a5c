import Wire

/// A message on its way out.
final class SCTPOutboundMessage {
    let stream: UInt16
    let payloadProtocol: UInt32
    let isUnordered: Bool
    let payload: [UInt8]
    /// Nil means any number.
    let maximumRetransmissions: Int?
    /// When it is given up on.
    let expiry: Instant?

    /// Given when the first fragment leaves, so that a message that expires before leaves no hole.
    var sequenceNumber: UInt16 = 0
    /// How much of the payload has been cut into fragments.
    var nextOffset = 0
    var isAbandoned = false
    /// The stream has started again since: the number no longer means anything to the peer.
    var isBeforeReset = false

    init(
        stream: UInt16, payloadProtocol: UInt32, isUnordered: Bool, payload: [UInt8], maximumRetransmissions: Int?,
        expiry: Instant?
    ) {
        self.stream = stream
        self.payloadProtocol = payloadProtocol
        self.isUnordered = isUnordered
        self.payload = payload
        self.maximumRetransmissions = maximumRetransmissions
        self.expiry = expiry
    }

    func isExpired(_ now: Instant) -> Bool {
        guard let expiry else { return false }
        return expiry <= now
    }
}

/// Messages that have no TSN yet: the streams alternate, message by message, because fragments of one message
/// must have TSNs that follow each other (RFC 9260 section 6.9).
struct SCTPSendQueue {
    private struct Stream {
        var messages = FIFO<SCTPOutboundMessage>()
        var nextSequenceNumber: UInt16 = 0
        var bufferedAmount = 0
        /// A reset of this stream is under way.
        var isPaused = false
        /// The stream stands in the rotation.
        var isScheduled = false
    }

    private var streams: [UInt16: Stream] = [:]
    private var rotation = FIFO<UInt16>()
    /// The message that is being cut.
    private(set) var current: SCTPOutboundMessage?
    /// Bytes that were accepted and neither acknowledged nor given up on.
    private(set) var bufferedAmount = 0
    /// Messages that are not completely cut.
    private(set) var messageCount = 0

    var isEmpty: Bool { messageCount == 0 }

    func bufferedAmount(stream: UInt16) -> Int { streams[stream]?.bufferedAmount ?? 0 }

    /// Whether the stream has data that was never sent.
    func hasUnsentData(stream: UInt16) -> Bool {
        current?.stream == stream || streams[stream]?.messages.isEmpty == false
    }

    mutating func enqueue(_ message: SCTPOutboundMessage) {
        streams[message.stream, default: Stream()].messages.append(message)
        streams[message.stream]?.bufferedAmount += message.payload.count
        bufferedAmount += message.payload.count
        messageCount += 1
        schedule(message.stream)
    }

    private mutating func schedule(_ number: UInt16) {
        guard var stream = streams[number], !stream.isScheduled, !stream.isPaused, !stream.messages.isEmpty else {
            return
        }
        stream.isScheduled = true
        streams[number] = stream
        rotation.append(number)
    }

    /// The message whose next fragment is due; nil if nothing can be sent.
    mutating func next() -> SCTPOutboundMessage? {
        if let current { return current }
        while let number = rotation.popFirst() {
            streams[number]?.isScheduled = false
            guard streams[number]?.isPaused == false, let message = streams[number]?.messages.popFirst() else {
                continue
            }
            current = message
            return message
        }
        return nil
    }

    /// Cuts `length` bytes off the current message; gives it a sequence number with its first fragment.
    mutating func cut(_ length: Int) {
        guard let message = current else { return }
        if message.nextOffset == 0, !message.isUnordered {
            message.sequenceNumber = streams[message.stream]?.nextSequenceNumber ?? 0
            streams[message.stream]?.nextSequenceNumber &+= 1
        }
        message.nextOffset += length
        if message.nextOffset >= message.payload.count { finishCurrent() }
    }

    /// Drops what is left of the current message; its bytes must be released by the caller.
    mutating func finishCurrent() {
        guard let message = current else { return }
        current = nil
        messageCount -= 1
        schedule(message.stream)
    }

    /// Bytes were acknowledged or given up on.
    mutating func release(stream: UInt16, bytes: Int) {
        bufferedAmount -= bytes
        streams[stream]?.bufferedAmount -= bytes
    }

    /// Nothing of the stream leaves until `resume`.
    mutating func pause(stream: UInt16) { streams[stream, default: Stream()].isPaused = true }

    /// Sends again; with `isReset` the sequence numbers start at zero.
    mutating func resume(stream: UInt16, isReset: Bool) {
        streams[stream]?.isPaused = false
        if isReset { streams[stream]?.nextSequenceNumber = 0 }
        if isReset, let state = streams[stream], state.messages.isEmpty, state.bufferedAmount == 0 {
            streams[stream] = nil
        } else {
            schedule(stream)
        }
    }

    /// Drops messages that expired before any of them was sent. Returns how many.
    mutating func dropExpired(now: Instant) -> Int {
        var dropped = 0
        for number in Array(streams.keys) {
            guard var stream = streams[number], !stream.messages.isEmpty else { continue }
            var kept = FIFO<SCTPOutboundMessage>()
            var released = 0
            while let message = stream.messages.popFirst() {
                if message.isExpired(now) {
                    released += message.payload.count
                    dropped += 1
                    messageCount -= 1
                } else {
                    kept.append(message)
                }
            }
            stream.messages = kept
            streams[number] = stream
            release(stream: number, bytes: released)
        }
        return dropped
    }

    mutating func removeAll() { self = SCTPSendQueue() }
}
