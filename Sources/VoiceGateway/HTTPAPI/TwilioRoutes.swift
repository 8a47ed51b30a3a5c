internal import ClientProtocol
internal import HTTP
internal import Wire

/// `POST /twilio/voice`: what a telephone number at Twilio asks when it is called, answered by TwiML that connects the call to this
/// gateway. The query of the address are session parameters for the call.
struct TwilioRoutes {
    static let path = "/twilio/voice"
    /// Nil: calls are let in by an API key in the query, where keys are asked for.
    let authToken: String?
    let address: PublicAddress

    var routes: [HTTPRoute] {
        [
            HTTPRoute(
                .post, Self.path, errors: .session, access: authToken == nil ? .callers : .everybody,
                Self.documentation, answer: answer)
        ]
    }

    private func answer(_ request: HTTPRequest) -> HTTPResponse {
        let form = QueryString(String(decoding: request.body, as: UTF8.self))
        guard let here = address.webSocketURL(request.target, for: request),
            let stream = address.webSocketURL(ClientDialects.ofTwilio.paths[0], for: request)
        else { return ErrorStyle.session.response(400, "The request has no usable Host header") }
        if let authToken,
            !TwilioSignature.isValid(
                request.headers[TwilioSignature.header], of: here, form: form.pairs, token: authToken)
        {
            return ErrorStyle.session.response(
                403, "X-Twilio-Signature does not fit \(here.prefix { $0 != "?" }) and TWILIO_AUTH_TOKEN")
        }
        // Twilio does not pass on the query of a stream's address.
        var parameters = request.query.pairs
        for (name, field) in [("from", "From"), ("to", "To")] where !request.query.contains(name) {
            if let number = form[field] { parameters.append((name, number)) }
        }
        return Self.twiML(connectingTo: stream, parameters)
    }

    /// Markup that opens a stream, which may speak as well as listen.
    static func twiML(connectingTo url: String, _ parameters: [(name: String, value: String)]) -> HTTPResponse {
        let elements = parameters.map {
            #"<Parameter name="\#(escaped($0.name))" value="\#(escaped($0.value))"/>"#
        }
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <Response><Connect><Stream url="\(escaped(url))">\(elements.joined())</Stream></Connect></Response>

            """
        return HTTPResponse(status: 200, headers: ["Content-Type": "text/xml; charset=utf-8"], body: Array(text.utf8))
    }

    /// Text within an attribute of XML. What that cannot hold at all becomes U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static let documentation = OperationDocumentation(
        id: "twilioVoice", group: "Telephone carriers", summary: "Tell Twilio to stream a call to this gateway",
        text:
            "The address for \"A call comes in\" of a number at Twilio. The pairs of the query become session parameters of the call (`agent`, `room`, …), and `from` and `to` are added. With `TWILIO_AUTH_TOKEN` the request has to be signed.",
        body: .init(
            schema: ["type": "object", "description": "What Twilio says about the call."],
            example: ["CallSid": "CA1", "From": "+14158675309", "To": "+18005551212"], isRequired: false,
            contentType: "application/x-www-form-urlencoded"),
        answers: [
            .init(status: 200, text: "TwiML", contentType: "text/xml; charset=utf-8", schema: ["type": "string"]),
            .init(
                status: 400, text: "The request does not say where it was sent to", schema: ErrorStyle.session.schema),
            .init(status: 403, text: "The signature is missing or wrong", schema: ErrorStyle.session.schema),
        ])
}
