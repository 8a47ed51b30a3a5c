import Signalling
import Testing
import Wire

@testable import LiveKitParticipant

@Suite struct DataStreamTests {
    /// Sends packets through the assembler as if `sender` had sent them.
    static func receive(
        _ packets: [DataPacket], from sender: String = "agent", _ assembler: inout DataStreamAssembler,
        now: Instant = .zero
    ) -> [DataStreamEvent] {
        packets.flatMap { packet -> [DataStreamEvent] in
            var delivered = packet
            delivered.participantIdentity = sender
            delivered.participantSid = "PA_\(sender)"
            switch packet.value {
            case .streamHeader(let header): return assembler.handle(header, in: delivered, now: now)
            case .streamChunk(let chunk): return assembler.handle(chunk, now: now)
            case .streamTrailer(let trailer): return assembler.handle(trailer)
            default: return []
            }
        }
    }

    static func textStream(_ texts: [String], topic: String = "lk.chat", id: String = "s1") -> [DataPacket] {
        var stream = OutgoingDataStream(id: id, destinations: [])
        var packets = [
            stream.header(
                topic: topic, kind: .text, mimeType: "text/plain", attributes: ["a": "1"], timestamp: 5,
                totalLength: nil)
        ]
        for text in texts { packets += stream.chunks(text) }
        return packets + [stream.trailer(attributes: ["b": "2"])]
    }

    static func texts(_ events: [DataStreamEvent]) -> [String] {
        events.compactMap { if case .text(let text, _) = $0 { text } else { nil } }
    }

    static func failure(_ events: [DataStreamEvent]) -> DataStreamFailure? {
        if case .closed(_, _, let failure) = events.last { failure } else { nil }
    }

    @Test("text arrives piece by piece and ends with the attributes of both ends")
    func text() {
        var assembler = DataStreamAssembler()
        let events = Self.receive(Self.textStream(["Grüß ", "Gott 😀"]), &assembler)
        #expect(Self.texts(events) == ["Grüß ", "Gott 😀"])
        guard case .opened(let info) = events.first,
            case .closed(_, let attributes, let failure) = events.last
        else { return #expect(Bool(false), "no beginning or end") }
        #expect(info.topic == "lk.chat" && info.kind == .text && info.senderIdentity == "agent")
        #expect(attributes == ["a": "1", "b": "2"] && failure == nil)
        #expect(assembler.openStreamCount == 0)
    }

    @Test("long text is cut at characters, never inside of one", arguments: ["é", "日", "😀", "a"])
    func chunking(character: String) {
        let text = "x" + String(repeating: character, count: 20_000)
        var stream = OutgoingDataStream(id: "s", destinations: ["b"])
        let packets = stream.chunks(text)
        var joined = ""
        for (index, packet) in packets.enumerated() {
            guard case .streamChunk(let chunk) = packet.value else { continue }
            #expect(chunk.content.count <= OutgoingDataStream.maximumChunkBytes)
            #expect(chunk.chunkIndex == UInt64(index) && packet.destinationIdentities == ["b"])
            joined += String(validating: chunk.content, as: UTF8.self) ?? "?"
        }
        #expect(joined == text)
    }

    @Test("a sender that cuts inside a character is understood")
    func splitCharacters() {
        let bytes = Array("a😀é".utf8)
        for cut in 0...bytes.count {
            var assembler = DataStreamAssembler()
            var packets = Self.textStream([])
            let trailer = packets.removeLast()
            for (index, part) in [Array(bytes[..<cut]), Array(bytes[cut...])].enumerated() {
                packets.append(
                    .with {
                        $0.value = .streamChunk(
                            .with {
                                $0.streamId = "s1"
                                $0.chunkIndex = UInt64(index)
                                $0.content = part
                            })
                    })
            }
            let events = Self.receive(packets + [trailer], &assembler)
            #expect(Self.texts(events).joined() == "a😀é")
            #expect(Self.failure(events) == nil)
        }
    }

    @Test("a gap, a cut-off length, a reason, and text that is none end the stream with a failure")
    func failures() {
        var assembler = DataStreamAssembler()
        var packets = Self.textStream(["a", "b", "c"])
        packets.remove(at: 2)
        #expect(
            Self.failure(Self.receive(packets, &assembler).filter { if case .closed = $0 { true } else { false } })
                == .gap)
        var stream = OutgoingDataStream(id: "s2", destinations: [])
        let header = stream.header(
            topic: "t", kind: .bytes(name: "f"), mimeType: "x", attributes: [:], timestamp: 0, totalLength: 5)
        let chunk = stream.chunks([1, 2, 3])
        #expect(Self.failure(Self.receive([header] + chunk + [stream.trailer()], &assembler)) == .incomplete)
        let aborted = [header] + [stream.trailer(reason: "gone")]
        #expect(Self.failure(Self.receive(aborted, &assembler)) == .aborted("gone"))
        let more = [header] + chunk + stream.chunks([4, 5, 6])
        var again = DataStreamAssembler()
        #expect(Self.failure(Self.receive(more, &again)) == .tooLarge)
        var broken = Self.textStream(["x"])
        if case .streamChunk(var content) = broken[1].value {
            content.content = [0xFF, 0x41]
            broken[1].value = .streamChunk(content)
        }
        var third = DataStreamAssembler()
        #expect(Self.failure(Self.receive(Array(broken[..<2]), &third)) == .invalidText)
    }

