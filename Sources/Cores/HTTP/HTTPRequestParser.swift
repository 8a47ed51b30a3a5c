internal import Wire

/// Why a request cannot be served, found before anybody else sees it.
package enum HTTPRequestError: Error, Hashable, Sendable {
    /// RFC 9112 is broken; the text says where.
    case malformed(String)
    /// The head is larger than the limit, or has too many fields.
    case headTooLarge(limit: Int)
    /// The body is larger than the limit.
    case bodyTooLarge(limit: Int)
    /// A transfer coding other than `chunked`.
    case unsupportedTransferCoding
    /// Neither HTTP/1.0 nor HTTP/1.1.
    case unsupportedVersion

    /// What the client is told; the connection closes afterwards.
    package var response: HTTPResponse {
        switch self {
        case .malformed(let reason): .text(400, "Bad request: \(reason).\n")
        case .headTooLarge(let limit): .text(431, "The request head is larger than \(limit) bytes.\n")
        case .bodyTooLarge(let limit): .text(413, "The request body is larger than \(limit) bytes.\n")
        case .unsupportedTransferCoding: .text(501, "Only the transfer coding chunked is supported.\n")
        case .unsupportedVersion: .text(505, "Only HTTP/1.1 and HTTP/1.0 are supported.\n")
        }
    }
}

