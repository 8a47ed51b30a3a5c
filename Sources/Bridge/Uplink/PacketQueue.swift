internal import Wire

/// Opus packets that wait to be sent, in order. Storage is reused.
package struct PacketQueue: Sendable {
    private struct Entry: Sendable {
        var bytes: [UInt8]
        var samples: Int
        var loudness: Int?
    }

    private var entries = FIFO<Entry>(keepingCapacity: .max)
    /// Sound that waits, in samples at 48 kHz.
    package private(set) var samples = 0

    package init() {}

    /// The length of the oldest packet in samples at 48 kHz.
    package var headSamples: Int? { entries.first?.samples }
    package var isEmpty: Bool { entries.isEmpty }
    /// How many packets wait.
    package var count: Int { entries.count }

    /// The length of a waiting packet in samples at 48 kHz, the oldest at 0; nil when not so many wait.
    package func length(at index: Int) -> Int? { index < entries.count ? entries[index].samples : nil }

    /// How loud a waiting packet is (root mean square, of 32768), the oldest at 0; nil when that is not known.
    package func loudness(at index: Int) -> Int? { index < entries.count ? entries[index].loudness : nil }

    /// Appends a packet and drops the oldest ones beyond `limit` samples; returns how many samples were dropped.
    /// - Parameter loudness: root mean square of its sound; nil when that is not known.
    package mutating func append(_ packet: [UInt8], samples length: Int, loudness: Int?, limit: Int) -> Int {
        var dropped = 0
        while samples + length > limit, let oldest = headSamples {
            dropped += oldest
            _ = pop()
        }
        entries.append(Entry(bytes: packet, samples: length, loudness: loudness))
        samples += length
        return dropped
    }

    /// Takes the oldest packet.
    package mutating func pop() -> [UInt8]? {
        guard !entries.isEmpty else { return nil }
        // The queue must not keep a packet that is gone.
        var bytes: [UInt8] = []
        swap(&bytes, &entries[0].bytes)
        samples -= entries[0].samples
        _ = entries.popFirst()
        return bytes
    }

    /// Drops those that do not stay, the oldest at 0.
    package mutating func keep(_ stays: [Bool]) {
        for index in 0..<count {
            guard let entry = entries.popFirst() else { return }
            if index >= stays.count || stays[index] { entries.append(entry) } else { samples -= entry.samples }
        }
    }

    package mutating func removeAll() {
        entries = FIFO(keepingCapacity: .max)
        samples = 0
    }
}
