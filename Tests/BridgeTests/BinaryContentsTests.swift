import Bridge
import ClientProtocol
import Testing
import Wire

@Suite("Binary messages that are not what was announced")
struct BinaryContentsTests {
    private func file(_ samples: [Int16], rate: Int, isOpen: Bool = false) throws -> [UInt8] {
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: rate)
        let header = try #require(WAVHeader.bytes(for: format, dataByteCount: isOpen ? 0 : 2 * samples.count))
        return header + bytesOf(samples)
    }

    private func listening(_ query: String = "") throws -> Harness {
        let harness = try Harness(query)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        return harness
    }

    @Test("a WAV file at another rate is heard as it was recorded, without a click from its header")
    func wholeFile() throws {
        let harness = try listening("sample_rate=24000")
        harness.send(bytes: try file(ramp(0..<4800), rate: 24_000))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<4800))
        #expect(harness.client.events("error").isEmpty)
    }

    @Test("a recorder that writes a WAV file to the socket is heard at the file's rate, until the turn ends")
    func openFile() throws {
        let harness = try listening()
        let bytes = try file(ramp(0..<3200), rate: 8000, isOpen: true)
        for start in stride(from: 0, to: bytes.count, by: 320) {
            harness.send(bytes: Array(bytes[start..<min(start + 320, bytes.count)]))
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.send(text: #"{"type":"config","data":{"output_sample_rate":16000}}"#)
        harness.send(text: #"{"type":"end_turn"}"#)
        harness.clock.advance(by: .seconds(2))
        #expect(harness.room.heard == ramp(0..<3200))
        harness.stream(ramp(0..<3200))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<3200) + ramp(0..<3200))
        #expect(harness.client.events("error").isEmpty)
    }

    @Test("what cannot be played is one error, and nothing of it is heard")
    func refused() throws {
        let harness = try listening()
        let movie: [UInt8] = [0, 0, 0, 0x1C] + Array("ftypiso5".utf8) + [UInt8](repeating: 0x41, count: 3000)
        for _ in 0..<5 {
            harness.send(bytes: movie)
            harness.clock.advance(by: .seconds(2))
        }
        let errors = harness.client.events("error")
        #expect(errors.count == 1 && errors.first?["code"] == "invalid_audio")
        #expect(errors.first?["message"]?.string?.contains("MP4") == true)
        #expect(harness.room.heard.isEmpty)
    }

    @Test("JSON in a binary message is the message that it is")
    func json() throws {
        let harness = try listening()
        harness.send(bytes: Array("{\"type\":\"ping\",\"id\":7}\0".utf8))
        #expect(harness.client.events("pong").first?["id"] == 7)
        harness.send(ramp(0..<320))
        harness.send(bytes: Array(#"{"type":"text","data":"hello"}"#.utf8))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.chats == ["hello"] && harness.room.heard == ramp(0..<320))
    }

    @Test("an old frontend's binary recording is a turn, and one that is refused is none")
    func oldFrontend() throws {
        let harness = try Harness(dialect: ConversationDialect.self)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.send(bytes: try file(ramp(0..<1600), rate: 16_000))
        harness.send(text: #"{"type":"end_turn"}"#)
        #expect(harness.client.events("processing").map { $0["message"] } == ["Transcribing..."])
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<1600))
        harness.send(bytes: Array("fLaC".utf8) + [0, 0, 0, 34] + [UInt8](repeating: 1, count: 400))
        harness.send(text: #"{"type":"end_turn"}"#)
        #expect(harness.client.events("error").count == 2)
        harness.send(ramp(0..<320))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<1600) + ramp(0..<320))
    }

    @Test("an utterance that comes in pieces is heard, and one that is given up is not")
    func pieces() throws {
        let harness = try Harness(dialect: ConversationDialect.self)
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        let text = Array(
            "{\"type\":\"audio\",\"data\":\"\(Base64.encode(try file(ramp(0..<1600), rate: 16_000)))\"}".utf8)
        func send(_ range: Range<Int>, isLast: Bool) {
            harness.session.receive(textPiece: Array(text[range]).span.bytes, isLast: isLast, expected: text.count)
        }
        send(0..<1000, isLast: false)
        harness.session.skipped(messageOf: 20_000_000)
        #expect(harness.client.events("error").count == 1)
        send(0..<1000, isLast: false)
        send(1000..<text.count, isLast: true)
        #expect(harness.client.events("buffering").map { $0["bytes"] } == [3244])
        harness.send(text: #"{"type":"end_turn"}"#)
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == ramp(0..<1600))
        #expect(harness.client.events("error").count == 1)
    }
}
