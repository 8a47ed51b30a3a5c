import Bridge
import ClientProtocol
import TestSupport
import Testing
import Wire

@Suite("The caller's way into the room")
struct UplinkTests {
    @Test("what the caller says while the agent is still joining is kept: nothing lost, nothing doubled")
    func kept() throws {
        let harness = try Harness()
        let said = slope(0..<16_000 * 7)
        // Two seconds before the room is there, three until the agent is, and on in real time.
        harness.stream(Array(said[..<(16_000 * 2)]))
        let room = harness.room
        room.emit(.joined(room: "r", identity: "caller"))
        room.emit(.microphonePublished(track: "TR_mic"))
        harness.stream(Array(said[(16_000 * 2)..<(16_000 * 5)]))
        #expect(room.heard.isEmpty)
        room.bring(agent: "agent-1", state: "initializing")
        harness.stream(Array(said[(16_000 * 5)..<(16_000 * 7)]))
        #expect(room.heard.isEmpty)
        room.state("listening")
        harness.clock.advance(by: .seconds(13))
        let isKept = isWhole(room.heard, 0..<said.count)
        #expect(isKept)
    }

    @Test("a track is never silent on the wire while sound is held back, or no server would announce it")
    func silenceWhileHeld() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        harness.clock.advance(by: .seconds(1))
        #expect((49...51).contains(harness.room.packets.count))
        #expect(harness.room.packets.first?.isStart == true)
    }

    @Test("a burst is played in real time, one frame each 20 ms, and the media clock agrees")
    func paced() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        let before = harness.room.packets.count
        harness.send(ramp(0..<16_000))
        harness.clock.advance(by: .milliseconds(500))
        #expect((25...27).contains(harness.room.packets.count - before))
        harness.clock.advance(by: .milliseconds(600))
        #expect(harness.room.heard == ramp(0..<16_000))
        let packets = harness.room.packets.dropFirst(before)
        for (one, next) in zip(packets, packets.dropFirst()) {
            #expect(next.timestamp == one.timestamp + 960)
            #expect(next.at - one.at <= .milliseconds(25))
        }
    }

    @Test("an Opus packet that no datagram holds reaches the room frame by frame, 120 ms of it")
    func largeOpusPacket() throws {
        let harness = try Harness("encoding=opus")
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        let before = harness.room.packets.count
        // Code 3: six frames of the same size, 20 ms each, at 128 kbit/s.
        let frames = (1...6).map { [UInt8](repeating: UInt8($0), count: 320) }
        harness.send(bytes: [0xFB, 6] + frames.flatMap(\.self))
        harness.clock.advance(by: .milliseconds(200))
        let sent = harness.room.packets[before...].prefix(6)
        #expect(sent.map(\.bytes) == frames.map { [0xF8] + $0 })
        for (packet, next) in zip(sent, sent.dropFirst()) { #expect(next.timestamp == packet.timestamp + 960) }
        #expect(harness.client.events("error").isEmpty)
    }

    @Test("an Opus packet that breaks the rules of its framing is answered with an error")
    func malformedLargeOpusPacket() throws {
        let harness = try Harness("encoding=opus")
        harness.room.welcome()
        harness.send(bytes: [0xFB, 6] + [UInt8](repeating: 1, count: 1921))
        #expect(harness.client.events("error").first?["code"] == "invalid_audio")
    }

    @Test("a frame that comes in real time leaves when it comes, not at the next tick")
    func noAddedDelay() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .milliseconds(3007))
        for start in stride(from: 0, to: 16_000, by: 320) {
            harness.send(ramp(start..<start + 320))
            #expect(harness.room.heard.count == start + 320)
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    @Test("messages of any size, odd ones too, become whole frames", arguments: [1, 3, 641, 639, 10_007])
    func oddSizes(size: Int) throws {
        let harness = try Harness { $0.limits.messageBurst = 100_000 }
        harness.room.welcome()
        let said = ramp(0..<3200)
        let bytes = bytesOf(said)
        for start in stride(from: 0, to: bytes.count, by: size) {
            harness.send(bytes: Array(bytes[start..<min(start + size, bytes.count)]))
        }
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.heard == said)
    }

    @Test("a delay that came of holding sound back is made up for in the pauses, and 800 ms of each stay")
    func delayShrinks() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        let speech = slope(0..<16_000 * 4)
        harness.stream(speech)
        harness.room.bring(agent: "agent-1", state: "listening")
        // Five seconds of a live microphone's silence, then words again.
        harness.stream([Int16](repeating: 3, count: 16_000 * 6))
        let words = slope(100..<8100)
        harness.stream(words)
        harness.clock.advance(by: .milliseconds(200))
        let heard = harness.room.heard
        let spoken = heard.filter { $0 > 10 }
        let first = Array(spoken.prefix { $0 < speech.last! }) + [speech.last!]
        let areKept = isWhole(first, 0..<speech.count) && Array(spoken.suffix(words.count)) == words
        #expect(areKept)
        let kept = heard.filter { $0 == 3 }.count
        #expect(kept >= 12_800 && kept < 16_000 * 4)
        #expect(harness.session.currentStatistics.uplinkSkipped > 0)
    }

    /// Frames of 20 ms as a client sends them, PCM or (what `FakeCoders` take for) Opus.
    private func message(_ samples: [Int16], _ query: String) -> [UInt8] {
        query.isEmpty ? bytesOf(samples) : [0xF8] + bytesOf(samples)
    }

    @Test("silence that came before the caller's first word does not delay it", arguments: ["", "encoding=opus"])
    func leadingSilence(query: String) throws {
        let harness = try Harness(query)
        harness.room.welcome(agent: nil)
        let quiet = message([Int16](repeating: 3, count: 320), query)
        for _ in 0..<25 {
            harness.send(bytes: quiet)
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.room.bring(agent: "agent-1", state: "listening")
        for _ in 0..<2 {
            harness.send(bytes: quiet)
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.session.currentStatistics.uplinkSkipped >= 24 * 960)
        for number in 0..<50 {
            let word = ramp(number * 320..<(number + 1) * 320)
            harness.send(bytes: message(word, query))
            // The last frame of silence may still be ahead of it.
            harness.clock.advance(by: .milliseconds(20))
            #expect(harness.room.heard.last == word.last)
        }
        #expect(harness.room.heard.filter { $0 > 10 } == ramp(0..<16_000))
    }

    @Test(
        "a word that was said while nobody heard is kept whole, with 100 ms before it",
        arguments: ["", "encoding=opus"])
    func beginningIsKept(query: String) throws {
        let harness = try Harness(query)
        harness.room.welcome(agent: nil)
        let quiet = [Int16](repeating: 3, count: 320)
        let frames = [[Int16]](repeating: quiet, count: 50) + (0..<20).map { slope($0 * 320..<($0 + 1) * 320) }
        for frame in frames {
            harness.send(bytes: message(frame, query))
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.room.bring(agent: "agent-1", state: "listening")
        for _ in 0..<40 {
            harness.send(bytes: message(quiet, query))
            harness.clock.advance(by: .milliseconds(20))
        }
        let heard = harness.room.heard.filter { $0 > 0 }
        let silence = heard.prefix { $0 == 3 }.count
        #expect(silence > 3 * 320 && silence <= 5 * 320)
        let isKept = isWhole(heard.filter { $0 >= 600 }, 0..<20 * 320)
        #expect(isKept)
    }

    @Test("messages longer than a frame lose nothing to the shortening of delays")
    func longMessages() throws {
        let harness = try Harness()
        harness.room.welcome()
        let quiet = [Int16](repeating: 3, count: 4096)
        for _ in 0..<10 {
            harness.send(quiet)
            harness.clock.advance(by: .milliseconds(256))
        }
        let words = ramp(0..<4096 * 4)
        for start in stride(from: 0, to: words.count, by: 4096) {
            harness.send(Array(words[start..<start + 4096]))
            harness.clock.advance(by: .milliseconds(256))
        }
        harness.clock.advance(by: .milliseconds(300))
        let isComplete = harness.room.heard.filter { $0 > 10 } == Array(words[..<(words.count / 320 * 320)])
        #expect(isComplete)
        #expect(harness.session.currentStatistics.uplinkSkipped == 0)
    }

    @Test("a recording that came at once keeps its pauses")
    func burstKeepsPauses() throws {
        let harness = try Harness()
        harness.room.welcome()
        let recording = ramp(0..<8000) + [Int16](repeating: 3, count: 32_000) + ramp(0..<8000)
        harness.send(recording)
        harness.clock.advance(by: .seconds(4))
        #expect(harness.room.heard == recording)
    }

    @Test("beyond a minute the oldest gives way, is counted, and the client is told")
    func overflow() throws {
        let harness = try Harness()
        harness.room.welcome(agent: nil)
        for second in 0..<62 { harness.send(ramp(second * 16_000..<(second + 1) * 16_000)) }
        let errors = harness.client.events("error")
        #expect(errors.first?["code"] == "audio_dropped")
        #expect(harness.session.currentStatistics.uplinkDropped == 2 * 48_000)
        harness.room.bring(agent: "agent-1", state: "listening")
        harness.clock.advance(by: .seconds(61))
        #expect(harness.room.heard == ramp(2 * 16_000..<62 * 16_000))
    }

    @Test("after the caller's last frame come two seconds of silence, then nothing")
    func trailingSilence() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(5))
        harness.send(ramp(0..<320))
        let before = harness.room.packets.count
        harness.clock.advance(by: .seconds(10))
        #expect((99...101).contains(harness.room.packets.count - before))
    }

    @Test("end_turn fills up the last frame and goes on with silence at once")
    func endTurn() throws {
        let harness = try Harness { $0.turnRPCMethod = "turn" }
        harness.room.welcome()
        harness.clock.advance(by: .seconds(5))
        harness.send(ramp(0..<400))
        harness.send(text: #"{"type":"end_turn"}"#)
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.room.heard == ramp(0..<400))
        // The sound arrives first.
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.room.calls.map(\.method) == ["turn"])
    }

    @Test("muted, nothing of the caller reaches the room; unmuted, it does again")
    func mute() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        harness.send(ramp(0..<3200))
        harness.send(text: #"{"type":"mute"}"#)
        let heard = harness.room.heard.count
        harness.send(ramp(0..<3200))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.room.isMuted && harness.room.heard.count == heard)
        harness.send(text: #"{"type":"unmute"}"#)
        harness.send(ramp(0..<320))
        #expect(!harness.room.isMuted && harness.room.heard.count == heard + 320)
    }

    @Test("an Opus packet passes as it is, and one that is none is named")
    func opus() throws {
        let harness = try Harness("encoding=opus")
        harness.room.welcome()
        harness.clock.advance(by: .seconds(3))
        let before = harness.room.packets.count
        let sixty: [UInt8] = [0x18, 1, 2, 3]
        harness.send(bytes: sixty)
        harness.send(bytes: [0xF8, 9, 9])
        harness.clock.advance(by: .milliseconds(100))
        let sent = harness.room.packets.dropFirst(before).map(\.bytes)
        #expect(sent.first == sixty && sent.dropFirst().first == [0xF8, 9, 9])
        #expect(harness.room.packets[before].samples == 2880)
        // Code 3 with no frames cannot be.
        harness.send(bytes: [0x03, 0x00])
        #expect(harness.client.events("error").first?["code"] == "invalid_audio")
    }

    @Test("sound waits while the connection to the room is being made again")
    func interruption() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.room.emit(.interrupted)
        let before = harness.room.heard.count
        harness.stream(slope(0..<16_000))
        #expect(harness.room.heard.count == before)
        harness.room.emit(.resumed)
        harness.clock.advance(by: .seconds(2))
        let isKept = isWhole(harness.room.heard, 0..<16_000)
        #expect(isKept)
    }

    @Test("sound does not wait while it arrives although the connection to the room is being made again")
    func soundFlows() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.room.emit(.interrupted)
        harness.room.emit(.soundFlows(true))
        for start in stride(from: 0, to: 16_000, by: 320) {
            harness.send(slope(start..<start + 320))
            #expect(harness.room.heard.count == start + 320)
            harness.clock.advance(by: .milliseconds(20))
        }
        harness.room.emit(.soundFlows(false))
        harness.stream(slope(16_000..<17_600))
        #expect(harness.room.heard.count == 16_000)
        harness.room.emit(.resumed)
        #expect(harness.room.heard.count > 16_000)
    }

    @Test("after a new session in the room sound waits until the agent has subscribed to the new track")
    func newSession() throws {
        let harness = try Harness()
        harness.room.welcome()
        harness.clock.advance(by: .seconds(1))
        harness.room.emit(.interrupted)
        harness.stream(slope(0..<8000))
        harness.room.emit(.microphonePublished(track: "TR_mic2"))
        harness.room.emit(.resumed)
        harness.stream(slope(8000..<16_000))
        #expect(harness.room.heard.isEmpty)
        harness.room.emit(.microphoneSubscribed)
        harness.clock.advance(by: .seconds(2))
        let isKept = isWhole(harness.room.heard, 0..<16_000)
        #expect(isKept)
    }

    @Test("the encoder runs at the client's rate where Opus knows it, else at the next higher one")
    func rates() throws {
        for (rate, expected) in [(8000, 8000), (11025, 12000), (24000, 24000), (32000, 48000), (44100, 48000)] {
            #expect(AudioFormat(encoding: .pcmS16LE, sampleRate: rate).nearestOpusSampleRate == expected)
        }
        let coders = FakeCoders()
        let harness = try Harness(coders: coders)
        harness.send(text: #"{"type":"config","data":{"sample_rate":24000}}"#)
        harness.room.welcome()
        harness.send(ramp(0..<480))
        harness.clock.advance(by: .milliseconds(40))
        #expect(coders.encoderRates == [24_000])
        #expect(harness.room.heard == ramp(0..<480))
    }

    @Test(
        "a tone arrives as that tone, through the real codec, from every format",
        arguments: [
            ("sample_rate=16000", 16_000), ("sample_rate=44100", 44_100), ("sample_rate=44100&channels=2", 44_100),
            ("sample_rate=11025", 11_025), ("encoding=mulaw&sample_rate=8000", 8000),
            ("encoding=alaw&sample_rate=8000&channels=2", 8000), ("encoding=pcm_f32le&sample_rate=48000", 48_000),
        ])
    func tones(query: String, rate: Int) throws {
        let coders = LibraryCoders()
        let harness = try Harness(query, coders: coders)
        harness.room.welcome()
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        var tone = ToneSource(frequency: 600, sampleRate: rate)
        let samples = tone.next(rate)
        var bytes: [UInt8] = []
        SampleEncoder.append(
            samples.span, as: parameters.input.encoding, channels: parameters.input.channels, to: &bytes)
        for start in stride(from: 0, to: bytes.count, by: 1001) {
            harness.send(bytes: Array(bytes[start..<min(start + 1001, bytes.count)]))
        }
        harness.clock.advance(by: .seconds(2))
        let decoder = try coders.makeDecoder(sampleRate: 16_000)
        var heard: [Int16] = []
        var scratch = [Int16](repeating: 0, count: 1920)
        for packet in harness.room.packets where packet.bytes.count > 2 {
            var room = scratch.mutableSpan
            let count = decoder.decode(packet.bytes.span.bytes, into: &room) ?? 0
            heard += scratch[..<count]
        }
        // The middle of the tone, away from its edges.
        let loud = heard.drop { abs($0) < 3000 }.dropFirst(3200).prefix(8000)
        try #require(loud.count == 8000)
        #expect(ToneDetector(sampleRate: 16_000).purity(of: 600, in: loud) > 0.9)
    }
}
