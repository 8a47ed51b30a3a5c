internal import HTTP
internal import Wire

/// Reads what a request brings as JSON.
enum JSONBody {
    enum Failure: Error, Hashable {
        /// The content is of another type. Browsers send those from any page without asking first; JSON they ask for.
        case wrongType
        case malformed(JSONError)
    }

    /// Values may stand in each other as deep as that.
    static let maximumDepth = 32

    /// The body as a value; nil for none at all.
    static func value(of request: HTTPRequest) throws(Failure) -> JSONValue? {
        guard !request.body.isEmpty else { return nil }
        guard isJSON(request.headers["Content-Type"] ?? "") else { throw .wrongType }
        do throws(JSONError) {
            // A mark of the byte order, which some programs write, may be ignored (RFC 8259 section 8.1).
            let hasMark = request.body.starts(with: [0xEF, 0xBB, 0xBF])
            return try JSONValue(
                parsing: hasMark ? Array(request.body.dropFirst(3)) : request.body, maximumDepth: maximumDepth)
        } catch {
            throw .malformed(error)
        }
    }

    /// `application/json` and `application/…+json`, with any parameters.
    private static func isJSON(_ contentType: String) -> Bool {
        var type = contentType.prefix { $0 != ";" }.lowercased()
        while type.last == " " || type.last == "\t" { type.removeLast() }
        return type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
    }
}