/// Reads requests from the bytes of a connection. No socket and no clock inside: bytes in by `receive`, what they
/// mean out by `poll`.
package struct HTTPRequestParser {
    /// What has been read.
    package enum Event: Hashable, Sendable {
        /// A head whose body is still to come; `expectsContinue` when the client waits for permission to send it.
        case head(HTTPRequest, expectsContinue: Bool)
        /// A whole request.
        case request(HTTPRequest)
    }

    private enum State {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailer(bytes: Int)
        case failed(HTTPRequestError)
    }

    /// The longest line that announces a chunk, with its extensions.
    static let maximumChunkLineBytes = 256
    /// All trailer fields together; they are read and ignored.
    static let maximumTrailerBytes = 8192
    /// How many pieces of a body one `poll` takes: 16 KiB of a body in chunks of one byte.
    static let maximumPiecesPerPoll = 8192

    private let maximumHeadBytes: Int
    /// What the request under way may have, `maximumBodyBytes` unless its reader has said otherwise.
    private var bodyLimit: Int
    private let maximumBodyBytes: Int
    private var buffer: [UInt8] = []
    /// Where the unread bytes begin.
    private var position = 0
    /// How far the search for the end of the head or line has come.
    private var searched = 0
    private var state = State.head
    /// The request whose head was read last, without its body: what an error in the body is about.
    package private(set) var request: HTTPRequest?
    /// Its body, as far as it is here. Beside the request and the state, so that adding to it copies nothing else.
    private var body: [UInt8] = []
    /// Whether the last `poll` stopped before the bytes were used up, and not for an event.
    package private(set) var hasMore = false

    /// - Parameters:
    ///   - maximumHeadBytes: request line and fields together.
    ///   - maximumBodyBytes: after the transfer coding has been undone.
    package init(maximumHeadBytes: Int, maximumBodyBytes: Int) {
        self.maximumHeadBytes = maximumHeadBytes
        self.maximumBodyBytes = maximumBodyBytes
        bodyLimit = maximumBodyBytes
    }

    /// Bytes that wait to be parsed.
    package var bufferedBytes: Int { buffer.count - position }

    /// Whether a request has begun and is not complete.
    package var isInsideRequest: Bool {
        if case .head = state { bufferedBytes > 0 } else { true }
    }

    /// Takes the next bytes of the connection.
    package mutating func receive(_ bytes: RawSpan) {
        if position == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 16_384)
            (position, searched) = (0, 0)
        } else if position * 2 >= buffer.count {
            // Moves fewer bytes than have been read since the last time.
            buffer.removeFirst(position)
            searched = max(0, searched - position)
            position = 0
        }
        // SAFETY: the bytes are copied within the call.
        unsafe bytes.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    }

    /// Allows the request whose head has just been read fewer bytes of a body.
    package mutating func limitBody(to count: Int) throws(HTTPRequestError) {
        bodyLimit = min(count, maximumBodyBytes)
        guard case .body(let remaining) = state, remaining > bodyLimit else { return }
        state = .failed(.bodyTooLarge(limit: bodyLimit))
        throw .bodyTooLarge(limit: bodyLimit)
    }

    /// What is left after the last event: the first bytes of whatever the connection is used for next.
    package mutating func takeRemaining() -> [UInt8] {
        let rest = Array(buffer[position...])
        buffer = []
        (position, searched) = (0, 0)
        return rest
    }

    /// The next event; nil when more bytes are needed, or when much has been done and there is more to do (`hasMore`).
    /// After an error the connection is of no use any more.
    package mutating func poll() throws(HTTPRequestError) -> Event? {
        hasMore = false
        do {
            for _ in 0..<Self.maximumPiecesPerPoll {
                switch try step() {
                case .event(let event): return event
                case .needsBytes: return nil
                case .goesOn: continue
                }
            }
        } catch {
            state = .failed(error)
            throw error
        }
        hasMore = true
        return nil
    }

    private enum Step {
        case event(Event)
        case needsBytes
        case goesOn
    }

    private mutating func step() throws(HTTPRequestError) -> Step {
        switch state {
        case .failed(let error):
            throw error
        case .head:
            return try readHead().map { .event($0) } ?? .needsBytes
        case .body(let remaining):
            let left = takeBody(remaining)
            state = .body(remaining: left)
            return left == 0 ? .event(complete()) : .needsBytes
        case .chunkSize:
            guard let line = try takeLine(limit: Self.maximumChunkLineBytes) else { return .needsBytes }
            guard let size = HTTPSyntax.chunkSize(line, allowsSpaces: false)?.size else {
                throw .malformed("a chunk has no valid size")
            }
            guard size <= bodyLimit - body.count else { throw .bodyTooLarge(limit: bodyLimit) }
            state = size == 0 ? .trailer(bytes: 0) : .chunk(remaining: size)
        case .chunk(let remaining):
            let left = takeBody(remaining)
            state = left == 0 ? .chunkEnd : .chunk(remaining: left)
            if left > 0 { return .needsBytes }
        case .chunkEnd:
            guard let line = try takeLine(limit: 0) else { return .needsBytes }
            guard line.isEmpty else { throw .malformed("a chunk is longer than it says") }
            state = .chunkSize
        case .trailer(let seen):
            guard let line = try takeLine(limit: Self.maximumTrailerBytes - seen) else { return .needsBytes }
            guard line.isEmpty else {
                guard HTTPHeadParser.field(line) != nil else { throw .malformed("a trailer is not a header line") }
                state = .trailer(bytes: seen + line.count + 2)
                return .goesOn
            }
            return .event(complete())
        }
        return .goesOn
    }

    /// Takes what is there of so many bytes.
    ///
    /// - Returns: how many are still missing.
    private mutating func takeBody(_ remaining: Int) -> Int {
        let count = min(remaining, bufferedBytes)
        body += buffer[position..<position + count]
        position += count
        return remaining - count
    }

    /// The request under way is whole.
    private mutating func complete() -> Event {
        state = .head
        searched = position
        guard var request else { preconditionFailure("a body without a head") }
        swap(&request.body, &body)
        return .request(request)
    }

    private mutating func readHead() throws(HTTPRequestError) -> Event? {
        // RFC 9112 section 2.2: empty lines before a request line are passed over.
        while position + 1 < buffer.count, buffer[position] == 0x0D, buffer[position + 1] == 0x0A { position += 2 }
        // Whoever speaks another protocol (TLS above all) would otherwise wait for an answer that never comes.
        if position < buffer.count, !HTTPSyntax.isTokenCharacter(buffer[position]), buffer[position] != 0x0D {
            throw .malformed("this port speaks HTTP")
        }
        let found: Int?
        do throws(HTTPHeadParser.Failure) {
            found = try HTTPHeadParser.end(in: buffer[position...], from: searched)
        } catch {
            throw .malformed("lines end in CRLF, not in LF alone")
        }
        guard let end = found else {
            request = nil
            searched = max(position, buffer.count)
            if bufferedBytes > maximumHeadBytes { throw .headTooLarge(limit: maximumHeadBytes) }
            return nil
        }
        guard end - position <= maximumHeadBytes else { throw .headTooLarge(limit: maximumHeadBytes) }
        let head = buffer[position..<end]
        position = end
        searched = end
        self.request = nil
        let request = try Self.request(head, maximumHeadBytes: maximumHeadBytes)
        self.request = request
        body = []
        bodyLimit = maximumBodyBytes
        switch try Self.bodyLength(of: request) {
        case .none, .fixed(0):
            return .request(request)
        case .fixed(let length):
            guard length <= maximumBodyBytes else { throw .bodyTooLarge(limit: maximumBodyBytes) }
            state = .body(remaining: length)
        case .chunked:
            state = .chunkSize
        }
        return .head(
            request, expectsContinue: request.isHTTP11 && request.headers.contains(token: "100-continue", in: "Expect"))
    }

    /// A line without its CRLF; nil when it is not complete.
    private mutating func takeLine(limit: Int) throws(HTTPRequestError) -> ArraySlice<UInt8>? {
        var index = max(position, searched)
        while index < buffer.count, buffer[index] != 0x0A {
            guard index - position <= limit else { throw .malformed("a line of the chunked body is too long") }
            index += 1
        }
        searched = index
        guard index < buffer.count else { return nil }
        guard index > position, buffer[index - 1] == 0x0D else {
            throw .malformed("a line of the chunked body does not end in CRLF")
        }
        let line = buffer[position..<index - 1]
        position = index + 1
        return line
    }

    private static func request(
        _ head: ArraySlice<UInt8>, maximumHeadBytes: Int
    ) throws(HTTPRequestError) -> HTTPRequest {
        let startLine: ArraySlice<UInt8>
        let headers: HTTPHeaders
        do {
            (startLine, headers) = try HTTPHeadParser.parse(head)
        } catch {
            switch error {
            case .malformed(let reason): throw .malformed(reason)
            case .tooManyFields: throw .headTooLarge(limit: maximumHeadBytes)
            }
        }
        let parts = startLine.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(HTTPSyntax.isTokenCharacter),
            !parts[1].isEmpty, parts[1].allSatisfy({ HTTPSyntax.isTargetCharacter($0) || $0 >= 0x80 })
        else { throw .malformed("the request line is not \"METHOD target HTTP/1.1\"") }
        let version = parts[2]
        guard version.count == 8, version.starts(with: "HTTP/".utf8), version.dropFirst(6).first == 0x2E else {
            throw .malformed("the request line does not end with an HTTP version")
        }
        guard version.elementsEqual("HTTP/1.1".utf8) || version.elementsEqual("HTTP/1.0".utf8) else {
            throw .unsupportedVersion
        }
        let isHTTP11 = version.last == 0x31
        if headers.values("Host").count > 1 || isHTTP11 && headers["Host"] == nil {
            throw .malformed("exactly one Host header is needed")
        }
        guard (headers["Host"] ?? "").utf8.allSatisfy(HTTPSyntax.isHostCharacter) else {
            throw .malformed("the Host header is not a host with or without a port")
        }
        guard
            let request = HTTPRequest(
                method: HTTPMethod(rawValue: String(decoding: parts[0], as: UTF8.self)),
                target: String(decoding: parts[1], as: UTF8.self), headers: headers, isHTTP11: isHTTP11)
        else { throw .malformed("the request target is neither a path nor an http URL") }
        return request
    }

    private enum BodyLength {
        case none
        case fixed(Int)
        case chunked
    }

    /// RFC 9112 section 6.3. A message with both lengths is refused instead of guessed at.
    private static func bodyLength(of request: HTTPRequest) throws(HTTPRequestError) -> BodyLength {
        let codings = request.headers.values("Transfer-Encoding")
        let lengths = request.headers.values("Content-Length")
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .malformed("Content-Length and Transfer-Encoding exclude each other") }
            guard request.isHTTP11 else { throw .malformed("HTTP/1.0 has no transfer codings") }
            guard codings.count == 1, HTTPSyntax.isEqual(codings[0], "chunked") else {
                throw .unsupportedTransferCoding
            }
            return .chunked
        }
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1, !first.isEmpty, first.utf8.allSatisfy(HTTPSyntax.isDigit) else {
            throw .malformed("Content-Length is not one number")
        }
        // More digits than an Int has is still a number, only too large.
        return .fixed(Int(first) ?? .max)
    }
}
