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
        case body(HTTPRequest, remaining: Int)
        case chunkSize(HTTPRequest)
        case chunk(HTTPRequest, remaining: Int)
        case chunkEnd(HTTPRequest)
        case trailer(HTTPRequest, bytes: Int)
        case failed(HTTPRequestError)
    }

    /// The longest line that announces a chunk, with its extensions.
    static let maximumChunkLineBytes = 256
    /// All trailer fields together; they are read and ignored.
    static let maximumTrailerBytes = 8192

    private let maximumHeadBytes: Int
    private let maximumBodyBytes: Int
    private var buffer: [UInt8] = []
    /// Where the unread bytes begin.
    private var position = 0
    /// How far the search for the end of the head has come.
    private var searched = 0
    private var state = State.head
    /// The request whose head was read last, without its body: what an error in the body is about.
    private(set) var request: HTTPRequest?

    /// - Parameters:
    ///   - maximumHeadBytes: request line and fields together.
    ///   - maximumBodyBytes: after the transfer coding has been undone.
    package init(maximumHeadBytes: Int, maximumBodyBytes: Int) {
        self.maximumHeadBytes = maximumHeadBytes
        self.maximumBodyBytes = maximumBodyBytes
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
            position = 0
            searched = 0
        }
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
    }

    /// What is left after the last event: the first bytes of whatever the connection is used for next.
    package mutating func takeRemaining() -> [UInt8] {
        let rest = Array(buffer[position...])
        buffer = []
        position = 0
        searched = 0
        return rest
    }

    /// The next event; nil when more bytes are needed. After an error the connection is of no use any more.
    package mutating func poll() throws(HTTPRequestError) -> Event? {
        do {
            return try step()
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func step() throws(HTTPRequestError) -> Event? {
        while true {
            switch state {
            case .failed(let error):
                throw error
            case .head:
                return try readHead()
            case .body(var request, var remaining):
                let count = min(remaining, bufferedBytes)
                request.body += buffer[position..<position + count]
                consume(count)
                remaining -= count
                guard remaining == 0 else {
                    state = .body(request, remaining: remaining)
                    return nil
                }
                state = .head
                return .request(request)
            case .chunkSize(let request):
                guard let line = try takeLine(limit: Self.maximumChunkLineBytes) else { return nil }
                let size = try Self.chunkSize(line)
                guard size <= maximumBodyBytes - request.body.count else {
                    throw .bodyTooLarge(limit: maximumBodyBytes)
                }
                state = size == 0 ? .trailer(request, bytes: 0) : .chunk(request, remaining: size)
            case .chunk(var request, var remaining):
                let count = min(remaining, bufferedBytes)
                request.body += buffer[position..<position + count]
                consume(count)
                remaining -= count
                state = remaining == 0 ? .chunkEnd(request) : .chunk(request, remaining: remaining)
                if remaining > 0 { return nil }
            case .chunkEnd(let request):
                guard let line = try takeLine(limit: 0) else { return nil }
                guard line.isEmpty else { throw .malformed("a chunk is longer than it says") }
                state = .chunkSize(request)
            case .trailer(let request, let seen):
                guard let line = try takeLine(limit: Self.maximumTrailerBytes - seen) else { return nil }
                guard line.isEmpty else {
                    state = .trailer(request, bytes: seen + line.count + 2)
                    continue
                }
                state = .head
                return .request(request)
            }
        }
    }

    private mutating func consume(_ count: Int) { position += count }

    private mutating func readHead() throws(HTTPRequestError) -> Event? {
        // RFC 9112 section 2.2: empty lines before a request line are passed over.
        while position + 1 < buffer.count, buffer[position] == 0x0D, buffer[position + 1] == 0x0A { position += 2 }
        // Whoever speaks another protocol (TLS above all) would otherwise wait for an answer that never comes.
        if position < buffer.count, !HTTPSyntax.isTokenCharacter(buffer[position]), buffer[position] != 0x0D {
            throw .malformed("this port speaks HTTP")
        }
        guard let end = HTTPHeadParser.end(in: buffer, from: max(searched, position + 3)) else {
            request = nil
            searched = max(position, buffer.count - 3)
            if bufferedBytes > maximumHeadBytes { throw .headTooLarge(limit: maximumHeadBytes) }
            return nil
        }
        guard end - position <= maximumHeadBytes else { throw .headTooLarge(limit: maximumHeadBytes) }
        let head = buffer[position..<end]
        position = end
        searched = end
        self.request = nil
        var request = try Self.request(head, maximumHeadBytes: maximumHeadBytes)
        self.request = request
        switch try Self.bodyLength(of: request) {
        case .none:
            return .request(request)
        case .fixed(0):
            return .request(request)
        case .fixed(let length):
            guard length <= maximumBodyBytes else { throw .bodyTooLarge(limit: maximumBodyBytes) }
            request.body.reserveCapacity(length)
            state = .body(request, remaining: length)
        case .chunked:
            state = .chunkSize(request)
        }
        return .head(request, expectsContinue: request.headers.contains(token: "100-continue", in: "Expect"))
    }

    /// A line without its CRLF; nil when it is not complete.
    private mutating func takeLine(limit: Int) throws(HTTPRequestError) -> ArraySlice<UInt8>? {
        var index = position
        while index < buffer.count, buffer[index] != 0x0A {
            guard index - position <= limit else { throw .malformed("a line of the chunked body is too long") }
            index += 1
        }
        guard index < buffer.count else { return nil }
        guard index > position, buffer[index - 1] == 0x0D else {
            throw .malformed("a line of the chunked body does not end in CRLF")
        }
        let line = buffer[position..<index - 1]
        position = index + 1
        return line
    }

    private static func chunkSize(_ line: ArraySlice<UInt8>) throws(HTTPRequestError) -> Int {
        let digits = line.prefix { HTTPSyntax.hexDigit($0) != nil }
        // Fifteen digits hold any length that fits an Int; what follows may only be an extension.
        guard (1...15).contains(digits.count) else { throw .malformed("a chunk has no valid size") }
        let rest = line[digits.endIndex...].drop { $0 == 0x20 || $0 == 0x09 }
        guard rest.isEmpty || rest.first == 0x3B else { throw .malformed("a chunk has no valid size") }
        return digits.reduce(0) { $0 << 4 | Int(HTTPSyntax.hexDigit($1) ?? 0) }
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
            !parts[1].isEmpty, parts[1].allSatisfy(HTTPSyntax.isTargetCharacter)
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
            guard codings.count == 1, HTTPHeaders.isEqual(codings[0], "chunked") else {
                throw .unsupportedTransferCoding
            }
            return .chunked
        }
        guard let first = lengths.first else { return .none }
        guard lengths.count == 1, !first.isEmpty, first.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .malformed("Content-Length is not one number")
        }
        // More digits than an Int has is still a number, only too large.
        return .fixed(Int(first) ?? .max)
    }
}
