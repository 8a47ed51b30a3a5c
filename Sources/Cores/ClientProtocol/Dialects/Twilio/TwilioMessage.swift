internal import Wire

/// A message of Twilio Media Streams, from the carrier (Twilio's page "Media Streams – WebSocket Messages").
enum TwilioMessage: Hashable, Sendable {
    /// The socket is open; what the stream is comes next.
    case connected
    case start(TwilioStart)
    /// Sound of the caller: bytes in the stream's format.
    case media([UInt8])
    case dtmf(DTMFDigit)
    /// The sound before the mark of this name has been played, or was cleared.
    case mark(name: String)
    /// The call is over.
    case stop
    /// What we have no use for: another track, another stream, a newer event.
    case other

    /// - Parameter stream: the stream that the connection carries, once it is known.
    init(parsing text: [UInt8], of stream: String?) throws(ClientError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            throw ClientError(.invalidMessage, "the message is not JSON: \(error)")
        }
        guard let event = value["event"]?.string else {
            throw ClientError(.invalidMessage, "the message has no \"event\"")
        }
        if let stream, let other = value["streamSid"]?.string, other != stream {
            self = .other
            return
        }
        switch event {
        case "connected": self = .connected
        case "start": self = .start(try TwilioStart(value))
        case "media":
            guard value["media"]?["track"]?.string != "outbound" else {
                self = .other
                return
            }
            guard let payload = (value["media"]?["payload"]?.string).flatMap({ Base64.decode($0) }) else {
                throw ClientError(.invalidAudio, "media needs \"payload\": base64")
            }
            self = .media(payload)
        case "dtmf":
            guard let text = value["dtmf"]?["digit"]?.string, text.count == 1, let key = text.uppercased().first,
                let digit = DTMFDigit(rawValue: key)
            else { throw ClientError(.invalidMessage, "dtmf needs \"digit\": one of 0-9, *, #, A-D") }
            self = .dtmf(digit)
        case "mark": self = .mark(name: value["mark"]?["name"]?.string ?? "")
        case "stop": self = .stop
        default: self = .other
        }
    }
}

/// What the `start` message says about a stream.
struct TwilioStart: Hashable, Sendable {
    var streamSID: String
    var callSID: String?
    /// As it is called there, `audio/x-mulaw` for example.
    var encoding: String
    /// In Hz.
    var sampleRate: Int64
    var channels: Int64
    /// The `<Parameter>` elements of the TwiML.
    var parameters: JSONObject

    init(_ message: JSONValue) throws(ClientError) {
        let start = message["start"]
        guard let stream = start?["streamSid"]?.string ?? message["streamSid"]?.string, !stream.isEmpty,
            stream.utf8.count <= Self.maximumNameSize
        else {
            throw ClientError(
                .invalidMessage, "start needs \"streamSid\", a string of 1 to \(Self.maximumNameSize) bytes")
        }
        streamSID = stream
        callSID = start?["callSid"]?.string
        let format = start?["mediaFormat"]
        encoding = format?["encoding"]?.string ?? "audio/x-mulaw"
        sampleRate = format?["sampleRate"]?.integer ?? 8000
        channels = format?["channels"]?.integer ?? 1
        parameters = start?["customParameters"]?.object ?? [:]
    }

    /// Bytes of a stream's name; real ones have 34.
    static let maximumNameSize = 128

    /// The names of encodings, here and there.
    static let encodings: [String: AudioEncoding] = [
        "audio/x-mulaw": .mulaw, "audio/x-alaw": .alaw, "audio/x-l16": .pcmS16LE,
    ]
}
