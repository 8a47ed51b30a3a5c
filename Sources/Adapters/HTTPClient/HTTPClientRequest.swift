package import HTTP
internal import Wire

/// A request that is to be sent, with its whole body.
package struct HTTPClientRequest: Hashable, Sendable {
    /// Longer bodies are refused; the largest that LiveKit takes is 10 MiB.
    package static let maximumBodyBytes = 10 << 20
    /// Names and values of all headers together. Common servers take 8 KiB, but the limit is theirs to enforce.
    package static let maximumHeadBytes = 32_768

    package var method: HTTPMethod
    package var url: HTTPURL
    /// Without Host, Content-Length and those about the connection, which the client writes.
    package var headers: HTTPHeaders
    package var body: [UInt8]
    /// Whether doing it twice is the same as doing it once, so that it may be sent again when its fate is not known. By
    /// default what the method says (RFC 9110 section 9.2.2).
    package var isIdempotent: Bool

    package init(_ method: HTTPMethod, _ url: HTTPURL, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        isIdempotent = method.isIdempotent
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// Throws when the request cannot be written.
    func check() throws(HTTPClientError) {
        guard body.count <= Self.maximumBodyBytes else {
            throw .invalidRequest("a body of \(body.count) bytes is larger than \(Self.maximumBodyBytes)")
        }
        guard HTTPSyntax.isToken(method.rawValue) else {
            throw .invalidRequest("\"\(method.rawValue)\" is no method")
        }
        guard method.rawValue != "CONNECT" else { throw .invalidRequest("tunnels are not supported") }
        var headBytes = 0
        for field in headers.fields {
            guard HTTPSyntax.isToken(field.name), HTTPSyntax.isValue(field.value) else {
                throw .invalidRequest("header \"\(field.name)\" holds characters that a header cannot hold")
            }
            switch field.name.lowercased() {
            case "host", "content-length", "connection", "transfer-encoding", "keep-alive", "proxy-connection",
                "upgrade",
                "te":
                throw .invalidRequest("header \"\(field.name)\" is the client's to write")
            default: headBytes += field.name.utf8.count + field.value.utf8.count
            }
        }
        guard headBytes <= Self.maximumHeadBytes else {
            throw .invalidRequest("headers of \(headBytes) bytes are longer than \(Self.maximumHeadBytes)")
        }
    }

    /// What the client adds to the headers, whatever the version of HTTP.
    private var ownFields: [HTTPHeaders.Field] {
        var fields: [HTTPHeaders.Field] = []
        if headers["User-Agent"] == nil {
            fields.append(HTTPHeaders.Field(name: "User-Agent", value: Product.userAgent))
        }
        if !body.isEmpty || method != .get && method != .head {
            fields.append(HTTPHeaders.Field(name: "Content-Length", value: "\(body.count)"))
        }
        return fields
    }

    /// The bytes to send over HTTP/1.1 (RFC 9112 sections 3 to 6).
    var serialized: [UInt8] {
        var head = "\(method.rawValue) \(url.target) HTTP/1.1\r\nHost: \(url.origin.authority)\r\n"
        for field in headers.fields + ownFields { head += "\(field.name): \(field.value)\r\n" }
        head += "\r\n"
        return Array(head.utf8) + body
    }

    /// The header list to send over HTTP/2 (RFC 9113 section 8.3).
    var headerList: [HTTPHeaders.Field] {
        let control = [
            HTTPHeaders.Field(name: ":method", value: method.rawValue),
            HTTPHeaders.Field(name: ":scheme", value: url.origin.isSecure ? "https" : "http"),
            HTTPHeaders.Field(name: ":authority", value: url.origin.authority),
            HTTPHeaders.Field(name: ":path", value: url.target),
        ]
        return control
            + (headers.fields + ownFields).map {
                HTTPHeaders.Field(name: $0.name.lowercased(), value: String($0.value.trimmed(.spacesAndTabs)))
            }
    }
}
