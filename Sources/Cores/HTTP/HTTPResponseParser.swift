internal import Wire

/// Reads one HTTP/1.x response (RFC 9112), however its bytes are cut into pieces. Pure: bytes in, a response out.
///
/// Strict where leniency has been used to smuggle responses: one framing only (Content-Length or chunked, not both),
/// one length, no folded lines, no stray carriage returns.
package struct HTTPResponseParser: Sendable {
    /// Status line, header and trailer fields, interim responses and chunk extensions together.
    package static let maximumHeadBytes = 65_536
    /// One chunk-size line.
    package static let maximumChunkLineBytes = 1_024

    package enum Failure: Error, Hashable, Sendable {
        case malformed(String)
        /// Head or body exceed their limit.
        case tooLarge(maximumBytes: Int)
        /// The connection ended in the middle of the response.
        case truncated
    }

    private enum State {
        case statusLine
        case fields
        case body(remaining: Int)
        case chunkLine
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case untilEnd
        case complete
    }

    private let isHead: Bool
    private let maximumBodyBytes: Int
    private let takesUpgrade: Bool
    private var state = State.statusLine
    private var line: [UInt8] = []
    private var headBytes = 0
    private var isHTTP10 = false
    private var response = HTTPResponse(status: 0)
    private var isHeadComplete = false

    /// The words behind the status; they say nothing that the status does not.
    package private(set) var reason = ""

    /// Whether anything has come.
    package private(set) var hasStarted = false
    /// Bytes came after the end of the response: the connection is out of step.
    package private(set) var hasExcess = false
    /// Whether the server agrees to take another request on the connection.
    package private(set) var keepsAlive = false

    /// - Parameters:
    ///   - isHead: the request's method was HEAD, so that no body follows whatever the header says.
    ///   - maximumBodyBytes: a longer body is an error.
    ///   - takesUpgrade: the request was for another protocol, so that 101 is a final answer, whose bytes end with its head.
    package init(isHead: Bool = false, maximumBodyBytes: Int, takesUpgrade: Bool = false) {
        self.isHead = isHead
        self.takesUpgrade = takesUpgrade
        self.maximumBodyBytes = maximumBodyBytes
    }

    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// The response once it is complete.
    package var completed: HTTPResponse? { isComplete ? response : nil }

    /// The response as far as it is here, once its head is.
    package var begun: HTTPResponse? { isHeadComplete ? response : nil }

    /// Takes in the next bytes. After an error the parser is of no more use.
    ///
    /// - Returns: how many of them belong to the response.
    @discardableResult
    package mutating func receive(_ bytes: RawSpan) throws(Failure) -> Int {
        if bytes.byteCount > 0 { hasStarted = true }
        var rest = ByteReader(bytes)
        while !rest.isAtEnd {
            switch state {
            case .complete:
                hasExcess = true
                return bytes.byteCount - rest.remaining
            case .body(let remaining):
                let taken = try takeBody(&rest, atMost: remaining)
                state = taken == remaining ? .complete : .body(remaining: remaining - taken)
            case .chunk(let remaining):
                let taken = try takeBody(&rest, atMost: remaining)
                state = taken == remaining ? .chunkEnd : .chunk(remaining: remaining - taken)
            case .untilEnd:
                _ = try takeBody(&rest, atMost: .max)
            case .statusLine, .fields, .chunkLine, .chunkEnd, .trailers:
                guard try takeLine(&rest) else { return bytes.byteCount }
                // Out of the way and back, so that each line uses the memory of the one before.
                var text: [UInt8] = []
                swap(&text, &line)
                try handle(text)
                text.removeAll(keepingCapacity: text.capacity <= Self.maximumChunkLineBytes)
                swap(&text, &line)
            }
        }
        return bytes.byteCount
    }

    /// The connection has ended.
    package mutating func receiveEnd() throws(Failure) {
        switch state {
        case .complete: break
        case .untilEnd: state = .complete
        default: throw .truncated
        }
    }

    // MARK: Bytes

    private mutating func takeBody(_ rest: inout ByteReader, atMost count: Int) throws(Failure) -> Int {
        let taken = min(count, rest.remaining)
        guard response.body.count + taken <= maximumBodyBytes else { throw .tooLarge(maximumBytes: maximumBodyBytes) }
        if let part = try? rest.readBytes(taken) { response.body += part }
        return taken
    }

    /// Collects bytes up to a line feed, which may follow a carriage return; true when the line is whole.
    private mutating func takeLine(_ rest: inout ByteReader) throws(Failure) -> Bool {
        while let byte = try? rest.readUInt8() {
            if byte == 0x0A {
                if line.last == 0x0D { line.removeLast() }
                guard !line.contains(0x0D), !line.contains(0) else { throw .malformed("a control character in a line") }
                return true
            }
            line.append(byte)
            if case .chunkLine = state {
                guard line.count <= Self.maximumChunkLineBytes else { throw .malformed("an endless chunk size") }
            } else {
                try countHead(1)
            }
        }
        return false
    }

    private mutating func countHead(_ count: Int) throws(Failure) {
        headBytes += count
        guard headBytes <= Self.maximumHeadBytes else { throw .tooLarge(maximumBytes: Self.maximumHeadBytes) }
    }

    // MARK: Lines

    private mutating func handle(_ line: [UInt8]) throws(Failure) {
        switch state {
        case .statusLine:
            try parseStatus(line)
        case .fields:
            if line.isEmpty { try endOfHead() } else { response.headers.add(try parseField(line)) }
        case .chunkLine:
            try parseChunkSize(line)
        case .chunkEnd:
            guard line.isEmpty else { throw .malformed("a chunk longer than its size") }
            state = .chunkLine
        case .trailers:
            // Trailer fields are checked and dropped.
            if line.isEmpty { state = .complete } else { _ = try parseField(line) }
        case .body, .chunk, .untilEnd, .complete:
            break
        }
    }

    private mutating func parseStatus(_ line: [UInt8]) throws(Failure) {
        // RFC 9112 section 2.2: an empty line before the status line may be passed over.
        if line.isEmpty { return }
        let isOld = line.starts(with: "HTTP/1.0 ".utf8)
        guard isOld || line.starts(with: "HTTP/1.1 ".utf8) else { throw .malformed("no HTTP/1 status line") }
        let digits = line.dropFirst(9).prefix(3)
        guard digits.count == 3, digits.allSatisfy(HTTPSyntax.isDigit), line.count == 12 || line[12] == 0x20
        else { throw .malformed("no status number") }
        let status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100..<600).contains(status), status != 101 || takesUpgrade else { throw .malformed("status \(status)") }
        isHTTP10 = isOld
        reason = String(decoding: line.dropFirst(13).prefix(200), as: UTF8.self)
        response = HTTPResponse(status: status)
        state = .fields
    }

    private func parseField(_ line: [UInt8]) throws(Failure) -> HTTPHeaders.Field {
        guard line.contains(0x3A) else { throw .malformed("a header without a colon") }
        guard let (name, value) = HTTPHeadParser.field(line[...]) else {
            throw .malformed("a header with characters that it cannot hold")
        }
        return HTTPHeaders.Field(
            name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self))
    }

    private mutating func endOfHead() throws(Failure) {
        // Interim responses announce nothing that we asked for.
        if response.status < 200, response.status != 101 {
            state = .statusLine
            return
        }
        isHeadComplete = true
        let headers = response.headers
        keepsAlive =
            isHTTP10
            ? headers.contains(token: "keep-alive", in: "Connection")
            : !headers.contains(token: "close", in: "Connection")
        let codings = headers.list("Transfer-Encoding")
        let lengths = Set(headers.list("Content-Length"))
        if isHead || response.hasNoContent {
            state = .complete
        } else if headers["Transfer-Encoding"] != nil {
            guard !isHTTP10, lengths.isEmpty, codings.count == 1, HTTPSyntax.isEqual(codings[0], "chunked") else {
                throw .malformed("a framing that is not supported")
            }
            state = .chunkLine
        } else if let length = lengths.first {
            guard lengths.count == 1, let count = Self.parseDecimal(String(length)) else {
                throw .malformed("an unclear Content-Length")
            }
            guard count <= maximumBodyBytes else { throw .tooLarge(maximumBytes: maximumBodyBytes) }
            state = count == 0 ? .complete : .body(remaining: count)
        } else if headers["Content-Length"] != nil {
            throw .malformed("an empty Content-Length")
        } else {
            keepsAlive = false
            state = .untilEnd
        }
    }

    private mutating func parseChunkSize(_ line: [UInt8]) throws(Failure) {
        guard let (size, digits) = HTTPSyntax.chunkSize(line[...], allowsSpaces: true) else {
            throw .malformed("no chunk size")
        }
        try countHead(line.count - digits)
        guard size <= maximumBodyBytes else { throw .tooLarge(maximumBytes: maximumBodyBytes) }
        state = size == 0 ? .trailers : .chunk(remaining: size)
    }

    private static func parseDecimal(_ text: String) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy(HTTPSyntax.isDigit) else {
            return nil
        }
        return Int(text)
    }
}

extension HTTPHeaders {
    fileprivate mutating func add(_ field: Field) { add(field.name, field.value) }
}
