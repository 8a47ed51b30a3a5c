import Testing
import Wire

@testable import ClientProtocol

@Suite("Transcripts for small devices")
struct TranscriptTellingTests {
    private func device(_ query: String) throws -> DeviceDialect {
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        return DeviceDialect(parameters, limits: RecordingLimits())
    }

    private func text(
        _ content: String, isFinal: Bool = false, segment: String = "S", words: [Transcript.Word] = []
    ) -> ServerEvent {
        .transcript(
            Transcript(
                role: .assistant, content: content, isFinal: isFinal, segmentID: segment, participant: "a",
                words: words))
    }

    private func messages(_ frames: [ClientFrame]) throws -> [JSONValue] {
        try frames.map { frame in
            guard case .text(let text) = frame else { throw JSONError(reason: .unexpectedEnd, offset: 0) }
            return try JSONValue(parsing: text)
        }
    }

    /// What a client shows that appends what is new and replaces the text when it comes whole.
    private func shown(_ messages: [JSONValue]) -> [String: String] {
        var shown: [String: String] = [:]
        for message in messages {
            guard let segment = message["segment_id"]?.string else { continue }
            if let delta = message["delta"]?.string { shown[segment, default: ""] += delta }
            if let content = message["content"]?.string { shown[segment] = content }
        }
        return shown
    }

    @Test("with events=final nothing comes that is still being said, and all else as ever")
    func finalOnly() throws {
        var dialect = try device("events=final")
        #expect(dialect.encode(text("It is")).isEmpty)
        #expect(try messages(dialect.encode(text("It is five.", isFinal: true)))[0]["content"] == "It is five.")
        #expect(try messages(dialect.encode(.interrupted))[0]["type"] == "interrupted")
        #expect(dialect.tellsSession && dialect.closure(.agentTimeout, message: "m") == (4504, "m"))
    }

    @Test("with events=none there are no text messages, and the close code says why", arguments: [true, false])
    func nothing(isDevice: Bool) throws {
        var parameters = DeviceDialect.descriptor.defaults
        parameters.events = .none
        let limits = RecordingLimits()
        var dialect: any ClientDialect =
            isDevice ? DeviceDialect(parameters, limits: limits) : ConversationDialect(parameters, limits: limits)
        for event in [.ready, .replyFinished, text("It is", isFinal: true), .interrupted, .pong(id: nil)] {
            #expect(dialect.encode(event).isEmpty)
        }
        #expect(dialect.encode(AdmissionRefusal.unavailable).isEmpty)
        #expect(dialect.closure(.roomUnavailable, message: "why") == (1011, "why"))
        let sound = #"{"type":"audio","data":"\#(Base64.encode([UInt8](repeating: 1, count: 400)))"}"#
        for message in [sound, #"{"type":"end_turn"}"#] {
            for output in dialect.decode(text: Array(message.utf8)) {
                if case .send = output { Issue.record("\(output)") }
            }
        }
    }

    @Test("with transcript_mode=delta only what is new comes, however the words are cut")
    func deltas() throws {
        var dialect = try device("transcript_mode=delta")
        #expect(!dialect.replacesTranscripts)
        var told: [JSONValue] = []
        for content in ["", "Gr", "Grüße,", "Grüße, e", "Grüße, e\u{301}t 😀"] {
            told += try messages(dialect.encode(text(content)))
        }
        told += try messages(dialect.encode(text("Grüße, e\u{301}t 😀", isFinal: true)))
        #expect(told.map { $0["delta"]?.string } == [nil, "Gr", "üße,", " e", "\u{301}t 😀", ""])
        #expect(shown(told) == ["S": "Grüße, e\u{301}t 😀"] && told.last?["final"] == true)
    }

    @Test("a text that was changed comes whole, segments do not mix, and a segment that is over is forgotten")
    func changed() throws {
        var dialect = try device("transcript_mode=delta")
        var told: [JSONValue] = []
        for (content, segment) in [
            ("I scream", "1"), ("Hel", "2"), ("Ice cream", "1"), ("Hello", "2"), ("Ice cream now", "1"),
        ] {
            told += try messages(dialect.encode(text(content, segment: segment)))
        }
        #expect(told.map { $0["content"]?.string } == ["I scream", "Hel", "Ice cream", nil, nil])
        #expect(shown(told) == ["1": "Ice cream now", "2": "Hello"])
        _ = dialect.encode(text("Ice cream now!", isFinal: true, segment: "1"))
        #expect(try messages(dialect.encode(text("Ice", segment: "1")))[0]["content"] == "Ice")
    }

    @Test("of timed words each comes once")
    func words() throws {
        var dialect = try device("transcript_mode=delta")
        let words = ["It ", "is ", "five."].map { Transcript.Word(text: $0, start: nil, end: nil) }
        var told = try messages(dialect.encode(text("It is ", words: Array(words[..<2]))))
        told += try messages(dialect.encode(text("It is five.", isFinal: true, words: words)))
        #expect(told.flatMap { $0["words"]?.array ?? [] }.map { $0["text"]?.string } == ["It ", "is ", "five."])
    }

    @Test("while the client is away each text is whole and replaces the one before; when it is back the next one is")
    func away() throws {
        var dialect = try device("transcript_mode=delta")
        _ = dialect.encode(text("It"))
        dialect.connectionChanged(isThere: false)
        #expect(dialect.replacesTranscripts)
        for content in ["It is", "It is five"] {
            #expect(try messages(dialect.encode(text(content)))[0]["content"]?.string == content)
        }
        dialect.connectionChanged(isThere: true)
        #expect(!dialect.replacesTranscripts)
        #expect(try messages(dialect.encode(text("It is five o")))[0]["content"] == "It is five o")
        #expect(try messages(dialect.encode(text("It is five o'clock")))[0]["delta"] == "'clock")
    }

    @Test("segments without end do not grow what is remembered: the oldest then comes whole again")
    func bounded() throws {
        var dialect = try device("transcript_mode=delta")
        for number in 0...TranscriptTelling.maximumSegments {
            _ = dialect.encode(text("a", segment: "\(number)"))
        }
        #expect(try messages(dialect.encode(text("ab", segment: "0")))[0]["content"] == "ab")
        #expect(try messages(dialect.encode(text("ab", segment: "8")))[0]["delta"] == "b")
    }

    @Test("a reply of 300 words that comes word by word is a sixth of the bytes")
    func bytes() throws {
        var sizes: [Int] = []
        for query in ["", "transcript_mode=delta"] {
            var dialect = try device(query)
            var content = ""
            var size = 0
            for number in 0..<300 {
                content += "word\(number) "
                for case .text(let text) in dialect.encode(text(content)) { size += text.utf8.count }
            }
            sizes.append(size)
        }
        #expect(sizes[0] > 6 * sizes[1], "\(sizes)")
    }

    @Test("a client that reads too slowly is told so, with what to do about it")
    func slow() throws {
        var dialect = try device("")
        let told = try messages(dialect.encode(.warning(.slow(droppedMessages: 7))))[0]
        #expect(told["type"] == "warning" && told["code"] == "slow" && told["dropped_messages"] == 7)
        #expect(told["message"]?.string?.contains("7 messages") == true && told["parameter"] == nil)
    }
}
