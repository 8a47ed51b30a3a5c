import Testing

@testable import ClientProtocol

@Suite("The conversation protocol: transcripts")
struct LegacyTranscriptTests {
    private func said(
        _ role: Transcript.Role, _ content: String, id: String, isFinal: Bool = true
    ) -> ServerEvent {
        .transcript(Transcript(role: role, content: content, isFinal: isFinal, segmentID: id, participant: "p"))
    }

    @Test("one transcript a turn and one text a reply, then ready")
    func wholeTurn() {
        var client = LegacyClient()
        var told: [String] = []
        told += client.tell(.agentState(.listening))
        told += client.tell(said(.user, "how", id: "u1", isFinal: false))
        told += client.tell(said(.user, "how are you", id: "u1"))
        told += client.tell(said(.user, " and your cat? ", id: "u2"))
        told += client.tell(.agentState(.thinking))
        #expect(told.isEmpty)
        told += client.tell(.agentState(.speaking))
        #expect(told == [#"{"type":"transcript","role":"user","content":"how are you and your cat?"}"#])
        told = client.tell(said(.assistant, "We", id: "a1", isFinal: false))
        told += client.tell(said(.assistant, "We are", id: "a1"))
        told += client.tell(said(.assistant, "well.", id: "a2"))
        #expect(told.isEmpty)
        told += client.tell(.agentState(.listening))
        told += client.tell(said(.assistant, "And you?", id: "a3"))
        #expect(told.isEmpty)
        told += client.tell(.replyFinished)
        #expect(
            told == [
                #"{"type":"text","role":"assistant","content":"We are well. And you?"}"#,
                #"{"type":"ready","message":"Ready for next turn"}"#,
            ])
    }

    @Test("a segment that is told again says nothing new")
    func repeated() {
        var client = LegacyClient()
        _ = client.tell(.agentState(.speaking))
        #expect(client.tell(said(.user, "hi", id: "1")).count == 1)
        #expect(client.tell(said(.user, "hi", id: "1")).isEmpty)
        #expect(client.tell(said(.assistant, "ho", id: "2")).isEmpty)
        #expect(client.tell(.replyFinished).count == 2)
        #expect(client.tell(said(.assistant, "ho", id: "2")).isEmpty)
    }

    @Test("a sentence that comes late is told at once")
    func late() {
        var client = LegacyClient()
        _ = client.tell(.agentState(.speaking))
        #expect(
            client.tell(said(.user, "late", id: "1"))
                == [#"{"type":"transcript","role":"user","content":"late"}"#])
        _ = client.tell(.agentState(.listening))
        _ = client.tell(.replyFinished)
        #expect(client.tell(said(.user, "and then", id: "3")).isEmpty)
        #expect(
            client.tell(said(.assistant, "end", id: "2"))
                == [#"{"type":"text","role":"assistant","content":"end"}"#])
    }

    @Test("the last words of a reply that was cut short are told when they come, apart from what follows")
    func cutShort() {
        var client = LegacyClient()
        _ = client.tell(.agentState(.speaking))
        _ = client.tell(said(.assistant, "Chapter", id: "a1", isFinal: false))
        _ = client.tell(.interrupted)
        _ = client.tell(.agentState(.listening))
        _ = client.tell(.agentState(.thinking))
        #expect(client.tell(.replyFinished) == [#"{"type":"ready","message":"Ready for next turn"}"#])
        // Another channel was quicker than the one of the words.
        #expect(client.tell(said(.user, "stop", id: "u1")).isEmpty)
        #expect(
            client.tell(said(.assistant, "Chapter one.", id: "a1"))
                == [#"{"type":"text","role":"assistant","content":"Chapter one."}"#])
        #expect(
            client.tell(.agentState(.speaking)) == [#"{"type":"transcript","role":"user","content":"stop"}"#])
        #expect(client.tell(said(.assistant, "Chapter one.", id: "a1")).isEmpty)
        _ = client.tell(said(.assistant, "I have", id: "a2", isFinal: false))
        #expect(client.tell(said(.assistant, "I have stopped.", id: "a2")).isEmpty)
        #expect(
            client.tell(.replyFinished).first
                == #"{"type":"text","role":"assistant","content":"I have stopped."}"#)
    }

    @Test("an agent without state tells its sentences as they come, the user's before")
    func withoutState() {
        var client = LegacyClient()
        #expect(client.tell(said(.user, "hello", id: "1")).isEmpty)
        #expect(
            client.tell(said(.assistant, "hello you", id: "2")) == [
                #"{"type":"transcript","role":"user","content":"hello"}"#,
                #"{"type":"text","role":"assistant","content":"hello you"}"#,
            ])
    }

    @Test("what is known of a turn does not wait beyond the next one, nor beyond the end of the reply")
    func nextTurn() {
        var client = LegacyClient()
        _ = client.tell(said(.user, "one", id: "1"))
        let texts = client.audio(wavFile(samples: 300)).texts
        #expect(texts.first == #"{"type":"transcript","role":"user","content":"one"}"#)
        _ = client.tell(said(.user, "two", id: "2"))
        #expect(client.audio(wavFile(samples: 300)).texts.count == 1)
        #expect(client.tell(.replyFinished).count == 2)
        _ = client.tell(said(.user, "three", id: "3"))
        #expect(client.tell(.agentLeft(identity: "a", reason: "gone")).count == 1)
    }

    @Test("blank sentences are left out, and waiting text is bounded")
    func bounds() {
        var client = LegacyClient()
        #expect(client.tell(said(.user, " \n", id: "0")).isEmpty)
        var told = 0
        for index in 0..<40 {
            told += client.tell(said(.user, String(repeating: "x", count: 4000), id: "\(index)")).count
        }
        #expect(told == 2)
    }
}
