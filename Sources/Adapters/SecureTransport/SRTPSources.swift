/// Which packets of one source have been seen, among the latest ones (RFC 3711 section 3.3.2).
package struct SRTPReplayWindow {
    /// Packets that may be late.
    package static let length = 1024
    /// A ring of twice as many bits, so that the words behind the window can be cleared ahead of it.
    private static let wordCount = 2 * length / 64

    private var words = [UInt64](repeating: 0, count: wordCount)

    /// Whether a packet was seen; only for those no more than `length` behind `highest`.
    func contains(_ index: UInt64) -> Bool { words[Self.word(index)] & Self.bit(index) != 0 }

    /// Notes a packet. When it is newer than `highest`, everything in between counts as not seen.
    mutating func insert(_ index: UInt64, highest: UInt64) {
        if index > highest {
            let passed = index / 64 - highest / 64
            if passed >= UInt64(Self.wordCount) {
                for word in words.indices { words[word] = 0 }
            } else {
                for step in 0..<passed { words[Self.word(index - 64 * step)] = 0 }
            }
        }
        words[Self.word(index)] |= Self.bit(index)
    }

    private static func word(_ index: UInt64) -> Int { Int(truncatingIfNeeded: index / 64) & (wordCount - 1) }
    private static func bit(_ index: UInt64) -> UInt64 { 1 << (index & 63) }
}

/// The sources of one direction: where the numbers of each stand. Few, and mostly the same one again.
struct SRTPSources {
    /// Beyond this the one that was silent longest gives way.
    static let maximumCount = 512

    private struct Source {
        var ssrc: UInt32
        /// The highest packet index: sequence number and how often it has wrapped (RFC 3711 section 3.3.1).
        var highest: UInt64
        var window: SRTPReplayWindow?
        var lastUse: UInt64
    }

    private let hasWindow: Bool
    private var sources: [Source] = []
    private var latest = 0
    private var uses: UInt64 = 0

    init(hasWindow: Bool) { self.hasWindow = hasWindow }

    /// Where a source is; nil when nothing came from it yet.
    func place(of ssrc: UInt32) -> Int? {
        if latest < sources.count, sources[latest].ssrc == ssrc { return latest }
        return sources.firstIndex { $0.ssrc == ssrc }
    }

    /// The index that a sequence number stands for: the one nearest to the highest. Nil when that is before the
    /// beginning.
    func index(of sequenceNumber: UInt16, at place: Int?) -> UInt64? {
        guard let place else { return UInt64(sequenceNumber) }
        let highest = sources[place].highest
        let distance = Int64(Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest)))
        let index = Int64(bitPattern: highest) + distance
        return index < 0 ? nil : UInt64(index)
    }

    /// Whether a packet is neither a repetition nor too old to tell.
    func isNew(_ index: UInt64, at place: Int?) -> Bool {
        guard let place else { return true }
        let highest = sources[place].highest
        if index > highest { return true }
        return highest - index < UInt64(SRTPReplayWindow.length) && sources[place].window?.contains(index) == false
    }

    /// Notes a genuine packet.
    mutating func accept(_ index: UInt64, ssrc: UInt32, at place: Int?) {
        let place = place ?? add(ssrc, index)
        latest = place
        uses &+= 1
        sources[place].lastUse = uses
        let highest = sources[place].highest
        sources[place].window?.insert(index, highest: highest)
        sources[place].highest = max(highest, index)
    }

    private mutating func add(_ ssrc: UInt32, _ index: UInt64) -> Int {
        let source = Source(
            ssrc: ssrc, highest: index, window: hasWindow ? SRTPReplayWindow() : nil, lastUse: 0)
        guard sources.count >= Self.maximumCount,
            let oldest = sources.indices.min(by: { sources[$0].lastUse < sources[$1].lastUse })
        else {
            sources.append(source)
            return sources.count - 1
        }
        sources[oldest] = source
        return oldest
    }
}
