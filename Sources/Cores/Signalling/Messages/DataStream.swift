/// The messages of a data stream: a header, chunks in order, a trailer; all reliable.
package enum DataStream {}

extension DataStream {
    /// Opens a stream. Times in Unix milliseconds, `totalLength` in bytes when it is known.
    package struct Header: ProtobufMessage {
        package var streamId = ""
        package var timestamp: Int64 = 0
        package var topic = ""
        package var mimeType = ""
        package var totalLength: UInt64?
        package var encryptionType = EncryptionType.none
        package var attributes: [String: String] = [:]
        package var content: Content?
        package var inlineContent: [UInt8]?
        package var compression = DataStream.CompressionType.none

        /// Text or bytes.
        package enum Content: Hashable, Sendable {
            case textHeader(DataStream.TextHeader)
            case byteHeader(DataStream.ByteHeader)
        }

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "stream_id", &streamId)
            fields.field(2, "timestamp", &timestamp)
            fields.field(3, "topic", &topic)
            fields.field(4, "mime_type", &mimeType)
            fields.field(5, "total_length", &totalLength)
            fields.field(7, "encryption_type", &encryptionType)
            fields.field(8, "attributes", &attributes)
            fields.field(9, "text_header", &content, Content.textHeader) {
                if case .textHeader(let value) = $0 { value } else { nil }
            }
            fields.field(10, "byte_header", &content, Content.byteHeader) {
                if case .byteHeader(let value) = $0 { value } else { nil }
            }
            fields.field(11, "inline_content", &inlineContent)
            fields.field(12, "compression", &compression)
        }
    }
}

extension DataStream {
    /// What is special about a stream of text.
    package struct TextHeader: ProtobufMessage {
        package var operationType = DataStream.OperationType.create
        package var version: Int32 = 0
        package var replyToStreamId = ""
        package var attachedStreamIds: [String] = []
        package var generated = false

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "operation_type", &operationType)
            fields.field(2, "version", &version)
            fields.field(3, "reply_to_stream_id", &replyToStreamId)
            fields.field(4, "attached_stream_ids", &attachedStreamIds)
            fields.field(5, "generated", &generated)
        }
    }
}

extension DataStream {
    /// What is special about a stream of bytes.
    package struct ByteHeader: ProtobufMessage {
        package var name = ""

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "name", &name)
        }
    }
}

extension DataStream {
    /// A piece of a stream; indices start at 0 and have no gaps.
    package struct Chunk: ProtobufMessage {
        package var streamId = ""
        package var chunkIndex: UInt64 = 0
        package var content: [UInt8] = []
        package var version: Int32 = 0
        package var iv: [UInt8]?

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "stream_id", &streamId)
            fields.field(2, "chunk_index", &chunkIndex)
            fields.field(3, "content", &content)
            fields.field(4, "version", &version)
            fields.field(5, "iv", &iv)
        }
    }
}

extension DataStream {
    /// Ends a stream; a reason that is not empty means abort. Its attributes are merged over the header's.
    package struct Trailer: ProtobufMessage {
        package var streamId = ""
        package var reason = ""
        package var attributes: [String: String] = [:]

        package init() {}

        package mutating func visit(_ fields: inout FieldVisitor) {
            fields.field(1, "stream_id", &streamId)
            fields.field(2, "reason", &reason)
            fields.field(3, "attributes", &attributes)
        }
    }
}

extension DataStream {
    /// What a text stream does to earlier ones.
    package struct OperationType: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let create = Self(rawValue: 0)
        package static let update = Self(rawValue: 1)
        package static let delete = Self(rawValue: 2)
        package static let reaction = Self(rawValue: 3)

        package static let names: [Int32: String] = [
            0: "CREATE", 1: "UPDATE", 2: "DELETE", 3: "REACTION",
        ]
    }
}

extension DataStream {
    /// How a stream's content is compressed.
    package struct CompressionType: ProtobufEnum {
        package let rawValue: Int32
        package init(rawValue: Int32) { self.rawValue = rawValue }

        package static let none = Self(rawValue: 0)
        package static let deflateRaw = Self(rawValue: 1)

        package static let names: [Int32: String] = [
            0: "NONE", 1: "DEFLATE_RAW",
        ]
    }
}
