internal import Wire

/// Attributes of a caller's participant: what agents read of it before it says anything (LiveKit docs, "Participant
/// attributes"). Operators and clients choose some; the gateway says by others how the caller came.
package enum ParticipantAttributes {
    package static let maximumCount = 16
    /// Bytes of a name, and of a value.
    package static let maximumNameBytes = 64
    package static let maximumValueBytes = 512
    /// Bytes of all names and values: they travel in tokens.
    package static let maximumBytes = 2048

    /// What the gateway's own begin with.
    package static let prefix = "voicegateway."
    /// The others are LiveKit's, and agents trust them.
    private static let reservedPrefixes = [prefix, "lk.", "sip."]

    /// What is allowed, for messages.
    package static let allowed =
        "at most \(maximumCount) names of 1 to \(maximumNameBytes) bytes that begin with none of "
        + reservedPrefixes.joined(separator: ", ")
        + ", with texts of at most \(maximumValueBytes) bytes, \(maximumBytes) bytes in all"

    /// Whether somebody else than the gateway may choose these.
    package static func mayBeChosen(_ attributes: [String: String]) -> Bool {
        attributes.count <= maximumCount
            && attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } <= maximumBytes
            && attributes.allSatisfy { name, value in
                (1...maximumNameBytes).contains(name.utf8.count) && value.utf8.count <= maximumValueBytes
                    && !reservedPrefixes.contains(where: name.hasPrefix)
                    && !(name + value).unicodeScalars.contains { $0.value < 0x20 }
            }
    }

    /// Reads a JSON object of strings; nil for anything else.
    static func parse(_ value: JSONValue) -> [String: String]? {
        guard case .object(let object) = value else { return nil }
        var attributes: [String: String] = [:]
        for member in object.members {
            guard let text = member.value.string else { return nil }
            attributes[member.key] = text
        }
        return mayBeChosen(attributes) ? attributes : nil
    }

    /// How the caller came.
    /// - Parameters:
    ///   - session: the session's id.
    ///   - dialect: the word of `DialectDescriptor.name`.
    package static func ofGateway(
        session: String, dialect: String, input: AudioFormat, output: AudioFormat
    ) -> [String: String] {
        [
            prefix + "session": session, prefix + "dialect": dialect,
            prefix + "input": "\(input.encoding.rawValue)/\(input.sampleRate)",
            prefix + "output": "\(output.encoding.rawValue)/\(output.sampleRate)",
        ]
    }
}
