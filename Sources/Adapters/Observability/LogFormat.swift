/// How lines of the log are written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// logfmt: `time=… level=info event="room joined" room=lobby participants=3`. A value that needs it stands in quotes,
    /// with quotes, backslashes and everything invisible escaped.
    case text
    /// One JSON object (RFC 8259) a line: `{"time":"…","level":"info","event":"room joined","room":"lobby"}`.
    case json

    func beginning(time: String, _ level: LogLevel, _ event: String) -> String {
        switch self {
        case .text:
            var line = "time=" + time + " level=" + level.rawValue
            append("event", event, to: &line)
            return line
        case .json:
            var line = "{\"time\":\"" + time + "\",\"level\":\"" + level.rawValue + "\""
            append("event", event, to: &line)
            return line
        }
    }

    var end: String {
        switch self {
        case .text: "\n"
        case .json: "}\n"
        }
    }

    func append(_ key: String, _ value: any CustomStringConvertible, to line: inout String) {
        switch self {
        case .text:
            line += " " + key + "="
            line += Self.logfmt(value.description)
        case .json:
            line += ",\"" + key + "\":"
            switch value {
            case let number as any FixedWidthInteger: line += number.description
            case let number as Double where number.isFinite: line += number.description
            case let truth as Bool: line += truth.description
            default: line += Self.json(value.description)
            }
        }
    }

    // MARK: Text

    /// The value as it stands when nothing in it needs quotes; otherwise in quotes.
    static func logfmt(_ value: String) -> String {
        var isPlain = !value.isEmpty
        let text = escaped(value) { scalar in
            isPlain = isPlain && isBare(scalar)
            return isInvisible(scalar) ? "\\u{" + String(scalar.value, radix: 16) + "}" : nil
        }
        return isPlain ? text : "\"" + text + "\""
    }

    /// The value as a JSON string, with everything invisible escaped as well: people read JSON in terminals, too.
    static func json(_ value: String) -> String {
        let text = escaped(value) { scalar in
            guard isInvisible(scalar) else { return nil }
            return UTF16.encode(scalar)!.reduce(into: "") { text, unit in
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return "\"" + text + "\""
    }

    /// - Parameter rewritten: looks at each scalar, and says what stands for it; nil for itself.
    private static func escaped(_ value: String, _ rewritten: (Unicode.Scalar) -> String?) -> String {
        var text = ""
        for (count, scalar) in zip(0..., value.unicodeScalars) {
            if count >= Log.maximumValueBytes || text.utf8.count >= Log.maximumValueBytes {
                text += "…"
                break
            }
            let replacement = rewritten(scalar)
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            default:
                if let replacement { text += replacement } else { text.unicodeScalars.append(scalar) }
            }
        }
        return text
    }

    /// Whether the scalar can stand in a logfmt value without quotes.
    private static func isBare(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value > 0x20 && scalar != "\"" && scalar != "=" && scalar != "\\" && scalar != "'"
            && !isInvisible(scalar)
    }

    /// Control characters, line and paragraph separators, and the marks that turn the direction of text around.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }
}
