import Wire

/// A DATA chunk that has a TSN and is not acknowledged cumulatively.
struct SCTPOutstandingChunk {
    enum State {
        case inFlight
        /// Waits for retransmission.
        case lost
        /// Reported behind a gap.
        case acknowledged
        /// Given up on; waits for FORWARD TSN to be acknowledged.
        case abandoned
    }

    let message: SCTPOutboundMessage
    let offset: Int
    let length: Int
    var state: State
    var sendCount: Int
    var sentAt: Instant
    /// Reports of later chunks that arrived while this one did not.
    var misses = 0
    /// Only the arrival of a TSN behind this one counts as a miss: what was in flight when the chunk was sent again
    /// says nothing about its new copy.
    var missesCountBehind: UInt32

    var isFirstFragment: Bool { offset == 0 }
    var isLastFragment: Bool { offset + length == message.payload.count }
    /// Bytes of the whole chunk with padding.
    var size: Int { SCTPDataChunk.headerLength + (length + 3) & ~3 }
}

/// What is under way: acknowledged by SACK, found lost by gap reports, given up on (RFC 9260 section 6.2.1 and
/// 7.2.4, RFC 3758 section 3.5).
struct SCTPOutstandingData {
    /// Reports of a missing chunk after which it is sent again (RFC 9260 section 7.2.4).
    static let fastRetransmitMisses = 3

    /// What a SACK changed.
    struct Acknowledgement {
        /// Bytes of newly acknowledged chunks.
        var bytes = 0
        var hasAdvanced = false
        /// When the newest newly acknowledged chunk was sent, if it was sent once.
        var sentAt: Instant?
        var hasLoss = false
    }

    /// The TSN that the peer has acknowledged cumulatively.
    private(set) var cumulativeTSN: UInt32
    /// Chunks with the TSNs from `cumulativeTSN` + 1 on.
    private var chunks = FIFO<SCTPOutstandingChunk>()
    /// Bytes in flight, chunk headers included.
    private(set) var flightBytes = 0
    /// Bytes of user data in flight.
    private(set) var flightPayload = 0
    private var lostCount = 0
    /// No chunk before this index is lost.
    private var lostHint = 0
    /// Messages given up on since the association began.
    private(set) var abandonedMessages = 0
    /// Whether the peer understands FORWARD TSN. If not, every message that was begun is delivered.
    var allowsAbandoning = true

    init(initialTSN: UInt32) { cumulativeTSN = initialTSN &- 1 }

    var isEmpty: Bool { chunks.isEmpty }
    var count: Int { chunks.count }
    var hasLost: Bool { lostCount > 0 }
    /// The TSN of the next new chunk.
    var nextTSN: UInt32 { cumulativeTSN &+ 1 &+ UInt32(truncatingIfNeeded: chunks.count) }

    subscript(index: Int) -> SCTPOutstandingChunk { chunks[index] }

    /// The TSN of the chunk at `index`.
    func tsn(at index: Int) -> UInt32 { cumulativeTSN &+ 1 &+ UInt32(truncatingIfNeeded: index) }

    /// Adds a new chunk as sent.
    mutating func append(_ message: SCTPOutboundMessage, offset: Int, length: Int, now: Instant) {
        let tsn = nextTSN
        let chunk = SCTPOutstandingChunk(
            message: message, offset: offset, length: length, state: .inFlight, sendCount: 1, sentAt: now,
            missesCountBehind: tsn)
        flightBytes += chunk.size
        flightPayload += length
        chunks.append(chunk)
    }

    /// The earliest chunk that waits for retransmission.
    mutating func firstLost() -> Int? {
        guard lostCount > 0 else { return nil }
        while lostHint < chunks.count {
            if chunks[lostHint].state == .lost { return lostHint }
            lostHint += 1
        }
        return nil
    }

    /// The chunk at `index` leaves again.
    mutating func markRetransmitted(_ index: Int, now: Instant) {
        setState(index, .inFlight)
        chunks[index].sendCount += 1
        chunks[index].sentAt = now
        chunks[index].misses = 0
        chunks[index].missesCountBehind = nextTSN &- 1
    }

