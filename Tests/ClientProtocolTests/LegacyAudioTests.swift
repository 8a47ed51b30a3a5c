import TestSupport
import Testing
import Wire

@testable import ClientProtocol

@Suite("The conversation protocol: audio")
struct LegacyAudioTests {
    @Test("a voice-activity utterance: one WAV file, buffering, end_turn, transcribing")
    func utterance() {
        var client = LegacyClient()
        let file = wavFile(samples: 1000)
        let (texts, events) = client.audio(file, format: "wav")
        #expect(texts == [#"{"type":"buffering","chunks":2,"bytes":2044}"#])
        let expected = (0..<1000).map { Int16($0) }
        #expect(events == [.recording(recording(expected, sampleRate: 16000))])
        let (told, ended) = client.deliver(endTurnMessage)
        #expect(told == [transcribingMessage] && ended == [.endTurn])
    }

    @Test("push-to-talk: WebM pieces count up, packets go on at once, end_turn converts and transcribes")
    func pushToTalk() throws {
        var client = LegacyClient()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        var total = 0
        var packets: [ClientEvent] = []
        for piece in cut(stream, [900]) {
            let (texts, events) = client.audio(piece)
            total += piece.count
            #expect(texts == [bufferingMessage(total)])
            packets += events
        }
        #expect(packets == expected.map { .opusPacket($0) })
        let (told, ended) = client.deliver(endTurnMessage)
        #expect(told == [convertingMessage, transcribingMessage] && ended == [.endTurn])
        // The next press is a new recording, and counts from zero.
        let again = client.audio(stream)
        #expect(again.texts == [bufferingMessage(stream.count)] && again.events.count == expected.count)
    }

    @Test("WebM pieces may be cut anywhere", arguments: [1, 3, 50, 700])
    func splitAnywhere(size: Int) throws {
        var client = LegacyClient()
        let stream = try fixture("Containers/live.webm")
        var events: [ClientEvent] = []
        for piece in cut(stream, [size]) { events += client.audio(piece).events }
        #expect(events == (try packetList("Containers/live.webm.packets")).map { .opusPacket($0) })
    }

    @Test("a last piece that comes after end_turn still belongs to its recording")
    func lateEnd() throws {
        var client = LegacyClient()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        var events = client.audio(Array(stream[..<2000])).events
        _ = client.deliver(endTurnMessage)
        let late = client.audio(Array(stream[2000...]))
        events += late.events
        #expect(events == expected.map { .opusPacket($0) } && late.texts == [bufferingMessage(stream.count - 2000)])
    }

    @Test("a press after a recording that was cut off inside a packet begins anew")
    func cutOff() throws {
        var client = LegacyClient()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        for length in stride(from: 200, to: stream.count, by: 97) {
            _ = client.audio(Array(stream[..<length]))
            _ = client.deliver(endTurnMessage)
            let (texts, events) = client.audio(stream)
            #expect(texts == [bufferingMessage(stream.count)] && events.count == expected.count)
            _ = client.deliver(endTurnMessage)
        }
    }

    @Test("Ogg from Firefox: packets at once, only transcribing at the end, a new stream a turn")
    func ogg() throws {
        var client = LegacyClient()
        let stream = try fixture("Containers/mono.ogg")
        let expected = try packetList("Containers/mono.ogg.packets").map { ClientEvent.opusPacket($0) }
        for _ in 0..<2 {
            var events: [ClientEvent] = []
            for piece in cut(stream, [333]) { events += client.audio(piece).events }
            #expect(events == expected)
            #expect(client.send(endTurnMessage) == [transcribingMessage])
        }
        // One that was cut off inside a page does not hurt the next.
        _ = client.audio(Array(stream[..<400]))
        #expect(client.audio(stream).events == expected)
    }

