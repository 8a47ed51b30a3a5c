import Wire

/// Why bytes are not an SCTP packet that we accept.
package enum SCTPPacketError: Error, Hashable, Sendable {
    /// Shorter than the common header and one chunk header, or a field of a chunk does not fit its length.
    case truncated
    /// Longer than `SCTPPacket.maximumLength`.
    case tooLong(Int)
    /// The checksum of RFC 9260 section 6.8 does not match.
    case wrongChecksum
    /// A chunk's length field is below 4 or reaches beyond the packet.
    case invalidChunkLength(type: UInt8)
    /// A chunk's fields contradict each other or the RFC.
    case invalidChunk(type: UInt8)
}

/// A parsed SCTP packet (RFC 9260 section 3): common header and chunks.
package struct SCTPPacket: Equatable, Sendable {
    /// Bytes of the common header.
    package static let headerLength = 12
    /// Bytes of a chunk's type, flags and length.
    package static let chunkHeaderLength = 4
    /// What a DTLS record can carry at most, and more than any packet that we are ever sent.
    package static let maximumLength = 16_384

    package var sourcePort: UInt16
    package var destinationPort: UInt16
    /// The tag that the receiver chose during the handshake; zero beside INIT.
    package var verificationTag: UInt32
    package var chunks: [SCTPChunk]

    package init(sourcePort: UInt16, destinationPort: UInt16, verificationTag: UInt32, chunks: [SCTPChunk]) {
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.verificationTag = verificationTag
        self.chunks = chunks
    }

    /// Verifies the checksum and parses every chunk. One malformed chunk makes the whole packet invalid: with DTLS
    /// below, it is a bug of the sender and not damage on the way.
    package init(parsing bytes: RawSpan) throws(SCTPPacketError) {
        guard bytes.byteCount <= Self.maximumLength else { throw .tooLong(bytes.byteCount) }
        guard bytes.byteCount >= Self.headerLength + Self.chunkHeaderLength else { throw .truncated }
        var reader = ByteReader(bytes)
        do {
            sourcePort = try reader.readUInt16()
            destinationPort = try reader.readUInt16()
            verificationTag = try reader.readUInt32()
            // The checksum is the one field that travels with its least significant byte first.
            guard try reader.readUInt32().byteSwapped == SCTPChecksum.ofPacket(bytes) else {
                throw SCTPPacketError.wrongChecksum
            }
            chunks = []
            while reader.remaining >= Self.chunkHeaderLength {
                let type = try reader.readUInt8()
                let flags = try reader.readUInt8()
                let length = Int(try reader.readUInt16())
                guard length >= Self.chunkHeaderLength, length - Self.chunkHeaderLength <= reader.remaining else {
                    throw SCTPPacketError.invalidChunkLength(type: type)
                }
                let value = try reader.readSpan(length - Self.chunkHeaderLength)
                chunks.append(try SCTPChunk(type: type, flags: flags, parsing: value))
                // Padding is not counted by the length; the last chunk's may be missing.
                try reader.skip(min(-length & 3, reader.remaining))
            }
        } catch let error as SCTPPacketError {
            throw error
        } catch {
            throw .truncated
        }
    }

    /// The bytes of the packet with its checksum.
    package func serialized() -> [UInt8] {
        var writer = Self.writer(
            sourcePort: sourcePort, destinationPort: destinationPort, verificationTag: verificationTag, capacity: 512)
        for chunk in chunks { chunk.write(to: &writer) }
        return Self.finished(writer)
    }

    /// A writer that holds a common header with a checksum of zero.
    static func writer(
        sourcePort: UInt16, destinationPort: UInt16, verificationTag: UInt32, capacity: Int
    ) -> ByteWriter {
        var writer = ByteWriter(capacity: capacity)
        writer.write(sourcePort)
        writer.write(destinationPort)
        writer.write(verificationTag)
        writer.write(UInt32(0))
        return writer
    }

    /// Fills in the checksum of a packet whose checksum field is zero.
    static func finished(_ writer: ByteWriter) -> [UInt8] {
        var writer = writer
        writer.overwrite(at: 8, with: SCTPChecksum.compute(writer.bytes.span.bytes).byteSwapped)
        return writer.bytes
    }
}
