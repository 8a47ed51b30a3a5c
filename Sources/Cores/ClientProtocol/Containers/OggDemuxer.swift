/// Takes the Opus packets out of an Ogg stream (RFC 3533, RFC 7845) that comes in pieces of any size, as Firefox's
/// MediaRecorder writes it: pages split anywhere, packets that go on over pages, streams chained one after the
/// other, streams of other codecs in between. What is buffered is bounded by one page and one packet.
package struct OggDemuxer: Sendable {
    /// Bytes of an Opus packet: 48 frames of the largest size and their lengths.
    package static let maximumPacketSize = 48 * (OpusFrames.maximumFrameSize + 2) + 2

    /// The Opus stream that is being read.
    private struct Stream: Hashable, Sendable {
        var serialNumber: UInt32
        var nextSequenceNumber: UInt32
        /// The first packet after the head must be OpusTags.
        var hasTags = false
        /// The start of a packet that goes on in the next page; nil when there is none.
        var partial: [UInt8]?
    }

    private var buffer: [UInt8] = []
    private var stream: Stream?
    private var otherCodec: String?
    private var failure: OggError?

    package init() {}

    /// Bytes that wait for the rest of their page or packet.
    package var bufferedByteCount: Int { buffer.count + (stream?.partial?.count ?? 0) }
    /// Whether all that came ends with a whole page.
    package var isAtBoundary: Bool { buffer.isEmpty }

    /// Takes the next piece of the stream and appends the packets that it completes. After an error, which repeats
    /// itself, only a new demuxer goes on.
    package mutating func append(_ bytes: [UInt8], to packets: inout [ContainedOpusPacket]) throws(OggError) {
        if let failure { throw failure }
        buffer.append(contentsOf: bytes)
        var offset = 0
        do throws(OggError) {
            while offset < buffer.count, let page = try OggPage(buffer, at: offset) {
                try read(page, &packets)
                offset += page.byteCount
            }
        } catch {
            failure = error
            buffer = []
            stream = nil
            throw error
        }
        buffer.removeFirst(offset)
    }

    private mutating func read(_ page: OggPage, _ packets: inout [ContainedOpusPacket]) throws(OggError) {
        if page.isBeginning { return try begin(page) }
        guard var stream else { throw .noOpusStream(codec: otherCodec) }
        // Another stream beside ours.
        guard page.serialNumber == stream.serialNumber else { return }
        // The stream is put together outside of `self`, so that its packet is not copied with every change.
        self.stream = nil
        defer { self.stream = stream }
        let hasGap = page.sequenceNumber != stream.nextSequenceNumber
        stream.nextSequenceNumber = page.sequenceNumber &+ 1
        if hasGap || !page.isContinued { stream.partial = nil }
        // The end of a packet whose start is missing is of no use.
        var isLost = page.isContinued && stream.partial == nil
        for segment in page.segments {
            if !isLost { try append(segment.range, to: &stream) }
            guard segment.endsPacket else { continue }
            if let packet = stream.partial, !isLost { try finish(packet, &stream, &packets) }
            stream.partial = nil
            isLost = false
        }
        // What follows a lost start in the next page is lost, too: `partial` is nil then.
    }

    private func append(_ range: Range<Int>, to stream: inout Stream) throws(OggError) {
        if stream.partial == nil { stream.partial = [] }
        let size = stream.partial?.count ?? 0
        guard stream.hasTags else {
            // Tags may hold pictures; only their name is looked at.
            let missing = max(0, Self.tagsSignature.count - size)
            stream.partial?.append(contentsOf: buffer[range].prefix(missing))
            return
        }
        guard size + range.count <= Self.maximumPacketSize else { throw .packetTooLarge }
        stream.partial?.append(contentsOf: buffer[range])
    }

    private func finish(
        _ packet: [UInt8], _ stream: inout Stream, _ packets: inout [ContainedOpusPacket]
    ) throws(OggError) {
        guard stream.hasTags else {
            guard packet == Self.tagsSignature else { throw .missingOpusTags }
            stream.hasTags = true
            return
        }
        guard !packet.isEmpty else { return }
        guard let parts = OpusFrames.split(packet, maximumSize: ContainedOpusPacket.maximumSize) else { throw .notOpus }
        packets.append(contentsOf: parts)
    }

    /// The first page of a stream holds the identification header of its codec and nothing else.
    private mutating func begin(_ page: OggPage) throws(OggError) {
        guard let first = page.segments.first, let last = page.segments.last else { return }
        let header = Array(buffer[first.range.lowerBound..<last.range.upperBound])
        guard header.starts(with: OpusHead.signature) else {
            otherCodec = Self.codec(of: header)
            return
        }
        do throws(OpusHead.Problem) {
            _ = try OpusHead(parsing: header)
        } catch {
            switch error {
            case .malformed: throw .malformedOpusHead
            case .multistream(let channels): throw .unsupportedChannels(channels)
            }
        }
        stream = Stream(serialNumber: page.serialNumber, nextSequenceNumber: page.sequenceNumber &+ 1)
    }

    private static let tagsSignature = Array("OpusTags".utf8)

    private static func codec(of header: [UInt8]) -> String? {
        let names: [(String, String)] = [
            ("\u{1}vorbis", "Vorbis"), ("\u{7F}FLAC", "FLAC"), ("Speex", "Speex"), ("\u{80}theora", "Theora"),
        ]
        return names.first { name in header.starts(with: name.0.unicodeScalars.map { UInt8($0.value & 0xFF) }) }?.1
    }
}
