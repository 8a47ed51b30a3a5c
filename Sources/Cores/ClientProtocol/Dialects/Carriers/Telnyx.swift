internal import Wire

/// Telnyx Media Streaming, with `stream_bidirectional_mode` `rtp` (Telnyx's page "Stream call media over WebSocket").
enum Telnyx: Carrier {
    static let descriptor = describe(
        "telnyx", "Telnyx Media Streaming", sound: "base64 in JSON: µ-law or A-law, 8 kHz, or L16",
        credential: "`stream_auth_token`, or a custom parameter `api_key` or `access_token`")
    static let words = CarrierWords(
        stream: "stream_id", call: "call_control_id", account: "user_id", format: "media_format", rate: "sample_rate",
        parameters: "custom_parameters",
        encodings: ["PCMU": .mulaw, "PCMA": .alaw, "L16": .pcmS16LE, "audio/x-mulaw": .mulaw])
    static let numbersChunks = true
    /// `stream_bidirectional_codec` is another setting than `stream_codec`.
    static let mayChooseOutput = true
    /// Its page says that payloads are those of RTP, and others who have connected it swap the bytes of `L16`.
    static let hasLinearInNetworkOrder = true

    static func read(_ message: JSONValue) throws(ClientError) -> CarrierMessage {
        let read = try CarrierMessage(reading: message, words)
        guard case .opening = read else { return read }
        return .opening(key: message["x-telnyx-streaming-auth-token"]?.string)
    }

    static func soundMessage(of stream: String, in format: AudioFormat) -> (head: String, tail: String) {
        (#"{"event":"media","media":{"payload":""#, #""}}"#)
    }
    static func mark(_ name: String, of stream: String) -> JSONObject {
        ["event": "mark", "mark": ["name": .string(name)]]
    }
    static func clear(_ stream: String) -> JSONObject { ["event": "clear"] }
}
