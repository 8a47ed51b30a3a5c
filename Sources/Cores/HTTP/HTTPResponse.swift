/// A final response with its whole body: what a server answers, or what a client gets.
package struct HTTPResponse: Hashable, Sendable {
    package var status: Int
    /// A server writes `Content-Length` and `Connection` itself.
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// Plain text in UTF-8.
    package static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"],
            body: Array(text.utf8))
    }

    /// A JSON document that is already text.
    package static func json(_ status: Int, _ document: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "application/json"], body: Array(document.utf8))
    }

    /// No body at all.
    package static func empty(_ status: Int) -> HTTPResponse { HTTPResponse(status: status) }

    /// RFC 9110 section 6.4.1: these never have content, nor a length of it.
    package var hasNoContent: Bool { status / 100 == 1 || status == 204 || status == 304 }

    /// Status line, header fields and body.
    ///
    /// - Parameter isHead: the answer to HEAD: the fields of GET, without the body.
    package func write(to bytes: inout [UInt8], isHead: Bool, keepsAlive: Bool) {
        bytes += "HTTP/1.1 \(status) \(Self.reasonPhrase(status))\r\n".utf8
        var headers = headers
        headers.remove("Content-Length")
        headers.remove("Transfer-Encoding")
        headers.remove("Connection")
        headers.write(to: &bytes)
        if !hasNoContent { bytes += "Content-Length: \(body.count)\r\n".utf8 }
        bytes += (keepsAlive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n").utf8
        if !isHead, !hasNoContent { bytes += body }
    }

    /// The usual words for a status; the class's words for an unusual one.
    package static func reasonPhrase(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default:
            switch status / 100 {
            case 1: "Informational"
            case 2: "Success"
            case 3: "Redirection"
            case 4: "Client Error"
            default: "Server Error"
            }
        }
    }
}
