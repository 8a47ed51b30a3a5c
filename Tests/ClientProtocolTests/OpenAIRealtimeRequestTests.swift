import Testing
import Wire

@testable import ClientProtocol

@Suite("OpenAI's Realtime API: what a client asks for")
struct OpenAIRealtimeRequestTests {
    // MARK: What is asked for

    @Test("a text goes to the agent when a reply is asked for; wishes that it does not follow are named")
    func texts() throws {
        var dialect = RealtimeClient.makeDialect()
        let item = { (text: String) in
            #"{"type":"conversation.item.create","previous_item_id":"other","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"\#(text)"}]}}"#
        }
        let (frames, events) = RealtimeClient.exchange(&dialect, item("one"))
        #expect(events.isEmpty)
        #expect(RealtimeClient.kinds(frames) == ["conversation.item.added", "conversation.item.done", "error"])
        #expect(RealtimeClient.error(frames)?["param"] == "previous_item_id")
        _ = RealtimeClient.exchange(&dialect, item("two"))
        let wish =
            #"{"type":"response.create","event_id":"c1","response":{"instructions":"shout","output_modalities":["audio"]}}"#
        let (answers, texts) = RealtimeClient.exchange(&dialect, wish)
        #expect(texts == [.text("one\ntwo")])
        #expect(
            RealtimeClient.error(answers)?["param"] == "response.instructions"
                && RealtimeClient.error(answers)?["event_id"] == "c1")
        // It has been spoken to, and will answer.
        #expect(RealtimeClient.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        _ = dialect.encode(.agentState(.speaking))
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, wish).frames)?["code"]
                == "conversation_already_has_active_response")
        _ = dialect.encode(.replyFinished)
        guard case .call(let call)? = RealtimeClient.exchange(&dialect, wish).events.first else {
            return #expect(Bool(false), "no call")
        }
        #expect(call.method == "openai.response.create" && call.payload.contains("shout"))
        #expect(dialect.encode(.callEnded(id: call.id, .success(""))).isEmpty)
        guard case .call(let second)? = RealtimeClient.exchange(&dialect, wish).events.first else {
            return #expect(Bool(false), "no call")
        }
        let refused = RealtimeClient.error(dialect.encode(.callEnded(id: second.id, .failure(.unsupported))))
        #expect(refused?["code"] == "unsupported_by_room_agent" && refused?["event_id"] == "c1")
        let long = String(repeating: "x", count: OpenAIClientMessage.maximumText + 1)
        #expect(RealtimeClient.error(RealtimeClient.exchange(&dialect, item(long)).frames)?["param"] == "item.content")
    }

    @Test("the agent calls the client's tools; the answer goes back to it, and what is said around it is two replies")
    func tools() throws {
        var dialect = RealtimeClient.makeDialect(agentFields: [
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
        _ = dialect.encode(RealtimeClient.words("Let me see."))
        let asked = dialect.take(call("r3", "get_time")).compactMap { output -> ClientFrame? in
            if case .send(let frame) = output { frame } else { nil }
        }
        #expect(RealtimeClient.kinds(asked).filter { $0 == "response.done" }.count == 2)
        let done = RealtimeClient.values(asked).last?["response"]?["output"]?[0]
        #expect(done?["name"] == "get_time" && done?["arguments"] == "{}")
        let name = done?["call_id"]?.string ?? ""
        let answer = { (call: String, output: String) in
            #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"\#(call)","output":"\#(output)"}}"#
        }
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, answer("call_99", "")).frames)?["code"]
                == "call_not_found")
        let (frames, events) = RealtimeClient.exchange(&dialect, answer(name, "noon"))
        #expect(RealtimeClient.kinds(frames).last == "conversation.item.done")
        #expect(events == [.callEnded(id: "r3", .success("noon"))])
        #expect(RealtimeClient.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        // What it says now goes on with the same sentence, in another response.
        let more = dialect.encode(RealtimeClient.words("Let me see. It is noon."))
        #expect(
            RealtimeClient.kinds(more).first == "response.created"
                && RealtimeClient.values(more).last?["delta"] == " It is noon.")
        let again = dialect.take(call("r4", "get_time"))
        guard case .send(let last)? = again.last else { return #expect(Bool(false), "no call") }
        let second = RealtimeClient.values([last])[0]["response"]?["output"]?[0]?["call_id"]?.string ?? ""
        let long = String(repeating: "x", count: MethodCall.maximumPayloadBytes + 1)
        guard case .callEnded("r4", .failure)? = RealtimeClient.exchange(&dialect, answer(second, long)).events.first
        else {
            return #expect(Bool(false), "the agent waits")
        }
    }

    // MARK: Sessions

    @Test("what of a session can be had is taken over, and the rest is named")
    func sessionUpdate() throws {
        var dialect = RealtimeClient.makeDialect()
        let update =
            #"{"type":"session.update","event_id":"c1","session":{"type":"realtime","model":"gpt-realtime","instructions":"Be brief.","output_modalities":["text"],"tool_choice":"required","voice":"ash","nonsense":1,"tools":[{"type":"function","name":"f","strict":true}],"audio":{"input":{"format":{"type":"audio/pcmu"},"turn_detection":{"type":"server_vad","create_response":false}},"output":{"format":{"type":"audio/opus"},"voice":"ash"}}}}"#
        let (frames, events) = RealtimeClient.exchange(&dialect, update)
        #expect(
            events == [
                .configure([
                    "instructions": "Be brief.", "tools": [["type": "function", "name": "f"]], "encoding": "mulaw",
                    "sample_rate": 8000,
                ])
            ])
        let errors = RealtimeClient.values(frames).compactMap { $0["error"] }
        #expect(
            errors.map { $0["param"]?.string } == [
                "session.output_modalities", "session.tool_choice", "session.voice", "session.nonsense",
                "session.audio.input.turn_detection.create_response", "session.audio.output.format",
            ])
        #expect(errors.allSatisfy { $0["event_id"] == "c1" && $0["type"] == "invalid_request_error" })
        #expect(errors[2]["code"] == "beta_api_not_supported")
        guard case .configure(let object)? = events.first else { return }
        var parameters = OpenAIRealtimeDialect.descriptor.defaults
        try parameters.apply(configuration: object)
        dialect.adopt(parameters)
        let session = RealtimeClient.values(dialect.encode(.configured(instructions: nil)))[0]["session"]
        #expect(session?["instructions"] == "Be brief." && session?["tools"]?[0]?["name"] == "f")
        #expect(session?["audio"]?["input"]?["format"] == ["type": "audio/pcmu"])
        #expect(session?["audio"]?["output"]?["format"] == ["type": "audio/pcm", "rate": 24000])
        let tools = #"{"type":"session.update","session":{"tools":[{"type":"mcp"}]}}"#
        let refused = RealtimeClient.exchange(&dialect, tools)
        #expect(refused.events == [.configure([:])])
        #expect(RealtimeClient.error(refused.frames)?["code"] == "unsupported_by_room_agent")
    }

    @Test("the model of the URL names an agent, unless it is one of OpenAI's own")
    func model() {
        for (model, agent) in [("clerk", "clerk"), ("gpt-realtime-2.1", nil), ("voicegateway", nil), ("", nil)] {
            var parameters = OpenAIRealtimeDialect.descriptor.defaults
            parameters.input = AudioFormat(encoding: .opus, sampleRate: 48_000)
            OpenAIRealtimeDialect.read(
                ClientHandshake(header: { _ in nil }, query: { $0 == "model" ? model : nil }), into: &parameters)
            #expect(parameters.agent == agent)
            #expect(parameters.input == OpenAIRealtimeDialect.descriptor.defaults.input)
        }
    }

    @Test("what cannot be read is told as OpenAI tells it, and what cannot be done by name")
    func mistakes() {
        var dialect = RealtimeClient.makeDialect()
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
            let (frames, events) = RealtimeClient.exchange(&dialect, message)
            #expect(RealtimeClient.error(frames)?["code"] == code && events.isEmpty, "\(message)")
        }
        let binary = dialect.decode(binary: [1, 2].span)
        #expect(binary.sound.isEmpty && binary.outputs.count == 1)
        var reader = LargeMessageReader(member: OpenAIRealtimeDialect.descriptor.soundMember)
        reader.append(Array(RealtimeClient.append.utf8).span.bytes)
        #expect(dialect.decode(large: reader.finish()) == [.event(.audio([UInt8](repeating: 0, count: 4800)))])
    }

    @Test("who is not let in is told why, in an error of the API")
    func refusals() {
        var dialect = RealtimeClient.makeDialect()
        #expect(RealtimeClient.error(dialect.encode(AdmissionRefusal.wrongKey))?["code"] == "invalid_api_key")
        #expect(RealtimeClient.error(dialect.encode(AdmissionRefusal.rateLimited))?["code"] == "rate_limit_exceeded")
        #expect(RealtimeClient.error(dialect.encode(AdmissionRefusal.unavailable))?["type"] == "server_error")
    }
}
