internal import Wire

/// Events of the gateway as lines for people.
enum CallEventText {
    /// One line; nil for events that say nothing to people.
    static func line(for event: JSONValue) -> String? {
        func text(_ name: String) -> String { clean(event[name]?.string ?? "") }
        switch event["type"]?.string {
        case "session":
            return row("session", "room \(text("room")), as \(text("identity"))")
        case "ready", "processing", "configured": return row("gateway", text("message"))
        case "transcript":
            let isFinal = event["final"]?.bool != false
            return row(text("role") == "user" ? "you" : "agent", (isFinal ? "" : "… ") + text("content"))
        case "text": return row("agent", text("content"))
        case "agent_state": return row("state", text("state"))
        case "agent_joined": return row("joined", text("name").isEmpty ? text("identity") : text("name"))
        case "agent_left": return row("left", "\(text("identity")) \(text("reason"))")
        case "interrupted": return row("cut off", "the agent was interrupted")
        case "reconnecting": return row("room", "connection lost; it is being made again")
        case "reconnected": return row("room", "connection back")
        case "data": return row("data", "\(text("topic")) \(clean(event["payload"]?.serialized() ?? ""))")
        case "error":
            return row("error", text("code").isEmpty ? text("message") : "\(text("code")): \(text("message"))")
        case "closing": return row("closing", "\(text("reason")): \(text("message"))")
        case "pong", "buffering", "audio": return nil
        default: return row("event", clean(event.serialized()))
        }
    }

    static func row(_ name: String, _ text: String) -> String {
        name + String(repeating: " ", count: max(1, 9 - name.count)) + text
    }

    /// Without control characters: what comes from the network must not command the terminal.
    static func clean(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result.append(" ")
            default: result.append(scalar)
            }
        }
        return String(result)
    }

    /// "0.84 s"
    static func seconds(_ duration: Duration) -> String { seconds(Double(duration.milliseconds) / 1000) }

    static func seconds(_ seconds: Double) -> String {
        let hundredths = Int((seconds * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) s"
    }
}
