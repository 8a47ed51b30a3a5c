internal import Wire

/// The WebSocket of Vonage's Voice API (its page "WebSockets"): PCM in binary messages of 20 ms exactly, JSON beside them.
enum Vonage: Carrier {
    static let descriptor = describe(
        "vonage", "Vonage Voice API", sound: "binary messages of PCM, 8, 16 or 24 kHz",
        credential: "a signature, or a query or a header of the NCCO with `api_key` or `access_token`",
        format: AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000), frameMilliseconds: 20)
    static let words = CarrierWords()
    static let wrapping = CarrierWrapping.binary

    static func read(_ message: JSONValue) throws(ClientError) -> CarrierMessage {
        // Its own answers are `action`s elsewhere; all that comes has an `event`.
        guard let event = message["event"]?.string else {
            throw ClientError(.invalidMessage, "the message has no \"event\"")
        }
        switch event {
        case "websocket:connected": return .start(start(message))
        case "websocket:dtmf": return .dtmf(try CarrierMessage.digit(message["digit"] ?? message["dtmf"]?["digit"]))
        case "websocket:notify": return .played(mark: message["payload"]?["mark"]?.string ?? "")
        default: return .other
        }
    }

    private static func start(_ message: JSONValue) -> CarrierStart {
        let type = message["content-type"]?.string ?? "audio/l16;rate=16000"
        let parts = type.split(separator: ";").map { $0.trimmed(.spacesAndTabs) }
        let rate = parts.lazy.compactMap { $0.hasPrefix("rate=") ? Int64($0.dropFirst("rate=".count)) : nil }.first
        let members = (message.object?.members ?? []).filter { $0.key != "event" && $0.key != "content-type" }
        return CarrierStart(
            stream: "",
            encoding: parts.first?.lowercased() == "audio/l16" ? AudioEncoding.pcmS16LE.rawValue : type,
            sampleRate: rate ?? 16_000, parameters: JSONObject(members: members))
    }

    /// A message of another length ends the connection.
    static func cutting(_ parameters: SessionParameters) -> OutputCutting { .frames(milliseconds: 20) }

    static func mark(_ name: String, of stream: String) -> JSONObject {
        ["action": "notify", "payload": ["mark": .string(name)]]
    }
    static func clear(_ stream: String) -> JSONObject { ["action": "clear"] }
}
