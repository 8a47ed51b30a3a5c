import Wire

/// A DATA chunk: one message or a fragment of one (RFC 9260 section 3.3.1).
package struct SCTPDataChunk: Hashable, Sendable {
    /// Bytes of the chunk header and the fields before the user data.
    package static let headerLength = 16

    package var tsn: UInt32
    package var stream: UInt16
    /// The message's number within its stream; meaningless for an unordered message.
    package var sequenceNumber: UInt16
    /// Says what the message is; SCTP only carries it (PPID).
    package var payloadProtocol: UInt32
    package var isUnordered: Bool
    package var isFirstFragment: Bool
    package var isLastFragment: Bool
    /// The I bit: the receiver is asked not to delay its SACK.
    package var isImmediate: Bool
    package var userData: [UInt8]

    package init(
        tsn: UInt32, stream: UInt16, sequenceNumber: UInt16, payloadProtocol: UInt32, isUnordered: Bool = false,
        isFirstFragment: Bool = true, isLastFragment: Bool = true, isImmediate: Bool = false, userData: [UInt8]
    ) {
        self.tsn = tsn
        self.stream = stream
        self.sequenceNumber = sequenceNumber
        self.payloadProtocol = payloadProtocol
        self.isUnordered = isUnordered
        self.isFirstFragment = isFirstFragment
        self.isLastFragment = isLastFragment
        self.isImmediate = isImmediate
        self.userData = userData
    }

    init(flags: UInt8, parsing value: RawSpan) throws(Truncated) {
        var reader = ByteReader(value)
        isLastFragment = flags & 1 != 0
        isFirstFragment = flags & 2 != 0
        isUnordered = flags & 4 != 0
        isImmediate = flags & 8 != 0
        tsn = try reader.readUInt32()
        stream = try reader.readUInt16()
        sequenceNumber = try reader.readUInt16()
        payloadProtocol = try reader.readUInt32()
        userData = reader.readRest()
    }

    func write(to writer: inout ByteWriter) {
        Self.writeHeader(
            tsn: tsn, stream: stream, sequenceNumber: sequenceNumber, payloadProtocol: payloadProtocol,
            isUnordered: isUnordered, isFirstFragment: isFirstFragment, isLastFragment: isLastFragment,
            isImmediate: isImmediate, userDataLength: userData.count, to: &writer)
        writer.write(userData)
        writer.pad(to: 4)
    }

    /// Writes all but the user data and the padding, so that a fragment can be copied straight out of its message.
    static func writeHeader(
        tsn: UInt32, stream: UInt16, sequenceNumber: UInt16, payloadProtocol: UInt32, isUnordered: Bool,
        isFirstFragment: Bool, isLastFragment: Bool, isImmediate: Bool = false, userDataLength: Int,
        to writer: inout ByteWriter
    ) {
        writer.write(SCTPChunk.Kind.data)
        writer.write(
            (isLastFragment ? 1 : 0) | (isFirstFragment ? 2 : 0) | (isUnordered ? 4 : 0) | (isImmediate ? 8 : 0)
                as UInt8)
        writer.write(UInt16(truncatingIfNeeded: headerLength + userDataLength))
        writer.write(tsn)
        writer.write(stream)
        writer.write(sequenceNumber)
        writer.write(payloadProtocol)
    }
}

/// The value of INIT and INIT ACK (RFC 9260 sections 3.3.2 and 3.3.3).
package struct SCTPInitChunk: Hashable, Sendable {
    /// The tag that packets to the sender must carry; never zero.
    package var initiateTag: UInt32
    /// Receive buffer in bytes.
    package var advertisedWindow: UInt32
    package var outboundStreams: UInt16
    package var inboundStreams: UInt16
    package var initialTSN: UInt32
    package var parameters: [SCTPParameter]

    package init(
        initiateTag: UInt32, advertisedWindow: UInt32, outboundStreams: UInt16, inboundStreams: UInt16,
        initialTSN: UInt32, parameters: [SCTPParameter]
    ) {
        self.initiateTag = initiateTag
        self.advertisedWindow = advertisedWindow
        self.outboundStreams = outboundStreams
        self.inboundStreams = inboundStreams
        self.initialTSN = initialTSN
        self.parameters = parameters
    }

    init(parsing value: RawSpan) throws(Truncated) {
        var reader = ByteReader(value)
        initiateTag = try reader.readUInt32()
        advertisedWindow = try reader.readUInt32()
        outboundStreams = try reader.readUInt16()
        inboundStreams = try reader.readUInt16()
        initialTSN = try reader.readUInt32()
        parameters = try SCTPParameter.list(parsing: try reader.readSpan(reader.remaining))
    }

    func write(to writer: inout ByteWriter) {
        writer.write(initiateTag)
        writer.write(advertisedWindow)
        writer.write(outboundStreams)
        writer.write(inboundStreams)
        writer.write(initialTSN)
        for parameter in parameters { parameter.write(to: &writer) }
    }

    /// The value of the first parameter of that type.
    package func parameter(_ type: UInt16) -> [UInt8]? { parameters.first { $0.type == type }?.value }
}

