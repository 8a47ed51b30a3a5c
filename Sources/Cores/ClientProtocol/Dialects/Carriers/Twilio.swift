/// Twilio Media Streams (`<Connect><Stream>`; Twilio's page "Media Streams – WebSocket Messages").
enum Twilio: Carrier {
    static let descriptor = describe(
        "twilio", "Twilio Media Streams", sound: "base64 in JSON: µ-law, 8 kHz",
        credential: "a signature, or a `<Parameter>` named `api_key` or `access_token`")
    static let words = CarrierWords()
}
