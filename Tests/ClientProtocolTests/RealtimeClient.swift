import Wire

@testable import ClientProtocol

/// A client of the Realtime API, and what it is told.
enum RealtimeClient {
    typealias Dialect = OpenAIRealtimeDialect

    static func makeDialect(_ query: [String: String] = [:], agentFields: JSONObject = [:]) -> Dialect {
        var parameters = Dialect.descriptor.defaults
        parameters.agentFields = agentFields
        Dialect.read(ClientHandshake(header: { _ in nil }, query: { query[$0] }), into: &parameters)
        var dialect = Dialect(parameters, limits: RecordingLimits())
        dialect.begin(session: "S_1")
        return dialect
    }

    static func text(_ frame: ClientFrame) -> String {
        guard case .text(let text) = frame else { return "" }
        return text
    }

    static func values(_ frames: [ClientFrame]) -> [JSONValue] {
        frames.compactMap { try? JSONValue(parsing: Array(text($0).utf8)) }
    }

    static func kinds(_ frames: [ClientFrame]) -> [String] {
        values(frames).map { $0["type"]?.string ?? "" }
    }

    /// What the client gets for its message, with the dialect's own answers written, and what the session does.
    static func exchange(
        _ dialect: inout Dialect, _ message: String
    ) -> (frames: [ClientFrame], events: [ClientEvent]) {
        var frames: [ClientFrame] = []
        var events: [ClientEvent] = []
        for output in dialect.decode(text: Array(message.utf8)) {
            switch output {
            case .send(let frame): frames.append(frame)
            case .reply(let event): frames += dialect.encode(event)
            case .event(let event): events.append(event)
            }
        }
        return (frames, events)
    }

    static func isTakenSilently(_ dialect: inout Dialect, _ message: String) -> Bool {
        let (frames, events) = exchange(&dialect, message)
        return frames.isEmpty && events.isEmpty
    }

    static func error(_ frames: [ClientFrame]) -> JSONValue? {
        values(frames).last { $0["type"] == "error" }?["error"]
    }

    static func sound(_ dialect: inout Dialect, _ bytes: [UInt8]) -> String {
        var message: [UInt8] = []
        let delivery = dialect.delivery
        dialect.encode(sound: bytes.span, as: delivery, into: &message)
        return String(decoding: message, as: UTF8.self)
    }

    static func words(
        _ text: String, isFinal: Bool = false, by role: Transcript.Role = .assistant, segment: String = "s"
    ) -> ServerEvent {
        .transcript(
            Transcript(role: role, content: text, isFinal: isFinal, segmentID: segment, participant: "p"))
    }

    /// 100 ms at 24 kHz.
    static let append =
        #"{"type":"input_audio_buffer.append","audio":"\#(Base64.encode([UInt8](repeating: 0, count: 4800)))"}"#

    /// Everything that a client can be told, once at least.
    static func everything() -> [String] {
        var dialect = makeDialect()
        var texts: [String] = []
        func tell(_ events: ServerEvent...) { for event in events { texts += dialect.encode(event).map(text) } }
        func say(_ message: String) { texts += exchange(&dialect, message).frames.map(text) }
        tell(.ready, .configured(instructions: nil))
        for _ in 0..<20 { say(append) }
        tell(
            .callerSpeech(true, at: 500), words("what", by: .user), .callerSpeech(false, at: 1500),
            words("what time", by: .user), words("What time is it?", isFinal: true, by: .user),
            words("and", isFinal: true, by: .user, segment: "u2"), .agentState(.thinking), .agentState(.speaking),
            .replyStarted, words("It is"))
        texts.append(sound(&dialect, [UInt8](repeating: 1, count: 48_000)))
        tell(words("It is noon.", isFinal: true))
        texts.append(sound(&dialect, [1, 0, 1, 0]))
        tell(.replyFinished)
        say(#"{"type":"conversation.item.retrieve","item_id":"item_1"}"#)
        say(#"{"type":"conversation.item.retrieve","item_id":"item_4"}"#)
        say(#"{"type":"conversation.item.truncate","item_id":"item_4","content_index":0,"audio_end_ms":640}"#)
        say(#"{"type":"input_audio_buffer.clear"}"#)
        say(append)
        say(#"{"type":"input_audio_buffer.commit"}"#)
        say(
            #"{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}}"#
        )
        tell(.agentState(.speaking), words("Well", segment: "s2"), .interrupted)
        tell(.agentState(.speaking))
        say(#"{"type":"output_audio_buffer.clear"}"#)
        tell(.interrupted, .agentState(.speaking), .agentLeft(identity: "a", reason: "gone"))
        var parameters = Dialect.descriptor.defaults
        parameters.agentFields["tools"] = [["type": "function", "name": "get_time"]]
        parameters.input = OpenAISession.formats[1].format
        parameters.output = OpenAISession.formats[2].format
        dialect.adopt(parameters)
        tell(.configured(instructions: nil))
        for output in dialect.take(
            MethodCall(id: "rpc", caller: "a", method: "get_time", payload: #"{"tz":"UTC"}"#, timeout: .seconds(5)))
        {
            guard case .send(let frame) = output, let call = Self.values([frame]).first?["call_id"]?.string else {
                if case .send(let frame) = output { texts.append(text(frame)) }
                continue
            }
            texts.append(text(frame))
            guard text(frame).contains("arguments.done") else { continue }
            say(
                #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"\#(call)","output":"12:00"}}"#
            )
        }
        say("{")
        say(#"{"type":"conversation.item.delete","item_id":"item_1","event_id":"c1"}"#)
        tell(.error(ClientError(.roomLost, "gone", blame: .room)), .closing(reason: .roomLost, message: "gone"))
        return texts
    }
}
