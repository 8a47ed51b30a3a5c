package import Signalling

/// A stream that we send: a header, chunks of at most 15 000 bytes, a trailer (docs/livekit-protocol.md#data-streams).
/// Makes the packets; who owns it sends them, in order, over the reliable channel.
package struct OutgoingDataStream: Sendable {
    /// Bytes of one chunk.
    package static let maximumChunkBytes = 15_000

    package let id: String
    private let destinations: [String]
    private var nextChunk: UInt64 = 0

    /// A stream with a new id, to these identities, or to everybody when there are none.
    package init(id: String, destinations: [String]) {
        self.id = id
        self.destinations = destinations
    }

    private func packet(_ value: DataPacket.Value) -> DataPacket {
        .with {
            $0.value = value
            $0.destinationIdentities = destinations
        }
    }

    /// The header; `timestamp` in Unix milliseconds, `totalLength` in bytes when it is known.
    package func header(
        topic: String, kind: DataStreamInfo.Kind, mimeType: String, attributes: [String: String], timestamp: Int64,
        totalLength: Int?
    ) -> DataPacket {
        packet(
            .streamHeader(
                .with {
                    $0.streamId = id
                    $0.timestamp = timestamp
                    $0.topic = topic
                    $0.mimeType = mimeType
                    $0.attributes = attributes
                    $0.totalLength = totalLength.map { UInt64($0) }
                    switch kind {
                    case .text: $0.content = .textHeader(DataStream.TextHeader())
                    case .bytes(let name): $0.content = .byteHeader(.with { $0.name = name })
                    }
                }))
    }

    /// The chunks for some text, none of them ending inside a character.
    package mutating func chunks(_ text: String) -> [DataPacket] { chunks(Array(text.utf8), isText: true) }

    /// The chunks for some bytes.
    package mutating func chunks(_ bytes: [UInt8]) -> [DataPacket] { chunks(bytes, isText: false) }

    /// The chunks for some bytes; those of text do not end inside a character.
    mutating func chunks(_ bytes: [UInt8], isText: Bool) -> [DataPacket] {
        var packets: [DataPacket] = []
        var offset = 0
        while offset < bytes.count {
            var end = min(offset + Self.maximumChunkBytes, bytes.count)
            while isText, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            packets.append(
                packet(
                    .streamChunk(
                        .with {
                            $0.streamId = id
                            $0.chunkIndex = nextChunk
                            $0.content = Array(bytes[offset..<end])
                        })))
            nextChunk += 1
            offset = end
        }
        return packets
    }

    /// The end; a reason that is not empty tells the receivers that the stream was given up.
    package func trailer(attributes: [String: String] = [:], reason: String = "") -> DataPacket {
        packet(
            .streamTrailer(
                .with {
                    $0.streamId = id
                    $0.reason = reason
                    $0.attributes = attributes
                }))
    }
}
