package import Wire

/// A stretch of a call's time, as tracing systems show it.
package struct Span: Hashable, Sendable {
    /// The numbers of OTLP's `SpanKind`.
    package enum Kind: Int64, Sendable {
        /// What the gateway does by itself.
        case inside = 1
        /// What somebody asks of the gateway.
        case server = 2
        /// What the gateway asks of somebody.
        case client = 3
    }

    package var name: String
    package var kind: Kind
    /// The span itself, in its trace.
    package var context: TraceContext
    /// Nil for a span that begins its trace.
    package var parent: TraceContext?
    /// Nanoseconds since 1970.
    package var start: Int64
    package var end: Int64
    package var attributes: JSONObject
    /// Why it failed; nil when it did not.
    package var failure: String?

    package init(
        _ name: String, _ kind: Kind, _ context: TraceContext, parent: TraceContext?, start: Int64, end: Int64,
        attributes: JSONObject = [:], failure: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.start = start
        self.end = max(start, end)
        self.attributes = attributes
        self.failure = failure
    }
}

extension Span {
    /// An `ExportTraceServiceRequest` of OTLP 1.x in JSON: identifiers in hexadecimal digits, 64-bit numbers as strings, and
    /// enumerations as numbers (OTLP specification, "JSON Protobuf Encoding").
    ///
    /// - Parameter resource: who has made the spans.
    package static func exportRequest(_ spans: [Span], resource: JSONObject) -> [UInt8] {
        let scope: JSONValue = ["name": "voicegateway", "version": .string(Product.version)]
        let json: JSONValue = [
            "resourceSpans": [
                [
                    "resource": ["attributes": attributes(resource)],
                    "scopeSpans": [["scope": scope, "spans": .array(spans.map(\.json))]],
                ]
            ]
        ]
        return json.serializedBytes()
    }

    private var json: JSONValue {
        var json: JSONObject = ["traceId": .string(context.traceText), "spanId": .string(context.spanText)]
        if let parent { json.append("parentSpanId", .string(parent.spanText)) }
        json.append("name", .string(name))
        json.append("kind", .integer(kind.rawValue))
        json.append("startTimeUnixNano", .string("\(start)"))
        json.append("endTimeUnixNano", .string("\(end)"))
        json.append("attributes", Self.attributes(attributes))
        if let failure { json.append("status", ["code": 2, "message": .string(failure)]) }
        return .object(json)
    }

    private static func attributes(_ members: JSONObject) -> JSONValue {
        .array(
            members.members.compactMap { member in
                let value: JSONValue
                switch member.value {
                case .string(let text): value = ["stringValue": .string(text)]
                case .integer(let number): value = ["intValue": .string("\(number)")]
                case .double(let number): value = ["doubleValue": .double(number)]
                case .bool(let truth): value = ["boolValue": .bool(truth)]
                // What never came has no attribute.
                case .null, .array, .object: return nil
                }
                return ["key": .string(member.key), "value": value]
            })
    }
}
