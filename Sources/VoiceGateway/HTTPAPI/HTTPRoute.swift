internal import HTTP
internal import Wire

/// One operation of the HTTP interface: how it is called, who answers it, and what the description of the interface
/// says about it. The description is made from the routes themselves, so that none can be forgotten in it.
struct HTTPRoute {
    /// Answers a request by one call of its second argument, now or later, on the same loop.
    typealias Handler = (HTTPRequest, @escaping (HTTPResponse) -> Void) -> Void

    let method: HTTPMethod
    let path: String
    /// How its errors look.
    let errors: ErrorStyle
    let access: Access
    let documentation: OperationDocumentation
    let handler: Handler

    /// Who may call it.
    enum Access: Hashable {
        case everybody
        /// It costs something: a key is asked for when the operator has set keys, and calls are counted.
        case callers
        /// The same, and the key may be `Authorization: Bearer`.
        case programs
        /// The operator's own key is asked for.
        case `operator`
    }

    /// - Parameter path: `{name}` stands for any part between slashes.
    init(
        _ method: HTTPMethod, _ path: String, errors: ErrorStyle, access: Access = .everybody,
        _ documentation: OperationDocumentation, handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.errors = errors
        self.access = access
        self.documentation = documentation
        self.handler = handler
    }

    /// A route whose answer needs nothing but the request.
    init(
        _ method: HTTPMethod, _ path: String, errors: ErrorStyle, access: Access = .everybody,
        _ documentation: OperationDocumentation, answer: @escaping (HTTPRequest) -> HTTPResponse
    ) {
        self.init(method, path, errors: errors, access: access, documentation) { request, completion in
            completion(answer(request))
        }
    }
}

/// What OpenAPI says about one operation.
struct OperationDocumentation {
    /// The body that an operation takes.
    struct Body {
        /// JSON Schema.
        let schema: JSONValue
        let example: JSONValue
        let isRequired: Bool
        var contentType = "application/json"
    }

    /// One answer, by its status.
    struct Answer {
        let status: Int
        let text: String
        var contentType = "application/json"
        /// JSON Schema of the content; nil for an answer without any.
        let schema: JSONValue?
        /// Types of text that a client may ask for instead by `Accept`.
        var otherTypes: [String] = []
        /// Header fields that it always has.
        var headers: [String] = []
    }

    /// What stands in the path or in the query.
    struct Parameter {
        let name: String
        /// `path` or `query`.
        let place: String
        let text: String
        /// JSON Schema.
        let schema: JSONValue
    }

    /// The name by which generated clients call it.
    let id: String
    let group: String
    let summary: String
    var text = ""
    var parameters: [Parameter] = []
    var body: Body?
    let answers: [Answer]
}

extension HTTPResponse {
    /// A JSON value as the content.
    static func json(_ status: Int, _ value: JSONValue) -> HTTPResponse { .json(status, value.serialized()) }
}
