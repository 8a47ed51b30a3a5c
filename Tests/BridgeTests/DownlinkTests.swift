import Bridge
import ClientProtocol
import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("The room's way to the client")
struct DownlinkTests {
    private func listening(_ query: String = "", tracks: Int = 1, coders: any AudioCoderFactory = FakeCoders()) throws
        -> Harness
    {
        let harness = try Harness(query, coders: coders)
        harness.room.welcome()
        for track in 0..<tracks {
            harness.room.emit(.trackSubscribed(track: "TR_\(track)", participant: track == 0 ? "agent-1" : "p\(track)"))
        }
        return harness
    }

    @Test("a single voice leaves at once, in frames of 20 ms")
    func singleVoice() throws {
        let harness = try listening()
        for start in stride(from: 0, to: 4800, by: 480) {
            harness.sound(ramp(start..<start + 480), track: "TR_0")
            #expect(harness.client.samples.count == start + 480)
        }
        #expect(harness.client.audio.allSatisfy { $0.count == 960 })
        #expect(harness.client.samples == ramp(0..<4800))
    }

    @Test("frames have the length that the client asked for", arguments: [10, 20, 40, 60, 100])
    func frameLength(milliseconds: Int) throws {
        let harness = try listening("frame_ms=\(milliseconds)")
        for start in stride(from: 0, to: 4800, by: 480) { harness.sound(ramp(start..<start + 480), track: "TR_0") }
        harness.clock.advance(by: .milliseconds(200))
        #expect(harness.client.audio.allSatisfy { $0.count == 48 * milliseconds })
        #expect(Array(harness.client.samples[..<4800]) == ramp(0..<4800))
        #expect(harness.client.samples[4800...].allSatisfy { $0 == 0 })
    }

