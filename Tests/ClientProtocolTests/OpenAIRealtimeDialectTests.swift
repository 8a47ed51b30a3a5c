import Testing
import Wire

@testable import ClientProtocol

@Suite("OpenAI's Realtime API: what a client is told")
struct OpenAIRealtimeDialectTests {
    @Test("all that a client is told is what the models of OpenAI's package have been shown")
    func events() throws {
        let known = String(decoding: try fixture("openai-realtime/events.jsonl"), as: UTF8.self)
        #expect(RealtimeClient.everything() == known.split(separator: "\n").map(String.init))
    }

    // MARK: Turns

    @Test("a turn is told in the order of the API: the caller's, what was recognised, the reply with words and sound")
    func turn() {
        var dialect = RealtimeClient.makeDialect()
        #expect(RealtimeClient.kinds(dialect.encode(.ready)) == ["session.created", "conversation.created"])
        for _ in 0..<30 { _ = RealtimeClient.exchange(&dialect, RealtimeClient.append) }
        let started = RealtimeClient.values(dialect.encode(.callerSpeech(true, at: 2800)))
        #expect(started.map { $0["audio_start_ms"] } == [2500])
        let stopped = dialect.encode(.callerSpeech(false, at: 2500))
        #expect(
            RealtimeClient.kinds(stopped) == [
                "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
                "conversation.item.done",
            ])
        #expect(RealtimeClient.values(stopped)[0]["audio_end_ms"] == 2500)
        let deltas =
            dialect.encode(RealtimeClient.words("what", by: .user))
            + dialect.encode(RealtimeClient.words("what is", by: .user))
        #expect(RealtimeClient.values(deltas).map { $0["delta"]?.string } == ["what", " is"])
        // What was corrected is whole in the last event.
        #expect(dialect.encode(RealtimeClient.words("that is", by: .user)).isEmpty)
        let completed = RealtimeClient.values(dialect.encode(RealtimeClient.words("that is", isFinal: true, by: .user)))
        #expect(completed.map { $0["transcript"]?.string } == ["that is"])
        #expect(dialect.encode(.agentState(.thinking)).isEmpty)
        #expect(
            RealtimeClient.kinds(dialect.encode(.replyStarted)) == [
                "response.created", "response.output_item.added", "conversation.item.added",
                "response.content_part.added",
            ])
        let words = RealtimeClient.values(dialect.encode(RealtimeClient.words("It is")))
        #expect(words.map { $0["delta"]?.string } == ["It is"])
        let second = RealtimeClient.values(dialect.encode(RealtimeClient.words("noon.", segment: "s2")))
        #expect(second.map { $0["delta"]?.string } == [" noon."])
        let delta = RealtimeClient.sound(&dialect, [1, 2, 3])
        #expect(delta.contains(#""delta":"AQID""#) && delta.contains("response.output_audio.delta"))
        let done = dialect.encode(.replyFinished)
        #expect(
            RealtimeClient.kinds(done) == [
                "response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                "response.output_item.done", "conversation.item.done", "response.done",
            ])
        #expect(RealtimeClient.values(done)[1]["transcript"] == "It is noon.")
        // What comes late of a reply that is over is no other one, and sound of none has no place.
        #expect(dialect.encode(RealtimeClient.words("noon. Late", isFinal: true, segment: "s2")).isEmpty)
        #expect(RealtimeClient.sound(&dialect, [1, 2, 3]).isEmpty)
    }

    @Test("who is answered has ended its turn, whatever is heard of it here; words before that wait for its item")
    func earlyReply() {
        var dialect = RealtimeClient.makeDialect()
        _ = dialect.encode(.callerSpeech(true, at: 0))
        #expect(dialect.encode(RealtimeClient.words("what", by: .user)).isEmpty)
        #expect(
            RealtimeClient.kinds(dialect.encode(.agentState(.speaking))).prefix(6) == [
                "input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
                "conversation.item.done", "conversation.item.input_audio_transcription.delta", "response.created",
            ])
        // What is final ends the turn as well; what nobody heard here gets an item of its own.
        var other = RealtimeClient.makeDialect()
        _ = other.encode(.callerSpeech(true, at: 0))
        let final = RealtimeClient.kinds(other.encode(RealtimeClient.words("stop", isFinal: true, by: .user)))
        #expect(final.first == "input_audio_buffer.speech_stopped")
        #expect(final.last == "conversation.item.input_audio_transcription.completed")
        let unheard = RealtimeClient.kinds(
            other.encode(RealtimeClient.words("now", isFinal: true, by: .user, segment: "u2")))
        #expect(unheard.first == "conversation.item.added" && unheard.count == 4)
    }

    @Test("a client that ends its turns by itself is told of no speech, and one that wants no transcripts of none")
    func manualTurns() {
        var dialect = RealtimeClient.makeDialect()
        let update =
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null,"transcription":null}}}}"#
        #expect(RealtimeClient.exchange(&dialect, update).events == [.configure([:])])
        let session = RealtimeClient.values(dialect.encode(.configured(instructions: nil)))[0]["session"]
        #expect(session?["audio"]?["input"]?["turn_detection"] == .null)
        #expect(dialect.encode(.callerSpeech(true, at: 0)).isEmpty)
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, #"{"type":"input_audio_buffer.commit"}"#).frames)?[
                "code"]
                == "input_audio_buffer_commit_empty")
        _ = RealtimeClient.exchange(&dialect, RealtimeClient.append)
        let (frames, events) = RealtimeClient.exchange(&dialect, #"{"type":"input_audio_buffer.commit"}"#)
        #expect(events == [.endTurn] && RealtimeClient.kinds(frames).first == "input_audio_buffer.committed")
        #expect(RealtimeClient.isTakenSilently(&dialect, #"{"type":"response.create"}"#))
        #expect(dialect.encode(RealtimeClient.words("yes", isFinal: true, by: .user)).isEmpty)
    }

    // MARK: Interruptions

    @Test("a reply that is talked over is cancelled, and what of it was heard is what the client says")
    func interruption() {
        var dialect = RealtimeClient.makeDialect()
        _ = dialect.encode(.agentState(.speaking))
        for text in ["Once", "Once upon", "Once upon a time"] {
            _ = dialect.encode(RealtimeClient.words(text))
            _ = RealtimeClient.sound(&dialect, [UInt8](repeating: 0, count: 24_000))
        }
        #expect(
            RealtimeClient.kinds(dialect.encode(.callerSpeech(true, at: 100))) == ["input_audio_buffer.speech_started"])
        let done = RealtimeClient.values(dialect.encode(.interrupted)).last?["response"]
        #expect(done?["status_details"] == ["type": "cancelled", "reason": "turn_detected"])
        let item = done?["output"]?[0]?["id"]?.string ?? ""
        let truncate = { (end: Int) in
            #"{"type":"conversation.item.truncate","item_id":"\#(item)","audio_end_ms":\#(end)}"#
        }
        let (frames, events) = RealtimeClient.exchange(&dialect, truncate(700))
        #expect(RealtimeClient.kinds(frames) == ["conversation.item.truncated"])
        #expect(events == [.heard(milliseconds: 700, text: "Once upon")])
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, truncate(1501)).frames)?["param"] == "audio_end_ms")
        let unknown = #"{"type":"conversation.item.truncate","item_id":"x","audio_end_ms":1}"#
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, unknown).frames)?["code"]
                == "item_truncate_invalid_item_id")
        // The agent's last words of it say nothing new, and a second interruption nothing at all.
        #expect(dialect.encode(RealtimeClient.words("Once upon a time there was", isFinal: true)).isEmpty)
        #expect(dialect.encode(.interrupted).isEmpty)
    }

    @Test("a reply that the client cancels or cuts short is stopped; one that is not there is an error")
    func cancelling() {
        var dialect = RealtimeClient.makeDialect()
        let cancel = #"{"type":"response.cancel","event_id":"c7"}"#
        let refused = RealtimeClient.error(RealtimeClient.exchange(&dialect, cancel).frames)
        #expect(refused?["code"] == "response_cancel_not_active" && refused?["event_id"] == "c7")
        _ = dialect.encode(.agentState(.thinking))
        #expect(RealtimeClient.exchange(&dialect, cancel).events == [.interrupt])
        _ = dialect.encode(.agentState(.speaking))
        let other = #"{"type":"response.cancel","response_id":"resp_9"}"#
        #expect(
            RealtimeClient.error(RealtimeClient.exchange(&dialect, other).frames)?["code"]
                == "response_cancel_not_active")
        #expect(RealtimeClient.exchange(&dialect, cancel).events == [.interrupt])
        let done = RealtimeClient.values(dialect.encode(.interrupted)).last?["response"]
        #expect(done?["status_details"]?["reason"] == "client_cancelled")
        let item = RealtimeClient.values(dialect.encode(.agentState(.listening)) + dialect.encode(.replyStarted))[1][
            "item"]?[
                "id"]
        let truncate =
            #"{"type":"conversation.item.truncate","item_id":\#(item?.serialized() ?? ""),"content_index":0,"audio_end_ms":0}"#
        #expect(RealtimeClient.exchange(&dialect, truncate).events == [.heard(milliseconds: 0, text: ""), .interrupt])
    }
}