    @Test("a stream in one packet is complete at once")
    func inline() {
        var assembler = DataStreamAssembler()
        var packets = Self.textStream([])
        if case .streamHeader(var header) = packets[0].value {
            header.inlineContent = Array("all".utf8)
            packets[0].value = .streamHeader(header)
        }
        let events = Self.receive([packets[0]], &assembler)
        #expect(Self.texts(events) == ["all"] && Self.failure(events) == nil && events.count == 3)
    }

    @Test("unknown streams, ignored topics and unknown compression leave nothing behind")
    func ignored() {
        var assembler = DataStreamAssembler(ignoredTopics: ["lk.agent.session"])
        #expect(Self.receive(Self.textStream(["x"], topic: "lk.agent.session"), &assembler).isEmpty)
        #expect(Self.receive(Array(Self.textStream(["x"]).dropFirst()), &assembler).isEmpty)
        #expect(assembler.openStreamCount == 0)
    }

    @Test("the streams of somebody who left end, the others go on")
    func parting() {
        var assembler = DataStreamAssembler()
        _ = Self.receive(Array(Self.textStream(["x"], id: "1").dropLast()), from: "a", &assembler)
        _ = Self.receive(Array(Self.textStream(["x"], id: "2").dropLast()), from: "b", &assembler)
        #expect(Self.failure(assembler.senderLeft(sid: "PA_a")) == .senderLeft)
        #expect(assembler.openStreamCount == 1)
    }

    @Test("streams that never end do not keep later ones out: the one that was silent for longest goes")
    func limit() {
        var assembler = DataStreamAssembler()
        for index in 0..<DataStreamAssembler.maximumOpenStreams {
            let header = Self.textStream([], id: "\(index)")[0]
            _ = Self.receive([header], &assembler, now: .zero + .milliseconds(index))
        }
        // The first one goes on.
        _ = Self.receive([Self.textStream(["x"], id: "0")[1]], &assembler, now: .zero + .seconds(1))
        let events = Self.receive(Self.textStream(["hello"], id: "new"), &assembler, now: .zero + .seconds(2))
        guard case .closed(let oldest, _, .abandoned?) = events.first else {
            return #expect(Bool(false), "nothing was given up")
        }
        #expect(oldest.id == "1" && Self.texts(events) == ["hello"])
        #expect(assembler.openStreamCount == DataStreamAssembler.maximumOpenStreams - 1)
    }

    @Test("a stream that has been silent for minutes is over when another one begins")
    func age() {
        var assembler = DataStreamAssembler()
        _ = Self.receive([Self.textStream([], id: "old")[0]], &assembler)
        let later = Instant.zero + DataStreamAssembler.maximumPause + .milliseconds(1)
        let events = Self.receive([Self.textStream([], id: "new")[0]], &assembler, now: later)
        #expect(events.count == 2 && assembler.openStreamCount == 1)
    }

    // MARK: Transcripts

    static func transcript(
        _ texts: [String], id: String, final: String, trailer: [String: String] = [:], segment: String = "SG_1"
    ) -> [DataPacket] {
        var stream = OutgoingDataStream(id: id, destinations: [])
        let header = stream.header(
            topic: TranscriptBoard.topic, kind: .text, mimeType: "text/plain",
            attributes: [
                "lk.transcription_final": final, "lk.segment_id": segment, "lk.transcribed_track_id": "TR_1",
            ], timestamp: 0, totalLength: nil)
        return [header] + texts.flatMap { stream.chunks($0) } + [stream.trailer(attributes: trailer)]
    }

