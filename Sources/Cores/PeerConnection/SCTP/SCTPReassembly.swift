import Wire

/// Puts fragments together and messages in order (RFC 9260 sections 6.5, 6.6 and 6.9).
struct SCTPReassembly {
    /// Fragments that a message may have: 262144 bytes in the smallest packets that anyone sends are far fewer.
    static let maximumFragments = 4096

    /// Complete messages that may wait for earlier ones: a peer that numbers its messages in the order of their
    /// TSNs never has more of them than TSNs are remembered.
    static let maximumWaiting = 2 * SCTPReceivedTSNs.maximumSpan

    /// The peer's fragments cannot become a message that we accept.
    enum Failure: Error {
        case messageTooLarge
        case invalidFragments
        case tooManyWaiting
    }

    private struct Stream {
        /// The sequence number of the next ordered message.
        var next: UInt16 = 0
        /// Complete messages that wait for earlier ones.
        var waiting: [UInt16: SCTPMessage] = [:]
    }

    private let maximumMessageSize: Int
    /// Chunks of incomplete messages by TSN.
    private var chunks: [UInt32: SCTPDataChunk] = [:]
    private var streams: [UInt16: Stream] = [:]
    /// Bytes of user data that are held.
    private(set) var heldBytes = 0
    /// The incomplete message that the cumulative TSN lies in: its size so far.
    private var frontierBytes = 0
    private var frontierFragments = 0
    private var waitingCount = 0

    init(maximumMessageSize: Int) { self.maximumMessageSize = maximumMessageSize }

    /// Takes a new chunk and appends the messages that are now due to `ready`.
    mutating func insert(_ chunk: SCTPDataChunk, into ready: inout SCTPQueue<SCTPOutput>) throws(Failure) {
        if chunk.isFirstFragment, chunk.isLastFragment {
            guard chunk.userData.count <= maximumMessageSize else { throw .messageTooLarge }
            try complete(message(chunk, chunk.userData), sequenceNumber: chunk.sequenceNumber, into: &ready)
            return
        }
        chunks[chunk.tsn] = chunk
        heldBytes += chunk.userData.count
        try assemble(around: chunk, into: &ready)
    }

    /// Looks for the ends of the message that the chunk belongs to, first for the last fragment: while a message
    /// arrives in order, that look ends at once.
    private mutating func assemble(
        around chunk: SCTPDataChunk, into ready: inout SCTPQueue<SCTPOutput>
    ) throws(Failure) {
        var last = chunk
        var steps = 0
        while !last.isLastFragment {
            guard let next = chunks[last.tsn &+ 1] else { return }
            guard !next.isFirstFragment, isSameMessage(next, chunk) else { throw .invalidFragments }
            last = next
            steps += 1
            guard steps <= Self.maximumFragments else { throw .messageTooLarge }
        }
        var first = chunk
        while !first.isFirstFragment {
            guard let previous = chunks[first.tsn &- 1] else { return }
            guard !previous.isLastFragment, isSameMessage(previous, chunk) else { throw .invalidFragments }
            first = previous
            steps += 1
            guard steps <= Self.maximumFragments else { throw .messageTooLarge }
        }
        var payload: [UInt8] = []
        payload.reserveCapacity(min(maximumMessageSize, (steps + 1) * chunk.userData.count))
        var tsn = first.tsn
        while let part = chunks.removeValue(forKey: tsn) {
            payload += part.userData
            heldBytes -= part.userData.count
            if tsn == last.tsn { break }
            tsn &+= 1
        }
        if chunks.isEmpty { chunks = [:] }
        guard payload.count <= maximumMessageSize else { throw .messageTooLarge }
        try complete(message(first, payload), sequenceNumber: first.sequenceNumber, into: &ready)
    }

    private func isSameMessage(_ left: SCTPDataChunk, _ right: SCTPDataChunk) -> Bool {
        left.stream == right.stream && left.isUnordered == right.isUnordered
            && (left.isUnordered || left.sequenceNumber == right.sequenceNumber)
    }

