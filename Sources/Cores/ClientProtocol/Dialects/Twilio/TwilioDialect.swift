internal import Wire

/// The language of Twilio Media Streams (`<Connect><Stream>`): a telephone call whose sound travels as base64 in JSON.
/// The TwiML's `<Parameter>` elements are session parameters. Nothing can be told to the caller but sound, so events
/// without a meaning for a carrier end here.
package struct TwilioDialect: ClientDialect {
    package static let descriptor: DialectDescriptor = {
        let telephone = AudioFormat(encoding: .mulaw, sampleRate: 8000)
        var defaults = SessionParameters(events: .legacy)
        defaults.input = telephone
        defaults.output = telephone
        // Messages of 20 ms sound rough to some callers.
        defaults.frameMilliseconds = 40
        var descriptor = DialectDescriptor(
            name: "twilio", paths: ["/twilio"], defaults: defaults,
            documentation: .init(
                clients: "Twilio Media Streams", sound: "base64 in JSON: µ-law, 8 kHz",
                credential: "a `<Parameter>` named `api_key` or `access_token`"))
        // `start` comes right after the opening, and says which call it is.
        descriptor.configurationWait = .seconds(10)
        return descriptor
    }()

    /// Parameters that the wire or the gate decides.
    private static let reservedNames: Set<String> = [
        "encoding", "sample_rate", "channels", "output_encoding", "output_sample_rate", "output_framing", "events",
        "session", "api_key",
    ]

    private var parameters: SessionParameters
    /// The stream's name and the beginning of each `media` message, once `start` has come.
    private var stream: (sid: String, mediaHead: [UInt8])?
    /// Number of the latest mark, and of the latest one whose sound was cleared: some carriers return marks then, too.
    private var marks = (sent: 0, cleared: 0)
    /// Sound has been sent since the latest mark.
    private var hasUnmarkedSound = false

    package init(_ parameters: SessionParameters, limits: RecordingLimits) { self.parameters = parameters }

    package func introduction(in text: [UInt8]) -> Introduction {
        switch try? TwilioMessage(parsing: text, of: nil) {
        case .connected: return .later
        case .start(let start):
            if let token = start.parameters["access_token"]?.string, !token.isEmpty {
                return .credential(.accessToken(token), isForSession: true)
            }
            if let key = start.parameters["api_key"]?.string, !key.isEmpty {
                return .credential(.apiKey(key), isForSession: true)
            }
            return .nothing
        default: return .nothing
        }
    }

    // MARK: From the carrier

    package mutating func decode(text: [UInt8]) -> [DialectOutput] {
        let message: TwilioMessage
        do throws(ClientError) {
            message = try TwilioMessage(parsing: text, of: stream?.sid)
        } catch {
            return [.reply(.error(error))]
        }
        switch message {
        case .start(let start): return begin(start)
        case .media(let bytes): return stream == nil ? [] : [.event(.audio(bytes))]
        case .dtmf(let digit): return [.event(.dtmf([digit]))]
        case .mark(let name): return notePlayed(name)
        case .stop: return [.event(.hangUp)]
        case .connected, .other: return []
        }
    }

    /// The protocol has no binary messages.
    package mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        let error = ClientError(.invalidMessage, "a binary message; this protocol has only text")
        return BinaryMessage(sound: 0..<0, outputs: [.reply(.error(error))])
    }

    private mutating func begin(_ start: TwilioStart) -> [DialectOutput] {
        guard stream == nil else { return [] }
        let name = JSONValue.string(start.streamSID).serialized()
        stream = (start.streamSID, Array(#"{"event":"media","streamSid":\#(name),"media":{"payload":""#.utf8))
        var configuration = JSONObject()
        for member in start.parameters.members where !Self.reservedNames.contains(member.key) {
            configuration[member.key] = member.value
        }
        // The agent learns which call it is, as members of its job's metadata.
        configuration["stream_sid"] = .string(start.streamSID)
        configuration["call_sid"] = start.callSID.map { .string($0) }
        // A format that is not known is refused by its name.
        let encoding = JSONValue.string(TwilioStart.encodings[start.encoding]?.rawValue ?? start.encoding)
        configuration["encoding"] = encoding
        configuration["sample_rate"] = .integer(start.sampleRate)
        configuration["channels"] = .integer(start.channels)
        configuration["output_encoding"] = encoding
        configuration["output_sample_rate"] = .integer(start.sampleRate)
        return [.event(.configure(configuration))]
    }

    private func notePlayed(_ name: String) -> [DialectOutput] {
        guard name.hasPrefix(Self.markPrefix), let number = Int(name.dropFirst(Self.markPrefix.count)),
            number > marks.cleared, number <= marks.sent
        else { return [] }
        return [.event(.playedOut)]
    }

    package mutating func adopt(_ parameters: SessionParameters) { self.parameters = parameters }

    // MARK: To the carrier

    private static let markPrefix = "vg-"

    package mutating func encode(_ event: ServerEvent) -> [ClientFrame] {
        guard let stream else { return [] }
        switch event {
        case .interrupted:
            marks.cleared = marks.sent
            hasUnmarkedSound = false
            return [Self.frame(["event": "clear", "streamSid": .string(stream.sid)])]
        case .replyFinished:
            guard hasUnmarkedSound else { return [] }
            hasUnmarkedSound = false
            marks.sent += 1
            let name = JSONValue.string(Self.markPrefix + String(marks.sent))
            return [Self.frame(["event": "mark", "streamSid": .string(stream.sid), "mark": ["name": name]])]
        default: return []
        }
    }

    private static func frame(_ message: JSONObject) -> ClientFrame { .text(JSONValue.object(message).serialized()) }

    package var delivery: SoundDelivery {
        SoundDelivery(
            format: parameters.output, cutting: .frames(milliseconds: parameters.frameMilliseconds), wrapping: .text)
    }

    package mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        guard let stream else { return }
        hasUnmarkedSound = true
        message.append(contentsOf: stream.mediaHead)
        Base64.append(sound, to: &message)
        message.append(contentsOf: Self.mediaTail)
    }

    private static let mediaTail = Array(#""}}"#.utf8)

    /// Carriers show neither code nor reason to anybody; their logs and ours do.
    package func closure(_ reason: ClosingReason, message: String) -> (code: UInt16, reason: String) {
        (reason == .invalidParameter ? 1003 : reason.closeCode, message)
    }
}
