internal import Wire

/// Plivo Audio Streaming (`<Stream bidirectional="true">`; Plivo's page "Audio Streaming Protocol Reference").
enum Plivo: Carrier {
    static let descriptor = describe(
        "plivo", "Plivo Audio Streaming", sound: "base64 in JSON: µ-law, 8 kHz, or L16, 8 or 16 kHz",
        credential: "a signature, or a query or `extraHeaders` with `api_key` or `access_token`")
    static let words = CarrierWords(
        stream: "streamId", call: "callId", account: "accountId", played: "playedStream")

    static func read(_ message: JSONValue) throws(ClientError) -> CarrierMessage {
        let read = try CarrierMessage(reading: message, words)
        guard case .start(var start) = read else { return read }
        start.parameters = parameters(in: message["extra_headers"]?.string ?? "")
        return .start(start)
    }

    /// What the XML has in `extraHeaders`, which arrives as JSON, as `a=b;c=d`, or as `{X-PH-a: b, X-PH-c: d}`.
    static func parameters(in text: String) -> JSONObject {
        if let object = (try? JSONValue(parsing: Array(text.utf8)))?.object { return named(object.members) }
        var members: [JSONObject.Member] = []
        for pair in text.split(whereSeparator: { ";,{}".contains($0) }).prefix(maximumParameters) {
            guard let equals = pair.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
            let value = pair[pair.index(after: equals)...]
            let name = String(pair[..<equals].trimmed(.spacesAndTabs))
            members.append(.init(key: name, value: .string(String(value.trimmed(.spacesAndTabs)))))
        }
        return named(members)
    }

    private static let maximumParameters = 64

    private static func named(_ members: [JSONObject.Member]) -> JSONObject {
        JSONObject(
            members: members.prefix(maximumParameters).map { member in
                let isPrefixed = member.key.hasPrefix(prefix)
                return .init(
                    key: isPrefixed ? String(member.key.dropFirst(prefix.count)) : member.key, value: member.value)
            })
    }

    /// What Plivo puts in front of a name.
    private static let prefix = "X-PH-"

    static func soundMessage(of stream: String, in format: AudioFormat) -> (head: String, tail: String) {
        let type = format.encoding == .pcmS16LE ? "audio/x-l16" : "audio/x-mulaw"
        let name = JSONValue.string(stream).serialized()
        return (
            #"{"event":"playAudio","media":{"contentType":"\#(type)","sampleRate":\#(format.sampleRate),"payload":""#,
            #""},"streamId":\#(name)}"#
        )
    }
    static func mark(_ name: String, of stream: String) -> JSONObject {
        ["event": "checkpoint", "streamId": .string(stream), "name": .string(name)]
    }
    static func clear(_ stream: String) -> JSONObject { ["event": "clearAudio", "streamId": .string(stream)] }
    static func key(_ digit: DTMFDigit, of stream: String) -> JSONObject? {
        ["event": "sendDTMF", "dtmf": .string(String(digit.rawValue))]
    }
}
