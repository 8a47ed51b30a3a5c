internal import Wire

/// What of a session of OpenAI's Realtime API is in effect, and what a client may change of it.
struct OpenAISession: Sendable {
    /// Sound that the API knows, by its name there.
    static let formats: [(name: String, format: AudioFormat)] = [
        ("audio/pcm", AudioFormat(encoding: .pcmS16LE, sampleRate: 24_000)),
        ("audio/pcmu", AudioFormat(encoding: .mulaw, sampleRate: 8000)),
        ("audio/pcma", AudioFormat(encoding: .alaw, sampleRate: 8000)),
    ]
    /// Names that clients send because OpenAI's models have them; `model` is an agent otherwise.
    private static let vendorNames = ["gpt-", "voicegateway"]
    /// Faults of one message that the client is told.
    private static let maximumFaults = 16

    /// As the client called it.
    var model = "voicegateway"
    /// The client ends its turns by itself.
    private(set) var isManual = false
    /// The client wants to know what was recognised.
    private(set) var transcribes = true

    /// The agent that a client means; nil for the operator's.
    static func agent(of model: String) -> String? {
        model.isEmpty || vendorNames.contains(where: model.hasPrefix) ? nil : model
    }

    // MARK: To the client

    func json(
        id: String, _ parameters: SessionParameters, tools: [JSONValue]
    ) -> JSONValue {
        let detection: JSONValue =
            isManual
            ? .null
            : [
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": .integer(Int64(OpenAICaller.padding)),
                "silence_duration_ms": 500, "idle_timeout_ms": .null, "create_response": true,
                "interrupt_response": true,
            ]
        return [
            "type": "realtime", "object": "realtime.session", "id": .string(id), "model": .string(model),
            "output_modalities": ["audio"], "instructions": .string(parameters.instructions ?? ""),
            "tools": .array(tools), "tool_choice": "auto", "max_output_tokens": "inf", "tracing": .null,
            "truncation": "auto", "prompt": .null, "include": .null,
            "audio": [
                "input": [
                    "format": Self.json(parameters.input),
                    "transcription": transcribes ? ["model": "room-agent"] : .null, "noise_reduction": .null,
                    "turn_detection": detection,
                ],
                "output": ["format": Self.json(parameters.output), "voice": "room-agent", "speed": 1.0],
            ],
        ]
    }

    private static func json(_ format: AudioFormat) -> JSONValue {
        let name = formats.first { $0.format == format }?.name ?? formats[0].name
        return name == formats[0].name
            ? ["type": .string(name), "rate": .integer(Int64(formats[0].format.sampleRate))] : ["type": .string(name)]
    }

    // MARK: From the client

    /// What a client wants to be otherwise.
    struct Changes: Hashable, Sendable {
        /// In the words of the gateway's session parameters.
        var parameters: JSONObject = [:]
        var faults: [OpenAIFault] = []

        mutating func note(_ fault: OpenAIFault) {
            if faults.count < OpenAISession.maximumFaults { faults.append(fault) }
        }

        /// Takes a member over, or notes why not.
        mutating func attempt(_ work: (inout Changes) throws(OpenAIFault) -> Void) {
            do throws(OpenAIFault) { try work(&self) } catch { note(error) }
        }
    }

    /// Members that an agent in a room decides itself, and that clients send whatever they need.
    private static let passedOver: Set<String> = [
        "id", "object", "expires_at", "include", "tracing", "truncation", "prompt", "max_output_tokens", "temperature",
        "parallel_tool_calls", "reasoning", "noise_reduction", "voice", "speed",
    ]
    /// Members that only the API before GA had at this place.
    private static let outdated: Set<String> = [
        "modalities", "voice", "input_audio_format", "output_audio_format", "input_audio_transcription",
        "turn_detection", "input_audio_noise_reduction", "max_response_output_tokens",
    ]

