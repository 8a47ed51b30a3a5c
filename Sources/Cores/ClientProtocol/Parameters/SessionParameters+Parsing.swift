package import Wire

extension SessionParameters {
    /// Takes over the pairs of a query. Unknown names are passed over, and the client is told so; of a name that comes
    /// twice the last counts.
    package mutating func apply(query pairs: [(name: String, value: String)]) throws(InvalidParameter) {
        var changed = self
        var hasIdentity = false
        for (name, value) in pairs {
            // `identity` counts before its alias, in whichever order they come.
            if name == "identity" { hasIdentity = true }
            if name == "user_id", hasIdentity { continue }
            try changed.set(name, to: .text(value))
        }
        try changed.checkTogether()
        self = changed
    }

    /// Takes over the members of `config.data`. Numbers may be written as numbers or as strings, `metadata` as a
    /// string or as the object itself; null leaves a parameter as it is. What is no parameter is kept for the agent.
    package mutating func apply(configuration: JSONObject) throws(InvalidParameter) {
        var changed = self
        var hasIdentity = false
        for member in configuration.members {
            if member.key == "identity" { hasIdentity = true }
            if member.key == "user_id", hasIdentity { continue }
            if member.value.isNull { continue }
            try changed.set(member.key, to: .json(member.value))
        }
        try changed.checkTogether()
        self = changed
    }

    /// Names that only a `config` message or a query before the room is joined can still change.
    package static let namesFixedByJoining: Set<String> = [
        "room", "identity", "user_id", "name", "agent", "metadata", "access_token", "session",
        "participant_attributes", "encryption_key", "agent_events",
    ]

    /// A value as it came: text from a query, or any JSON from a `config` message.
    private enum Value {
        case text(String)
        case json(JSONValue)

        /// The value as text: strings as they are, whole numbers in digits; nil for anything else.
        var text: String? {
            switch self {
            case .text(let text): text
            case .json(.string(let text)): text
            case .json(let value): value.integer.map(String.init)
            }
        }

        var isJSON: Bool {
            if case .json = self { true } else { false }
        }

        /// How an error message shows it.
        var shown: String {
            switch self {
            case .text(let text), .json(.string(let text)): text
            case .json(let value): value.serialized()
            }
        }
    }

    private mutating func set(_ name: String, to value: Value) throws(InvalidParameter) {
        switch name {
        case "encoding": input.encoding = try Self.choice(name, value)
        case "sample_rate": input.sampleRate = try Self.number(name, value, AudioFormat.sampleRates)
        case "channels": input.channels = try Self.number(name, value, [1, 2])
        case "output_encoding": output.encoding = try Self.choice(name, value)
        case "output_sample_rate": output.sampleRate = try Self.number(name, value, AudioFormat.sampleRates)
        case "output_framing": chosenFraming = try Self.choice(name, value)
        case "frame_ms": frameMilliseconds = try Self.number(name, value, Self.frameLengths)
        case "piece_ms": pieceMilliseconds = try Self.number(name, value, Self.pieceLengths)
        case "ambience": passesAmbience = try Self.flag(name, value)
        case "agent_events": wantsAgentEvents = try Self.flag(name, value)
        case "events": events = try Self.choice(name, value)
        case "transcript_mode": transcriptMode = try Self.choice(name, value)
        case "buffer_ms": bufferMilliseconds = try Self.number(name, value, Self.bufferLengths)
        case "resume_audio_ms": resumedMilliseconds = try Self.number(name, value, Self.resumedLengths)
        case "catch_up": catchesUp = try Self.flag(name, value)
        case "participant_attributes": attributes = try Self.attributes(name, value)
        case "methods": methods = try Self.methods(name, value)
        case "room": room = try Self.name(name, value)
        case "identity", "user_id": identity = try Self.name(name, value)
        case "name": self.name = try Self.name(name, value)
        case "agent": agent = try Self.name(name, value) ?? ""
        case "metadata": metadata = try Self.metadata(name, value)
        case "access_token":
            accessToken = try Self.text(name, value, maximumSize: Self.maximumTokenSize, what: "a LiveKit access token")
        case "encryption_key": encryptionSecret = try Self.encryptionSecret(name, value)
        case "session":
            resumeToken = try Self.text(name, value, maximumSize: Self.maximumTokenSize, what: "a resume token")
        case "instructions":
            instructions = try Self.text(name, value, maximumSize: Self.maximumInstructionsSize, what: "text")
        // A page cannot send the header of that name. What is no trace is as good as none (W3C Trace Context 3.2.2.3); in
        // `config` it is the agent's affair.
        case "traceparent" where !value.isJSON: trace = value.text.flatMap { TraceContext(parsing: $0) }
        default:
            if case .json(let value) = value { try setAgentField(name, value) }
            note(unknown: name, isForAgent: value.isJSON)
        }
    }

