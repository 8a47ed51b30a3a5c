internal import HTTP
internal import Wire

/// Reads a server's answer to an upgrade request. No socket and no clock inside.
package struct HandshakeResponseParser {
    /// How much of a refusal's body is kept, for messages to people.
    static let maximumBodyBytes = 16_384

    package enum Outcome: Equatable {
        /// 101 and all that belongs to it; `early` came behind it.
        case accepted(early: [UInt8])
        case rejected(status: Int, reason: String, body: String)
    }

    package struct Failure: Error, Equatable {
        package let reason: String
    }

    private let key: String
    private var parser = HTTPResponseParser(maximumBodyBytes: .max, takesUpgrade: true)

    /// - Parameter key: the `Sec-WebSocket-Key` that was sent.
    package init(key: String) { self.key = key }

    /// Takes the next bytes; nil until the answer is complete.
    package mutating func receive(_ bytes: RawSpan) throws(Failure) -> Outcome? {
        let taken: Int
        do throws(HTTPResponseParser.Failure) {
            taken = try parser.receive(bytes)
        } catch {
            // A refusal whose body is spoilt is still one.
            if let refusal = finish() { return refusal }
            throw Failure(error)
        }
        guard let response = parser.begun else { return nil }
        guard response.status == 101 else {
            return parser.isComplete || response.body.count >= Self.maximumBodyBytes ? finish() : nil
        }
        try check(response.headers)
        var reader = ByteReader(bytes.extracting(droppingFirst: taken))
        return .accepted(early: (try? reader.readBytes(reader.remaining)) ?? [])
    }

    /// The connection has ended, or nobody wants to wait longer: a refusal whose body is cut short is still one.
    package func finish() -> Outcome? {
        guard let response = parser.begun, response.status != 101 else { return nil }
        let body = String(decoding: response.body.prefix(Self.maximumBodyBytes), as: UTF8.self)
        return .rejected(status: response.status, reason: parser.reason, body: body)
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
}

extension HandshakeResponseParser.Failure {
    fileprivate init(_ failure: HTTPResponseParser.Failure) {
        switch failure {
        case .malformed(let what): self.init(reason: "it has \(what)")
        case .tooLarge: self.init(reason: "its head is too large")
        case .truncated: self.init(reason: "it is cut short")
        }
    }
}
