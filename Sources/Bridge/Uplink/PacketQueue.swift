/// Opus packets that wait to be sent, in order. Storage is reused.
package struct PacketQueue: Sendable {
    private struct Entry: Sendable {
        var bytes: [UInt8]
        var samples: Int
        var loudness: Int?
    }

    private var entries: [Entry] = []
    private var head = 0
    /// Sound that waits, in samples at 48 kHz.
    package private(set) var samples = 0

    package init() {}

    /// The length of the oldest packet in samples at 48 kHz.
    package var headSamples: Int? { head < entries.count ? entries[head].samples : nil }
    package var isEmpty: Bool { head == entries.count }
    /// How many packets wait.
    package var count: Int { entries.count - head }

    /// How loud a waiting packet is (root mean square, of 32768), the oldest at 0; nil when that is not known.
    package func loudness(at index: Int) -> Int? {
        let position = head + index
        return position < entries.count ? entries[position].loudness : nil
    }

    /// Appends a packet and drops the oldest ones beyond `limit` samples; returns how many samples were dropped.
    /// - Parameter loudness: root mean square of its sound; nil when that is not known.
    package mutating func append(_ packet: [UInt8], samples length: Int, loudness: Int?, limit: Int) -> Int {
        var dropped = 0
        while samples + length > limit, let oldest = headSamples {
            dropped += oldest
            _ = pop()
        }
        if head > 32, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        entries.append(Entry(bytes: packet, samples: length, loudness: loudness))
        samples += length
        return dropped
    }

    /// Takes the oldest packet.
    package mutating func pop() -> [UInt8]? {
        guard head < entries.count else { return nil }
        samples -= entries[head].samples
        var bytes: [UInt8] = []
        swap(&bytes, &entries[head].bytes)
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        }
        return bytes
    }

    package mutating func removeAll() {
        entries.removeAll()
        head = 0
        samples = 0
    }
}
