import Wire

/// What INIT or INIT ACK said about the peer. It also travels in our state cookie, so that an INIT leaves nothing
/// behind until its sender has answered (RFC 9260 section 5.1.3).
struct SCTPPeer: Hashable {
    /// The tag that our packets carry.
    let tag: UInt32
    let window: UInt32
    let outboundStreams: UInt16
    let inboundStreams: UInt16
    let initialTSN: UInt32
    let supportsForwardTSN: Bool
    let supportsReconfiguration: Bool

    /// Nil if the chunk breaks RFC 9260 section 3.3.2: a tag of zero, or no streams.
    init?(_ chunk: SCTPInitChunk) {
        guard chunk.initiateTag != 0, chunk.outboundStreams != 0, chunk.inboundStreams != 0 else { return nil }
        tag = chunk.initiateTag
        window = chunk.advertisedWindow
        outboundStreams = chunk.outboundStreams
        inboundStreams = chunk.inboundStreams
        initialTSN = chunk.initialTSN
        let extensions = chunk.parameter(SCTPParameter.supportedExtensions) ?? []
        supportsForwardTSN =
            chunk.parameter(SCTPParameter.forwardTSNSupported) != nil
            || extensions.contains(SCTPChunk.Kind.forwardTSN)
        supportsReconfiguration = extensions.contains(SCTPChunk.Kind.reconfiguration)
    }

    /// Reads a cookie of ours; nil if it is not one that the end with this nonce and tag made.
    ///
    /// RFC 9260 wants a keyed hash and a lifetime against forgers and replays; inside DTLS only the peer itself
    /// could send a cookie, and a forged one says no more than a forged INIT would.
    init?(cookie: [UInt8], nonce: UInt64, localTag: UInt32) {
        var reader = ByteReader(cookie.span.bytes)
        do {
            guard try reader.readUInt64() == nonce, try reader.readUInt32() == localTag else { return nil }
            tag = try reader.readUInt32()
            window = try reader.readUInt32()
            outboundStreams = try reader.readUInt16()
            inboundStreams = try reader.readUInt16()
            initialTSN = try reader.readUInt32()
            let flags = try reader.readUInt8()
            supportsForwardTSN = flags & 1 != 0
            supportsReconfiguration = flags & 2 != 0
        } catch {
            return nil
        }
        guard tag != 0, outboundStreams != 0, inboundStreams != 0 else { return nil }
    }

    /// The state cookie.
    func cookie(nonce: UInt64, localTag: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: 32)
        writer.write(nonce)
        writer.write(localTag)
        writer.write(tag)
        writer.write(window)
        writer.write(outboundStreams)
        writer.write(inboundStreams)
        writer.write(initialTSN)
        writer.write((supportsForwardTSN ? 1 : 0) | (supportsReconfiguration ? 2 : 0) as UInt8)
        return writer.bytes
    }
}
