import TestSupport
import Testing
import Wire

@testable import ClientProtocol

@Suite("What binary messages are")
struct ContentSnifferTests {
    private var sniffer = ContentSniffer(limits: RecordingLimits())

    private mutating func read(_ message: [UInt8]) -> ContentSniffer.Verdict { sniffer.read(message.span) }

    /// What a client gets of a file that it sends in pieces of this size.
    private mutating func send(_ file: [UInt8], pieces: [Int]) -> [DialectOutput] {
        var outputs: [DialectOutput] = []
        for piece in cut(file, pieces) {
            switch read(piece) {
            case .recording(let more), .refused(let more): outputs += more
            case .sound: Issue.record("\(piece.count) bytes were taken for sound")
            case .text: Issue.record("\(piece.count) bytes were taken for a text")
            }
        }
        return outputs
    }

    private func isSound(_ message: [UInt8]) -> Bool {
        var other = self
        return other.read(message) == .sound
    }

    private func packets(_ outputs: [DialectOutput]) -> [[UInt8]] {
        outputs.compactMap { if case .event(.opusPacket(let bytes)) = $0 { bytes } else { nil } }
    }

    private func errors(_ outputs: [DialectOutput]) -> [String] {
        outputs.compactMap { if case .reply(.error(let error)) = $0 { error.message } else { nil } }
    }

    // MARK: Sound

    @Test("noise is sound, whatever it begins with")
    func noise() {
        var random = SplitMix64(seed: 7)
        for first in UInt8.min...UInt8.max {
            for _ in 0..<40 {
                var message = (0..<640).map { _ in UInt8.random(in: 0...255, using: &random) }
                message[0] = first
                #expect(isSound(message))
            }
        }
    }

    @Test("silence and faint sound of every encoding are sound", arguments: [0x00, 0xFF, 0xD5, 0x55, 0x7F, 0x80])
    func silence(byte: UInt8) {
        for count in [1, 2, 11, 12, 640, 5000] { #expect(isSound([UInt8](repeating: byte, count: count))) }
        var random = SplitMix64(seed: 1)
        let faint = (0..<2000).map { _ in Int16.random(in: -1100...(-900), using: &random) }
        #expect(isSound(littleEndian(faint)))
    }

    @Test("samples that spell half of a signature are sound")
    func lookalikes() {
        let tail = littleEndian((0..<300).map { Int16($0 * 50) })
        for head in ["RIFF", "OggS", "ID3", "fLaC", "FORM", "caff", "RIFFxxxxAVI ", "{\"type\":\"mute\""] {
            #expect(isSound(Array(head.utf8) + tail), "\(head)")
        }
        #expect(isSound([0x1A, 0x45, 0xDF, 0xA3] + tail))
        #expect(isSound([0xFF, 0xFB, 0x90, 0xC4] + tail))
    }

    @Test("only the first message of a turn is looked at; an empty one is none")
    mutating func first() {
        let file = wavFile(samples: 100)
        #expect(read([]) == .sound)
        #expect(read([1, 2, 3, 4]) == .sound)
        #expect(read(file) == .sound)
        #expect(sniffer.endTurn().isEmpty)
        #expect(read(file) == .recording([.event(.recording(recording((0..<100).map { $0 }, sampleRate: 16000)))]))
    }

    // MARK: WAV

    @Test("a whole WAV file is a recording at its own rate, and what follows is looked at anew")
    mutating func wholeFile() throws {
        for _ in 0..<2 {
            #expect(
                send(wavFile(samples: 500), pieces: [2000])
                    == [.event(.recording(recording((0..<500).map { Int16($0) }, sampleRate: 16000)))])
        }
        #expect(read([5, 6, 7, 8]) == .sound)
    }

    @Test("a WAV file that is written to a pipe is played as it comes", arguments: [1, 7, 44, 45, 640])
    mutating func openFile(size: Int) {
        let outputs = send(wavFile(samples: 700, length: .max), pieces: [12, size])
        #expect(outputs.first == .event(.fileFormat(AudioFormat(encoding: .pcmS16LE, sampleRate: 16000))))
        let sound = outputs.flatMap { if case .event(.audio(let bytes)) = $0 { bytes } else { [UInt8]() } }
        #expect(samples(sound) == (0..<700).map { Int16($0) })
        #expect(sniffer.endTurn() == [.event(.fileFormat(nil))])
        #expect(read([5, 6, 7, 8]) == .sound)
    }

