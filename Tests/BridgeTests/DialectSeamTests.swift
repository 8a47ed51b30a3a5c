import ClientProtocol
import Testing
import Wire

@testable import Bridge

/// A dialect that the gateway does not know: each message of sound has a header of four bytes, `s` and a number; the
/// header `f` comes with other sound, and from there on the sound is µ-law.
private struct HeaderDialect: ClientDialect {
    static let descriptor: DialectDescriptor = {
        var descriptor = DialectDescriptor(
            name: "header", paths: ["/header"], defaults: SessionParameters(events: .legacy),
            documentation: .init(clients: "this test", sound: "headers", credential: "none"))
        descriptor.configurationWait = .seconds(2)
        return descriptor
    }()

    private var parameters: SessionParameters
    private var sent: UInt8 = 0
    init(_ parameters: SessionParameters, limits: RecordingLimits) { self.parameters = parameters }

    mutating func decode(text: [UInt8]) -> [DialectOutput] {
        [.event(text.first == UInt8(ascii: "!") ? .hangUp : .playedOut)]
    }

    mutating func decode(binary message: Span<UInt8>) -> BinaryMessage {
        guard message.count >= 4 else { return BinaryMessage(sound: 0..<0) }
        let change = DialectOutput.event(.configure(["encoding": "mulaw", "sample_rate": 8000]))
        return BinaryMessage(
            sound: 4..<message.count, outputs: message[0] == UInt8(ascii: "f") ? [change] : [])
    }

    mutating func adopt(_ parameters: SessionParameters) { self.parameters = parameters }
    mutating func encode(_ event: ServerEvent) -> [ClientFrame] { [] }
    var delivery: SoundDelivery {
        SoundDelivery(format: parameters.output, cutting: .frames(milliseconds: 20), wrapping: .binary)
    }

    mutating func encode(sound: Span<UInt8>, as delivery: SoundDelivery, into message: inout [UInt8]) {
        sent += 1
        message += [UInt8(ascii: "s"), 0, 0, sent]
        for index in sound.indices { message.append(sound[index]) }
    }
}

