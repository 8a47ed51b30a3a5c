import Wire

/// Puts fragments together and messages in order (RFC 9260 sections 6.5, 6.6 and 6.9).
struct SCTPReassembly {
    /// Fragments that a message may have: 262144 bytes in the smallest packets that anyone sends are far fewer.
    static let maximumFragments = 4096

    /// Complete messages that may wait for earlier ones: a peer that numbers its messages in the order of their
    /// TSNs never has more of them than TSNs are remembered.
    static let maximumWaiting = 2 * SCTPReceivedTSNs.maximumSpan

    /// So many held fragments may all be looked at when the peer gives up on some.
    static let fewFragments = 64

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
    /// Runs of fragments of one message whose TSNs follow each other, by the TSN at either end. A fragment joins at
    /// most two of them, so the order in which fragments come makes no difference to the work.
    private var lastByFirst: [UInt32: UInt32] = [:]
    private var firstByLast: [UInt32: UInt32] = [:]
    /// Fragments and messages that were looked at so far: what all of this has cost.
    private(set) var steps = 0
    private var streams: [UInt16: Stream] = [:]
    /// Bytes of user data that are held.
    private(set) var heldBytes = 0
    /// The incomplete message that the cumulative TSN lies in: its size so far.
    private var frontierBytes = 0
    private var frontierFragments = 0
    private var waitingCount = 0

    init(maximumMessageSize: Int) { self.maximumMessageSize = maximumMessageSize }

    /// Takes a new chunk and appends the messages that are now due to `ready`.
    mutating func insert(_ chunk: SCTPDataChunk, into ready: inout FIFO<SCTPOutput>) throws(Failure) {
        steps += 1
        if chunk.isFirstFragment, chunk.isLastFragment {
            guard chunk.userData.count <= maximumMessageSize else { throw .messageTooLarge }
            try complete(message(chunk, chunk.userData), sequenceNumber: chunk.sequenceNumber, into: &ready)
            return
        }
        let (first, last) = try join(chunk)
        chunks[chunk.tsn] = chunk
        heldBytes += chunk.userData.count
        if chunks[first]?.isFirstFragment == true, chunks[last]?.isLastFragment == true {
            try assemble(first, last, into: &ready)
        }
    }

    /// Joins a fragment with those in front of and behind it. Returns the ends of the run that it is now part of.
    private mutating func join(_ chunk: SCTPDataChunk) throws(Failure) -> (first: UInt32, last: UInt32) {
        var (first, last) = (chunk.tsn, chunk.tsn)
        if !chunk.isFirstFragment, let previous = chunks[chunk.tsn &- 1] {
            guard !previous.isLastFragment, isSameMessage(previous, chunk) else { throw .invalidFragments }
            first = firstByLast.removeValue(forKey: previous.tsn) ?? previous.tsn
        }
        if !chunk.isLastFragment, let next = chunks[chunk.tsn &+ 1] {
            guard !next.isFirstFragment, isSameMessage(next, chunk) else { throw .invalidFragments }
            last = lastByFirst.removeValue(forKey: next.tsn) ?? next.tsn
        }
        lastByFirst[first] = last
        firstByLast[last] = first
        guard Int(last &- first) <= Self.maximumFragments else { throw .messageTooLarge }
        return (first, last)
    }

    /// Makes one message of all fragments between two TSNs.
    private mutating func assemble(
        _ first: UInt32, _ last: UInt32, into ready: inout FIFO<SCTPOutput>
    ) throws(Failure) {
        guard let head = chunks[first] else { return }
        lastByFirst[first] = nil
        firstByLast[last] = nil
        var payload: [UInt8] = []
        payload.reserveCapacity(min(maximumMessageSize, Int(last &- first &+ 1) * head.userData.count))
        var tsn = first
        while let part = chunks.removeValue(forKey: tsn) {
            steps += 1
            payload += part.userData
            heldBytes -= part.userData.count
            if tsn == last { break }
            tsn &+= 1
        }
        if chunks.isEmpty { chunks = [:] }
        guard payload.count <= maximumMessageSize else { throw .messageTooLarge }
        try complete(message(head, payload), sequenceNumber: head.sequenceNumber, into: &ready)
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
        _ message: SCTPMessage, sequenceNumber: UInt16, into ready: inout FIFO<SCTPOutput>
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

    private mutating func deliverWaiting(of number: UInt16, into ready: inout FIFO<SCTPOutput>) {
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
    /// - Parameter cumulative: the cumulative TSN so far.
    mutating func skip(
        _ forward: SCTPForwardTSNChunk, after cumulative: UInt32, into ready: inout FIFO<SCTPOutput>
    ) {
        dropFragments(after: cumulative, upTo: forward.newCumulativeTSN)
        frontierBytes = 0
        frontierFragments = 0
        for skip in forward.skips {
            steps += 1
            let due = streams[skip.stream, default: Stream()].next
            let next = skip.sequenceNumber &+ 1
            guard next.isAfter(due) else { continue }
            for number in overtaken(of: skip.stream, from: due, to: next) {
                guard let message = streams[skip.stream]?.waiting.removeValue(forKey: number) else { continue }
                release(message)
                ready.append(.message(message))
            }
            streams[skip.stream, default: Stream()].next = next
            deliverWaiting(of: skip.stream, into: &ready)
        }
    }

    /// Forgets the fragments up to a TSN. Where many are held, only those that the peer now gives up on are looked at: the
    /// range, and the unfinished message in front of it.
    private mutating func dropFragments(after cumulative: UInt32, upTo last: UInt32) {
        let start = firstByLast[cumulative] ?? cumulative &+ 1
        if chunks.count > Self.fewFragments, Int(last &- start) < chunks.count {
            var tsn = start
            while tsn != last &+ 1 {
                drop(tsn)
                tsn &+= 1
            }
        } else {
            steps += chunks.count
            // Lowest first, so that each stands at the front of its run.
            let dropped = chunks.keys.filter { !$0.isAfter(last) }
            for tsn in dropped.sorted(by: { $1.isAfter($0) }) { drop(tsn) }
        }
    }

    /// Forgets one fragment, which has none in front of it.
    private mutating func drop(_ tsn: UInt32) {
        steps += 1
        guard let chunk = chunks.removeValue(forKey: tsn) else { return }
        heldBytes -= chunk.userData.count
        guard let last = lastByFirst.removeValue(forKey: tsn) else { return }
        if last == tsn {
            firstByLast[last] = nil
        } else {
            lastByFirst[tsn &+ 1] = last
            firstByLast[last] = tsn &+ 1
        }
    }

    /// The numbers below `next` of messages that wait on a stream, in their order.
    private mutating func overtaken(of stream: UInt16, from due: UInt16, to next: UInt16) -> [UInt16] {
        guard let waiting = streams[stream]?.waiting, !waiting.isEmpty else { return [] }
        let distance = next &- due
        if Int(distance) <= waiting.count {
            steps += Int(distance)
            return (0..<distance).map { due &+ $0 }
        }
        steps += waiting.count
        return waiting.keys.filter { next.isAfter($0) }.sorted { $0 &- due < $1 &- due }
    }

    /// The peer starts these streams (all, if none is listed) again at zero.
    mutating func reset(_ numbers: [UInt16]) {
        for number in numbers.isEmpty ? Array(streams.keys) : numbers {
            guard let stream = streams.removeValue(forKey: number) else { continue }
            for message in stream.waiting.values { release(message) }
        }
    }
}