    @Test("MP4 is named, its later pieces too, and what is accepted is said")
    func safari() throws {
        var client = LegacyClient()
        let file = try fixture("Containers/safari.mp4")
        let refusal =
            #"{"type":"error","message":"Unsupported audio: MP4 (AAC) from Safari's MediaRecorder. Accepted are WAV, WebM/Opus, Ogg/Opus."}"#
        for piece in cut(file, [600]) {
            let (texts, events) = client.audio(piece)
            #expect(texts == [refusal] && events.isEmpty)
        }
        #expect(
            client.send(endTurnMessage) == [
                #"{"type":"error","message":"Not enough audio data (0 bytes). Hold the button longer."}"#
            ])
        #expect(client.audio(wavFile(samples: 500)).texts == [bufferingMessage(1044)])
    }

    @Test("other codecs and containers are named", arguments: ["Containers/flac.mka", "Containers/flac.ogg"])
    func otherCodecs(path: String) throws {
        var client = LegacyClient()
        let texts = client.audio(try fixture(path)).texts
        #expect(texts.count == 1 && texts[0].contains("FLAC") && texts[0].contains("WebM/Opus"))
        let flac = client.audio(Array("fLaC and then some".utf8)).texts
        #expect(flac.count == 1 && flac[0].contains("Unsupported audio: FLAC."))
    }

    @Test(
        "what is not base64, or no audio, is invalid audio data",
        arguments: [
            #"{"type":"audio"}"#, #"{"type":"audio","data":5}"#, #"{"type":"audio","data":null}"#,
            #"{"type":"audio","data":["UklG"]}"#, #"{"type":"audio","data":"!!!!"}"#,
            #"{"type":"audio","data":"UklGR"}"#, #"{"type":"audio","data":"AQIDBAUGBwgJCgsMDQ4P"}"#,
            #"{"type":"audio","data":"AQID","format":"wav"}"#,
        ])
    func invalidAudio(text: String) {
        var client = LegacyClient()
        let (texts, events) = client.deliver(text)
        #expect(texts == [invalidAudioMessage] && events.isEmpty)
        #expect(client.dialect.turnBytes == 0)
    }

    @Test("a damaged container is invalid audio data until the next recording")
    func damaged() throws {
        var client = LegacyClient()
        let whole = withOpenClusters(try fixture("Containers/live.webm"))
        let (texts, events) = client.audio(whole[..<2000] + [UInt8](repeating: 0, count: 400))
        #expect(texts == [invalidAudioMessage] && !events.isEmpty)
        #expect(client.audio([1, 2, 3]).texts == [invalidAudioMessage])
        #expect(client.audio(whole).texts == [bufferingMessage(whole.count)])
    }

    @Test("line breaks in base64 are passed over")
    func lineBreaks() {
        var client = LegacyClient()
        let text = Base64.encode(wavFile(samples: 200))
        let middle = text.index(text.startIndex, offsetBy: 76)
        let told = client.send("{\"type\":\"audio\",\"data\":\"\(text[..<middle])\\r\\n\(text[middle...])\\n\"}")
        #expect(told == [bufferingMessage(444)])
    }

    @Test("a data URL, as FileReader makes it, is read like the base64 in it")
    func dataURL() {
        var client = LegacyClient()
        let url = "data:audio/wav;base64," + Base64.encode(wavFile(samples: 200))
        #expect(client.send("{\"type\":\"audio\",\"data\":\"\(url)\"}") == [bufferingMessage(444)])
    }

    @Test("fewer than 100 bytes are not enough, and counting begins again")
    func tooShort() throws {
        var client = LegacyClient()
        let stream = try fixture("Containers/live.webm")
        #expect(
            client.send(endTurnMessage) == [
                #"{"type":"error","message":"Not enough audio data (0 bytes). Hold the button longer."}"#
            ])
        _ = client.audio(Array(stream[..<99]))
        let (texts, events) = client.deliver(endTurnMessage)
        #expect(
            texts == [#"{"type":"error","message":"Not enough audio data (99 bytes). Hold the button longer."}"#])
        #expect(events == [.forgetTurn])
        _ = client.audio(Array(stream[99...198]))
        #expect(client.send(endTurnMessage) == [convertingMessage, transcribingMessage])
    }

    @Test("chunks are bytes by a thousand, rounded down", arguments: [999, 1000, 1001, 2999, 12345])
    func arithmetic(count: Int) throws {
        var client = LegacyClient()
        var file = wavFile(samples: 8000)
        let first = Array(file[..<count])
        file.removeFirst(count)
        #expect(
            client.audio(first, format: "wav").texts == [
                "{\"type\":\"buffering\",\"chunks\":\(count / 1000),\"bytes\":\(count)}"
            ])
        #expect(client.audio(file, format: "wav").texts == [#"{"type":"buffering","chunks":16,"bytes":16044}"#])
    }

    @Test("an empty message is accepted and changes nothing")
    func empty() {
        var client = LegacyClient()
        #expect(client.audio([]).texts == [bufferingMessage(0)])
    }

    @Test("binary frames count for the turn, are not acknowledged, and need no container")
    func binary() {
        var client = LegacyClient()
        #expect(client.dialect.noteBinaryAudio(byteCount: 640).isEmpty)
        let (texts, events) = client.deliver(endTurnMessage)
        #expect(texts == [transcribingMessage] && events == [.endTurn])
    }

    @Test("streaming writers' WAV files end with the turn", arguments: [0, UInt32.max])
    func openLength(length: UInt32) {
        var client = LegacyClient()
        let file = wavFile(samples: 1000, length: length)
        #expect(client.audio(file, format: "wav").events.isEmpty)
        let events = client.deliver(endTurnMessage).events
        #expect(events == [.recording(recording((0..<1000).map { Int16($0) }, sampleRate: 16000)), .endTurn])
    }

    @Test("a second file ends one of open length")
    func twoFiles() {
        var client = LegacyClient()
        _ = client.audio(wavFile(samples: 300, length: 0))
        let second = client.audio(wavFile(samples: 200))
        #expect(second.events.count == 2)
    }

    @Test("a WAV file may come in several messages", arguments: [1, 10, 43, 500])
    func wavInPieces(size: Int) {
        var client = LegacyClient()
        var events: [ClientEvent] = []
        for piece in cut(wavFile(samples: 400), [size]) { events += client.audio(piece, format: "wav").events }
        #expect(events == [.recording(recording((0..<400).map { Int16($0) }, sampleRate: 16000))])
    }

    @Test("files of other programs are heard as soon as they are there or at the end of the turn")
    func foreignFiles() throws {
        for name in ["pcm16", "pcm24", "pcm32", "float32", "float64", "mulaw", "alaw", "stereo", "piped"] {
            var client = LegacyClient()
            var events = client.audio(try fixture("WAV/\(name).wav")).events
            events += client.deliver(endTurnMessage).events
            guard events.count == 2, case .recording(let file) = events[0] else {
                Issue.record("\(name): \(events.count)")
                continue
            }
            #expect(file.sampleRate == 8000 && file.sampleFrameCount == 160)
        }
    }

    @Test("a cut off WAV file gives what it has; one without samples is invalid")
    func truncatedWAV() {
        var client = LegacyClient()
        _ = client.audio(Array(wavFile(samples: 1000)[..<1044]))
        #expect(
            client.deliver(endTurnMessage).events == [
                .recording(recording((0..<500).map { Int16($0) }, sampleRate: 16000)), .endTurn,
            ])
        let header = Array(wavFile(samples: 1000)[..<36]) + Array("LIST".utf8) + [0x80, 0, 0, 0]
        _ = client.audio(header + [UInt8](repeating: 0, count: 100))
        let (texts, events) = client.deliver(endTurnMessage)
        #expect(texts == [invalidAudioMessage] && events.isEmpty)
    }

    @Test("an utterance beyond the limit is refused, a stream from there on")
    func tooLong() throws {
        var limits = RecordingLimits()
        limits.maximumUtterance = .seconds(1)
        var client = LegacyClient(limits: limits)
        let refusal =
            #"{"type":"error","message":"The utterance is too long. At most 1 seconds are accepted."}"#
        #expect(client.audio(wavFile(samples: 16001)).texts == [refusal])
        #expect(client.audio(wavFile(samples: 16000)).events.count == 1)
        _ = client.deliver(endTurnMessage)
        // 17 packets of 60 ms: the last one is beyond a second.
        let (texts, events) = client.audio(try fixture("Containers/live.webm"))
        #expect(texts == [refusal] && events.count == 16)
    }

    @Test("a recording in many messages is bounded")
    func tooManyBytes() {
        var limits = RecordingLimits()
        limits.maximumRecordingBytes = 1000
        var client = LegacyClient(limits: limits)
        _ = client.audio(wavFile(samples: 400, length: 0))
        let told = client.audio([UInt8](repeating: 0, count: 200)).texts
        #expect(
            told == [#"{"type":"error","message":"The recording is too large. At most 1000 bytes are accepted."}"#])
    }

    @Test("rates that no browser records at are refused by name")
    func rates() {
        var client = LegacyClient()
        var file = wavFile(samples: 100)
        file[24] = 0xD0
        file[25] = 0x07
        let texts = client.audio(file).texts
        #expect(texts.count == 1 && texts[0].contains("2000 Hz"))
    }

    @Test("damage of any kind in pieces of any size never traps")
    func noise() throws {
        var random = SplitMix64(seed: 77)
        let streams = [
            try fixture("Containers/live.webm"), try fixture("Containers/mono.ogg"), wavFile(samples: 300),
            try fixture("Containers/safari.mp4"),
        ]
        var dialect = LegacyVocabulary()
        for _ in 0..<150 {
            var stream = streams[.random(in: streams.indices, using: &random)]
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                stream[.random(in: stream.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            for piece in cut(stream, [.random(in: 1...stream.count, using: &random)]).prefix(20) {
                _ = dialect.decode(text: Array("{\"type\":\"audio\",\"data\":\"\(Base64.encode(piece))\"}".utf8))
            }
            if Bool.random(using: &random) { _ = dialect.decode(text: Array(endTurnMessage.utf8)) }
        }
    }
}
