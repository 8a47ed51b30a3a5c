import Bridge
import ClientProtocol
import PeerConnection
import Testing
import Wire

@Suite("A session of the conversation protocol")
struct ConversationTests {
    private func conversation(
        _ query: String = "", configure: (inout BridgeConfiguration) -> Void = { _ in }
    ) throws -> Harness {
        let harness = try Harness(query, dialect: ConversationDialect.self, configure: configure)
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "TR_0", participant: "agent-1"))
        return harness
    }

    private func wav(_ samples: [Int16], sampleRate: Int = 16_000) -> String {
        let bytes = bytesOf(samples)
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: sampleRate)
        let header = WAVHeader.bytes(for: format, dataByteCount: bytes.count) ?? []
        return #"{"type":"audio","data":"\#(Base64.encode(header + bytes))","format":"wav"}"#
    }

    private func pieces(_ client: FakeClient) -> [[Int16]] {
        client.events("audio").compactMap { message in
            (message["data"]?.string).flatMap { Base64.decode($0) }.flatMap { try? WAVFile(parsing: $0) }?
                .monoSamples()
        }
    }

    private func types(_ client: FakeClient) -> [String] {
        client.texts.compactMap { (try? JSONValue(parsing: $0))?["type"]?.string }
    }

    /// Lets the agent speak for so many frames of 20 ms at 24 kHz.
    private func speak(_ frames: Int, in harness: Harness) {
        harness.room.state("speaking")
        for frame in 0..<frames {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_0")
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.room.state("listening")
        harness.clock.advance(by: .seconds(1))
    }

    @Test("an utterance that comes as a whole is played in real time, then comes silence")
    func utterance() throws {
        let harness = try conversation()
        harness.send(text: wav(ramp(0..<16_000)))
        harness.send(text: #"{"type":"end_turn"}"#)
        #expect(
            harness.client.texts == [
                #"{"type":"ready","message":"Connected. Send audio chunks, then 'end_turn' to process."}"#,
                #"{"type":"buffering","chunks":32,"bytes":32044}"#,
                #"{"type":"processing","message":"Transcribing..."}"#,
            ])
        let start = harness.clock.now
        harness.clock.advance(by: .milliseconds(500))
        #expect((24...27).contains(harness.room.packets.count { $0.at >= start }))
        harness.clock.advance(by: .seconds(4))
        #expect(harness.room.heard == ramp(0..<16_000))
        let silent = harness.room.packets.suffix(100)
        #expect(silent.allSatisfy { $0.bytes.dropFirst().allSatisfy { $0 == 0 } })
    }

    @Test("a second utterance that comes while the first is played is told from it by a pause")
    func twoUtterances() throws {
        let harness = try conversation()
        for start in [0, 8000] {
            harness.send(text: wav(ramp(start..<start + 8000)))
            harness.send(text: #"{"type":"end_turn"}"#)
        }
        harness.clock.advance(by: .seconds(5))
        #expect(harness.room.heard == ramp(0..<16_000))
        let said = harness.room.packets.map { packet in packet.bytes.dropFirst().contains { $0 != 0 } }
        let first = try #require(said.firstIndex(of: true))
        let pause = try #require(said[first...].firstIndex(of: false))
        let second = try #require(said[pause...].firstIndex(of: true))
        #expect(pause - first == 25 && second - pause == 50)
    }

    @Test("what was recorded with Opus reaches the room as it is, behind what came before it")
    func packets() throws {
        let harness = try conversation()
        harness.send(text: wav(ramp(0..<1600)))
        let packet: [UInt8] = [0xF8, 1, 2, 3]
        harness.send(text: ogg([packet]))
        harness.clock.advance(by: .milliseconds(400))
        let index = try #require(harness.room.packets.firstIndex { $0.bytes == packet })
        let before = harness.room.packets[..<index].filter { $0.bytes.dropFirst().contains { $0 != 0 } }
        #expect(before.count == 5)
    }

    @Test("a reply comes in files: a short one, longer ones, nothing lost, no silence; then the next turn is due")
    func reply() throws {
        let harness = try conversation()
        speak(100, in: harness)
        let files = pieces(harness.client)
        #expect((3360...4800).contains(files.first?.count ?? 0))
        #expect(files.count < 25 && files.allSatisfy { $0.count <= 24_480 })
        let isWhole = files.flatMap { $0 } == ramp(0..<48_000)
        #expect(isWhole)
        // Nobody knows yet that this agent sends no words.
        harness.clock.advance(by: TurnTracker.wordsGrace)
        #expect(harness.client.texts.last == #"{"type":"ready","message":"Ready for next turn"}"#)
        #expect(types(harness.client).count { $0 == "ready" } == 2)
        let silence = [Int16](repeating: 0, count: 480)
        let count = harness.client.texts.count
        for _ in 0..<100 {
            harness.sound(silence, track: "TR_0")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.texts.count == count)
    }

    @Test("a piece is sent when it is due though no tick falls there")
    func pieceInTime() throws {
        let harness = try conversation()
        harness.room.state("speaking")
        for frame in 0..<5 {
            harness.sound(ramp(frame * 480..<(frame + 1) * 480), track: "TR_0")
            harness.clock.advance(by: .milliseconds(20))
        }
        // The track stops: what there is goes 200 ms after it began, not when more comes.
        harness.clock.advance(by: .milliseconds(99))
        #expect(pieces(harness.client).isEmpty)
        harness.clock.advance(by: .milliseconds(1))
        #expect(pieces(harness.client).count == 1)
        harness.clock.advance(by: .seconds(1))
        let isWhole = pieces(harness.client).flatMap { $0 } == ramp(0..<2400)
        #expect(isWhole)
    }

    @Test("the client's first binary frame changes the framing, and what waited still comes as a file")
    func binary() throws {
        let harness = try conversation()
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.send(ramp(0..<320))
        harness.sound(ramp(480..<960), track: "TR_0")
        #expect(pieces(harness.client) == [ramp(0..<480)])
        #expect(harness.client.samples == ramp(480..<960))
    }

    @Test("a config message changes framing and rate in the middle of a reply without losing any of it")
    func configuredFraming() throws {
        let harness = try conversation()
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.send(text: #"{"type":"config","data":{"output_framing":"json","output_sample_rate":16000}}"#)
        harness.sound(ramp(0..<320), track: "TR_0")
        let sounds = harness.client.events("audio").compactMap { ($0["data"]?.string).flatMap { Base64.decode($0) } }
        try #require(sounds.count == 2)
        #expect(try WAVFile(parsing: sounds[0]).monoSamples() == ramp(0..<480))
        #expect(samplesOf(sounds[1]) == ramp(0..<320))
    }

    @Test("an interruption throws away what was not sent")
    func interruption() throws {
        let harness = try conversation()
        harness.room.state("speaking")
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.clock.advance(by: .milliseconds(20))
        harness.stream([Int16](repeating: 9000, count: 1600))
        harness.room.state("listening")
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.discards == 1)
        #expect(!types(harness.client).contains("interrupted"))
    }

    @Test("the agent's method for the end of a turn is called when the turn has been played")
    func endOfTurnMethod() throws {
        let harness = try conversation { $0.turnRPCMethod = "end_turn" }
        harness.send(text: wav(ramp(0..<16_000)))
        harness.send(text: #"{"type":"end_turn"}"#)
        harness.clock.advance(by: .milliseconds(900))
        #expect(harness.room.calls.isEmpty)
        harness.clock.advance(by: .milliseconds(400))
        #expect(harness.room.calls.map(\.method) == ["end_turn"])
        #expect(harness.room.calls.map(\.identity) == ["agent-1"])
    }

    @Test("what cannot be read, comes too fast or is too large is answered, and the connection stays")
    func errors() throws {
        let harness = try conversation { $0.limits.messageBurst = 10 }
        harness.send(text: "{")
        harness.session.skipped(messageOf: 20_000_000)
        for _ in 0..<50 { harness.send(text: #"{"type":"nothing"}"#) }
        let messages = harness.client.events("error").compactMap { $0["message"]?.string }
        #expect(messages.count == 3)
        #expect(messages[1] == "The message has 20000000 bytes. At most 16777216 are accepted.")
        #expect(messages[2].hasPrefix("more than 500 messages a second"))
        harness.clock.advance(by: .seconds(1))
        harness.send(text: #"{"type":"config","data":{}}"#)
        #expect(harness.client.events("configured").count == 1 && harness.client.closure == nil)
        harness.send(text: #"{"type":"config","data":{"encoding":"mp3"}}"#)
        #expect(harness.client.closure?.code == 4400)
    }

    @Test("without a room the service is unavailable, in the words that old clients know")
    func unavailable() throws {
        let harness = try Harness(dialect: ConversationDialect.self)
        harness.room.emit(.failed(Failure("it is away", blame: .operator, isRetryable: true)))
        #expect(harness.client.closure?.code == 1011)
        #expect(harness.client.closure?.reason == "Service unavailable")
        #expect(harness.client.events("error").first?["message"]?.string?.contains("it is away") == true)
        #expect(types(harness.client) == ["ready", "error"])
    }

    @Test("a config message within 300 ms goes into the dispatch, with what agents want to know")
    func briefing() throws {
        let harness = try Harness("metadata=%7B%22stt%22%3A%22deepgram%22%7D", dialect: ConversationDialect.self)
        harness.clock.advance(by: .milliseconds(290))
        #expect(harness.connector.rooms.isEmpty)
        harness.send(text: #"{"type":"config","data":{"instructions":"Be kind","language":"de"}}"#)
        harness.send(text: #"{"type":"config","data":{"instructions":"Be brief"}}"#)
        harness.clock.advance(by: .milliseconds(10))
        #expect(
            harness.dispatcher.created.first?.metadata
                == #"{"stt":"deepgram","language":"de","instructions":"Be kind","prompt":"Be kind"}"#)
        harness.room.welcome()
        #expect(harness.room.attributes["instructions"] == "Be brief")
        let sent = try #require(harness.room.data.first)
        #expect(String(decoding: sent.payload, as: UTF8.self) == #"{"type":"config","instructions":"Be brief"}"#)
    }

    @Test("an agent that somebody else dispatched gets the instructions when it hears")
    func briefingOfOthers() throws {
        let harness = try Harness("room=lobby", dialect: ConversationDialect.self)
        harness.dispatcher.existing["lobby"] = ["clerk"]
        harness.send(text: #"{"type":"config","data":{"instructions":"Be kind"}}"#)
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .milliseconds(10))
        #expect(harness.dispatcher.created.isEmpty)
        #expect(harness.room.attributes["instructions"] == "Be kind" && harness.room.data.isEmpty)
        harness.room.bring(agent: "agent-1", state: "listening")
        #expect(harness.room.data.count == 1)
    }

    @Test("streams and data messages of one agent make one transcript and one text")
    func noDuplicates() throws {
        let harness = try conversation()
        func spoken(_ text: String, by who: String) {
            harness.room.emit(.spoken(SpokenText(participant: who, segmentID: text, text: text, isFinal: true)))
        }
        func packet(_ json: String) {
            harness.room.emit(.data(ApplicationData(topic: "", sender: "agent-1", payload: Array(json.utf8))))
        }
        packet(#"{"type":"transcript.user","text":"hi","is_final":true}"#)
        spoken("hi", by: harness.room.request.identity)
        harness.room.state("thinking")
        spoken("hello", by: "agent-1")
        speak(10, in: harness)
        packet(#"{"type":"transcript.assistant","text":"hello"}"#)
        harness.clock.advance(by: .seconds(3))
        #expect(harness.client.events("transcript").map { $0["content"] } == ["hi"])
        #expect(harness.client.events("text").map { $0["content"] } == ["hello"])
        #expect(
            types(harness.client).filter { !$0.contains(".") && $0 != "audio" }
                == ["ready", "transcript", "text", "ready"])
    }

    @Test("the vocabulary follows events, on either path and in either direction")
    func vocabulary() throws {
        let device = try Harness("events=legacy")
        device.room.welcome()
        #expect(types(device.client) == ["ready"])
        device.send(text: #"{"type":"config","data":{"events":"extended"}}"#)
        #expect(device.client.events("session").count == 1)

        let old = try conversation("events=extended")
        #expect(old.client.events("session").count == 1 && old.client.events("agent_joined").count == 1)

        let other = try Harness()
        other.send(text: #"{"type":"config","data":{"events":"legacy"}}"#)
        #expect(other.client.events("configured").first?["instructions"] == "...")
    }

    @Test("an old client that is lost has no token to come back with, so its participant leaves")
    func lost() throws {
        let harness = try Harness(dialect: ConversationDialect.self, resumeToken: "t") {
            $0.limits.resumeGrace = .seconds(30)
        }
        harness.room.welcome()
        harness.session.clientLost()
        #expect(!harness.session.isClientAbsent && harness.room.leftAt != nil)
    }

    /// A stream of one page for each header and for the packets.
    private func ogg(_ packets: [[UInt8]]) -> String {
        let head: [UInt8] = Array("OpusHead".utf8) + [1, 1, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0]
        let tags: [UInt8] = Array("OpusTags".utf8) + [0, 0, 0, 0, 0, 0, 0, 0]
        let stream = page([head], number: 0, flags: 2) + page([tags], number: 1) + page(packets, number: 2)
        return #"{"type":"audio","data":"\#(Base64.encode(stream))"}"#
    }

    private func page(_ packets: [[UInt8]], number: UInt8, flags: UInt8 = 0) -> [UInt8] {
        var bytes: [UInt8] = Array("OggS".utf8) + [0, flags] + [UInt8](repeating: 0, count: 8)
        bytes += [1, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0, UInt8(packets.count)]
        bytes += packets.map { UInt8($0.count) }
        bytes += packets.joined()
        var sum: UInt32 = 0
        for byte in bytes {
            sum ^= UInt32(byte) << 24
            for _ in 0..<8 { sum = sum & 0x8000_0000 == 0 ? sum << 1 : sum << 1 ^ 0x04C1_1DB7 }
        }
        for place in 0..<4 { bytes[22 + place] = UInt8(truncatingIfNeeded: sum >> (8 * place)) }
        return bytes
    }
}
