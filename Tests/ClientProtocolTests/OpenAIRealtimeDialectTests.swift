import Testing
import Wire

@testable import ClientProtocol

@Suite("OpenAI's Realtime API")
struct OpenAIRealtimeDialectTests {
    private typealias Dialect = OpenAIRealtimeDialect

    private static func makeDialect(_ query: [String: String] = [:], agentFields: JSONObject = [:]) -> Dialect {
        var parameters = Dialect.descriptor.defaults
        parameters.agentFields = agentFields
        Dialect.read(ClientHandshake(header: { _ in nil }, query: { query[$0] }), into: &parameters)
        var dialect = Dialect(parameters, limits: RecordingLimits())
        dialect.begin(session: "S_1")
        return dialect
    }

    private static func text(_ frame: ClientFrame) -> String {
        guard case .text(let text) = frame else { return "" }
        return text
    }

    private static func values(_ frames: [ClientFrame]) -> [JSONValue] {
        frames.compactMap { try? JSONValue(parsing: Array(text($0).utf8)) }
    }

    private static func kinds(_ frames: [ClientFrame]) -> [String] {
        values(frames).map { $0["type"]?.string ?? "" }
    }

    /// What the client gets for its message, with the dialect's own answers written, and what the session does.
    private static func exchange(
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

    private static func isTakenSilently(_ dialect: inout Dialect, _ message: String) -> Bool {
        let (frames, events) = exchange(&dialect, message)
        return frames.isEmpty && events.isEmpty
    }

    private static func error(_ frames: [ClientFrame]) -> JSONValue? {
        values(frames).last { $0["type"] == "error" }?["error"]
    }

    private static func sound(_ dialect: inout Dialect, _ bytes: [UInt8]) -> String {
        var message: [UInt8] = []
        let delivery = dialect.delivery
        dialect.encode(sound: bytes.span, as: delivery, into: &message)
        return String(decoding: message, as: UTF8.self)
    }

    private static func words(
        _ text: String, isFinal: Bool = false, by role: Transcript.Role = .assistant, segment: String = "s"
    ) -> ServerEvent {
        .transcript(
            Transcript(role: role, content: text, isFinal: isFinal, segmentID: segment, participant: "p"))
    }

    /// 100 ms at 24 kHz.
    private static let append =
        #"{"type":"input_audio_buffer.append","audio":"\#(Base64.encode([UInt8](repeating: 0, count: 4800)))"}"#

    // MARK: All events

    /// Everything that a client can be told, once at least.
    private static func everything() -> [String] {
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

    @Test("all that a client is told is what the models of OpenAI's package have been shown")
    func events() throws {
        let known = String(decoding: try fixture("openai-realtime/events.jsonl"), as: UTF8.self)
        #expect(Self.everything() == known.split(separator: "\n").map(String.init))
    }

    // MARK: Turns

    @Test("a turn is told in the order of the API: the caller's, what was recognised, the reply with words and sound")
    func turn() {
        var dialect = Self.makeDialect()
        #expect(Self.kinds(dialect.encode(.ready)) == ["session.created", "conversation.created"])
        for _ in 0..<30 { _ = Self.exchange(&dialect, Self.append) }
        let started = Self.values(dialect.encode(.callerSpeech(true, at: 2800)))
        #expect(started.map { $0["audio_start_ms"] } == [2500])
        let stopped = dialect.encode(.callerSpeech(false, at: 2500))
        #expect(
            Self.kinds(stopped) == [
                "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
                "conversation.item.done",
            ])
        #expect(Self.values(stopped)[0]["audio_end_ms"] == 2500)
        let deltas = dialect.encode(Self.words("what", by: .user)) + dialect.encode(Self.words("what is", by: .user))
        #expect(Self.values(deltas).map { $0["delta"]?.string } == ["what", " is"])
        // What was corrected is whole in the last event.
        #expect(dialect.encode(Self.words("that is", by: .user)).isEmpty)
        let completed = Self.values(dialect.encode(Self.words("that is", isFinal: true, by: .user)))
        #expect(completed.map { $0["transcript"]?.string } == ["that is"])
        #expect(dialect.encode(.agentState(.thinking)).isEmpty)
        #expect(
            Self.kinds(dialect.encode(.replyStarted)) == [
                "response.created", "response.output_item.added", "conversation.item.added",
                "response.content_part.added",
            ])
        let words = Self.values(dialect.encode(Self.words("It is")))
        #expect(words.map { $0["delta"]?.string } == ["It is"])
        let second = Self.values(dialect.encode(Self.words("noon.", segment: "s2")))
        #expect(second.map { $0["delta"]?.string } == [" noon."])
        let delta = Self.sound(&dialect, [1, 2, 3])
        #expect(delta.contains(#""delta":"AQID""#) && delta.contains("response.output_audio.delta"))
        let done = dialect.encode(.replyFinished)
        #expect(
            Self.kinds(done) == [
                "response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                "response.output_item.done", "conversation.item.done", "response.done",
            ])
        #expect(Self.values(done)[1]["transcript"] == "It is noon.")
        // What comes late of a reply that is over is no other one, and sound of none has no place.
        #expect(dialect.encode(Self.words("noon. Late", isFinal: true, segment: "s2")).isEmpty)
        #expect(Self.sound(&dialect, [1, 2, 3]).isEmpty)
    }

    @Test("who is answered has ended its turn, whatever is heard of it here; words before that wait for its item")
    func earlyReply() {
        var dialect = Self.makeDialect()
        _ = dialect.encode(.callerSpeech(true, at: 0))
        #expect(dialect.encode(Self.words("what", by: .user)).isEmpty)
        #expect(
            Self.kinds(dialect.encode(.agentState(.speaking))).prefix(6) == [
                "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
                "conversation.item.done", "conversation.item.input_audio_transcription.delta", "response.created",
            ])
        // What is final ends the turn as well; what nobody heard here gets an item of its own.
        var other = Self.makeDialect()
        _ = other.encode(.callerSpeech(true, at: 0))
        let final = Self.kinds(other.encode(Self.words("stop", isFinal: true, by: .user)))
        #expect(final.first == "input_audio_buffer.speech_stopped")
        #expect(final.last == "conversation.item.input_audio_transcription.completed")
        let unheard = Self.kinds(other.encode(Self.words("now", isFinal: true, by: .user, segment: "u2")))
        #expect(unheard.first == "conversation.item.added" && unheard.count == 4)
    }

    @Test("a client that ends its turns by itself is told of no speech, and one that wants no transcripts of none")
    func manualTurns() {
        var dialect = Self.makeDialect()
        let update =
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null,"transcription":null}}}}"#
        #expect(Self.exchange(&dialect, update).events == [.configure([:])])
        let session = Self.values(dialect.encode(.configured(instructions: nil)))[0]["session"]
        #expect(session?["audio"]?["input"]?["turn_detection"] == .null)
        #expect(dialect.encode(.callerSpeech(true, at: 0)).isEmpty)
        #expect(
            Self.error(Self.exchange(&dialect, #"{"type":"input_audio_buffer.commit"}"#).frames)?["code"]
                == "input_audio_buffer_commit_empty")
        _ = Self.exchange(&dialect, Self.append)
        let (frames, events) = Self.exchange(&dialect, #"{"type":"input_audio_buffer.commit"}"#)
        #expect(events == [.endTurn] && Self.kinds(frames).first == "input_audio_buffer.committed")
        #expect(Self.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        #expect(dialect.encode(Self.words("yes", isFinal: true, by: .user)).isEmpty)
    }

    // MARK: Interruptions

    @Test("a reply that is talked over is cancelled, and what of it was heard is what the client says")
    func interruption() {
        var dialect = Self.makeDialect()
        _ = dialect.encode(.agentState(.speaking))
        for text in ["Once", "Once upon", "Once upon a time"] {
            _ = dialect.encode(Self.words(text))
            _ = Self.sound(&dialect, [UInt8](repeating: 0, count: 24_000))
        }
        #expect(Self.kinds(dialect.encode(.callerSpeech(true, at: 100))) == ["input_audio_buffer.speech_started"])
        let done = Self.values(dialect.encode(.interrupted)).last?["response"]
        #expect(done?["status_details"] == ["type": "cancelled", "reason": "turn_detected"])
        let item = done?["output"]?[0]?["id"]?.string ?? ""
        let truncate = { (end: Int) in
            #"{"type":"conversation.item.truncate","item_id":"\#(item)","audio_end_ms":\#(end)}"#
        }
        let (frames, events) = Self.exchange(&dialect, truncate(700))
        #expect(Self.kinds(frames) == ["conversation.item.truncated"])
        #expect(events == [.heard(milliseconds: 700, text: "Once upon")])
        #expect(Self.error(Self.exchange(&dialect, truncate(1501)).frames)?["param"] == "audio_end_ms")
        let unknown = #"{"type":"conversation.item.truncate","item_id":"x","audio_end_ms":1}"#
        #expect(Self.error(Self.exchange(&dialect, unknown).frames)?["code"] == "item_truncate_invalid_item_id")
        // The agent's last words of it say nothing new, and a second interruption nothing at all.
        #expect(dialect.encode(Self.words("Once upon a time there was", isFinal: true)).isEmpty)
        #expect(dialect.encode(.interrupted).isEmpty)
    }

    @Test("a reply that the client cancels or cuts short is stopped; one that is not there is an error")
    func cancelling() {
        var dialect = Self.makeDialect()
        let cancel = #"{"type":"response.cancel","event_id":"c7"}"#
        let refused = Self.error(Self.exchange(&dialect, cancel).frames)
        #expect(refused?["code"] == "response_cancel_not_active" && refused?["event_id"] == "c7")
        _ = dialect.encode(.agentState(.thinking))
        #expect(Self.exchange(&dialect, cancel).events == [.interrupt])
        _ = dialect.encode(.agentState(.speaking))
        let other = #"{"type":"response.cancel","response_id":"resp_9"}"#
        #expect(Self.error(Self.exchange(&dialect, other).frames)?["code"] == "response_cancel_not_active")
        #expect(Self.exchange(&dialect, cancel).events == [.interrupt])
        let done = Self.values(dialect.encode(.interrupted)).last?["response"]
        #expect(done?["status_details"]?["reason"] == "client_cancelled")
        let item = Self.values(dialect.encode(.agentState(.listening)) + dialect.encode(.replyStarted))[1]["item"]?[
            "id"]
        let truncate =
            #"{"type":"conversation.item.truncate","item_id":\#(item?.serialized() ?? ""),"content_index":0,"audio_end_ms":0}"#
        #expect(Self.exchange(&dialect, truncate).events == [.heard(milliseconds: 0, text: ""), .interrupt])
    }

    // MARK: What is asked for

    @Test("a text goes to the agent when a reply is asked for; wishes that it does not follow are named")
    func texts() throws {
        var dialect = Self.makeDialect()
        let item = { (text: String) in
            #"{"type":"conversation.item.create","previous_item_id":"other","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"\#(text)"}]}}"#
        }
        let (frames, events) = Self.exchange(&dialect, item("one"))
        #expect(events.isEmpty)
        #expect(Self.kinds(frames) == ["conversation.item.added", "conversation.item.done", "error"])
        #expect(Self.error(frames)?["param"] == "previous_item_id")
        _ = Self.exchange(&dialect, item("two"))
        let wish =
            #"{"type":"response.create","event_id":"c1","response":{"instructions":"shout","output_modalities":["audio"]}}"#
        let (answers, texts) = Self.exchange(&dialect, wish)
        #expect(texts == [.text("one\ntwo")])
        #expect(Self.error(answers)?["param"] == "response.instructions" && Self.error(answers)?["event_id"] == "c1")
        // It has been spoken to, and will answer.
        #expect(Self.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        _ = dialect.encode(.agentState(.speaking))
        #expect(Self.error(Self.exchange(&dialect, wish).frames)?["code"] == "conversation_already_has_active_response")
        _ = dialect.encode(.replyFinished)
        guard case .call(let call)? = Self.exchange(&dialect, wish).events.first else {
            return #expect(Bool(false), "no call")
        }
        #expect(call.method == "openai.response.create" && call.payload.contains("shout"))
        #expect(dialect.encode(.callEnded(id: call.id, .success(""))).isEmpty)
        guard case .call(let second)? = Self.exchange(&dialect, wish).events.first else {
            return #expect(Bool(false), "no call")
        }
        let refused = Self.error(dialect.encode(.callEnded(id: second.id, .failure(.unsupported))))
        #expect(refused?["code"] == "unsupported_by_room_agent" && refused?["event_id"] == "c1")
        let long = String(repeating: "x", count: OpenAIClientMessage.maximumText + 1)
        #expect(Self.error(Self.exchange(&dialect, item(long)).frames)?["param"] == "item.content")
    }

    @Test("the agent calls the client's tools; the answer goes back to it, and what is said around it is two replies")
    func tools() throws {
        var dialect = Self.makeDialect(agentFields: [
            "tools": [["type": "function", "name": "get_time", "description": "The time.", "parameters": [:]]]
        ])
        let call = { (id: String, method: String) in
            MethodCall(id: id, caller: "a", method: method, payload: "", timeout: .seconds(5))
        }
        #expect(dialect.take(call("r1", "other")) == [.event(.callEnded(id: "r1", .failure(.unsupported)))])
        guard case .event(.callEnded(_, .success(let list)))? = dialect.take(call("r2", "openai.tools")).first else {
            return #expect(Bool(false), "no list")
        }
        #expect(list.contains(#""name":"get_time","description":"The time.""#))
        _ = dialect.encode(.agentState(.speaking))
        _ = dialect.encode(Self.words("Let me see."))
        let asked = dialect.take(call("r3", "get_time")).compactMap { output -> ClientFrame? in
            if case .send(let frame) = output { frame } else { nil }
        }
        #expect(Self.kinds(asked).filter { $0 == "response.done" }.count == 2)
        let done = Self.values(asked).last?["response"]?["output"]?[0]
        #expect(done?["name"] == "get_time" && done?["arguments"] == "{}")
        let name = done?["call_id"]?.string ?? ""
        let answer = { (call: String, output: String) in
            #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"\#(call)","output":"\#(output)"}}"#
        }
        #expect(Self.error(Self.exchange(&dialect, answer("call_99", "")).frames)?["code"] == "call_not_found")
        let (frames, events) = Self.exchange(&dialect, answer(name, "noon"))
        #expect(Self.kinds(frames).last == "conversation.item.done")
        #expect(events == [.callEnded(id: "r3", .success("noon"))])
        #expect(Self.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        // What it says now goes on with the same sentence, in another response.
        let more = dialect.encode(Self.words("Let me see. It is noon."))
        #expect(Self.kinds(more).first == "response.created" && Self.values(more).last?["delta"] == " It is noon.")
        let again = dialect.take(call("r4", "get_time"))
        guard case .send(let last)? = again.last else { return #expect(Bool(false), "no call") }
        let second = Self.values([last])[0]["response"]?["output"]?[0]?["call_id"]?.string ?? ""
        let long = String(repeating: "x", count: MethodCall.maximumPayloadBytes + 1)
        guard case .callEnded("r4", .failure)? = Self.exchange(&dialect, answer(second, long)).events.first else {
            return #expect(Bool(false), "the agent waits")
        }
    }

    // MARK: Sessions

    @Test("what of a session can be had is taken over, and the rest is named")
    func sessionUpdate() throws {
        var dialect = Self.makeDialect()
        let update =
            #"{"type":"session.update","event_id":"c1","session":{"type":"realtime","model":"gpt-realtime","instructions":"Be brief.","output_modalities":["text"],"tool_choice":"required","voice":"ash","nonsense":1,"tools":[{"type":"function","name":"f","strict":true}],"audio":{"input":{"format":{"type":"audio/pcmu"},"turn_detection":{"type":"server_vad","create_response":false}},"output":{"format":{"type":"audio/opus"},"voice":"ash"}}}}"#
        let (frames, events) = Self.exchange(&dialect, update)
        #expect(
            events == [
                .configure([
                    "instructions": "Be brief.", "tools": [["type": "function", "name": "f"]], "encoding": "mulaw",
                    "sample_rate": 8000,
                ])
            ])
        let errors = Self.values(frames).compactMap { $0["error"] }
        #expect(
            errors.map { $0["param"]?.string } == [
                "session.output_modalities", "session.tool_choice", "session.voice", "session.nonsense",
                "session.audio.input.turn_detection.create_response", "session.audio.output.format",
            ])
        #expect(errors.allSatisfy { $0["event_id"] == "c1" && $0["type"] == "invalid_request_error" })
        #expect(errors[2]["code"] == "beta_api_not_supported")
        guard case .configure(let object)? = events.first else { return }
        var parameters = Dialect.descriptor.defaults
        try parameters.apply(configuration: object)
        dialect.adopt(parameters)
        let session = Self.values(dialect.encode(.configured(instructions: nil)))[0]["session"]
        #expect(session?["instructions"] == "Be brief." && session?["tools"]?[0]?["name"] == "f")
        #expect(session?["audio"]?["input"]?["format"] == ["type": "audio/pcmu"])
        #expect(session?["audio"]?["output"]?["format"] == ["type": "audio/pcm", "rate": 24000])
        let tools = #"{"type":"session.update","session":{"tools":[{"type":"mcp"}]}}"#
        let refused = Self.exchange(&dialect, tools)
        #expect(refused.events == [.configure([:])])
        #expect(Self.error(refused.frames)?["code"] == "unsupported_by_room_agent")
    }

    @Test("the model of the URL names an agent, unless it is one of OpenAI's own")
    func model() {
        for (model, agent) in [("clerk", "clerk"), ("gpt-realtime-2.1", nil), ("voicegateway", nil), ("", nil)] {
            var parameters = Dialect.descriptor.defaults
            parameters.input = AudioFormat(encoding: .opus, sampleRate: 48_000)
            Dialect.read(
                ClientHandshake(header: { _ in nil }, query: { $0 == "model" ? model : nil }), into: &parameters)
            #expect(parameters.agent == agent)
            #expect(parameters.input == Dialect.descriptor.defaults.input)
        }
    }

    @Test("what cannot be read is told as OpenAI tells it, and what cannot be done by name")
    func mistakes() {
        var dialect = Self.makeDialect()
        let codes: [(String, JSONValue)] = [
            ("nonsense", "invalid_json"), (#"{"type":"transcription_session.update"}"#, "unknown_event"),
            ("[]", "unknown_event"), (#"{"type":"session.update"}"#, "invalid_value"),
            (#"{"type":"input_audio_buffer.append","audio":"?"}"#, "invalid_value"),
            (#"{"type":"conversation.item.delete","item_id":"x"}"#, "item_delete_invalid_item_id"),
            (#"{"type":"conversation.item.retrieve","item_id":"x"}"#, "item_retrieve_invalid_item_id"),
            (#"{"type":"conversation.item.create","item":{"type":"item_reference"}}"#, "unsupported_by_room_agent"),
            (
                #"{"type":"conversation.item.create","item":{"type":"message","role":"system","content":[]}}"#,
                "unsupported_by_room_agent"
            ),
            (
                #"{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_audio","audio":""}]}}"#,
                "unsupported_by_room_agent"
            ),
            (#"{"type":"output_audio_buffer.clear"}"#, "response_cancel_not_active"),
        ]
        for (message, code) in codes {
            let (frames, events) = Self.exchange(&dialect, message)
            #expect(Self.error(frames)?["code"] == code && events.isEmpty, "\(message)")
        }
        let binary = dialect.decode(binary: [1, 2].span)
        #expect(binary.sound.isEmpty && binary.outputs.count == 1)
        var reader = LargeMessageReader(member: Dialect.descriptor.soundMember)
        reader.append(Array(Self.append.utf8).span.bytes)
        #expect(dialect.decode(large: reader.finish()) == [.event(.audio([UInt8](repeating: 0, count: 4800)))])
    }

    @Test("who is not let in is told why, in an error of the API")
    func refusals() {
        var dialect = Self.makeDialect()
        #expect(Self.error(dialect.encode(AdmissionRefusal.wrongKey))?["code"] == "invalid_api_key")
        #expect(Self.error(dialect.encode(AdmissionRefusal.rateLimited))?["code"] == "rate_limit_exceeded")
        #expect(Self.error(dialect.encode(AdmissionRefusal.unavailable))?["type"] == "server_error")
    }
}
