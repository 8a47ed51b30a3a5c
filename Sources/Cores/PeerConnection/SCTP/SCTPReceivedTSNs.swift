import Wire

/// Which TSNs of the peer have arrived (RFC 9260 section 6.2).
struct SCTPReceivedTSNs {
    /// How far behind the cumulative TSN a chunk may be taken: bounds what has to be remembered.
    static let maximumSpan = 8192
    /// Duplicates that one SACK reports; more would only repeat the message.
    static let maximumDuplicates = 16

    /// TSNs that follow each other, both ends included.
    struct Run: Hashable {
        var first: UInt32
        var last: UInt32
    }

    /// All TSNs up to this one have arrived or were given up on by the peer.
    private(set) var cumulative: UInt32
    /// What arrived behind a gap, in order, neither touching nor overlapping.
    private(set) var runs: [Run] = []
    private var duplicates: [UInt32] = []

    init(cumulative: UInt32) { self.cumulative = cumulative }

    /// The last TSN that has arrived.
    var highest: UInt32 { runs.last?.last ?? cumulative }

    func contains(_ tsn: UInt32) -> Bool {
        guard tsn.isAfter(cumulative) else { return true }
        let index = runCount(upTo: tsn)
        return index > 0 && !tsn.isAfter(runs[index - 1].last)
    }

    /// How many runs begin at or before a TSN. Most chunks come in order or extend the last run; a peer that leaves a gap
    /// behind each must not make every one cost a walk through all of them.
    private func runCount(upTo tsn: UInt32) -> Int {
        guard let last = runs.last, last.first.isAfter(tsn) else { return runs.count }
        var (low, high) = (0, runs.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first.isAfter(tsn) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Whether the TSN lies within the span that is remembered.
    func isInSpan(_ tsn: UInt32) -> Bool { tsn.serialDistance(from: cumulative) <= Self.maximumSpan }

    mutating func noteDuplicate(_ tsn: UInt32) {
        if duplicates.count < Self.maximumDuplicates { duplicates.append(tsn) }
    }

    /// Adds a TSN that is new and in the span.
    mutating func insert(_ tsn: UInt32) {
        let index = runCount(upTo: tsn)
        let joinsPrevious = index > 0 && runs[index - 1].last &+ 1 == tsn
        let joinsNext = index < runs.count && tsn &+ 1 == runs[index].first
        switch (joinsPrevious, joinsNext) {
        case (true, true):
            runs[index - 1].last = runs[index].last
            runs.remove(at: index)
        case (true, false): runs[index - 1].last = tsn
        case (false, true): runs[index].first = tsn
        case (false, false): runs.insert(Run(first: tsn, last: tsn), at: index)
        }
        consolidate()
    }

    /// The peer gave up on everything up to `tsn`.
    mutating func forward(to tsn: UInt32) {
        guard tsn.isAfter(cumulative) else { return }
        cumulative = tsn
        while let run = runs.first, !run.first.isAfter(tsn) {
            if run.last.isAfter(tsn) { cumulative = run.last }
            runs.removeFirst()
        }
        consolidate()
    }

    private mutating func consolidate() {
        if let run = runs.first, run.first == cumulative &+ 1 {
            cumulative = run.last
            runs.removeFirst()
        }
    }

    /// The SACK of this moment with at most as many gap blocks as fit into `length` bytes of chunk. Takes the
    /// duplicates out.
    mutating func takeSack(window: Int, length: Int) -> SCTPSackChunk {
        let room = max(0, (length - SCTPSackChunk.minimumLength) / 4)
        let blocks = runs.prefix(room).map { run in
            SCTPSackChunk.GapBlock(
                start: UInt16(truncatingIfNeeded: run.first &- cumulative),
                end: UInt16(truncatingIfNeeded: run.last &- cumulative))
        }
        let reported = duplicates.prefix(room - blocks.count)
        duplicates = []
        return SCTPSackChunk(
            cumulativeTSN: cumulative, advertisedWindow: UInt32(clamping: max(window, 0)), gapBlocks: blocks,
            duplicateTSNs: Array(reported))
    }
}
