/// What a Redis server answers (RESP2: "Redis serialization protocol specification").
package enum RESPValue: Hashable, Sendable {
    case simple([UInt8])
    /// The server refuses a command; the connection goes on.
    case error([UInt8])
    case integer(Int64)
    /// Any bytes.
    case bulk([UInt8])
    case null
    case array([RESPValue])

    /// The bytes of a text of either kind.
    package var bytes: [UInt8]? {
        switch self {
        case .simple(let bytes), .bulk(let bytes): bytes
        default: nil
        }
    }

    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    package var array: [RESPValue]? { if case .array(let values) = self { values } else { nil } }
}

/// Commands as a client sends them.
package enum RESPCommand {
    /// The bytes of a command: an array of bulk strings.
    package static func encode(_ words: [[UInt8]]) -> [UInt8] {
        var bytes = Array("*\(words.count)\r\n".utf8)
        for word in words {
            bytes += "$\(word.count)\r\n".utf8
            bytes += word
            bytes += "\r\n".utf8
        }
        return bytes
    }

    package static func encode(_ words: [String]) -> [UInt8] { encode(words.map { Array($0.utf8) }) }
}