    private mutating func setState(_ index: Int, _ state: SCTPOutstandingChunk.State) {
        let old = chunks[index].state
        guard old != state else { return }
        if old == .inFlight {
            flightBytes -= chunks[index].size
            flightPayload -= chunks[index].length
        }
        if old == .lost { lostCount -= 1 }
        if state == .inFlight {
            flightBytes += chunks[index].size
            flightPayload += chunks[index].length
        }
        if state == .lost {
            lostCount += 1
            lostHint = min(lostHint, index)
        }
        chunks[index].state = state
    }

    /// Takes a SACK whose cumulative TSN is not before ours and not beyond what was sent, and whose gap blocks
    /// ascend. Bytes that need not be kept any more are released in `queue`.
    mutating func acknowledge(
        _ sack: SCTPSackChunk, isInFastRecovery: Bool, now: Instant, queue: inout SCTPSendQueue
    ) -> Acknowledgement {
        var result = Acknowledgement()
        while sack.cumulativeTSN.isAfter(cumulativeTSN), !chunks.isEmpty {
            let chunk = chunks[0]
            if chunk.state != .acknowledged, chunk.state != .abandoned {
                result.bytes += chunk.size
                if chunk.sendCount == 1 { result.sentAt = chunk.sentAt }
            }
            if chunk.state != .abandoned { queue.release(stream: chunk.message.stream, bytes: chunk.length) }
            setState(0, .acknowledged)
            _ = chunks.popFirst()
            cumulativeTSN &+= 1
            lostHint = max(0, lostHint - 1)
            result.hasAdvanced = true
        }
        let highestNewlyAcknowledged = acknowledgeBlocks(sack, &result)
        // The first chunk cannot have arrived, or the cumulative TSN would include it: the peer dropped what it
        // had reported (RFC 9260 section 6.2.1). Everything is sent again that this SACK does not report.
        if !chunks.isEmpty, chunks[0].state == .acknowledged { takeBack(sack) }
        let missLimit =
            isInFastRecovery && result.hasAdvanced
            ? sack.gapBlocks.last.map { Int($0.end) - 1 } : highestNewlyAcknowledged
        if let missLimit { countMisses(below: missLimit, now: now, queue: &queue, &result) }
        return result
    }

    /// Marks what is reported behind gaps; returns the index of the last chunk that was not reported before.
    private mutating func acknowledgeBlocks(_ sack: SCTPSackChunk, _ result: inout Acknowledgement) -> Int? {
        var highest: Int?
        // Blocks come in ascending order (RFC 9260 section 3.3.4); of those that overlap nothing is looked at twice.
        var covered = 0
        for block in sack.gapBlocks {
            // An offset of 1 is the chunk right behind the cumulative TSN, at index 0.
            guard block.start > 0 else { continue }
            let start = max(Int(block.start) - 1, covered)
            let end = min(Int(block.end), chunks.count)
            guard start < end else { continue }
            covered = end
            for index in start..<end where chunks[index].state == .inFlight || chunks[index].state == .lost {
                result.bytes += chunks[index].size
                if chunks[index].sendCount == 1 { result.sentAt = chunks[index].sentAt }
                setState(index, .acknowledged)
                highest = index
            }
        }
        return highest
    }

    private mutating func takeBack(_ sack: SCTPSackChunk) {
        var blocks = sack.gapBlocks.makeIterator()
        var block = blocks.next()
        for index in 0..<chunks.count {
            while let current = block, Int(current.end) - 1 < index { block = blocks.next() }
            let isReported = block.map { Int($0.start) - 1 <= index } ?? false
            if !isReported, chunks[index].state == .acknowledged { setState(index, .lost) }
        }
    }

    private mutating func countMisses(
        below limit: Int, now: Instant, queue: inout SCTPSendQueue, _ result: inout Acknowledgement
    ) {
        let highest = tsn(at: limit)
        for index in 0..<min(limit, chunks.count)
        where chunks[index].state == .inFlight && highest.isAfter(chunks[index].missesCountBehind) {
            chunks[index].misses += 1
            guard chunks[index].misses >= Self.fastRetransmitMisses else { continue }
            result.hasLoss = true
            lose(index, now: now, queue: &queue)
        }
    }

