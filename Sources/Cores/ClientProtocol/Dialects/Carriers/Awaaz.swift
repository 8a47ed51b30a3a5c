/// Awaaz, which says `start` before `connected`, and reads 44 bytes into the sound that it is to play.
enum Awaaz: Carrier {
    static let descriptor = describe(
        "awaaz", "Awaaz", sound: "base64 in JSON: PCM, 8 kHz; WAV files of 20 ms to the caller",
        credential: "a query or a custom parameter `api_key` or `access_token`",
        format: AudioFormat(encoding: .pcmS16LE, sampleRate: 8000), frameMilliseconds: 20)
    static let words = CarrierWords(
        stream: "stream_sid", call: "call_sid", account: "account_sid", format: "media_format", rate: "sample_rate",
        parameters: "custom_parameters", onlyEncoding: .pcmS16LE)
    static let wrapping = CarrierWrapping.base64File

    static func cutting(_ parameters: SessionParameters) -> OutputCutting { .frames(milliseconds: 20) }
}