@Suite("What a dialect may do")
struct DialectSeamTests {
    @Test("a header in front of the sound is no sound, and may change the input format")
    func headersFromTheClient() throws {
        let harness = try Harness(dialect: HeaderDialect.self)
        harness.send(bytes: [UInt8(ascii: "s"), 0, 0, 1] + bytesOf([Int16](repeating: 1000, count: 320)))
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.room.heard == [Int16](repeating: 1000, count: 320))
        #expect(harness.session.currentStatistics.clientAudioBytes == 640)
        harness.send(bytes: [UInt8(ascii: "f"), 0, 0, 2] + [UInt8](repeating: 0x10, count: 160))
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.room.heard.suffix(160) == ArraySlice(repeating: G711.decodeMulaw(0x10), count: 160))
        #expect(harness.session.currentStatistics.clientAudioBytes == 800)
        harness.send(bytes: [1, 2])
        #expect(harness.session.currentStatistics.clientAudioBytes == 800)
    }

    @Test("the agent's sound gets a header of the dialect's own")
    func headersToTheClient() throws {
        let harness = try Harness(dialect: HeaderDialect.self)
        harness.send(bytes: [UInt8(ascii: "s"), 0, 0, 1, 0, 0])
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "T", participant: "agent-1"))
        for _ in 0..<3 {
            harness.sound([Int16](repeating: 5000, count: 480), track: "T")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.audio.count >= 2 && harness.client.texts.isEmpty)
        for (index, message) in harness.client.audio.enumerated() {
            #expect(message.count == 964 && Array(message[..<4]) == [UInt8(ascii: "s"), 0, 0, UInt8(index + 1)])
        }
    }

    @Test("the room waits as long for the client's parameters as the dialect says")
    func waiting() throws {
        let harness = try Harness(dialect: HeaderDialect.self)
        harness.clock.advance(by: .milliseconds(1900))
        #expect(harness.connector.rooms.isEmpty)
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.connector.rooms.count == 1)
    }

    @Test("a client that says goodbye is closed with 1000, and what it has heard is counted")
    func goodbye() throws {
        let harness = try Harness(dialect: HeaderDialect.self)
        harness.send(text: "heard")
        harness.send(text: "!")
        #expect(harness.client.closure?.code == 1000)
        #expect(harness.ended?.repliesPlayedOut == 1)
    }

    @Test(
        "a reply that comes all at once goes to a device no faster than it can keep it, and ends behind its last packet"
    )
    func stalledReply() throws {
        let harness = try Harness(dialect: XiaozhiDialect.self)
        harness.send(text: #"{"type":"hello"}"#)
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "T", participant: "agent-1"))
        harness.room.state("speaking")
        // Four seconds.
        for _ in 0..<200 { harness.sound([Int16](repeating: 5000, count: 480), track: "T") }
        harness.room.state("listening")
        let atOnce = harness.client.audio.count
        #expect(atOnce == 20, "1.2 s in packets of 60 ms")
        var audioAtEnd: Int?
        for _ in 0..<400 where audioAtEnd == nil {
            harness.clock.advance(by: .milliseconds(20))
            if harness.client.events("tts").last?["state"] == "stop" { audioAtEnd = harness.client.audio.count }
        }
        #expect(harness.client.events("tts").map { $0["state"]?.string } == ["start", "stop"])
        #expect(audioAtEnd == 67 && harness.client.audio.count == 67)
        for packet in harness.client.audio { #expect(OpusFrames(bytes: packet)?.sampleCount == 60 * 48) }
    }

    @Test("a device that interrupts gets nothing of what was held back for it")
    func interruptedDevice() throws {
        let harness = try Harness(dialect: XiaozhiDialect.self)
        harness.send(text: #"{"type":"hello"}"#)
        harness.room.welcome()
        harness.room.emit(.trackSubscribed(track: "T", participant: "agent-1"))
        harness.room.state("speaking")
        for _ in 0..<200 { harness.sound([Int16](repeating: 5000, count: 480), track: "T") }
        harness.send(text: #"{"type":"abort"}"#)
        #expect(harness.client.events("tts").last?["state"] == "stop")
        let sent = harness.client.audio.count
        harness.clock.advance(by: .seconds(2))
        #expect(harness.client.audio.count == sent)
    }

    @Test("a client hears that the caller speaks, and the agent what of its reply was heard")
    func speechAndWhatWasHeard() throws {
        let harness = try Harness(dialect: OpenAIRealtimeDialect.self)
        harness.room.welcome()
        // 40 ms.
        let loud = Base64.encode(bytesOf((0..<960).map { ($0 / 12) % 2 == 0 ? 8000 : -8000 }))
        for _ in 0..<10 {
            harness.send(text: #"{"type":"input_audio_buffer.append","audio":"\#(loud)"}"#)
            harness.clock.advance(by: .milliseconds(40))
        }
        harness.clock.advance(by: .seconds(1))
        #expect(harness.client.events("input_audio_buffer.speech_started").count == 1)
        let stopped = try #require(harness.client.events("input_audio_buffer.speech_stopped").first?["audio_end_ms"])
        #expect((300...400).contains(stopped.integer ?? 0))
        harness.room.emit(.trackSubscribed(track: "T", participant: "agent-1"))
        harness.room.state("speaking")
        for _ in 0..<20 {
            harness.sound([Int16](repeating: 5000, count: 480), track: "T")
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.texts.contains { $0.contains("response.output_audio.delta") })
        let item = try #require(harness.client.events("response.output_item.added").first?["item"]?["id"]?.string)
        harness.send(
            text: #"{"type":"conversation.item.truncate","item_id":"\#(item)","content_index":0,"audio_end_ms":200}"#)
        #expect(harness.room.attributes["voicegateway.heard"] == #"{"audio_end_ms":200,"text":""}"#)
        #expect(harness.room.calls.contains { $0.identity == "agent-1" && $0.method == "voicegateway.heard" })
        // The rest of it is not wanted.
        #expect(harness.room.data.last?.topic == "interrupt")
        #expect(harness.client.events("response.done").last?["response"]?["status"] == "cancelled")
    }
}
