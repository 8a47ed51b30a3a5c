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
    private var state = State.statusLine
    private var line: [UInt8] = []
    private var headBytes = 0
    private var isHTTP10 = false
    private var response = HTTPResponse(status: 0)

    /// Whether anything has come.
    package private(set) var hasStarted = false
    /// Bytes came after the end of the response: the connection is out of step.
    package private(set) var hasExcess = false
    /// Whether the server agrees to take another request on the connection.
    package private(set) var keepsAlive = false

    /// - Parameters:
    ///   - isHead: the request's method was HEAD, so that no body follows whatever the header says.
    ///   - maximumBodyBytes: a longer body is an error.
    package init(isHead: Bool, maximumBodyBytes: Int) {
        self.isHead = isHead
        self.maximumBodyBytes = maximumBodyBytes
    }

    package var isComplete: Bool {
        if case .complete = state { true } else { false }
    }

    /// The response once it is complete.
    package var completed: HTTPResponse? { isComplete ? response : nil }

    /// Takes in the next bytes. After an error the parser is of no more use.
    package mutating func receive(_ bytes: RawSpan) throws(Failure) {
        if bytes.byteCount > 0 { hasStarted = true }
        var rest = ByteReader(bytes)
        while !rest.isAtEnd {
            switch state {
            case .complete:
                hasExcess = true
                return
            case .body(let remaining):
                let taken = try takeBody(&rest, atMost: remaining)
                state = taken == remaining ? .complete : .body(remaining: remaining - taken)
            case .chunk(let remaining):
                let taken = try takeBody(&rest, atMost: remaining)
                state = taken == remaining ? .chunkEnd : .chunk(remaining: remaining - taken)
            case .untilEnd:
                _ = try takeBody(&rest, atMost: .max)
            case .statusLine, .fields, .chunkLine, .chunkEnd, .trailers:
                guard try takeLine(&rest) else { return }
                // Out of the way and back, so that each line uses the memory of the one before.
                var text: [UInt8] = []
                swap(&text, &line)
                try handle(text)
                text.removeAll(keepingCapacity: text.capacity <= Self.maximumChunkLineBytes)
                swap(&text, &line)
            }
        }
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
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }), line.count == 12 || line[12] == 0x20
        else { throw .malformed("no status number") }
        let status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard (100..<600).contains(status), status != 101 else { throw .malformed("status \(status)") }
        isHTTP10 = isOld
        response = HTTPResponse(status: status)
        state = .fields
    }

    private func parseField(_ line: [UInt8]) throws(Failure) -> HTTPHeaders.Field {
        guard let colon = line.firstIndex(of: 0x3A) else { throw .malformed("a header without a colon") }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        let value = HTTPHeaders.trim(String(decoding: line[(colon + 1)...], as: UTF8.self))
        guard HTTPHeaders.isToken(name), HTTPHeaders.isSafeValue(value) else {
            throw .malformed("a header with characters that it cannot hold")
        }
        return HTTPHeaders.Field(name: name, value: value)
    }

    private mutating func endOfHead() throws(Failure) {
        // Interim responses announce nothing that we asked for.
        if response.status < 200 {
            state = .statusLine
            return
        }
        let connection = response.headers.tokens("Connection")
        keepsAlive = isHTTP10 ? connection.contains("keep-alive") : !connection.contains("close")
        let encodings = response.headers.all("Transfer-Encoding")
        let lengths = Set(response.headers.tokens("Content-Length"))
        if isHead || response.status == 204 || response.status == 304 {
            state = .complete
        } else if !encodings.isEmpty {
            guard !isHTTP10, lengths.isEmpty, response.headers.tokens("Transfer-Encoding") == ["chunked"] else {
                throw .malformed("a framing that is not supported")
            }
            state = .chunkLine
        } else if let length = lengths.first {
            guard lengths.count == 1, let count = Self.parseDecimal(length) else {
                throw .malformed("an unclear Content-Length")
            }
            guard count <= maximumBodyBytes else { throw .tooLarge(maximumBytes: maximumBodyBytes) }
            state = count == 0 ? .complete : .body(remaining: count)
        } else if !response.headers.all("Content-Length").isEmpty {
            throw .malformed("an empty Content-Length")
        } else {
            keepsAlive = false
            state = .untilEnd
        }
    }

    private mutating func parseChunkSize(_ line: [UInt8]) throws(Failure) {
        let digits = line.prefix { $0 != 0x3B && $0 != 0x20 && $0 != 0x09 }
        try countHead(line.count - digits.count)
        let text = String(decoding: digits, as: UTF8.self)
        guard (1...15).contains(digits.count), text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
            let size = Int(text, radix: 16)
        else { throw .malformed("no chunk size") }
        let rest = line.dropFirst(digits.count).drop { $0 == 0x20 || $0 == 0x09 }
        guard rest.isEmpty || rest.first == 0x3B else { throw .malformed("no chunk size") }
        guard size <= maximumBodyBytes else { throw .tooLarge(maximumBytes: maximumBodyBytes) }
        state = size == 0 ? .trailers : .chunk(remaining: size)
    }

    private static func parseDecimal(_ text: String) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}

extension HTTPHeaders {
    fileprivate mutating func add(_ field: Field) { add(field.name, field.value) }
}
