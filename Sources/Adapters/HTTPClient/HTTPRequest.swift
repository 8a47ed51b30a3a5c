/// A request with its whole body.
package struct HTTPRequest: Hashable, Sendable {
    /// Longer bodies are refused; the largest that LiveKit takes is 10 MiB.
    package static let maximumBodyBytes = 10 << 20

    package var method: String
    /// An absolute http or https URL.
    package var url: String
    /// Without Host, Content-Length and Connection, which the client writes.
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(_ method: String, _ url: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// The bytes to send (RFC 9112 sections 3 to 6).
    func serialized(for url: HTTPURL) throws(HTTPClientError) -> [UInt8] {
        guard body.count <= Self.maximumBodyBytes else {
            throw .invalidRequest("a body of \(body.count) bytes is larger than \(Self.maximumBodyBytes)")
        }
        guard HTTPHeaders.isToken(method) else { throw .invalidRequest("\"\(method)\" is no method") }
        var head = "\(method) \(url.target) HTTP/1.1\r\nHost: \(url.origin.authority)\r\n"
        for field in headers.fields {
            guard HTTPHeaders.isToken(field.name), HTTPHeaders.isSafeValue(field.value) else {
                throw .invalidRequest("header \"\(field.name)\" holds characters that a header cannot hold")
            }
            switch field.name.lowercased() {
            case "host", "content-length", "connection", "transfer-encoding":
                throw .invalidRequest("header \"\(field.name)\" is the client's to write")
            default: head += "\(field.name): \(field.value)\r\n"
            }
        }
        if headers["User-Agent"] == nil { head += "User-Agent: VoiceGateway\r\n" }
        if !body.isEmpty || method != "GET" && method != "HEAD" { head += "Content-Length: \(body.count)\r\n" }
        head += "\r\n"
        return Array(head.utf8) + body
    }
}

/// A final response with its whole body.
package struct HTTPResponse: Hashable, Sendable {
    /// 200 to 599.
    package var status: Int
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Whether the status is one of success (2xx).
    package var isSuccess: Bool { (200..<300).contains(status) }

    /// The body as text; bytes that are not UTF-8 become replacement characters.
    package var text: String { String(decoding: body, as: UTF8.self) }
}
