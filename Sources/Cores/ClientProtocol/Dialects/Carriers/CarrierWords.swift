/// How a carrier calls the members of its messages.
struct CarrierWords: Hashable, Sendable {
    /// The stream's name, in `start` and in every message.
    var stream = "streamSid"
    /// The call's name, in `start`.
    var call = "callSid"
    /// The account's name, in `start`.
    var account = "accountSid"
    var format = "mediaFormat"
    var rate = "sampleRate"
    /// Where `start` has what the caller's side has been told to say.
    var parameters = "customParameters"
    /// The event by which a mark comes back.
    var played = "mark"
    /// Encodings by the carrier's names.
    var encodings: [String: AudioEncoding] = [
        "audio/x-mulaw": .mulaw, "audio/x-alaw": .alaw, "audio/x-l16": .pcmS16LE,
    ]
    /// What sound is, whatever `start` calls it.
    var onlyEncoding: AudioEncoding?
}
