package import HTTP
internal import Wire

/// Puts one response together from what a stream brings. Pure. The library has checked the message's form (RFC 9113
/// section 8): what counts here are sizes, and what a status means.
package struct HTTP2Response: Sendable {
    /// All header and trailer fields of a response with those of interim responses, counted as RFC 9113 section 6.5.2 does.
    package static let maximumHeaderListBytes = 65_536
    /// What a field counts beside its letters.
    private static let fieldOverhead = 32

    package enum Failure: Error, Hashable, Sendable {
        case malformed(String)
        /// Headers or body exceed their limit.
        case tooLarge(maximumBytes: Int)
    }

    private enum Part { case head, body, trailers }

    private let maximumBodyBytes: Int
    private var part = Part.head
    private var headerListBytes = 0
    private var response = HTTPResponse(status: 0)
    private var isEnded = false

    /// Whether anything has come.
    package private(set) var hasStarted = false

    package init(maximumBodyBytes: Int) { self.maximumBodyBytes = maximumBodyBytes }

    /// The response once it is complete.
    package var completed: HTTPResponse? { isEnded ? response : nil }

    /// How much of a body is held.
    package var bodyBytes: Int { response.body.count }

    /// A block of header fields begins: a response's, or trailers.
    package mutating func beginFields() {
        hasStarted = true
        if response.status >= 200 { part = .trailers } else { response = HTTPResponse(status: 0) }
    }

    package mutating func receiveField(_ name: String, _ value: String) throws(Failure) {
        headerListBytes += name.utf8.count + value.utf8.count + Self.fieldOverhead
        guard headerListBytes <= Self.maximumHeaderListBytes else {
            throw .tooLarge(maximumBytes: Self.maximumHeaderListBytes)
        }
        guard part != .trailers else { return }
        if name == ":status" {
            guard value.utf8.count == 3, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let status = Int(value),
                (100..<600).contains(status), status != 101
            else { throw .malformed("status \(value)") }
            response.status = status
        } else if !name.hasPrefix(":") {
            guard HTTPSyntax.isToken(name), HTTPSyntax.isValue(value) else {
                throw .malformed("a header with characters that it cannot hold")
            }
            response.headers.add(name, value)
        }
    }

    package mutating func receiveData(_ bytes: RawSpan) throws(Failure) {
        guard response.status >= 200 else { throw .malformed("a body without a status") }
        part = .body
        guard response.body.count + bytes.byteCount <= maximumBodyBytes else {
            throw .tooLarge(maximumBytes: maximumBodyBytes)
        }
        response.body.append(copying: bytes)
    }

    /// The server has ended the stream.
    package mutating func receiveEnd() throws(Failure) {
        guard response.status >= 200 else { throw .malformed("no final status") }
        isEnded = true
    }
}
