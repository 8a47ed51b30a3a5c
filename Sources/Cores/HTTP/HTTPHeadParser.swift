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

    /// Where the head ends in `bytes` (behind its empty line); nil when it is not there yet.
    ///
    /// - Parameter searched: bytes before that place have been looked at before.
    static func end(in bytes: ArraySlice<UInt8>, from searched: Int) throws(Failure) -> Int? {
        var index = max(searched, bytes.startIndex)
        while index < bytes.endIndex {
            if bytes[index] == 0x0A {
                guard index > bytes.startIndex, bytes[index - 1] == 0x0D else {
                    throw .malformed("a line ends in LF without CR")
                }
                let line = index - bytes.startIndex
                if line >= 3, bytes[index - 2] == 0x0A, bytes[index - 3] == 0x0D { return index + 1 }
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
            guard let (name, value) = field(line) else {
                throw .malformed("a header line has no valid name, or its value holds control characters")
            }
            headers.add(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        throw .malformed("the head does not end with an empty line")
    }

    /// Name and value of a field line without its CRLF; nil when it is none.
    static func field(_ line: ArraySlice<UInt8>) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        guard let colon = line.firstIndex(of: 0x3A), colon > line.startIndex,
            line[..<colon].allSatisfy(HTTPSyntax.isTokenCharacter)
        else { return nil }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
        return value.allSatisfy(HTTPSyntax.isValueCharacter) ? (line[..<colon], value) : nil
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
