internal import Wire

/// What one telephone carrier does its own way. All of them open a WebSocket for a call, say in a first message which call
/// it is, send the caller's sound, play what they get, and tell by marks how far they have played: `CarrierDialect`.
protocol Carrier: Sendable {
    static var descriptor: DialectDescriptor { get }
    static var words: CarrierWords { get }
    static var wrapping: CarrierWrapping { get }
    /// Whether sound may come in another order than it was spoken in, numbered.
    static var numbersChunks: Bool { get }
    /// Whether the sound for the caller may have another format than the caller's own, by parameters.
    static var mayChooseOutput: Bool { get }

    /// Linear sound has its high byte first, as the payload of RTP has (RFC 3551 section 4.5.11).
    static var hasLinearInNetworkOrder: Bool { get }

    /// Reads a message.
    static func read(_ message: JSONValue) throws(ClientError) -> CarrierMessage

    /// How the agent's sound is cut.
    static func cutting(_ parameters: SessionParameters) -> OutputCutting

    /// The message around a piece of sound, in front of its base64 and behind it.
    static func soundMessage(of stream: String, in format: AudioFormat) -> (head: String, tail: String)

    /// Asks to be told when all sound before it has been played.
    static func mark(_ name: String, of stream: String) -> JSONObject

    /// Throws away what has not been played.
    static func clear(_ stream: String) -> JSONObject

    /// Presses a key; nil where that has to be heard as sound.
    static func key(_ digit: DTMFDigit, of stream: String) -> JSONObject?
}

/// What becomes of a piece of sound for a carrier.
enum CarrierWrapping: Hashable, Sendable {
    /// Base64 in JSON.
    case base64
    /// Base64 in JSON of a WAV file.
    case base64File
    /// A binary message.
    case binary
}

/// As Twilio has it, and who has taken after it.
extension Carrier {
    static var wrapping: CarrierWrapping { .base64 }
    static var numbersChunks: Bool { false }
    static var mayChooseOutput: Bool { false }
    static var hasLinearInNetworkOrder: Bool { false }

    static func read(_ message: JSONValue) throws(ClientError) -> CarrierMessage {
        try CarrierMessage(reading: message, words)
    }

    static func cutting(_ parameters: SessionParameters) -> OutputCutting {
        .frames(milliseconds: parameters.frameMilliseconds)
    }

    static func soundMessage(of stream: String, in format: AudioFormat) -> (head: String, tail: String) {
        let name = JSONValue.string(stream).serialized()
        return (#"{"event":"media","\#(words.stream)":\#(name),"media":{"payload":""#, #""}}"#)
    }

    static func mark(_ name: String, of stream: String) -> JSONObject {
        ["event": "mark", words.stream: .string(stream), "mark": ["name": .string(name)]]
    }

    static func clear(_ stream: String) -> JSONObject { ["event": "clear", words.stream: .string(stream)] }

    static func key(_ digit: DTMFDigit, of stream: String) -> JSONObject? { nil }

    /// What a carrier's sessions are: telephone sound both ways, and `start` right after the opening.
    ///
    /// - Parameter frameMilliseconds: messages of 20 ms sound rough to some callers.
    static func describe(
        _ name: String, _ clients: String, sound: String, credential: String,
        format: AudioFormat = AudioFormat(encoding: .mulaw, sampleRate: 8000), frameMilliseconds: Int = 40
    ) -> DialectDescriptor {
        var defaults = SessionParameters(events: .legacy)
        defaults.input = format
        defaults.output = format
        defaults.frameMilliseconds = frameMilliseconds
        var descriptor = DialectDescriptor(
            name: name, paths: ["/" + name], defaults: defaults,
            documentation: .init(clients: clients, sound: sound, credential: credential))
        descriptor.configurationWait = .seconds(10)
        // A call that is over ends the connection, with a goodbye or without.
        descriptor.hangsUpByClosing = true
        return descriptor
    }
}
