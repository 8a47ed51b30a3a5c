/// Takes the Opus packets out of a WebM or other Matroska stream (RFC 9559) that comes in pieces of any size, as a
/// browser's MediaRecorder writes it: segments and clusters of open length, one block a packet. Also reads files
/// with lengths, block groups and every kind of lacing. A new EBML header starts a new stream.
///
/// What is not needed is passed over without being kept, so that memory is bounded by the largest block. Nesting is
/// bounded because only known elements in their right place are entered.
package struct WebMDemuxer: Sendable {
    /// Bytes of a block of the Opus track: more than the longest Opus packets in the largest lace of real writers.
    package static let maximumBlockSize = 128 << 10
    /// Bytes of a leaf that describes the document or the track.
    package static let maximumLeafSize = 4 << 10
    /// Bytes of the codec's name that an error repeats.
    package static let maximumNameLength = 32

    private struct OpenElement: Hashable, Sendable {
        var name: UInt32
        /// Where it ends, counted from the first byte of all; nil while that is open.
        var end: UInt64?
    }

    private struct TrackEntry: Hashable, Sendable {
        var number: UInt64?
        var isAudio = false
        var codec = ""
        var head: [UInt8] = []
        var isEncoded = false
    }

    private var buffer: [UInt8] = []
    private var offset = 0
    /// Bytes before `offset` since the very beginning.
    private var position: UInt64 = 0
    private var skipping: UInt64 = 0
    private var open: [OpenElement] = []
    private var hasHeader = false
    private var documentType: String?
    private var entry: TrackEntry?
    private var track: UInt64?
    private var otherCodec: String?
    private var failure: WebMError?

    package init() {}

    /// Bytes that wait for the rest of their element.
    package var bufferedByteCount: Int { buffer.count - offset }
    /// Whether all that came ends with a whole element.
    package var isAtBoundary: Bool { bufferedByteCount == 0 && skipping == 0 }

    /// Takes the next piece of the stream and appends the packets that it completes. After an error, which repeats
    /// itself, only a new demuxer goes on.
    package mutating func append(
        _ bytes: [UInt8], to packets: inout [ContainedOpusPacket]
    ) throws(WebMError) {
        if let failure { throw failure }
        buffer.append(contentsOf: bytes)
        do throws(WebMError) {
            while try step(&packets) {}
        } catch {
            failure = error
            buffer = []
            offset = 0
            throw error
        }
        buffer.removeFirst(offset)
        offset = 0
    }

    // MARK: Elements

    /// Does one thing; false when more bytes must come first.
    private mutating func step(_ packets: inout [ContainedOpusPacket]) throws(WebMError) -> Bool {
        if skipping > 0 {
            let count = min(skipping, UInt64(buffer.count - offset))
            guard count > 0 else { return false }
            consume(Int(count))
            skipping -= count
            return true
        }
        try closeFinished()
        let name: UInt32
        let nameLength: Int
        switch EBML.read(buffer, at: offset, maximumLength: 4, keepingMarker: true) {
        case .incomplete:
            try checkBeginning()
            return false
        case .malformed: throw hasHeader ? .malformedElement : .notEBML
        case .value(let value, let length, _):
            name = UInt32(truncatingIfNeeded: value)
            nameLength = length
        }
        if !hasHeader, name != EBML.Name.header { throw .notEBML }
        switch EBML.read(buffer, at: offset + nameLength) {
        case .incomplete: return false
        case .malformed: throw .malformedElement
        case .value(let size, let length, let isUnknown):
            return try enter(name, size: isUnknown ? nil : size, headerLength: nameLength + length, &packets)
        }
    }

    /// The first bytes of all must already look like an EBML header, however few they are.
    private func checkBeginning() throws(WebMError) {
        guard !hasHeader, offset < buffer.count else { return }
        let signature: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3]
        if !signature.starts(with: buffer[offset...]) { throw .notEBML }
    }

    /// Returns false, with nothing consumed, when the element must be there as a whole and is not.
    private mutating func enter(
        _ name: UInt32, size: UInt64?, headerLength: Int, _ packets: inout [ContainedOpusPacket]
    ) throws(WebMError) -> Bool {
        if name == EBML.Name.header {
            // A new stream, wherever an element may begin: the one before was cut off.
            guard let size else { throw .unknownSize(element: name) }
            guard size <= UInt64(Self.maximumLeafSize) else { throw .tooLarge(element: name) }
            open = []
            hasHeader = true
            documentType = nil
            startSegment()
            push(name, size: size, headerLength: headerLength)
            return true
        }
        endOpenElements(before: name)
        if let size, let end = open.last(where: { $0.end != nil })?.end,
            position + UInt64(headerLength) + size > end
        {
            throw .beyondParent(element: name)
        }
        switch (open.last?.name, name) {
        case (nil, EBML.Name.segment):
            startSegment()
            push(name, size: size, headerLength: headerLength)
        case (EBML.Name.segment?, EBML.Name.cluster):
            guard track != nil else { throw .noOpusTrack(codec: otherCodec) }
            push(name, size: size, headerLength: headerLength)
        case (EBML.Name.segment?, EBML.Name.tracks), (EBML.Name.tracks?, EBML.Name.trackEntry),
            (EBML.Name.cluster?, EBML.Name.blockGroup):
            guard let size else { throw .unknownSize(element: name) }
            if name == EBML.Name.trackEntry { entry = TrackEntry() }
            push(name, size: size, headerLength: headerLength)
        case (EBML.Name.cluster?, EBML.Name.simpleBlock), (EBML.Name.blockGroup?, EBML.Name.block):
            guard let size else { throw .unknownSize(element: name) }
            return try readBlock(name, size: size, headerLength: headerLength, &packets)
        case (EBML.Name.trackEntry?, EBML.Name.trackNumber), (EBML.Name.trackEntry?, EBML.Name.trackType),
            (EBML.Name.trackEntry?, EBML.Name.codecID), (EBML.Name.trackEntry?, EBML.Name.codecPrivate),
            (EBML.Name.header?, EBML.Name.documentType):
            guard let size else { throw .unknownSize(element: name) }
            return try readLeaf(name, size: size, headerLength: headerLength)
        default:
            guard let size else { throw .unknownSize(element: name) }
            if name == EBML.Name.contentEncodings { entry?.isEncoded = true }
            consume(headerLength)
            skipping = size
        }
        return true
    }

    private mutating func consume(_ count: Int) {
        offset += count
        position += UInt64(count)
    }

    private mutating func push(_ name: UInt32, size: UInt64?, headerLength: Int) {
        consume(headerLength)
        open.append(OpenElement(name: name, end: size.map { position + $0 }))
    }

    private mutating func startSegment() {
        entry = nil
        track = nil
        otherCodec = nil
    }

    /// Closes what ends here by its length, with all that is open inside.
    private mutating func closeFinished() throws(WebMError) {
        while let index = open.firstIndex(where: { $0.end.map { $0 <= position } ?? false }) {
            while open.count > index { try close(open.removeLast()) }
        }
    }

    /// Elements of open length end where something begins that cannot be inside them.
    private mutating func endOpenElements(before name: UInt32) {
        while let last = open.last, last.end == nil {
            let endsSegment = name == EBML.Name.segment
            let endsCluster = endsSegment || EBML.Name.segmentChildren.contains(name)
            guard last.name == EBML.Name.cluster ? endsCluster : endsSegment else { return }
            open.removeLast()
        }
    }

    private mutating func close(_ element: OpenElement) throws(WebMError) {
        switch element.name {
        case EBML.Name.header:
            let type = documentType ?? "matroska"
            guard type == "webm" || type == "matroska" else { throw .unsupportedDocumentType(type) }
        case EBML.Name.trackEntry:
            guard let entry else { return }
            self.entry = nil
            try choose(entry)
        default: break
        }
    }

    // MARK: Tracks

    private mutating func choose(_ entry: TrackEntry) throws(WebMError) {
        guard track == nil, entry.isAudio else { return }
        guard entry.codec == "A_OPUS", let number = entry.number else {
            otherCodec = entry.codec
            return
        }
        if entry.isEncoded { throw .encodedTrack }
        if !entry.head.isEmpty {
            do throws(OpusHead.Problem) {
                _ = try OpusHead(parsing: entry.head)
            } catch {
                switch error {
                case .malformed: throw .malformedOpusHead
                case .multistream(let channels): throw .unsupportedChannels(channels)
                }
            }
        }
        track = number
    }

    private mutating func readLeaf(_ name: UInt32, size: UInt64, headerLength: Int) throws(WebMError) -> Bool {
        guard size <= UInt64(Self.maximumLeafSize) else { throw .tooLarge(element: name) }
        let start = offset + headerLength
        let end = start + Int(size)
        guard end <= buffer.count else { return false }
        let value = buffer[start..<end]
        switch name {
        case EBML.Name.documentType: documentType = Self.text(value)
        case EBML.Name.codecID: entry?.codec = Self.text(value)
        case EBML.Name.codecPrivate: entry?.head = Array(value)
        case EBML.Name.trackType:
            guard let type = EBML.unsigned(value) else { throw .malformedElement }
            entry?.isAudio = type == 2
        default:
            guard let number = EBML.unsigned(value) else { throw .malformedElement }
            entry?.number = number
        }
        consume(headerLength + Int(size))
        return true
    }

    /// ASCII up to the first zero byte; anything else becomes a question mark, because errors repeat it.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let name = bytes.prefix { $0 != 0 }.prefix(maximumNameLength).map { (0x20..<0x7F).contains($0) ? $0 : 0x3F }
        return String(decoding: name, as: UTF8.self)
    }

    // MARK: Blocks

    private mutating func readBlock(
        _ name: UInt32, size: UInt64, headerLength: Int, _ packets: inout [ContainedOpusPacket]
    ) throws(WebMError) -> Bool {
        let start = offset + headerLength
        let limit = start + Int(min(size, UInt64(Self.maximumBlockSize)))
        switch EBML.read(buffer, at: start, end: limit) {
        case .incomplete:
            guard limit > buffer.count else { throw .malformedBlock }
            return false
        case .malformed: throw .malformedBlock
        case .value(let number, _, _):
            // Blocks of other tracks, such as video, are passed over however large they are.
            guard number == track else {
                consume(headerLength)
                skipping = size
                return true
            }
        }
        guard size <= UInt64(Self.maximumBlockSize) else { throw .tooLarge(element: name) }
        guard limit <= buffer.count else { return false }
        for range in try WebMBlock.frames(buffer, in: start..<limit) where !range.isEmpty {
            guard
                let parts = OpusFrames.split(Array(buffer[range]), maximumSize: ContainedOpusPacket.maximumSize)
            else { throw .notOpus }
            packets.append(contentsOf: parts)
        }
        consume(headerLength + Int(size))
        return true
    }
}
