/// A session parameter whose value is not allowed.
package struct InvalidParameter: Error, Hashable, Sendable {
    /// The name of the parameter as the client knows it.
    package let name: String
    /// The value that came, shortened to what fits an error message.
    package let value: String
    /// What is allowed, as the end of a sentence.
    package let allowed: String

    package init(name: String, value: String, allowed: String) {
        self.name = name
        // Hostile values must not make hostile messages.
        var shown = ""
        for scalar in value.unicodeScalars {
            guard shown.unicodeScalars.count < Self.maximumShownLength else {
                shown += "…"
                break
            }
            shown.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        self.value = shown
        self.allowed = allowed
    }

    /// Characters of the value that the message repeats.
    package static let maximumShownLength = 64

    /// What the client is told.
    package var clientError: ClientError {
        ClientError(.invalidParameter, "\(name) is \"\(value)\"; allowed: \(allowed)")
    }
}