    @Test("a long WAV file in pieces ends where its header says; what is behind the samples is no sound")
    mutating func longFile() {
        var file = wavFile(samples: 1000) + Array("LIST".utf8) + [4, 0, 0, 0] + Array("INFO".utf8)
        file[4] = UInt8(truncatingIfNeeded: file.count - 8)
        file[5] = UInt8(truncatingIfNeeded: (file.count - 8) >> 8)
        let outputs = send(file, pieces: [500])
        let sound = outputs.flatMap { if case .event(.audio(let bytes)) = $0 { bytes } else { [UInt8]() } }
        #expect(samples(sound) == (0..<1000).map { Int16($0) })
        #expect(outputs.last == .event(.fileFormat(nil)))
        #expect(read([5, 6, 7, 8]) == .sound)
    }

    @Test("a WAV file that cannot be played is told once")
    mutating func unsupportedFile() {
        var file = wavFile(samples: 5000)
        file[20] = 2
        #expect(errors(send(file, pieces: [5000])).count == 1)
    }

    // MARK: WebM and Ogg

    @Test("WebM as a MediaRecorder gives it, cut anywhere, also when its last piece comes after the turn")
    mutating func webM() throws {
        let expected = try packetList("Containers/live.webm.packets")
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        #expect(packets(send(Array(stream[..<2000]), pieces: [500, 3])) + packets(sniffer.endTurn()) != [])
        sniffer = ContentSniffer(limits: RecordingLimits())
        var outputs = send(Array(stream[..<2000]), pieces: [700])
        outputs += sniffer.endTurn()
        outputs += send(Array(stream[2000...]), pieces: [700])
        #expect(packets(outputs) == expected)
        // The next press of the button.
        _ = sniffer.endTurn()
        #expect(packets(send(stream, pieces: [900])) == expected)
    }

    @Test("Ogg, and after the turn raw sound")
    mutating func ogg() throws {
        let file = try fixture("Containers/mono.ogg")
        #expect(packets(send(file, pieces: [300])) == (try packetList("Containers/mono.ogg.packets")))
        _ = sniffer.endTurn()
        #expect(read(littleEndian([1, 2, 3, 4, 5, 6])) == .sound)
    }

    @Test("a microphone that is always open may send WebM for longer than one utterance")
    mutating func endless() throws {
        var limits = RecordingLimits()
        limits.maximumUtterance = .milliseconds(100)
        sniffer = ContentSniffer(limits: limits)
        #expect(
            packets(send(try fixture("Containers/live.webm"), pieces: [700]))
                == (try packetList("Containers/live.webm.packets")))
    }

    // MARK: What cannot be played

    @Test(
        "what is not accepted is told once by its name, and none of it is heard",
        arguments: [("safari.mp4", "MP4"), ("tagged.mp3", "MP3"), ("bare.mp3", "MP3"), ("bare.aac", "AAC")])
    mutating func refused(file: String, name: String) throws {
        let outputs = send(try fixture("Containers/" + file), pieces: [700])
        #expect(outputs.count == 1)
        let message = try #require(errors(outputs).first)
        #expect(message.contains(name) && message.contains("WAV, WebM/Opus, Ogg/Opus"))
        #expect(read(littleEndian([1, 2, 3, 4, 5, 6])) == .refused([]))
        _ = sniffer.endTurn()
        #expect(read(littleEndian([1, 2, 3, 4, 5, 6])) == .sound)
    }

    @Test("a recording that is accepted ends the refusal of the one before")
    mutating func afterRefusal() throws {
        _ = send(try fixture("Containers/safari.mp4"), pieces: [700])
        #expect(
            send(wavFile(samples: 3), pieces: [100]) == [.event(.recording(recording([0, 1, 2], sampleRate: 16000)))])
    }

    // MARK: JSON

    @Test("a JSON object with a type is a text message, at any time and with what C programs have behind it")
    mutating func json() {
        for message in [#"{"type":"mute"}"#, "{ \"type\": \"end_turn\" }\r\n\0"] {
            let text = message.prefix { $0 != "\0" && !$0.isNewline }
            #expect(read(Array(message.utf8)) == .text(Array(text.utf8)))
        }
        _ = read([1, 2])
        #expect(read(Array(#"{"type":"mute"}"#.utf8)) == .text(Array(#"{"type":"mute"}"#.utf8)))
        for message in [#"{"kind":"mute"}"#, #"{"type":12345678}"#, #"["type","mute"]"#, #"{"type":"mute"}x"#] {
            #expect(read(Array(message.utf8)) == .sound)
        }
    }
}
