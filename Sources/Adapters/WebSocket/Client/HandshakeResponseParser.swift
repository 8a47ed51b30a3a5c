internal import Wire

/// Reads a server's answer to an upgrade request. No socket and no clock inside.
package struct HandshakeResponseParser {
    /// The largest head of an answer, with those of the interim answers before it.
    static let maximumHeadBytes = 65_536
    /// How much of a refusal's body is kept; the rest does not matter.
    static let maximumBodyBytes = 16_384

    package enum Outcome: Equatable {
        /// 101 and all that belongs to it; `early` came behind it.
        case accepted(early: [UInt8])
        case rejected(status: Int, reason: String, body: String)
    }

    package struct Failure: Error, Equatable {
        package let reason: String
    }

    private struct Refusal {
        let status: Int
        let reason: String
        /// Nil: the body ends with the connection.
        let length: Int?
        let isChunked: Bool
    }

    private let key: String
    private var buffer: [UInt8] = []
    /// Where the unread bytes begin.
    private var position = 0
    private var searched = 0
    private var refusal: Refusal?
    /// A refusal's body as far as it is here, when it comes in chunks.
    private var chunks = Chunks()

    /// - Parameter key: the `Sec-WebSocket-Key` that was sent.
    package init(key: String) { self.key = key }

    /// Takes the next bytes; nil until the answer is complete.
    package mutating func receive(_ bytes: RawSpan) throws(Failure) -> Outcome? {
        bytes.withUnsafeBytes { buffer.append(contentsOf: $0) }
        while refusal == nil {
            guard let end = try Self.endOfHead(in: buffer[position...], from: searched) else {
                guard buffer.count <= Self.maximumHeadBytes else { throw Failure(reason: "its head is too large") }
                searched = buffer.count
                return nil
            }
            let (status, reason, headers) = try Self.head(buffer[position..<end])
            (position, searched) = (end, end)
            if status == 101 {
                try check(headers)
                return .accepted(early: Array(buffer[end...]))
            }
            // Interim answers (100, 103) come before the real one.
            if status / 100 == 1 { continue }
            let hasNoBody = status == 204 || status == 304
            refusal = Refusal(
                status: status, reason: reason, length: hasNoBody ? 0 : headers["Content-Length"].flatMap { Int($0) },
                isChunked: headers.contains(token: "chunked", in: "Transfer-Encoding"))
        }
        guard let refusal else { return nil }
        if refusal.isChunked { chunks.take(buffer, from: &position) }
        let isComplete =
            refusal.isChunked ? chunks.isComplete : refusal.length.map { buffer.count - position >= $0 } ?? false
        return isComplete || buffer.count >= Self.maximumBodyBytes ? finish() : nil
    }

    /// The connection has ended, or nobody wants to wait longer: a refusal whose body is cut short is still one.
    package func finish() -> Outcome? {
        guard let refusal else { return nil }
        var body = refusal.isChunked ? chunks.body[...] : buffer[position...]
        if let length = refusal.length, !refusal.isChunked { body = body.prefix(max(0, length)) }
        let text = String(decoding: body.prefix(Self.maximumBodyBytes), as: UTF8.self)
        return .rejected(status: refusal.status, reason: refusal.reason, body: text)
    }

    private static func endOfHead(in bytes: ArraySlice<UInt8>, from searched: Int) throws(Failure) -> Int? {
        do throws(HTTPHeadParser.Failure) {
            return try HTTPHeadParser.end(in: bytes, from: searched)
        } catch {
            throw Failure(reason: "its head cannot be read")
        }
    }

    private static func head(
        _ bytes: ArraySlice<UInt8>
    ) throws(Failure) -> (status: Int, reason: String, headers: HTTPHeaders) {
        let parsed: (startLine: ArraySlice<UInt8>, headers: HTTPHeaders)
        do {
            parsed = try HTTPHeadParser.parse(bytes)
        } catch {
            throw Failure(reason: "its head cannot be read")
        }
        let line = parsed.startLine
        guard line.starts(with: "HTTP/1.".utf8), line.count >= 12 else { throw Failure(reason: "it is not HTTP/1.1") }
        let digits = line.dropFirst(9).prefix(3)
        let after = line.dropFirst(12)
        guard line.dropFirst(8).first == 0x20, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            after.first ?? 0x20 == 0x20, let status = Int(String(decoding: digits, as: UTF8.self)), status >= 100
        else { throw Failure(reason: "it has no status") }
        return (status, String(decoding: after.dropFirst().prefix(200), as: UTF8.self), parsed.headers)
    }

    /// RFC 6455 section 4.1, what the client must check.
    private func check(_ headers: HTTPHeaders) throws(Failure) {
        guard headers.contains(token: "websocket", in: "Upgrade") else {
            throw Failure(reason: "it does not upgrade to the WebSocket protocol")
        }
        guard headers.contains(token: "upgrade", in: "Connection") else {
            throw Failure(reason: "its Connection header does not say Upgrade")
        }
        guard headers["Sec-WebSocket-Accept"] == WebSocketHandshake.accept(for: key) else {
            throw Failure(reason: "its Sec-WebSocket-Accept does not answer our key")
        }
        guard headers["Sec-WebSocket-Extensions"] == nil else { throw Failure(reason: "it names an extension") }
        guard headers["Sec-WebSocket-Protocol"] == nil else { throw Failure(reason: "it names a subprotocol") }
    }

    /// Undoes the chunked transfer coding, a byte at a time.
    private struct Chunks {
        private enum State {
            case size(Int, digits: Int)
            case extensions(size: Int)
            case content(remaining: Int)
            /// CRLF behind the content.
            case end(remaining: Int)
            case over
        }

        private(set) var body: [UInt8] = []
        private var state = State.size(0, digits: 0)

        /// The last chunk is here, or something that is none.
        var isComplete: Bool {
            if case .over = state { true } else { false }
        }

        mutating func take(_ bytes: [UInt8], from position: inout Int) {
            while position < bytes.count, !isComplete {
                if case .content(let remaining) = state {
                    let count = min(remaining, bytes.count - position)
                    body += bytes[position..<position + count]
                    position += count
                    state = count == remaining ? .end(remaining: 2) : .content(remaining: remaining - count)
                } else {
                    take(bytes[position])
                    position += 1
                }
            }
        }

        private mutating func take(_ byte: UInt8) {
            switch state {
            case .size(let size, let digits):
                if let digit = PercentEncoding.digit(byte), digits < 7 {
                    state = .size(size << 4 | Int(digit), digits: digits + 1)
                } else if digits == 0 {
                    state = .over
                } else {
                    state = .extensions(size: size)
                    take(byte)
                }
            case .extensions(let size):
                if byte == 0x0A { state = size == 0 ? .over : .content(remaining: size) }
            case .end(let remaining):
                state = remaining == 1 ? .size(0, digits: 0) : .end(remaining: remaining - 1)
            case .content, .over:
                break
            }
        }
    }
}