    @Test("silence stops after a moment and sound starts at once")
    func silence() throws {
        let harness = try listening()
        let silent = [Int16](repeating: 0, count: 480)
        for _ in 0..<50 { harness.sound(silent, track: "TR_0") }
        #expect(harness.client.audio.isEmpty)
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio.count == 1)
        for _ in 0..<100 { harness.sound(silent, track: "TR_0") }
        #expect(harness.client.audio.count == 21)
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio.count == 22)
    }

    @Test("the noise that stands for silence in DTX is not sound, something faint that lasts is")
    func comfortNoise() throws {
        let harness = try listening()
        let faint = [Int16](repeating: 60, count: 480)
        for _ in 0..<10 {
            harness.hear(.silence(samples: 19_200), track: "TR_0")
            harness.sound(faint, track: "TR_0")
            harness.sound(faint, track: "TR_0")
            harness.clock.advance(by: .milliseconds(400))
        }
        #expect(harness.client.audio.isEmpty)
        for _ in 0..<10 { harness.sound(faint, track: "TR_0") }
        #expect(!harness.client.audio.isEmpty)
    }

    @Test("an unfinished frame does not wait for ever")
    func flush() throws {
        let harness = try listening("frame_ms=100")
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio.isEmpty)
        harness.clock.advance(by: .milliseconds(100))
        #expect(harness.client.samples == ramp(0..<480) + [Int16](repeating: 0, count: 1920))
    }

    @Test("lost packets are recovered or concealed, in their place")
    func loss() throws {
        let harness = try listening()
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.hear(.lost(samples: 960, recovery: nil), track: "TR_0")
        let next: [UInt8] = [0xF8] + bytesOf(ramp(0..<480))
        harness.hear(.lost(samples: 960, recovery: next.span.bytes), track: "TR_0")
        harness.sound(ramp(0..<480), track: "TR_0")
        let heard = harness.client.samples
        #expect(heard.count == 4 * 480)
        #expect(heard[480] == 9000 && heard[960] == 7000 && heard[1440] == 600)
        let numbers = harness.session.currentStatistics
        #expect(numbers.downlinkConcealed == 960 && numbers.downlinkRecovered == 960)
    }

    @Test("two voices are mixed, each with all of its sound")
    func mixing() throws {
        let harness = try listening(tracks: 2)
        for _ in 0..<50 {
            harness.sound([Int16](repeating: 1000, count: 480), track: "TR_0")
            harness.sound([Int16](repeating: 300, count: 480), track: "TR_1")
            harness.clock.advance(by: .milliseconds(20))
        }
        let heard = harness.client.samples
        #expect(heard.filter { $0 == 1300 }.count >= 46 * 480)
        // What one voice said before the other came in is not lost either.
        #expect(heard.allSatisfy { $0 == 1300 || $0 == 1000 || $0 == 300 || $0 == 0 })
        #expect((48 * 480...51 * 480).contains(heard.count))
    }

    @Test("a loud mix clips instead of wrapping around")
    func clipping() throws {
        let harness = try listening(tracks: 3)
        for _ in 0..<20 {
            for track in 0..<3 { harness.sound([Int16](repeating: 20_000, count: 480), track: "TR_\(track)") }
            harness.clock.advance(by: .milliseconds(20))
        }
        #expect(harness.client.samples.max() == 32_767)
        #expect(harness.client.samples.allSatisfy { $0 >= 0 })
    }

    @Test("a voice that joins a silent one is not delayed by mixing")
    func silentSecondTrack() throws {
        let harness = try listening(tracks: 2)
        for count in 1...20 {
            harness.sound([Int16](repeating: 0, count: 480), track: "TR_1")
            harness.sound(ramp(0..<480), track: "TR_0")
            #expect(harness.client.audio.count == count)
            harness.clock.advance(by: .milliseconds(20))
        }
    }

    private func encoded(_ frame: [Int16], by encoder: any SpeechEncoder) -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: 1500)
        var room = packet.mutableSpan
        let length = encoder.encode(frame.span, into: &room) ?? 0
        return Array(packet[..<length])
    }

    @Test("two tones through the real codec are both in the mix")
    func tones() throws {
        let coders = LibraryCoders()
        let harness = try listening("output_sample_rate=16000", tracks: 2, coders: coders)
        let first = try coders.makeEncoder(sampleRate: 16_000, for: .room(.wide))
        let second = try coders.makeEncoder(sampleRate: 16_000, for: .room(.wide))
        var low = ToneSource(frequency: 950, sampleRate: 16_000, amplitude: 8000)
        var high = ToneSource(frequency: 1250, sampleRate: 16_000, amplitude: 8000)
        for _ in 0..<100 {
            let one = low.next(320)
            let other = high.next(320)
            harness.packet(encoded(one, by: first), track: "TR_0")
            harness.packet(encoded(other, by: second), track: "TR_1")
            harness.clock.advance(by: .milliseconds(20))
        }
        // Before the encoder takes a steady tone for background noise, after a second or so.
        let heard = harness.client.samples.dropFirst(3200).prefix(12_800)
        try #require(heard.count == 12_800)
        let detector = ToneDetector(sampleRate: 16_000)
        #expect(detector.amplitude(of: 950, in: heard) > 5000)
        #expect(detector.amplitude(of: 1250, in: heard) > 5000)
        #expect(detector.amplitude(of: 2000, in: heard) < 500)
    }

    @Test("rates that Opus does not know are made from the next higher one", arguments: [11_025, 22_050, 44_100])
    func resampled(rate: Int) throws {
        let coders = LibraryCoders()
        let harness = try listening("output_sample_rate=\(rate)", coders: coders)
        let encoder = try coders.makeEncoder(sampleRate: 24_000, for: .room(.wide))
        var tone = ToneSource(frequency: 700, sampleRate: 24_000)
        for _ in 0..<100 {
            let frame = tone.next(480)
            harness.packet(encoded(frame, by: encoder), track: "TR_0")
        }
        let heard = harness.client.samples
        #expect(abs(heard.count - 2 * rate) < rate / 20)
        let middle = heard.dropFirst(rate / 2).prefix(rate)
        #expect(ToneDetector(sampleRate: rate).purity(of: 700, in: middle) > 0.9)
    }

    @Test("Opus passes as it came, without the packets that say nothing")
    func opusPassesThrough() throws {
        let harness = try listening("output_encoding=opus")
        harness.packet([0xF8, 1, 2, 3], track: "TR_0")
        harness.packet([0xF8], track: "TR_0")
        harness.packet([0x18, 4, 5, 6], track: "TR_0")
        #expect(harness.client.audio == [[0xF8, 1, 2, 3], [0x18, 4, 5, 6]])
    }

    @Test("what the sender says of a packet's level is believed, and nothing is decoded")
    func levelsOfOpus() throws {
        let harness = try listening("output_encoding=opus")
        let speech: [UInt8] = [0xF8, 1, 2, 3]
        for level: UInt8 in [30, 127, 95, 20] {
            let packet = AudioPacket(
                sequenceNumber: 0, timestamp: 0, audioLevel: AudioLevel(negatedDecibels: level, hasVoice: true),
                payload: speech.span.bytes)
            harness.hear(.packet(packet, samples: 960), track: "TR_0")
            harness.clock.advance(by: .seconds(1))
        }
        #expect(harness.client.audio == [speech, speech])
    }

    @Test("as JSON, sound comes in base64; as WAV, in files")
    func textFramings() throws {
        let json = try listening("output_framing=json")
        json.sound(ramp(0..<480), track: "TR_0")
        let data = try #require(json.client.events("audio").first?["data"]?.string)
        #expect(Base64.decode(data) == bytesOf(ramp(0..<480)))
        #expect(json.client.audio.isEmpty)

        let wav = try listening("output_framing=wav")
        for start in stride(from: 0, to: 4800, by: 480) { wav.sound(ramp(start..<start + 480), track: "TR_0") }
        wav.clock.advance(by: .seconds(1))
        let files = try wav.client.events("audio").map { message in
            try WAVFile(parsing: Base64.decode(message["data"]?.string ?? "") ?? [])
        }
        let isWhole = files.flatMap { $0.monoSamples() } == ramp(0..<4800)
        #expect(isWhole && files.allSatisfy { $0.sampleRate == 24_000 })
    }

    @Test("µ-law goes out as µ-law")
    func mulaw() throws {
        let harness = try listening("output_encoding=mulaw&output_sample_rate=8000")
        harness.sound(ramp(0..<160), track: "TR_0")
        #expect(harness.client.audio == [ramp(0..<160).map(G711.encodeMulaw)])
    }

    @Test("a client that changes its output format hears the same tracks in the new one")
    func changedFormat() throws {
        let harness = try listening()
        harness.send(text: #"{"type":"config","data":{"output_encoding":"alaw"}}"#)
        harness.sound(ramp(0..<480), track: "TR_0")
        #expect(harness.client.audio == [ramp(0..<480).map(G711.encodeAlaw)])
    }

    @Test("what is no track of ours, no longer one, or muted is not heard")
    func tracksOfOthers() throws {
        let harness = try listening()
        harness.sound(ramp(0..<480), track: "TR_unknown")
        harness.room.emit(.trackMuted(track: "TR_0", isMuted: true))
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.room.emit(.trackMuted(track: "TR_0", isMuted: false))
        harness.room.emit(.trackEnded(track: "TR_0"))
        harness.sound(ramp(0..<480), track: "TR_0")
        harness.packet([], track: "TR_0")
        #expect(harness.client.audio.isEmpty)
    }
}
