/// Splits the head of an HTTP/1 message (RFC 9112 sections 2 to 5) into its start line and fields.
///
/// Strict on purpose: lines end in CRLF, names touch their colon, and folded lines are refused. Two parsers that read
/// a sloppy message differently are how requests are smuggled.
enum HTTPHeadParser {
    /// How many field lines a head may have.
    static let maximumFields = 128

    /// Why a head is unusable.
    enum Failure: Error, Hashable {
        case malformed(String)
        case tooManyFields
    }

    /// Where the head ends in `bytes` (behind its empty line), looking from `start`; nil when it is not there yet.
    static func end(in bytes: [UInt8], from start: Int) -> Int? {
        var index = max(start, 3)
        while index < bytes.count {
            if bytes[index] == 0x0A, bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D {
                return index + 1
            }
            index += 1
        }
        return nil
    }

    /// - Parameter head: everything up to and including the empty line.
    /// - Returns: the start line and the fields.
    static func parse(_ head: ArraySlice<UInt8>) throws(Failure) -> (startLine: ArraySlice<UInt8>, headers: HTTPHeaders)
    {
        var lines = Lines(rest: head)
        guard let startLine = lines.next(), !startLine.isEmpty else { throw .malformed("the start line is missing") }
        var headers = HTTPHeaders()
        while let line = lines.next() {
            if line.isEmpty { return (startLine, headers) }
            guard headers.fields.count < maximumFields else { throw .tooManyFields }
            guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex,
                line[..<colon].allSatisfy(HTTPSyntax.isTokenCharacter)
            else { throw .malformed("a header line has no valid name") }
            var value = line[(colon + 1)...]
            while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
            while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
            guard value.allSatisfy(HTTPSyntax.isValueCharacter) else {
                throw .malformed("a header value holds control characters")
            }
            headers.add(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        throw .malformed("the head does not end with an empty line")
    }

    /// Lines that end in CRLF; a bare CR or LF is part of a line and is refused by the checks on characters.
    private struct Lines {
        var rest: ArraySlice<UInt8>

        mutating func next() -> ArraySlice<UInt8>? {
            var index = rest.startIndex
            while index + 1 < rest.endIndex {
                if rest[index] == 0x0D, rest[index + 1] == 0x0A {
                    let line = rest[rest.startIndex..<index]
                    rest = rest[(index + 2)...]
                    return line
                }
                index += 1
            }
            return nil
        }
    }
}