    /// The chunk did not arrive: it will be sent again, or its message is given up on.
    private mutating func lose(_ index: Int, now: Instant, queue: inout SCTPSendQueue) {
        let chunk = chunks[index]
        let isExhausted = chunk.message.maximumRetransmissions.map { chunk.sendCount > $0 } ?? false
        if allowsAbandoning, isExhausted || chunk.message.isExpired(now) {
            abandon(index, queue: &queue)
        } else {
            setState(index, .lost)
        }
    }

    /// The retransmission timer ran out: nothing counts as in flight any more.
    mutating func loseAll(now: Instant, queue: inout SCTPSendQueue) {
        // Giving up on a message that is not completely cut adds a chunk behind the end.
        for index in 0..<chunks.count where chunks[index].state == .inFlight {
            lose(index, now: now, queue: &queue)
        }
    }

    /// Gives up on the message that the chunk at `index` belongs to.
    mutating func abandon(_ index: Int, queue: inout SCTPSendQueue) {
        let message = chunks[index].message
        guard !message.isAbandoned else { return }
        message.isAbandoned = true
        abandonedMessages += 1
        var first = index
        while first > 0, chunks[first - 1].message === message { first -= 1 }
        var position = first
        var released = 0
        while position < chunks.count, chunks[position].message === message {
            released += chunks[position].length
            setState(position, .abandoned)
            position += 1
        }
        if queue.current === message {
            released += message.payload.count - message.nextOffset
            appendAbandonedRest(of: message)
            queue.finishCurrent()
        }
        queue.release(stream: message.stream, bytes: released)
    }

    /// Gives up on the message that is being cut, some fragments of which were sent.
    mutating func abandonCurrent(_ message: SCTPOutboundMessage, queue: inout SCTPSendQueue) {
        // Its fragments, as far as they are not acknowledged cumulatively, are the last chunks.
        if let last = chunks.last, last.message === message {
            abandon(chunks.count - 1, queue: &queue)
            return
        }
        message.isAbandoned = true
        abandonedMessages += 1
        appendAbandonedRest(of: message)
        queue.finishCurrent()
        queue.release(stream: message.stream, bytes: message.payload.count - message.nextOffset)
    }

    /// The peer may have all fragments so far and wait for the rest. A TSN that is never sent stands for the rest,
    /// so that a FORWARD TSN is due in any case.
    private mutating func appendAbandonedRest(of message: SCTPOutboundMessage) {
        chunks.append(
            SCTPOutstandingChunk(
                message: message, offset: message.payload.count, length: 0, state: .abandoned, sendCount: 0,
                sentAt: .zero, missesCountBehind: nextTSN))
    }

    /// The FORWARD TSN that is due, with at most `maximumSkips` streams; nil if the peer misses nothing that was
    /// given up on (RFC 3758 section 3.5, C1 to C4).
    func forwardTSN(maximumSkips: Int) -> SCTPForwardTSNChunk? {
        var skips: [UInt16: UInt16] = [:]
        var index = 0
        while index < chunks.count, chunks[index].state == .abandoned {
            let message = chunks[index].message
            if !message.isUnordered, !message.isBeforeReset {
                if skips[message.stream] == nil, skips.count == maximumSkips { break }
                skips[message.stream] = message.sequenceNumber
            }
            index += 1
        }
        guard index > 0 else { return nil }
        return SCTPForwardTSNChunk(
            newCumulativeTSN: tsn(at: index - 1),
            skips: skips.sorted { $0.key < $1.key }.map { .init(stream: $0.key, sequenceNumber: $0.value) })
    }

    /// These streams have started again: their old numbers must not be reported any more.
    mutating func forgetSequenceNumbers(streams: [UInt16]) {
        for index in 0..<chunks.count where streams.contains(chunks[index].message.stream) {
            chunks[index].message.isBeforeReset = true
        }
    }

    mutating func removeAll() {
        chunks.removeAll()
        flightBytes = 0
        flightPayload = 0
        lostCount = 0
        lostHint = 0
    }
}