    /// Reads what a client wants to change.
    mutating func read(_ session: JSONObject) -> Changes {
        var changes = Changes()
        for member in session.members {
            let value = member.value
            switch member.key {
            case "type":
                guard value.string != "realtime" else { break }
                changes.note(.unsupported("session.type", "only \"realtime\" is a conversation with an agent"))
            case "model":
                guard let name = value.string, Self.agent(of: name) != nil, name != model else { break }
                changes.note(.unsupported("session.model", "the agent is chosen by ?model= of the URL"))
            case "instructions":
                let maximum = SessionParameters.maximumInstructionsSize
                guard let text = value.string, text.utf8.count <= maximum else {
                    changes.note(.invalid("session.instructions", "text of at most \(maximum) bytes"))
                    break
                }
                changes.parameters["instructions"] = value
            case "output_modalities":
                if value.array?.contains("text") == true || value.array?.isEmpty != false {
                    changes.note(.unsupported("session.output_modalities", "the agent speaks; there is always audio"))
                }
            case "tools":
                changes.attempt { (changes) throws(OpenAIFault) in
                    changes.parameters["tools"] = try OpenAITools.read(value)
                }
            case "tool_choice":
                guard value.string != "auto" else { break }
                changes.note(.unsupported("session.tool_choice", "the agent itself decides what it calls"))
            case "audio":
                if let input = value["input"]?.object { read(input: input, &changes) }
                if let output = value["output"]?.object { Self.read(output: output, &changes) }
            case let name where Self.outdated.contains(name):
                changes.note(
                    OpenAIFault(
                        "beta_api_not_supported",
                        "session.\(name) belongs to the beta of the Realtime API; this is its GA form (session.audio…)",
                        "session." + name))
            case let name where Self.passedOver.contains(name): break
            case let name: changes.note(Self.unknown("session." + name))
            }
        }
        return changes
    }

    private mutating func read(input: JSONObject, _ changes: inout Changes) {
        for member in input.members {
            switch member.key {
            case "format":
                changes.attempt { (changes) throws(OpenAIFault) in
                    let format = try Self.format(member.value, "session.audio.input.format")
                    changes.parameters["encoding"] = .string(format.encoding.rawValue)
                    changes.parameters["sample_rate"] = .integer(Int64(format.sampleRate))
                }
            case "transcription": transcribes = !member.value.isNull
            case "turn_detection":
                isManual = member.value.isNull
                for name in ["create_response", "interrupt_response"] where member.value[name] == .bool(false) {
                    changes.note(
                        .unsupported(
                            "session.audio.input.turn_detection." + name,
                            "the agent itself decides when it answers and when it stops"))
                }
            case let name where Self.passedOver.contains(name): break
            case let name: changes.note(Self.unknown("session.audio.input." + name))
            }
        }
    }

    private static func read(output: JSONObject, _ changes: inout Changes) {
        for member in output.members {
            switch member.key {
            case "format":
                changes.attempt { (changes) throws(OpenAIFault) in
                    let format = try Self.format(member.value, "session.audio.output.format")
                    changes.parameters["output_encoding"] = .string(format.encoding.rawValue)
                    changes.parameters["output_sample_rate"] = .integer(Int64(format.sampleRate))
                }
            case let name where passedOver.contains(name): break
            case let name: changes.note(unknown("session.audio.output." + name))
            }
        }
    }

    private static func format(_ value: JSONValue, _ parameter: String) throws(OpenAIFault) -> AudioFormat {
        guard let format = formats.first(where: { $0.name == value["type"]?.string })?.format,
            value["rate"].map({ $0.isNull || $0.integer == Int64(format.sampleRate) }) ?? true
        else {
            throw .invalid(parameter, "audio/pcm with the rate 24000, audio/pcmu or audio/pcma")
        }
        return format
    }

    private static func unknown(_ parameter: String) -> OpenAIFault {
        let shown = InvalidParameter(name: "", value: parameter, allowed: "").value
        return OpenAIFault("unknown_parameter", "there is no \(shown)", shown)
    }
}
