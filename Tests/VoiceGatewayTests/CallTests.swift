import ClientProtocol
import Foundation
import HTTP
import Testing
import Wire

@testable import VoiceGateway

@Suite("What a call needs")
struct CallTests {
    func request(_ line: String) throws -> CallRequest {
        guard case .call(let request) = try invoke(line) else { throw CancellationError() }
        return request
    }

    @Test("parameters of the URL and of the command line go into the query")
    func query() throws {
        let request = try request("call ws://h:3000/ws?room=a%20b --param identity=ann --param metadata={\"a\":\"ü&\"}")
        #expect(
            request.address(sampleRate: 22_050).target
                == "/ws?room=a%20b&identity=ann&metadata=%7B%22a%22%3A%22%C3%BC%26%22%7D&sample_rate=22050")
        #expect(request.session.room == "a b" && request.session.identity == "ann")
        #expect(request.shownAddress == "ws://h:3000/ws")
        let own = try self.request("call ws://h/x --param sample_rate=8000")
        #expect(own.address(sampleRate: 48_000).target == "/x?sample_rate=8000")
    }

    @Test("a URL without a path means the devices' one")
    func defaultPath() throws {
        #expect(try request("call ws://h:1").url.target == "/ws")
        #expect(try request("call wss://[::1]:1/?room=x").shownAddress == "wss://[::1]:1/ws")
        #expect(try request("call ws://h/v1/conversation/ws").dialect == ConversationDialect.descriptor)
    }

    @Test(
        "what cannot work is named before anybody is called",
        arguments: [
            ("call ws://h --duration x", "--duration is \"x\", but it must be a number of seconds up to 86400."),
            ("call ws://h --param room", "--param is \"room\", but it must be NAME=VALUE."),
            (
                "call ws://h --param channels=3", "The session parameter channels is \"3\"; allowed: 1, 2."
            ), ("call ws://h:x", "The URL ws://h:x cannot be used: the port \"x\" is not a number from 1 to 65535."),
            ("call ws://a ws://b", "call needs one URL, for example ws://127.0.0.1:3000/ws."),
            ("call ws://a --play=", "--play must not be empty."),
        ])
    func mistakesAreNamed(line: String, sentence: String) {
        #expect(mistakes(line) == [sentence])
    }

    // MARK: Speech

    func wav(rate: Int, samples: [Int16], encoding: AudioEncoding = .pcmS16LE) -> [UInt8] {
        var data: [UInt8] = []
        SampleEncoder.append(samples.span, as: encoding, to: &data)
        let format = AudioFormat(encoding: encoding, sampleRate: rate)
        var header = WAVHeader.bytes(for: format, dataByteCount: data.count) ?? []
        // Rates that no client may choose are still rates that files have.
        for place in 0..<4 { header[24 + place] = UInt8(truncatingIfNeeded: rate >> (8 * place)) }
        return header + data
    }

    @Test("a file becomes frames of 20 ms at its own rate", arguments: [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
    func frames(rate: Int) throws {
        let samples = (0..<rate).map { Int16($0 % 100) }
        var speech = try CallSpeech(
            file: wav(rate: rate, samples: samples), wanted: AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000),
            keepsRate: true)
        #expect(speech.format.sampleRate == rate)
        #expect(speech.frames.count == 50)
        var sent: [UInt8] = []
        for index in 0..<50 { sent += speech.message(frame: index) }
        #expect(sent == Array(wav(rate: rate, samples: samples).dropFirst(44)))
    }

    @Test("rates that the gateway does not take are changed", arguments: [4000, 12_345, 96_000, 192_000])
    func otherRates(rate: Int) throws {
        let samples = [Int16](repeating: 8000, count: rate)
        let speech = try CallSpeech(
            file: wav(rate: rate, samples: samples), wanted: AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000),
            keepsRate: true)
        #expect(speech.format.sampleRate == 48_000)
        #expect((49...52).contains(speech.frames.count))
        #expect((7900...8100).contains(speech.levels[20]))
    }

    @Test("a file is written in the format that the session takes", arguments: AudioEncoding.allCases)
    func encodings(encoding: AudioEncoding) throws {
        let samples = (0..<16_000).map { Int16($0 % 50 * 400 - 10_000) }
        var wanted = AudioFormat(encoding: encoding, sampleRate: 8000)
        wanted.channels = 2
        var speech = try CallSpeech(file: wav(rate: 16_000, samples: samples), wanted: wanted, keepsRate: false)
        #expect(speech.format == wanted)
        let lengths = ([nil] + speech.frames.indices.map { $0 }).map { speech.message(frame: $0).count }
        if let size = wanted.bytesPerSampleFrame {
            #expect(lengths.allSatisfy { $0 == 160 * size })
        } else {
            #expect(lengths.allSatisfy { (1...400).contains($0) })
        }
    }

    @Test("silence at the end is not speech")
    func trailingSilence() throws {
        let samples = [Int16](repeating: 5000, count: 3200) + [Int16](repeating: 3, count: 3200)
        let speech = try CallSpeech(
            file: wav(rate: 16_000, samples: samples), wanted: AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000),
            keepsRate: true)
        #expect(speech.frames.count == 20 && speech.framesOfSpeech == 10)
    }

    @Test("a file that is no sound is refused with a reason")
    func notSound() {
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000)
        for file in [Array("MZ".utf8), wav(rate: 16_000, samples: [])] {
            #expect(throws: CallSpeech.Failure.self) {
                try CallSpeech(file: file, wanted: format, keepsRate: true)
            }
        }
    }

    // MARK: Recording

    @Test("a recording can be read at any moment, and is complete at the end")
    func recording() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).wav").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func recorded() throws -> WAVFile {
            try WAVFile(parsing: [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        }
        let recorder = try CallRecorder(path: path, sampleRate: 8000)
        #expect(try recorded().sampleFrameCount == 0)
        let samples = (0..<12_000).map { Int16($0) }
        recorder.append(Array(samples[..<5000]))
        // Not written into the header yet, so the file is read to its end.
        #expect(try recorded().sampleFrameCount == 5000)
        recorder.append(Array(samples[5000...]))
        recorder.close()
        recorder.append([1, 2, 3])
        let file = try recorded()
        #expect(file.sampleRate == 8000 && file.monoSamples() == samples)
        #expect(recorder.duration == 1.5)
    }

    @Test("a place that cannot be written to is refused")
    func unwritable() {
        #expect(throws: CallRecorder.Failure.self) {
            try CallRecorder(path: "/nowhere/at/all.wav", sampleRate: 8000)
        }
    }

    // MARK: Display

    @Test("what comes from the network cannot command the terminal")
    func control() {
        let line = CallEventText.line(
            for: ["type": "transcript", "role": "user", "content": "a\u{1B}[2Jb\nc\u{202E}d", "final": true])
        #expect(line == "you      a [2Jb c d")
    }

    @Test("events are shown in a line each")
    func lines() {
        #expect(
            CallEventText.line(for: ["type": "transcript", "role": "assistant", "content": "hi", "final": false])
                == "agent    … hi")
        #expect(CallEventText.line(for: ["type": "pong"]) == nil)
        #expect(CallEventText.line(for: ["type": "new"]) == "event    {\"type\":\"new\"}")
        #expect(CallEventText.seconds(Duration.milliseconds(1045)) == "1.05 s")
        #expect(CallEventText.seconds(Duration.milliseconds(60_004)) == "60.00 s")
    }

    @Test("the meter is empty for silence and full at full scale")
    func meter() {
        #expect(CallDisplay.bar(0) == String(repeating: "·", count: 16))
        #expect(CallDisplay.bar(32_767) == String(repeating: "█", count: 16))
    }
}
