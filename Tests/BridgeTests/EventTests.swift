import ClientProtocol
import Testing
import Wire

@testable import Bridge

@Suite("Transcripts, replies, metadata, rates")
struct EventTests {
    private func ms(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

    private func spoken(_ text: String, by who: String, _ carrier: SpokenText.Carrier, final: Bool = true) -> SpokenText
    {
        SpokenText(participant: who, segmentID: "SG_" + text, text: text, isFinal: final, carrier: carrier)
    }

    // The expectation macro takes no calls of mutating methods, but functions that do the same.
    private func take(
        _ selector: inout TranscriptSelector, _ spoken: SpokenText, isAgent: Bool, now: Instant
    ) -> Transcript? {
        selector.take(spoken, isAgent: isAgent, now: now)
    }

    private func take(
        _ selector: inout TranscriptSelector, json: JSONValue, from agent: String, now: Instant
    ) -> Transcript? {
        selector.take(json: json, from: agent, now: now)
    }

    private func handleTimeout(_ selector: inout TranscriptSelector, now: Instant) -> [Transcript] {
        selector.handleTimeout(now: now)
    }

    private func change(
        _ tracker: inout ReplyTracker, to state: AgentState, lastSpeech: Instant?, lastTranscript: Instant?,
        now: Instant
    ) -> ReplyTracker.Outcome? {
        tracker.change(to: state, lastSpeech: lastSpeech, lastTranscript: lastTranscript, now: now)
    }

    private func isReplyFinished(_ tracker: inout ReplyTracker, isAudible: Bool, now: Instant) -> Bool {
        tracker.isReplyFinished(isAudible: isAudible, now: now)
    }

    private func selector() -> TranscriptSelector {
        var selector = TranscriptSelector(limits: Limits())
        selector.callerIdentity = "me"
        selector.callerTrack = "TR_mic"
        return selector
    }

    @Test("the caller's identity or track makes it the user's, an agent's kind the assistant's")
    func roles() {
        var selector = selector()
        #expect(take(&selector, spoken("a", by: "me", .stream), isAgent: false, now: .zero)?.role == .user)
        #expect(take(&selector, spoken("b", by: "bot", .stream), isAgent: true, now: .zero)?.role == .assistant)
        var onTrack = spoken("c", by: "bot", .stream)
        onTrack.track = "TR_mic"
        let own = take(&selector, onTrack, isAgent: true, now: .zero)
        #expect(own?.role == .user && own?.participant == "me")
        #expect(take(&selector, spoken("d", by: "guest", .stream), isAgent: false, now: .zero)?.role == .user)
    }

    @Test("streams silence packets, whichever came first")
    func streamsWin() {
        var selector = selector()
        #expect(take(&selector, spoken("a", by: "me", .packet), isAgent: false, now: .zero) == nil)
        #expect(take(&selector, spoken("a", by: "me", .stream), isAgent: false, now: ms(50))?.content == "a")
        #expect(selector.nextDeadline == nil)
        #expect(handleTimeout(&selector, now: ms(1000)) == [])
        #expect(take(&selector, spoken("b", by: "me", .packet), isAgent: false, now: ms(2000)) == nil)
    }

    @Test("packets are told after a moment when there are no streams, and stay the source")
    func packets() {
        var selector = selector()
        _ = take(&selector, spoken("a", by: "me", .packet), isAgent: false, now: .zero)
        _ = take(&selector, spoken("b", by: "bot", .packet), isAgent: true, now: ms(100))
        #expect(selector.nextDeadline == ms(500))
        #expect(handleTimeout(&selector, now: ms(500)).map(\.content) == ["a"])
        #expect(handleTimeout(&selector, now: ms(600)).map(\.content) == ["b"])
        #expect(take(&selector, spoken("c", by: "me", .packet), isAgent: false, now: ms(600))?.content == "c")
        #expect(take(&selector, spoken("c", by: "me", .stream), isAgent: false, now: ms(600)) == nil)
    }

    @Test("each role has a source of its own: who publishes streams of the user alone is read by packets for the agent")
    func sourceOfEachRole() {
        var selector = selector()
        #expect(take(&selector, spoken("a", by: "me", .stream), isAgent: false, now: .zero)?.content == "a")
        let agent: JSONValue = ["type": "transcript.assistant", "text": "hello"]
        #expect(take(&selector, json: agent, from: "bot", now: .zero) == nil)
        #expect(handleTimeout(&selector, now: ms(500)).map(\.content) == ["hello"])
        #expect(take(&selector, spoken("b", by: "me", .stream), isAgent: false, now: ms(600))?.content == "b")
    }

    @Test("agents of different kinds in one room are both told, each from its own source")
    func sourceOfEachAgent() {
        var selector = selector()
        #expect(take(&selector, spoken("hello", by: "new", .stream), isAgent: true, now: ms(0))?.content == "hello")
        #expect(take(&selector, spoken("good day", by: "old", .packet), isAgent: true, now: ms(10)) == nil)
        let later = handleTimeout(&selector, now: selector.nextDeadline ?? ms(0))
        #expect(later.map(\.content) == ["good day"] && later.first?.participant == "old")
        #expect(take(&selector, spoken("hello", by: "new", .packet), isAgent: true, now: ms(900)) == nil)
        #expect(selector.nextDeadline == nil)
    }

    @Test("streams that come seconds after JSON take over, and nothing is told twice")
    func lateStreams() {
        var selector = selector()
        let greeting: JSONValue = ["type": "transcript.assistant", "text": "hello  there"]
        _ = take(&selector, json: greeting, from: "bot", now: .zero)
        #expect(handleTimeout(&selector, now: ms(500)).map(\.content) == ["hello  there"])
        #expect(take(&selector, spoken("hello", by: "bot", .stream, final: false), isAgent: true, now: ms(1500)) == nil)
        #expect(take(&selector, spoken("hello there", by: "bot", .stream), isAgent: true, now: ms(2500)) == nil)
        let next: JSONValue = ["type": "transcript.assistant", "text": "good bye"]
        #expect(take(&selector, spoken("good bye", by: "bot", .stream), isAgent: true, now: ms(9000)) != nil)
        #expect(take(&selector, json: next, from: "bot", now: ms(9100)) == nil)
        // The same words in another turn are told again.
        #expect(take(&selector, spoken("hello there", by: "bot", .stream), isAgent: true, now: ms(12_000)) != nil)
    }

    @Test("JSON data packets are the last resort")
    func dataPackets() throws {
        var selector = selector()
        let user: JSONValue = ["type": "transcript.user", "text": "hi", "is_final": false]
        let agent: JSONValue = ["type": "transcript.assistant", "text": "hello"]
        #expect(take(&selector, json: user, from: "bot", now: .zero) == nil)
        #expect(take(&selector, json: agent, from: "bot", now: .zero) == nil)
        #expect(take(&selector, json: ["type": "other", "text": "x"], from: "bot", now: .zero) == nil)
        let told = handleTimeout(&selector, now: ms(500))
        #expect(told.map(\.role) == [.user, .assistant] && told.map(\.isFinal) == [false, true])
        #expect(told.allSatisfy { $0.source == .dataPacket })
    }

    @Test("an agent that stops while the caller speaks was interrupted")
    func interruption() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: ms(1000))
        let outcome = change(&tracker, to: .listening, lastSpeech: ms(2900), lastTranscript: nil, now: ms(3000))
        #expect(outcome == .interrupted)
    }

    @Test("an agent that finishes was not, though the caller spoke before it")
    func noInterruption() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .thinking, lastSpeech: ms(900), lastTranscript: nil, now: ms(950))
        _ = change(&tracker, to: .speaking, lastSpeech: ms(900), lastTranscript: ms(950), now: ms(1000))
        #expect(change(&tracker, to: .listening, lastSpeech: ms(900), lastTranscript: ms(950), now: ms(1500)) == nil)
        _ = change(&tracker, to: .speaking, lastSpeech: ms(900), lastTranscript: nil, now: ms(2000))
        #expect(change(&tracker, to: .listening, lastSpeech: ms(2100), lastTranscript: nil, now: ms(9000)) == nil)
    }

    @Test("a reply is over once, when its sound is over and the state agrees")
    func replyEnd() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: true, now: ms(20)))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(900)))
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: ms(1000))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(1020)))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(1040)))
    }

    @Test("the faint end of a reply that is over is not another reply")
    func tailOfReply() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: true, now: ms(20)))
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: ms(1000))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(1020)))
        #expect(!isReplyFinished(&tracker, isAudible: true, now: ms(1040)))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(1060)))
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: ms(5000))
        #expect(!isReplyFinished(&tracker, isAudible: true, now: ms(5020)))
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: ms(6000))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(6020)))
    }

    @Test("thinking belongs to the reply, as between two sentences")
    func pauseForThought() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: true, now: ms(20)))
        _ = change(&tracker, to: .thinking, lastSpeech: nil, lastTranscript: nil, now: ms(100))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(3000)))
        _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: ms(3000))
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: ms(4000))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(4020)))
    }

    @Test("a reply without sound is over a moment after the agent listens again")
    func silentReply() {
        var tracker = ReplyTracker(limits: Limits())
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(9000)))
        _ = change(&tracker, to: .thinking, lastSpeech: nil, lastTranscript: nil, now: ms(9000))
        _ = change(&tracker, to: .listening, lastSpeech: nil, lastTranscript: nil, now: ms(10_000))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(11_400)))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(11_500)))
    }

    @Test("words are a reply only of an agent that shows no state and is never heard")
    func words() {
        var tracker = ReplyTracker(limits: Limits())
        tracker.noteText(now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(4900)))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(5000)))
        _ = isReplyFinished(&tracker, isAudible: true, now: ms(6000))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(7300)))
        tracker.noteText(now: ms(7500))
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(20_000)))
    }

    @Test("an interrupted reply may go on; it is over when the agent thinks about another one, or in time")
    func interruptedReply() {
        for next in [AgentState.speaking, .thinking, .listening] {
            var tracker = ReplyTracker(limits: Limits())
            _ = change(&tracker, to: .speaking, lastSpeech: nil, lastTranscript: nil, now: .zero)
            _ = isReplyFinished(&tracker, isAudible: true, now: ms(20))
            _ = change(&tracker, to: .listening, lastSpeech: ms(2900), lastTranscript: nil, now: ms(3000))
            #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(3600)))
            let outcome = change(&tracker, to: next, lastSpeech: ms(2900), lastTranscript: nil, now: ms(4000))
            #expect((outcome == .finished) == (next == .thinking))
            #expect(isReplyFinished(&tracker, isAudible: false, now: ms(5500)) == (next == .listening))
        }
    }

    @Test("without a state, a longer quiet ends a reply")
    func replyEndWithoutState() {
        var tracker = ReplyTracker(limits: Limits())
        _ = isReplyFinished(&tracker, isAudible: true, now: .zero)
        #expect(!isReplyFinished(&tracker, isAudible: false, now: ms(1000)))
        #expect(isReplyFinished(&tracker, isAudible: false, now: ms(1300)))
    }

    @Test("instructions join the metadata as instructions and prompt")
    func metadata() throws {
        #expect(AgentBriefing().dispatchMetadata(nil) == "{}")
        #expect(AgentBriefing().dispatchMetadata("plain") == "plain")
        #expect(
            AgentBriefing(instructions: "Be \"kind\"").dispatchMetadata(#"{"a":1}"#)
                == #"{"a":1,"instructions":"Be \"kind\"","prompt":"Be \"kind\""}"#)
        let wrapped = try JSONValue(parsing: AgentBriefing(instructions: "x").dispatchMetadata("plain"))
        #expect(wrapped["metadata"] == "plain" && wrapped["prompt"] == "x")
    }

    @Test(
        "a trace joins metadata that is a JSON object without one, and every other byte stays as it was",
        arguments: [
            ("{}", #"{"traceparent":"T"}"#), (#"{ "a" : 1.50, "b":[] }"#, #"{"traceparent":"T", "a" : 1.50, "b":[] }"#),
            ("\n {\t}", "\n {\"traceparent\":\"T\"\t}"),
            ("{\"a\u{301}\":\"\u{301}\"}", "{\"traceparent\":\"T\",\"a\u{301}\":\"\u{301}\"}"),
            (#"{"traceparent":"mine"}"#, #"{"traceparent":"mine"}"#), ("plain", "plain"), ("[1]", "[1]"), ("", ""),
            (#"{"a":"#, #"{"a":"#),
        ])
    func trace(metadata: String, expected: String) throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = try #require(TraceContext(parsing: text))
        #expect(AgentBriefing.adding(trace, to: metadata) == expected.replacing("\"T\"", with: "\"\(text)\""))
    }

    @Test("dispatches that differ by their traces alone tell an agent the same")
    func sameButForTheTrace() {
        #expect(AgentBriefing.tellTheSame(#"{"traceparent":"1","a":1}"#, #"{"a":1,"traceparent":"2"}"#))
        #expect(AgentBriefing.tellTheSame("plain", "plain"))
        #expect(!AgentBriefing.tellTheSame(#"{"traceparent":"1","a":1}"#, #"{"traceparent":"1","a":2}"#))
        #expect(!AgentBriefing.tellTheSame("plain", "{}"))
    }

    @Test("what a config message has for the agent joins the metadata, and later only what is new is told")
    func agentFields() {
        let first = AgentBriefing(instructions: "x", fields: ["language": "de", "stt": "deepgram"])
        #expect(
            first.dispatchMetadata(#"{"stt":"whisper","voice":7}"#)
                == #"{"stt":"deepgram","voice":7,"language":"de","instructions":"x","prompt":"x"}"#)
        var second = first
        second.fields["language"] = "fr"
        #expect(second.update(since: first).serialized() == #"{"type":"config","language":"fr"}"#)
        second.instructions = "y"
        #expect(
            second.update(since: first).serialized() == #"{"type":"config","language":"fr","instructions":"y"}"#)
    }

    @Test("messages beyond the rate are refused until time has passed")
    func rate() {
        var limits = Limits()
        limits.messageBurst = 3
        limits.messagesPerSecond = 10
        var bucket = TokenBucket(now: .zero)
        let taken = (0..<4).map { _ in bucket.take(limits.messageRate, now: .zero) == nil }
        #expect(taken == [true, true, true, false])
        let later = (0..<2).map { _ in bucket.take(limits.messageRate, now: ms(100)) == nil }
        #expect(later == [true, false])
    }
}