    private mutating func note(unknown name: String, isForAgent: Bool) {
        guard unknown.count < UnknownParameter.maximumCount,
            let unknown = UnknownParameter(name, isForAgent: isForAgent), !self.unknown.contains(unknown)
        else { return }
        self.unknown.append(unknown)
    }

    /// The names that the client has not been told of yet.
    package mutating func takeUnknown() -> [UnknownParameter] {
        defer { unknown = [] }
        return unknown
    }

    private mutating func setAgentField(_ name: String, _ value: JSONValue) throws(InvalidParameter) {
        agentFields[name] = value
        guard agentFields.members.count <= Self.maximumAgentFields else {
            throw InvalidParameter(
                name: "config", value: name,
                allowed: "at most \(Self.maximumAgentFields) members for the agent besides the session parameters")
        }
    }

    /// What no single parameter can tell.
    private func checkTogether() throws(InvalidParameter) {
        guard
            agentFields.isEmpty
                || JSONValue.object(agentFields).serialized().utf8.count <= Self.maximumMetadataSize
        else {
            throw InvalidParameter(
                name: "config", value: "(not shown)",
                allowed: "at most \(Self.maximumMetadataSize) bytes for the agent besides the session parameters")
        }
        if output.encoding == .opus, chosenFraming == .wav {
            throw InvalidParameter(
                name: "output_framing", value: "wav",
                allowed: "binary, json with output_encoding opus, because WAV files do not carry Opus")
        }
        if let pieceMilliseconds, let chosenFraming, chosenFraming != .wav {
            throw InvalidParameter(
                name: "piece_ms", value: String(pieceMilliseconds),
                allowed: "only with output_framing wav; frame_ms is the length of other messages")
        }
        if let bufferMilliseconds, bufferMilliseconds < 2 * frameMilliseconds {
            throw InvalidParameter(
                name: "buffer_ms", value: String(bufferMilliseconds),
                allowed: "two frames or more (frame_ms is \(frameMilliseconds)): one is played while the next one comes"
            )
        }
        if catchesUp, let chosenFraming, chosenFraming != .binary {
            throw InvalidParameter(
                name: "catch_up", value: "true",
                allowed: "only with output_framing binary: nothing else is played as it comes")
        }
        if output.encoding == .opus, frameMilliseconds < Self.opusFrame {
            throw InvalidParameter(
                name: "frame_ms", value: String(frameMilliseconds),
                allowed: "20, 40, 60, 100 with output_encoding opus: packets are put together, not split")
        }
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ value: Value
    ) throws(InvalidParameter) -> Choice where Choice.RawValue == String {
        guard let choice = value.text.flatMap(Choice.init(rawValue:)) else {
            throw InvalidParameter(
                name: name, value: value.shown, allowed: Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    private static func number(_ name: String, _ value: Value, _ allowed: [Int]) throws(InvalidParameter) -> Int {
        guard let number = value.text.flatMap({ Int($0) }), allowed.contains(number) else {
            throw InvalidParameter(
                name: name, value: value.shown, allowed: allowed.map(String.init).joined(separator: ", "))
        }
        return number
    }

    private static func number(
        _ name: String, _ value: Value, _ allowed: ClosedRange<Int>
    ) throws(InvalidParameter) -> Int {
        guard let number = value.text.flatMap({ Int($0) }), allowed.contains(number) else {
            throw InvalidParameter(
                name: name, value: value.shown, allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
        return number
    }

    private static func flag(_ name: String, _ value: Value) throws(InvalidParameter) -> Bool {
        if case .json(.bool(let flag)) = value { return flag }
        guard let flag = value.text.flatMap({ Bool($0) }) else {
            throw InvalidParameter(name: name, value: value.shown, allowed: "true, false")
        }
        return flag
    }

    /// Nil when empty: as if it had not been given.
    private static func name(_ name: String, _ value: Value) throws(InvalidParameter) -> String? {
        guard let text = value.text, text.isEmpty || isName(text) else {
            throw InvalidParameter(
                name: name, value: value.shown,
                allowed: "1 to \(maximumNameLength) characters, no control characters")
        }
        return text.isEmpty ? nil : text
    }

    /// Whether a text can be the name of a room, an identity, or what people call somebody.
    package static func isName(_ text: String) -> Bool {
        (1...maximumNameLength).contains(text.count)
            && !text.hasControlCharacters
    }

    /// `a,b` in a query; that, or an array of strings, in a `config` message.
    private static func methods(_ name: String, _ value: Value) throws(InvalidParameter) -> Set<String> {
        var names = value.text?.split(separator: ",").map(String.init)
        if case .json(.array(let values)) = value {
            let strings = values.compactMap(\.string)
            names = strings.count == values.count ? strings : nil
        }
        guard let names, names.count <= maximumMethods,
            names.allSatisfy({ (1...MethodCall.maximumMethodBytes).contains($0.utf8.count) })
        else {
            throw InvalidParameter(
                name: name, value: value.shown,
                allowed:
                    "at most \(maximumMethods) names of 1 to \(MethodCall.maximumMethodBytes) bytes, separated by commas"
            )
        }
        return Set(names)
    }

    private static func attributes(_ name: String, _ value: Value) throws(InvalidParameter) -> [String: String] {
        let json: JSONValue? =
            switch value {
            case .text(let text), .json(.string(let text)): try? JSONValue(parsing: Array(text.utf8))
            case .json(let value): value
            }
        guard let json, let attributes = ParticipantAttributes.parse(json) else {
            throw InvalidParameter(
                name: name, value: value.shown, allowed: "a JSON object of texts, \(ParticipantAttributes.allowed)")
        }
        return attributes
    }

    private static func metadata(_ name: String, _ value: Value) throws(InvalidParameter) -> String? {
        let text: String?
        switch value {
        case .text(let plain), .json(.string(let plain)): text = plain
        case .json(.object(let object)): text = JSONValue.object(object).serialized()
        case .json: text = nil
        }
        guard let text, text.utf8.count <= maximumMetadataSize else {
            throw InvalidParameter(
                name: name, value: value.shown,
                allowed: "a JSON object or a string, at most \(maximumMetadataSize) bytes")
        }
        return text.isEmpty ? nil : text
    }

    /// Nil when empty: as if it had not been given.
    private static func encryptionSecret(_ name: String, _ value: Value) throws(InvalidParameter) -> EncryptionSecret? {
        guard value.isJSON else {
            throw InvalidParameter(
                name: name, value: "(not shown)",
                allowed: "in a header field, a subprotocol or a config message, but not in an address, which is logged")
        }
        if value.text == "" { return nil }
        guard let secret = value.text.flatMap({ EncryptionSecret($0) }) else {
            throw InvalidParameter(name: name, value: "(not shown)", allowed: EncryptionSecret.allowed)
        }
        return secret
    }

    private static func text(
        _ name: String, _ value: Value, maximumSize: Int, what: String
    ) throws(InvalidParameter) -> String? {
        let text: String?
        switch value {
        case .text(let plain), .json(.string(let plain)): text = plain
        case .json: text = nil
        }
        guard let text, text.utf8.count <= maximumSize else {
            // Tokens are secrets; instructions are long. Neither is repeated.
            throw InvalidParameter(
                name: name, value: "(not shown)", allowed: "\(what) of at most \(maximumSize) bytes")
        }
        return text.isEmpty ? nil : text
    }
}