    static func updates(_ packets: [DataPacket]) -> [TranscriptUpdate] {
        var assembler = DataStreamAssembler()
        var board = TranscriptBoard()
        return receive(packets, &assembler).compactMap { board.handle($0) }
    }

    @Test("a user's interim results replace each other until the final one")
    func userTranscript() {
        let packets =
            Self.transcript(["turn"], id: "1", final: "false") + Self.transcript(["turn on"], id: "2", final: "false")
            + Self.transcript(["Turn on the light."], id: "3", final: "true")
        #expect(Self.updates(packets).map(\.text) == ["turn", "turn on", "Turn on the light."])
        #expect(Self.updates(packets).map(\.isFinal) == [false, false, true])
        #expect(Set(Self.updates(packets).map(\.segmentID)) == ["SG_1"])
    }

    @Test("an agent's words grow within one stream and end with its trailer")
    func agentTranscript() {
        let packets = Self.transcript(
            ["It ", "is ", "on."], id: "1", final: "false", trailer: ["lk.transcription_final": "true"])
        #expect(Self.updates(packets).map(\.text) == ["It ", "It is ", "It is on.", "It is on."])
        #expect(Self.updates(packets).map(\.isFinal) == [false, false, false, true])
    }

    @Test("words cut off by their speaker's leaving become final")
    func cutOff() {
        var assembler = DataStreamAssembler()
        var board = TranscriptBoard()
        let packets = Self.transcript(["It is"], id: "1", final: "false")
        for event in Self.receive(Array(packets.dropLast()), &assembler) { _ = board.handle(event) }
        let last = assembler.senderLeft(sid: "PA_agent").compactMap { board.handle($0) }
        #expect(last.map(\.isFinal) == [true] && last.map(\.text) == ["It is"])
    }

    @Test("timed transcripts are text, and their times are told beside it")
    func timedTranscript() {
        let lines = [
            "{\"text\": \"It \", \"start_time\": 0.0, \"end_time\": 0.25}\n{\"text\": \"is", " \"}\n",
            "{\"text\": \"on.\", \"start_time\": 0.5, \"confidence\": 0.9}\n",
        ]
        let updates = Self.updates(
            Self.transcript(lines, id: "1", final: "false", trailer: ["lk.transcription_final": "true"]))
        #expect(updates.map(\.text) == ["It ", "It is ", "It is on.", "It is on."])
        let words = [
            TimedWord(text: "It ", start: 0, end: 250), TimedWord(text: "is ", start: nil, end: nil),
            TimedWord(text: "on.", start: 500, end: nil),
        ]
        // News in between, everything in the end: nothing is said twice as often as there are words.
        #expect(updates.map(\.words) == [[words[0]], [words[1]], [words[2]], words])
    }

    @Test("a last line without a line break counts")
    func unfinishedTimedLine() {
        let updates = Self.updates(Self.transcript(["{\"text\": \"Yes.\"}"], id: "1", final: "true"))
        #expect(updates.map(\.text) == ["Yes."])
    }

    @Test(
        "words that look like JSON and are no timed transcript stay as they are",
        arguments: ["{\"text\":\"a\",\"other\":1}\n", "{brackets}\n", "{\"text\":5}\n", "{", "[1]\n"])
    func notTimed(text: String) {
        #expect(Self.updates(Self.transcript([text], id: "1", final: "true")).map(\.text) == [text])
    }

    @Test("times that no call has are left out", arguments: ["-1", "1e300", "\"soon\"", "null"])
    func hostileTimes(time: String) {
        let line = "{\"text\":\"a\",\"start_time\":\(time)}\n"
        let updates = Self.updates(Self.transcript([line], id: "1", final: "true"))
        #expect(updates.map(\.text) == ["a"] && updates.first?.words == [TimedWord(text: "a", start: nil, end: nil)])
    }

    @Test("a line without an end is plain text at first and passed over later")
    func endlessLine() {
        let endless = "{" + String(repeating: "x", count: TimedTextReader.maximumLineBytes)
        #expect(Self.updates(Self.transcript([endless], id: "1", final: "true")).map(\.text) == [endless])
        let timed = "{\"text\":\"a\"}\n"
        #expect(
            Self.updates(Self.transcript([timed, endless, "\n" + timed], id: "1", final: "true")).map(\.text) == ["aa"])
    }
}
