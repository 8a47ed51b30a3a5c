internal import Wire

/// What a carrier says about a call when its sound begins.
struct CarrierStart: Hashable, Sendable {
    /// Empty where a connection has no other name for it than itself.
    var stream: String
    var call: String?
    var account: String?
    /// The carrier's name for it, or ours; one that is not known is refused by its name.
    var encoding: String
    /// In Hz.
    var sampleRate: Int64
    var channels: Int64
    /// What the carrier was told to say: session parameters, and whatever the agent shall know.
    var parameters: JSONObject

    /// Bytes of a stream's or a call's name; real ones have 34 to 128.
    static let maximumNameSize = 256

    init(
        stream: String, call: String? = nil, encoding: String, sampleRate: Int64, channels: Int64 = 1,
        parameters: JSONObject
    ) {
        self.stream = stream
        self.call = call
        self.encoding = encoding
        self.sampleRate = sampleRate
        self.channels = channels
        self.parameters = parameters
    }

    init(_ message: JSONValue, _ words: CarrierWords) throws(ClientError) {
        let start = message["start"]
        guard let stream = (start?[words.stream] ?? message[words.stream])?.string,
            (1...Self.maximumNameSize).contains(stream.utf8.count)
        else {
            throw ClientError(
                .invalidMessage,
                "start needs \"\(words.stream)\", a string of 1 to \(Self.maximumNameSize) bytes; is this the path of another carrier?"
            )
        }
        self.stream = stream
        call = Self.name(start?[words.call])
        account = Self.name(start?[words.account])
        let format = start?[words.format]
        let named = format?["encoding"]?.string ?? "audio/x-mulaw"
        encoding = (words.onlyEncoding ?? words.encodings[named])?.rawValue ?? named
        sampleRate = format?[words.rate]?.number ?? 8000
        channels = format?["channels"]?.number ?? 1
        parameters = start?[words.parameters]?.object ?? [:]
        for name in ["from", "to"] where parameters[name] == nil {
            if let number = start?[name]?.string { parameters[name] = .string(number) }
        }
    }

    private static func name(_ value: JSONValue?) -> String? {
        guard let name = value?.string, (1...maximumNameSize).contains(name.utf8.count) else { return nil }
        return name
    }
}