/// A selective acknowledgement (RFC 9260 section 3.3.4).
package struct SCTPSackChunk: Hashable, Sendable {
    /// TSNs received behind a gap, as offsets from the cumulative TSN, both ends included.
    package struct GapBlock: Hashable, Sendable {
        package var start: UInt16
        package var end: UInt16

        package init(start: UInt16, end: UInt16) {
            self.start = start
            self.end = end
        }
    }

    /// Bytes of a SACK with no gap blocks and no duplicates, chunk header included.
    static let minimumLength = 16

    /// All TSNs up to this one have been received.
    package var cumulativeTSN: UInt32
    /// Free receive buffer in bytes.
    package var advertisedWindow: UInt32
    package var gapBlocks: [GapBlock]
    package var duplicateTSNs: [UInt32]

    package init(
        cumulativeTSN: UInt32, advertisedWindow: UInt32, gapBlocks: [GapBlock] = [], duplicateTSNs: [UInt32] = []
    ) {
        self.cumulativeTSN = cumulativeTSN
        self.advertisedWindow = advertisedWindow
        self.gapBlocks = gapBlocks
        self.duplicateTSNs = duplicateTSNs
    }

    init(parsing value: RawSpan) throws(Truncated) {
        var reader = ByteReader(value)
        cumulativeTSN = try reader.readUInt32()
        advertisedWindow = try reader.readUInt32()
        let gapCount = Int(try reader.readUInt16())
        let duplicateCount = Int(try reader.readUInt16())
        guard reader.remaining >= 4 * (gapCount + duplicateCount) else {
            throw Truncated(needed: 4 * (gapCount + duplicateCount), available: reader.remaining)
        }
        gapBlocks = []
        duplicateTSNs = []
        for _ in 0..<gapCount {
            gapBlocks.append(GapBlock(start: try reader.readUInt16(), end: try reader.readUInt16()))
        }
        for _ in 0..<duplicateCount { duplicateTSNs.append(try reader.readUInt32()) }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(cumulativeTSN)
        writer.write(advertisedWindow)
        writer.write(UInt16(truncatingIfNeeded: gapBlocks.count))
        writer.write(UInt16(truncatingIfNeeded: duplicateTSNs.count))
        for block in gapBlocks {
            writer.write(block.start)
            writer.write(block.end)
        }
        for tsn in duplicateTSNs { writer.write(tsn) }
    }
}

/// FORWARD TSN: the sender has given up on everything up to a TSN (RFC 3758 section 3.2).
package struct SCTPForwardTSNChunk: Hashable, Sendable {
    /// The last sequence number given up on in an ordered stream.
    package struct Skip: Hashable, Sendable {
        package var stream: UInt16
        package var sequenceNumber: UInt16

        package init(stream: UInt16, sequenceNumber: UInt16) {
            self.stream = stream
            self.sequenceNumber = sequenceNumber
        }
    }

    package var newCumulativeTSN: UInt32
    package var skips: [Skip]

    package init(newCumulativeTSN: UInt32, skips: [Skip]) {
        self.newCumulativeTSN = newCumulativeTSN
        self.skips = skips
    }

    init(parsing value: RawSpan) throws(Truncated) {
        var reader = ByteReader(value)
        newCumulativeTSN = try reader.readUInt32()
        skips = []
        while !reader.isAtEnd {
            skips.append(Skip(stream: try reader.readUInt16(), sequenceNumber: try reader.readUInt16()))
        }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(newCumulativeTSN)
        for skip in skips {
            writer.write(skip.stream)
            writer.write(skip.sequenceNumber)
        }
    }
}
