internal import ClientProtocol
internal import HTTP

/// What browsers are told about pages of other origins (the Fetch standard, "CORS protocol").
struct CrossOriginPolicy {
    /// How long a browser may remember a preflight, in seconds.
    static let preflightLifetime = 600
    /// A longer list of wanted headers is not read.
    static let maximumHeaderListBytes = 1024

    let origins: OriginAllowList
    /// The header that carries request ids, which pages may read.
    let requestIDHeader: String

    /// Whether a request asks what a later one may do.
    static func isPreflight(_ request: HTTPRequest) -> Bool {
        request.method == .options && request.headers["Origin"] != nil
            && request.headers["Access-Control-Request-Method"] != nil
    }

    /// Adds what lets a page read an answer, if its origin may.
    func apply(to response: inout HTTPResponse, for request: HTTPRequest) {
        // Without credentials: a proxy in front may know browsers by cookies, which are no affair of other pages.
        guard !origins.allowsAll else { return allow("*", in: &response) }
        response.headers.add("Vary", "Origin")
        guard let origin = request.headers["Origin"], origins.allows(origin) else { return }
        allow(origin, in: &response)
        response.headers.set("Access-Control-Allow-Credentials", "true")
    }

    private func allow(_ origin: String, in response: inout HTTPResponse) {
        response.headers.set("Access-Control-Allow-Origin", origin)
        response.headers.set("Access-Control-Expose-Headers", "\(requestIDHeader), Retry-After")
    }

    /// The answer to a preflight, but for what `apply` adds.
    ///
    /// - Parameter methods: those of the path.
    func preflight(_ request: HTTPRequest, methods: [String], errors: ErrorStyle) -> HTTPResponse {
        guard origins.allows(request.headers["Origin"]) else {
            return errors.response(403, "Origin not allowed")
        }
        var response = HTTPResponse.empty(204)
        response.headers.set("Access-Control-Allow-Methods", methods.joined(separator: ", "))
        if let wanted = request.headers["Access-Control-Request-Headers"], Self.isHeaderList(wanted) {
            response.headers.set("Access-Control-Allow-Headers", wanted)
            response.headers.add("Vary", "Access-Control-Request-Headers")
        }
        response.headers.set("Access-Control-Max-Age", "\(Self.preflightLifetime)")
        return response
    }

    private static func isHeaderList(_ text: String) -> Bool {
        (1...maximumHeaderListBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ","), UInt8(ascii: " "), UInt8(ascii: "."): true
                default: false
                }
            }
    }
}
