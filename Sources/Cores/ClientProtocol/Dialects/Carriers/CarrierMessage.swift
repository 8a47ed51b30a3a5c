internal import Wire

/// A message of a carrier.
enum CarrierMessage: Hashable, Sendable {
    /// The socket is open; what the call is comes next.
    ///
    /// - Parameter key: an API key, where the carrier sends one with the opening.
    case opening(key: String?)
    case start(CarrierStart)
    /// Sound of the caller: bytes in the stream's format.
    ///
    /// - Parameter chunk: its number, where there is one.
    case media([UInt8], chunk: Int64?)
    case dtmf(DTMFDigit)
    /// The sound before the mark of this name has been played, or was cleared.
    case played(mark: String)
    /// The carrier cannot do what it was told.
    case complaint(String)
    /// The call is over.
    case stop
    /// What we have no use for: another track, a newer event.
    case other

    /// Reads the messages that all but Vonage's have in common.
    init(reading message: JSONValue, _ words: CarrierWords) throws(ClientError) {
        guard let event = message["event"]?.string else {
            throw ClientError(.invalidMessage, "the message has no \"event\"")
        }
        switch event {
        case "connected": self = .opening(key: nil)
        case "start": self = .start(try CarrierStart(message, words))
        case "media":
            guard message["media"]?["track"]?.string != "outbound" else {
                self = .other
                return
            }
            guard let payload = (message["media"]?["payload"]?.string).flatMap({ Base64.decode($0) }) else {
                throw ClientError(.invalidAudio, "media needs \"payload\": base64")
            }
            self = .media(payload, chunk: message["media"]?["chunk"]?.number)
        case "dtmf": self = .dtmf(try Self.digit(message["dtmf"]?["digit"]))
        case words.played: self = .played(mark: (message["mark"]?["name"] ?? message["name"])?.string ?? "")
        case "error", "playFailed":
            let reason = message["reason"]?.string ?? message["payload"]?["detail"]?.string ?? event
            self = .complaint(String(reason.prefix(Self.maximumComplaint)))
        case "stop": self = .stop
        default: self = .other
        }
    }

    /// Characters of a complaint that are kept.
    private static let maximumComplaint = 200

    static func digit(_ value: JSONValue?) throws(ClientError) -> DTMFDigit {
        guard let text = value?.string ?? value?.integer.map(String.init), text.count == 1,
            let key = text.uppercased().first, let digit = DTMFDigit(rawValue: key)
        else { throw ClientError(.invalidMessage, "dtmf needs \"digit\": one of 0-9, *, #, A-D") }
        return digit
    }
}

extension JSONValue {
    /// A whole number, written as one or as text, which carriers do either way.
    var number: Int64? { integer ?? string.flatMap { Int64($0) } }
}
