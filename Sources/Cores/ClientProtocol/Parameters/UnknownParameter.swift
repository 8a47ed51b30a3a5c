internal import Wire

/// A name that no session parameter has, with the one that was most likely meant.
package struct UnknownParameter: Hashable, Sendable {
    /// Clients are told of so many at a time; looking for what was meant costs something.
    package static let maximumCount = 8
    /// Characters of the name that the client is told.
    private static let maximumShownLength = 64

    /// Every name that a query or a `config` message may have.
    package static let known = [
        "encoding", "sample_rate", "channels", "output_encoding", "output_sample_rate", "output_framing", "frame_ms",
        "piece_ms", "ambience", "events", "transcript_mode", "buffer_ms", "resume_audio_ms", "catch_up", "room",
        "identity", "user_id", "name", "agent", "metadata", "instructions",
        "access_token", "session", "methods", "participant_attributes",
    ]
    /// Names in a query that others than the session read.
    private static let readElsewhere: Set<String> = ["api_key"]

    /// As the client wrote it, shortened.
    package let name: String
    package let meant: String?
    private let isForAgent: Bool

    /// - Parameters:
    ///   - name: of none of the parameters.
    ///   - isForAgent: it is a member of a `config` message, which reaches the agent under any name. Nil then unless
    ///     the name looks misspelt.
    init?(_ name: String, isForAgent: Bool) {
        guard !name.isEmpty, !Self.readElsewhere.contains(name) else { return nil }
        meant = Self.nearest(to: name)
        if isForAgent, meant == nil { return nil }
        self.isForAgent = isForAgent
        self.name = InvalidParameter(name: "", value: String(name.prefix(Self.maximumShownLength)), allowed: "").value
    }

    /// One sentence for people.
    package var message: String {
        let hint = meant.map { " Did you mean \($0)?" } ?? " There are: \(Self.known.joined(separator: ", "))."
        return isForAgent
            ? "\"\(name)\" is no session parameter and goes to the agent.\(hint)"
            : "\"\(name)\" is no session parameter and has no effect.\(hint)"
    }

    /// The parameter that has the same letters, or is one or two slips away.
    private static func nearest(to name: String) -> String? {
        guard name.utf8.count <= EditDistance.maximumLength else { return nil }
        let name = letters(name)
        let allowed = name.utf8.count >= 8 ? 2 : name.utf8.count >= 4 ? 1 : 0
        let candidates = known.map { (name: $0, distance: EditDistance.between(name, letters($0))) }
        return candidates.filter { $0.distance <= allowed }.min { $0.distance < $1.distance }?.name
    }

    /// `sampleRate` and `sample-rate` are the same as `sample_rate`.
    private static func letters(_ name: String) -> String {
        name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != "." }
    }
}
