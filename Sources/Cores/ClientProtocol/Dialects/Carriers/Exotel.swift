/// Exotel AgentStream, the voicebot applet (Exotel's page "WebSocket protocol").
enum Exotel: Carrier {
    static let descriptor = describe(
        "exotel", "Exotel AgentStream", sound: "base64 in JSON: PCM, 8, 16 or 24 kHz",
        credential: "a query with `api_key` or `access_token`",
        format: AudioFormat(encoding: .pcmS16LE, sampleRate: 8000))
    static let words = CarrierWords(
        stream: "stream_sid", call: "call_sid", account: "account_sid", format: "media_format", rate: "sample_rate",
        parameters: "custom_parameters", onlyEncoding: .pcmS16LE)

    /// Pieces have 3,200 bytes at least, and a multiple of 320.
    static func cutting(_ parameters: SessionParameters) -> OutputCutting {
        .frames(milliseconds: parameters.output.sampleRate < 16_000 ? 200 : 100)
    }
}