    private func message(_ chunk: SCTPDataChunk, _ payload: [UInt8]) -> SCTPMessage {
        SCTPMessage(
            stream: chunk.stream, payloadProtocol: chunk.payloadProtocol, isUnordered: chunk.isUnordered,
            payload: payload)
    }

    private mutating func complete(
        _ message: SCTPMessage, sequenceNumber: UInt16, into ready: inout SCTPQueue<SCTPOutput>
    ) throws(Failure) {
        if message.isUnordered {
            ready.append(.message(message))
            return
        }
        // In place throughout: a copy of the dictionary for each message would cost a square of their number.
        let number = message.stream
        let next = streams[number, default: Stream()].next
        if sequenceNumber == next {
            ready.append(.message(message))
            streams[number, default: Stream()].next = next &+ 1
            deliverWaiting(of: number, into: &ready)
        } else if sequenceNumber.isAfter(next), streams[number]?.waiting[sequenceNumber] == nil {
            guard waitingCount < Self.maximumWaiting else { throw .tooManyWaiting }
            waitingCount += 1
            heldBytes += message.payload.count
            streams[number, default: Stream()].waiting[sequenceNumber] = message
        }
        // A number that was already delivered or given up on comes from a confused peer: dropped.
    }

    private mutating func deliverWaiting(of number: UInt16, into ready: inout SCTPQueue<SCTPOutput>) {
        while let next = streams[number]?.next, let message = streams[number]?.waiting.removeValue(forKey: next) {
            release(message)
            ready.append(.message(message))
            streams[number]?.next = next &+ 1
        }
    }

    /// A message no longer waits.
    private mutating func release(_ message: SCTPMessage) {
        heldBytes -= message.payload.count
        waitingCount -= 1
    }

    /// Follows the cumulative TSN over one more received TSN, to notice a message that grows without end.
    mutating func advance(over tsn: UInt32) throws(Failure) {
        guard let chunk = chunks[tsn] else {
            frontierBytes = 0
            frontierFragments = 0
            return
        }
        if chunk.isFirstFragment {
            frontierBytes = 0
            frontierFragments = 0
        }
        frontierBytes += chunk.userData.count
        frontierFragments += 1
        guard frontierBytes <= maximumMessageSize, frontierFragments < Self.maximumFragments else {
            throw .messageTooLarge
        }
    }

    /// The peer gave up on everything up to `forward.newCumulativeTSN` (RFC 3758 section 3.6).
    mutating func skip(_ forward: SCTPForwardTSNChunk, into ready: inout SCTPQueue<SCTPOutput>) {
        for (tsn, chunk) in chunks where !tsn.isAfter(forward.newCumulativeTSN) {
            chunks[tsn] = nil
            heldBytes -= chunk.userData.count
        }
        frontierBytes = 0
        frontierFragments = 0
        for skip in forward.skips {
            let due = streams[skip.stream, default: Stream()].next
            let next = skip.sequenceNumber &+ 1
            guard next.isAfter(due) else { continue }
            let overtaken = streams[skip.stream]?.waiting.keys.filter { next.isAfter($0) } ?? []
            // In the order of their numbers, counted from the number that was due.
            for number in overtaken.sorted(by: { $0 &- due < $1 &- due }) {
                guard let message = streams[skip.stream]?.waiting.removeValue(forKey: number) else { continue }
                release(message)
                ready.append(.message(message))
            }
            streams[skip.stream, default: Stream()].next = next
            deliverWaiting(of: skip.stream, into: &ready)
        }
    }

    /// The peer starts these streams (all, if none is listed) again at zero.
    mutating func reset(_ numbers: [UInt16]) {
        for number in numbers.isEmpty ? Array(streams.keys) : numbers {
            guard let stream = streams.removeValue(forKey: number) else { continue }
            for message in stream.waiting.values { release(message) }
        }
    }
}
