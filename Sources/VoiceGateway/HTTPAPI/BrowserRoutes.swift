internal import CWebFiles
internal import HTTP
internal import SecureTransport
internal import Wire

/// What browsers get: the module that pages import, and the page to talk from.
enum BrowserRoutes {
    static let modulePath = "/voicegateway.js"

    static var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, modulePath, errors: .session, moduleDocumentation) { _ in
                HTTPResponse(status: 200, headers: HTTPHeaders([("Content-Type", moduleType)]), body: module)
            }
        ]
    }

    /// The page to talk from. It asks for nothing but the module and the gateway's own WebSocket, and the browser holds
    /// it to that.
    static let playground = HTTPResponse(
        status: 200,
        headers: HTTPHeaders([
            ("Content-Type", pageType), ("Content-Security-Policy", contentSecurityPolicy),
            ("Referrer-Policy", "no-referrer"), ("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)"),
        ]), body: page)

    /// Whether the client prefers a page for people, as browsers do that open an address.
    static func wantsPage(_ request: HTTPRequest) -> Bool {
        request.headers.values("Accept").contains { value in
            value.split(separator: ",").contains { range in
                let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
                return parts.first == "text/html" && !parts.contains { $0 == "q=0" || $0 == "q=0.0" }
            }
        }
    }

    // SAFETY: constants of the program, with their length.
    private static let page = unsafe bytes(of: CWebFilesPlayground())
    // SAFETY: constants of the program, with their length.
    private static let module = unsafe bytes(of: CWebFilesModule())

    private static func bytes(of file: CWebFile) -> [UInt8] {
        // SAFETY: pointer and count describe one constant array.
        unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }

    // MARK: The policy (Content Security Policy Level 3)

    /// The style and the script that stand in the page are named by their hashes, all else comes from the gateway.
    static let contentSecurityPolicy: String = {
        let text = String(decoding: page, as: UTF8.self)
        return [
            "default-src 'none'", "script-src 'self' \(hash(of: "script", in: text))",
            "style-src \(hash(of: "style", in: text))", "connect-src 'self'", "img-src data:", "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ].joined(separator: "; ")
    }()

    /// The source expression for the first element of that name.
    private static func hash(of element: String, in page: String) -> String {
        guard let start = page.firstRange(of: "<\(element)"), let open = page[start.upperBound...].firstIndex(of: ">"),
            let end = page[open...].firstRange(of: "</\(element)>")
        else { return "'none'" }
        let content = page[page.index(after: open)..<end.lowerBound]
        return "'sha256-\(Base64.encode(SHA256.digest(Array(content.utf8))))'"
    }

    // MARK: The description

    static let pageType = "text/html; charset=utf-8"
    private static let moduleType = "text/javascript; charset=utf-8"

    private static let moduleDocumentation = OperationDocumentation(
        id: "browserModule", group: "Operation", summary: "The JavaScript module for pages",
        text: "Microphone, playback, events and reconnection; pages of any allowed origin may import it.",
        answers: [
            .init(status: 200, text: "An ES module", contentType: moduleType, schema: ["type": "string"])
        ])
}
