/// Why bytes are no answers of a Redis server. The connection cannot be used any more.
package enum RESPError: Error, Hashable, Sendable {
    case unknownType(UInt8)
    case malformed
    case tooLong
    case tooDeep
}

/// Reads answers from bytes as they come, cut anywhere. Each byte is looked at a fixed number of times, however an answer is cut.
package struct RESPParser {
    /// Bytes of one answer.
    package static let maximumBytes = 16 << 20
    /// Values of one answer.
    package static let maximumValues = 262_144
    package static let maximumDepth = 8
    /// Bytes of a line.
    static let maximumLine = 4096

    private struct Open {
        var missing: Int
        var values: [RESPValue]
    }

    /// What has come and is not used up, from `start` on.
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where the search for the end of the line goes on.
    private var searched = 0
    /// The length of a bulk string whose line has been read.
    private var bulkLength: Int?
    private var open: [Open] = []
    /// Of the answer that is being read.
    private var values = 0
    private var bytes = 0
    private var failure: RESPError?

    package init() {}

    package mutating func append(_ new: some Sequence<UInt8>) {
        if start > 4096, start >= buffer.count / 2 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: new)
    }

    /// The next whole answer; nil until there is one. After an error there is none any more.
    package mutating func next() throws(RESPError) -> RESPValue? {
        if let failure { throw failure }
        do throws(RESPError) {
            while let value = try nextValue() {
                if let whole = close(value) {
                    values = 0
                    bytes = 0
                    return whole
                }
            }
            return nil
        } catch {
            failure = error
            throw error
        }
    }

    /// Puts a value into the array that waits for it; returns the answer that is whole by it.
    private mutating func close(_ value: RESPValue) -> RESPValue? {
        var value = value
        while var last = open.popLast() {
            last.values.append(value)
            last.missing -= 1
            guard last.missing == 0 else {
                open.append(last)
                return nil
            }
            value = .array(last.values)
        }
        return value
    }

    /// The next value that is no array with something in it.
    private mutating func nextValue() throws(RESPError) -> RESPValue? {
        while true {
            if let length = bulkLength { return try bulk(length) }
            guard let line = try line() else { return nil }
            values += 1
            bytes += line.count
            guard values <= Self.maximumValues, bytes <= Self.maximumBytes else { throw .tooLong }
            guard let type = line.first else { throw .malformed }
            let text = line.dropFirst()
            switch type {
            case UInt8(ascii: "+"): return .simple(Array(text))
            case UInt8(ascii: "-"): return .error(Array(text))
            case UInt8(ascii: ":"): return .integer(try Self.number(text))
            case UInt8(ascii: "$"):
                let length = try Self.number(text)
                if length == -1 { return .null }
                guard length >= 0 else { throw .malformed }
                guard length <= Self.maximumBytes - bytes else { throw .tooLong }
                bytes += Int(length)
                bulkLength = Int(length)
            case UInt8(ascii: "*"):
                let count = try Self.number(text)
                if count == -1 { return .null }
                guard count >= 0 else { throw .malformed }
                guard count <= Self.maximumValues - values else { throw .tooLong }
                if count == 0 { return .array([]) }
                guard open.count < Self.maximumDepth else { throw .tooDeep }
                open.append(Open(missing: Int(count), values: []))
            default: throw .unknownType(type)
            }
        }
    }

    private mutating func bulk(_ length: Int) throws(RESPError) -> RESPValue? {
        guard buffer.count - start >= length + 2 else { return nil }
        let end = start + length
        guard buffer[end] == UInt8(ascii: "\r"), buffer[end + 1] == UInt8(ascii: "\n") else { throw .malformed }
        let content = Array(buffer[start..<end])
        start = end + 2
        searched = start
        bulkLength = nil
        return .bulk(content)
    }

    /// The next line without its end.
    private mutating func line() throws(RESPError) -> ArraySlice<UInt8>? {
        guard let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = buffer.count
            guard buffer.count - start <= Self.maximumLine else { throw .tooLong }
            return nil
        }
        guard end - start <= Self.maximumLine else { throw .tooLong }
        guard end > start, buffer[end - 1] == UInt8(ascii: "\r") else { throw .malformed }
        let line = buffer[start..<(end - 1)]
        start = end + 1
        searched = start
        return line
    }

    private static func number(_ text: ArraySlice<UInt8>) throws(RESPError) -> Int64 {
        guard (1...20).contains(text.count), let number = Int64(String(decoding: text, as: UTF8.self)) else {
            throw .malformed
        }
        return number
    }
}
