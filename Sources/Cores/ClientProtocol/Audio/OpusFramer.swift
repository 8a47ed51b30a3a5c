/// Puts Opus packets together into longer ones, without decoding them (RFC 6716 section 3.2.5): one message in place of
/// several. Only frames of the same configuration can share a packet, so a packet may be shorter than what is wanted, and
/// one that is longer already passes as it is.
package struct OpusFramer: Sendable {
    /// The most bytes that a packet may get.
    static let maximumPacketSize = 4 * OpusFrames.maximumFrameSize

    /// In samples at 48 kHz.
    private let wanted: Int
    private let fillsUp: Bool
    /// The first byte of the frames that wait, without the framing code.
    private var configuration: UInt8 = 0
    /// Their bytes, one behind the other, and the size of each.
    private var bytes: [UInt8] = []
    private var sizes: [Int] = []
    private var samples = 0
    private var packet: [UInt8] = []

    /// - Parameters:
    ///   - milliseconds: 120 at most, the longest that a packet can be.
    ///   - fillsUp: a packet that would be shorter gets empty frames at its end, which stand for frames that were not
    ///     transmitted: the decoder fades out.
    package init(milliseconds: Int, fillsUp: Bool = false) {
        wanted = min(milliseconds * 48, OpusFrames.maximumSamples)
        self.fillsUp = fillsUp
    }

    /// Whether frames wait for others.
    package var isEmpty: Bool { sizes.isEmpty }

    /// Takes one packet, and hands over each that is complete.
    package mutating func append(_ new: [UInt8], _ emit: (Span<UInt8>) -> Void) {
        guard let frames = OpusFrames(bytes: new), frames.sampleCount < wanted else {
            flush(emit)
            return emit(new.span)
        }
        let fits =
            configuration == frames.tableOfContents & 0xFC && samples + frames.sampleCount <= wanted
            && bytes.count + new.count <= Self.maximumPacketSize
        if !fits { flush(emit) }
        configuration = frames.tableOfContents & 0xFC
        for range in frames.ranges {
            bytes.append(contentsOf: new[range])
            sizes.append(range.count)
        }
        samples += frames.sampleCount
        if samples == wanted { flush(emit) }
    }

    /// Nothing follows at once: hands over what waits.
    package mutating func flush(_ emit: (Span<UInt8>) -> Void) {
        guard !sizes.isEmpty else { return }
        if fillsUp {
            let frame = samples / sizes.count
            while samples + frame <= wanted {
                sizes.append(0)
                samples += frame
            }
        }
        let last = sizes[sizes.count - 1]
        packet.removeAll(keepingCapacity: true)
        if sizes.count == 1 {
            packet.append(configuration)
        } else {
            // Code 3; a length for each frame but the last, unless all are equal.
            let isVariable = sizes.contains { $0 != last }
            packet.append(configuration | 3)
            packet.append((isVariable ? 0x80 : 0) | UInt8(sizes.count))
            if isVariable { for size in sizes.dropLast() { appendLength(size) } }
        }
        packet.append(contentsOf: bytes)
        removeAll()
        emit(packet.span)
    }

    /// Forgets what waits.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        sizes.removeAll(keepingCapacity: true)
        samples = 0
    }

    /// RFC 6716 section 3.2.1.
    private mutating func appendLength(_ size: Int) {
        guard size >= 252 else { return packet.append(UInt8(size)) }
        let low = 252 + size & 3
        packet.append(UInt8(low))
        packet.append(UInt8((size - low) / 4))
    }
}
