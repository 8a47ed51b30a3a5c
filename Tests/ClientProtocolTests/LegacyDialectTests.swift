import TestSupport
import Testing
import Wire

@testable import ClientProtocol

/// A client of the old protocol with what it is told.
private struct Client {
    var dialect: LegacyDialect

    init(limits: RecordingLimits = RecordingLimits(), events: EventVocabulary = .legacy) {
        dialect = LegacyDialect(limits: limits, events: events)
    }

    /// Sends a message; returns what the client is told of it.
    mutating func send(_ text: String) -> [String] { deliver(text).texts }

    mutating func audio(_ bytes: [UInt8], format: String? = nil) -> (texts: [String], events: [ClientEvent]) {
        let suffix = format.map { ",\"format\":\"\($0)\"" } ?? ""
        return deliver("{\"type\":\"audio\",\"data\":\"\(Base64.encode(bytes))\"\(suffix)}")
    }

    mutating func deliver(_ text: String) -> (texts: [String], events: [ClientEvent]) {
        var texts: [String] = []
        var events: [ClientEvent] = []
        for output in dialect.decode(text: Array(text.utf8)) {
            switch output {
            case .event(let event): events.append(event)
            case .reply(let event): texts += tell(event)
            case .send(.text(let text)): texts.append(text)
            case .send(.binary): Issue.record("the old protocol has no binary frames")
            }
        }
        return (texts, events)
    }

    mutating func tell(_ event: ServerEvent) -> [String] {
        dialect.encode(event).map { frame in if case .text(let text) = frame { text } else { "binary" } }
    }
}

private let endTurn = #"{"type":"end_turn"}"#
private let invalid = #"{"type":"error","message":"Invalid audio data"}"#
private let transcribing = #"{"type":"processing","message":"Transcribing..."}"#
private let converting = #"{"type":"processing","message":"Converting audio..."}"#

private func buffering(_ bytes: Int) -> String {
    "{\"type\":\"buffering\",\"chunks\":\(bytes / 1000),\"bytes\":\(bytes)}"
}

/// A WAV file of 16-bit mono samples at 16 kHz.
private func wav(samples count: Int, length: UInt32? = nil) -> [UInt8] {
    var file =
        WAVHeader.bytes(for: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000), dataByteCount: count * 2) ?? []
    if let length {
        // Such writers leave the length of the whole file as it is, too.
        for place in 0..<4 {
            file[4 + place] = UInt8(truncatingIfNeeded: length >> UInt32(8 * place))
            file[40 + place] = UInt8(truncatingIfNeeded: length >> UInt32(8 * place))
        }
    }
    return file + littleEndian((0..<count).map { Int16(truncatingIfNeeded: $0) })
}

@Suite("The conversation protocol: opening, configuration, text")
struct LegacyMessagesTests {
    @Test("both ready messages have their exact texts")
    func ready() {
        var client = Client()
        #expect(
            client.tell(.ready) == [
                #"{"type":"ready","message":"Connected. Send audio chunks, then 'end_turn' to process."}"#
            ])
        #expect(client.tell(.replyFinished) == [#"{"type":"ready","message":"Ready for next turn"}"#])
    }

    @Test("config is answered with fifty characters of the instructions and three dots, however short they are")
    func configured() {
        var client = Client()
        let object: JSONObject = ["instructions": "Be kind.", "voice": "x", "sample_rate": 8000]
        let text = #"{"type":"config","data":{"instructions":"Be kind.","voice":"x","sample_rate":8000}}"#
        #expect(client.deliver(text).events == [.configure(object)])
        #expect(
            client.tell(.configured(instructions: "Be kind."))
                == [#"{"type":"configured","instructions":"Be kind...."}"#])
        let long = String(repeating: "ab", count: 40)
        #expect(
            client.tell(.configured(instructions: long))
                == ["{\"type\":\"configured\",\"instructions\":\"\(long.prefix(50))...\"}"])
        #expect(client.tell(.configured(instructions: nil)) == [#"{"type":"configured","instructions":"..."}"#])
        #expect(client.deliver(#"{"type":"config"}"#).events == [.configure([:])])
    }

    @Test("characters are code points, as the old server counted them")
    func codePoints() {
        var client = Client()
        let flags = String(repeating: "🇩🇪", count: 30)
        let expected = String(String.UnicodeScalarView(flags.unicodeScalars.prefix(50)))
        #expect(
            client.tell(.configured(instructions: flags))
                == ["{\"type\":\"configured\",\"instructions\":\"\(expected)...\"}"])
    }

    @Test("a key may come as a message")
    func authentication() {
        var client = Client()
        #expect(client.deliver(#"{"type":"auth","apiKey":"k"}"#).events == [.authenticate(apiKey: "k")])
        #expect(client.send(#"{"type":"auth","apiKey":5}"#).count == 1)
    }

    @Test("typed text reaches the agent")
    func text() {
        var client = Client()
        #expect(client.deliver(#"{"type":"text","data":"hello"}"#).events == [.text("hello")])
    }

    @Test(
        "what cannot be understood gets an error that says why",
        arguments: [
            ("{", "Invalid JSON"), ("", "Invalid JSON"), ("[1]", "array"), ("\"x\"", "string"), ("{}", "type"),
            (#"{"type":5}"#, "type"), (#"{"type":"config","data":"x"}"#, "config"), (#"{"type":"text"}"#, "text"),
            (#"{"type":"text","data":5}"#, "text"), (#"{"type":"auth"}"#, "apiKey"),
        ])
    func malformed(text: String, names: String) throws {
        var client = Client()
        let told = client.send(text)
        #expect(told.count == 1)
        let message = try JSONValue(parsing: #require(told.first))
        #expect(message["type"] == "error" && message["message"]?.string?.contains(names) == true)
        #expect(message.object?.members.count == 2)
        // The connection goes on.
        #expect(client.deliver(#"{"type":"text","data":"still here"}"#).events.count == 1)
    }

    @Test("unknown types are passed over, and so are unknown members")
    func unknown() {
        var client = Client()
        for type in ["ping", "interrupt", "dance", ""] {
            let (texts, events) = client.deliver("{\"type\":\"\(type)\"}")
            #expect(texts.isEmpty && events.isEmpty)
        }
        #expect(client.deliver(#"{"type":"text","data":"a","id":7,"more":{}}"#).events == [.text("a")])
    }

    @Test("a message beyond the limit is not read, and both sizes are told")
    func tooLarge() {
        var limits = RecordingLimits()
        limits.maximumMessageBytes = 100
        var client = Client(limits: limits)
        let told = client.send("{\"type\":\"text\",\"data\":\"\(String(repeating: "x", count: 100))\"}")
        #expect(told == [#"{"type":"error","message":"The message has 125 bytes. At most 100 are accepted."}"#])
    }

    @Test("an invalid parameter has its code here, too; other errors have none")
    func errors() {
        var client = Client()
        let parameter = InvalidParameter(name: "channels", value: "3", allowed: "1, 2").clientError
        #expect(
            client.tell(.error(parameter))
                == [#"{"type":"error","code":"invalid_parameter","message":"channels is \"3\"; allowed: 1, 2"}"#])
        #expect(
            client.tell(.error(ClientError(.agentTimeout, "no agent"))) == [#"{"type":"error","message":"no agent"}"#])
    }

    @Test("events that old clients do not know are not sent")
    func unknownEvents() {
        var client = Client()
        let session = SessionSummary(
            id: "s", room: "r", identity: "i", input: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000),
            output: AudioFormat(encoding: .pcmS16LE, sampleRate: 24000))
        let events: [ServerEvent] = [
            .session(session), .agentState(.speaking), .interrupted, .agentJoined(identity: "a", name: "a"),
            .agentLeft(identity: "a", reason: "r"), .pong(id: nil), .closing(reason: .shutdown, message: "m"),
            .data(ApplicationData(topic: "t", sender: "s", payload: [1])),
        ]
        for event in events { #expect(client.tell(event).isEmpty) }
    }

    @Test("an agent's JSON passes as it is, unless it would be taken for the gateway's own word")
    func verbatim() {
        var client = Client()
        let packet = #"{"type":"transcript.user",  "text":"hi"}"#
        #expect(client.tell(.verbatim(packet)) == [packet])
        #expect(client.tell(.verbatim(#"{"type":"audio","data":""}"#)).isEmpty)
        #expect(client.tell(.verbatim(#"{"type":"transcript","role":"user","content":"hi"}"#)).isEmpty)
    }

    @Test("with extended events chosen, that vocabulary is spoken beside the turn's own messages")
    func extendedEvents() {
        var client = Client()
        #expect(client.deliver(#"{"type":"ping"}"#).events.isEmpty)
        _ = client.deliver(#"{"type":"config","data":{"events":"extended"}}"#)
        #expect(client.deliver(#"{"type":"ping","id":1}"#).events == [.ping(id: 1)])
        #expect(client.tell(.agentState(.thinking)) == [#"{"type":"agent_state","state":"thinking"}"#])
        let told = client.tell(
            .transcript(Transcript(role: .user, content: "hi", isFinal: false, segmentID: "1", participant: "me")))
        #expect(told.count == 1 && told[0].contains("\"final\":false"))
        #expect(client.tell(.replyFinished) == [#"{"type":"ready","message":"Ready for next turn"}"#])
        #expect(client.audio(wav(samples: 100), format: "wav").texts == [buffering(244)])
        #expect(client.send(endTurn) == [transcribing])
        _ = client.deliver(#"{"type":"config","data":{"events":"legacy"}}"#)
        #expect(client.tell(.agentState(.thinking)).isEmpty)
    }

    @Test("no truncation and no changed byte of any message traps")
    func mutations() {
        let messages = [
            #"{"type":"audio","data":"UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=","format":"wav"}"#,
            #"{"type":"config","data":{"instructions":"hé","sample_rate":16000}}"#,
        ]
        var random = SplitMix64(seed: 1)
        var dialect = LegacyDialect()
        for message in messages.map({ Array($0.utf8) }) {
            for length in 0...message.count { _ = dialect.decode(text: Array(message[..<length])) }
            for _ in 0..<1500 {
                var damaged = message
                damaged[.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
                _ = dialect.decode(text: damaged)
                _ = dialect.decode(text: Array(endTurn.utf8))
            }
        }
    }
}

@Suite("The conversation protocol: audio")
struct LegacyAudioTests {
    @Test("a voice-activity utterance: one WAV file, buffering, end_turn, transcribing")
    func utterance() {
        var client = Client()
        let file = wav(samples: 1000)
        let (texts, events) = client.audio(file, format: "wav")
        #expect(texts == [#"{"type":"buffering","chunks":2,"bytes":2044}"#])
        let expected = (0..<1000).map { Int16($0) }
        #expect(events == [.recording(expected, sampleRate: 16000)])
        let (told, ended) = client.deliver(endTurn)
        #expect(told == [transcribing] && ended == [.endTurn])
    }

    @Test("push-to-talk: WebM pieces count up, packets go on at once, end_turn converts and transcribes")
    func pushToTalk() throws {
        var client = Client()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        var total = 0
        var packets: [ClientEvent] = []
        for piece in cut(stream, [900]) {
            let (texts, events) = client.audio(piece)
            total += piece.count
            #expect(texts == [buffering(total)])
            packets += events
        }
        #expect(packets == expected.map { .opusPacket($0) })
        let (told, ended) = client.deliver(endTurn)
        #expect(told == [converting, transcribing] && ended == [.endTurn])
        // The next press is a new recording, and counts from zero.
        let again = client.audio(stream)
        #expect(again.texts == [buffering(stream.count)] && again.events.count == expected.count)
    }

    @Test("WebM pieces may be cut anywhere", arguments: [1, 3, 50, 700])
    func splitAnywhere(size: Int) throws {
        var client = Client()
        let stream = try fixture("Containers/live.webm")
        var events: [ClientEvent] = []
        for piece in cut(stream, [size]) { events += client.audio(piece).events }
        #expect(events == (try packetList("Containers/live.webm.packets")).map { .opusPacket($0) })
    }

    @Test("a last piece that comes after end_turn still belongs to its recording")
    func lateEnd() throws {
        var client = Client()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        var events = client.audio(Array(stream[..<2000])).events
        _ = client.deliver(endTurn)
        let late = client.audio(Array(stream[2000...]))
        events += late.events
        #expect(events == expected.map { .opusPacket($0) } && late.texts == [buffering(stream.count - 2000)])
    }

    @Test("a press after a recording that was cut off inside a packet begins anew")
    func cutOff() throws {
        var client = Client()
        let stream = withOpenClusters(try fixture("Containers/live.webm"))
        let expected = try packetList("Containers/live.webm.packets")
        for length in stride(from: 200, to: stream.count, by: 97) {
            _ = client.audio(Array(stream[..<length]))
            _ = client.deliver(endTurn)
            let (texts, events) = client.audio(stream)
            #expect(texts == [buffering(stream.count)] && events.count == expected.count)
            _ = client.deliver(endTurn)
        }
    }

    @Test("Ogg from Firefox: packets at once, only transcribing at the end, a new stream a turn")
    func ogg() throws {
        var client = Client()
        let stream = try fixture("Containers/mono.ogg")
        let expected = try packetList("Containers/mono.ogg.packets").map { ClientEvent.opusPacket($0) }
        for _ in 0..<2 {
            var events: [ClientEvent] = []
            for piece in cut(stream, [333]) { events += client.audio(piece).events }
            #expect(events == expected)
            #expect(client.send(endTurn) == [transcribing])
        }
        // One that was cut off inside a page does not hurt the next.
        _ = client.audio(Array(stream[..<400]))
        #expect(client.audio(stream).events == expected)
    }

    @Test("MP4 is named, its later pieces too, and what is accepted is said")
    func safari() throws {
        var client = Client()
        let file = try fixture("Containers/safari.mp4")
        let refusal =
            #"{"type":"error","message":"Unsupported audio: MP4 (AAC) from Safari's MediaRecorder. Accepted are WAV, WebM/Opus, Ogg/Opus."}"#
        for piece in cut(file, [600]) {
            let (texts, events) = client.audio(piece)
            #expect(texts == [refusal] && events.isEmpty)
        }
        #expect(
            client.send(endTurn) == [
                #"{"type":"error","message":"Not enough audio data (0 bytes). Hold the button longer."}"#
            ])
        #expect(client.audio(wav(samples: 500)).texts == [buffering(1044)])
    }

    @Test("other codecs and containers are named", arguments: ["Containers/flac.mka", "Containers/flac.ogg"])
    func otherCodecs(path: String) throws {
        var client = Client()
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
        var client = Client()
        let (texts, events) = client.deliver(text)
        #expect(texts == [invalid] && events.isEmpty)
        #expect(client.dialect.turnBytes == 0)
    }

    @Test("a damaged container is invalid audio data until the next recording")
    func damaged() throws {
        var client = Client()
        let whole = withOpenClusters(try fixture("Containers/live.webm"))
        let (texts, events) = client.audio(whole[..<2000] + [UInt8](repeating: 0, count: 400))
        #expect(texts == [invalid] && !events.isEmpty)
        #expect(client.audio([1, 2, 3]).texts == [invalid])
        #expect(client.audio(whole).texts == [buffering(whole.count)])
    }

    @Test("line breaks in base64 are passed over")
    func lineBreaks() {
        var client = Client()
        let text = Base64.encode(wav(samples: 200))
        let middle = text.index(text.startIndex, offsetBy: 76)
        let told = client.send("{\"type\":\"audio\",\"data\":\"\(text[..<middle])\\r\\n\(text[middle...])\\n\"}")
        #expect(told == [buffering(444)])
    }

    @Test("fewer than 100 bytes are not enough, and counting begins again")
    func tooShort() throws {
        var client = Client()
        let stream = try fixture("Containers/live.webm")
        #expect(
            client.send(endTurn) == [
                #"{"type":"error","message":"Not enough audio data (0 bytes). Hold the button longer."}"#
            ])
        _ = client.audio(Array(stream[..<99]))
        let (texts, events) = client.deliver(endTurn)
        #expect(
            texts == [#"{"type":"error","message":"Not enough audio data (99 bytes). Hold the button longer."}"#])
        #expect(events.isEmpty)
        _ = client.audio(Array(stream[99...198]))
        #expect(client.send(endTurn) == [converting, transcribing])
    }

    @Test("chunks are bytes by a thousand, rounded down", arguments: [999, 1000, 1001, 2999, 12345])
    func arithmetic(count: Int) throws {
        var client = Client()
        var file = wav(samples: 8000)
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
        var client = Client()
        #expect(client.audio([]).texts == [buffering(0)])
    }

    @Test("binary frames count for the turn, are not acknowledged, and need no container")
    func binary() {
        var client = Client()
        #expect(client.dialect.noteBinaryAudio(byteCount: 640).isEmpty)
        let (texts, events) = client.deliver(endTurn)
        #expect(texts == [transcribing] && events == [.endTurn])
    }

    @Test("streaming writers' WAV files end with the turn", arguments: [0, UInt32.max])
    func openLength(length: UInt32) {
        var client = Client()
        let file = wav(samples: 1000, length: length)
        #expect(client.audio(file, format: "wav").events.isEmpty)
        let events = client.deliver(endTurn).events
        #expect(events == [.recording((0..<1000).map { Int16($0) }, sampleRate: 16000), .endTurn])
    }

    @Test("a second file ends one of open length")
    func twoFiles() {
        var client = Client()
        _ = client.audio(wav(samples: 300, length: 0))
        let second = client.audio(wav(samples: 200))
        #expect(second.events.count == 2)
    }

    @Test("a WAV file may come in several messages", arguments: [1, 10, 43, 500])
    func wavInPieces(size: Int) {
        var client = Client()
        var events: [ClientEvent] = []
        for piece in cut(wav(samples: 400), [size]) { events += client.audio(piece, format: "wav").events }
        #expect(events == [.recording((0..<400).map { Int16($0) }, sampleRate: 16000)])
    }

    @Test("files of other programs are heard as soon as they are there or at the end of the turn")
    func foreignFiles() throws {
        for name in ["pcm16", "pcm24", "pcm32", "float32", "float64", "mulaw", "alaw", "stereo", "piped"] {
            var client = Client()
            var events = client.audio(try fixture("WAV/\(name).wav")).events
            events += client.deliver(endTurn).events
            guard events.count == 2, case .recording(let samples, 8000) = events[0] else {
                Issue.record("\(name): \(events.count)")
                continue
            }
            #expect(samples.count == 160)
        }
    }

    @Test("a cut off WAV file gives what it has; one without samples is invalid")
    func truncatedWAV() {
        var client = Client()
        _ = client.audio(Array(wav(samples: 1000)[..<1044]))
        #expect(
            client.deliver(endTurn).events == [.recording((0..<500).map { Int16($0) }, sampleRate: 16000), .endTurn])
        let header = Array(wav(samples: 1000)[..<36]) + Array("LIST".utf8) + [0x80, 0, 0, 0]
        _ = client.audio(header + [UInt8](repeating: 0, count: 100))
        let (texts, events) = client.deliver(endTurn)
        #expect(texts == [invalid] && events.isEmpty)
    }

    @Test("an utterance beyond the limit is refused, a stream from there on")
    func tooLong() throws {
        var limits = RecordingLimits()
        limits.maximumUtterance = .seconds(1)
        var client = Client(limits: limits)
        let refusal =
            #"{"type":"error","message":"The utterance is too long. At most 1 seconds are accepted."}"#
        #expect(client.audio(wav(samples: 16001)).texts == [refusal])
        #expect(client.audio(wav(samples: 16000)).events.count == 1)
        _ = client.deliver(endTurn)
        // 17 packets of 60 ms: the last one is beyond a second.
        let (texts, events) = client.audio(try fixture("Containers/live.webm"))
        #expect(texts == [refusal] && events.count == 16)
    }

    @Test("a recording in many messages is bounded")
    func tooManyBytes() {
        var limits = RecordingLimits()
        limits.maximumRecordingBytes = 1000
        var client = Client(limits: limits)
        _ = client.audio(wav(samples: 400, length: 0))
        let told = client.audio([UInt8](repeating: 0, count: 200)).texts
        #expect(
            told == [#"{"type":"error","message":"The recording is too large. At most 1000 bytes are accepted."}"#])
    }

    @Test("rates that no browser records at are refused by name")
    func rates() {
        var client = Client()
        var file = wav(samples: 100)
        file[24] = 0xD0
        file[25] = 0x07
        let texts = client.audio(file).texts
        #expect(texts.count == 1 && texts[0].contains("2000 Hz"))
    }

    @Test("damage of any kind in pieces of any size never traps")
    func noise() throws {
        var random = SplitMix64(seed: 77)
        let streams = [
            try fixture("Containers/live.webm"), try fixture("Containers/mono.ogg"), wav(samples: 300),
            try fixture("Containers/safari.mp4"),
        ]
        var dialect = LegacyDialect()
        for _ in 0..<150 {
            var stream = streams[.random(in: streams.indices, using: &random)]
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                stream[.random(in: stream.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            for piece in cut(stream, [.random(in: 1...stream.count, using: &random)]).prefix(20) {
                _ = dialect.decode(text: Array("{\"type\":\"audio\",\"data\":\"\(Base64.encode(piece))\"}".utf8))
            }
            if Bool.random(using: &random) { _ = dialect.decode(text: Array(endTurn.utf8)) }
        }
    }
}

@Suite("The conversation protocol: transcripts")
struct LegacyTranscriptTests {
    private func said(
        _ role: Transcript.Role, _ content: String, id: String, isFinal: Bool = true
    ) -> ServerEvent {
        .transcript(Transcript(role: role, content: content, isFinal: isFinal, segmentID: id, participant: "p"))
    }

    @Test("one transcript a turn and one text a reply, then ready")
    func wholeTurn() {
        var client = Client()
        var told: [String] = []
        told += client.tell(.agentState(.listening))
        told += client.tell(said(.user, "how", id: "u1", isFinal: false))
        told += client.tell(said(.user, "how are you", id: "u1"))
        told += client.tell(said(.user, " and your cat? ", id: "u2"))
        told += client.tell(.agentState(.thinking))
        #expect(told.isEmpty)
        told += client.tell(.agentState(.speaking))
        #expect(told == [#"{"type":"transcript","role":"user","content":"how are you and your cat?"}"#])
        told = client.tell(said(.assistant, "We", id: "a1", isFinal: false))
        told += client.tell(said(.assistant, "We are", id: "a1"))
        told += client.tell(said(.assistant, "well.", id: "a2"))
        #expect(told.isEmpty)
        told += client.tell(.agentState(.listening))
        told += client.tell(.replyFinished)
        #expect(
            told == [
                #"{"type":"text","role":"assistant","content":"We are well."}"#,
                #"{"type":"ready","message":"Ready for next turn"}"#,
            ])
    }

    @Test("a segment that is told again says nothing new")
    func repeated() {
        var client = Client()
        _ = client.tell(.agentState(.speaking))
        #expect(client.tell(said(.user, "hi", id: "1")).count == 1)
        #expect(client.tell(said(.user, "hi", id: "1")).isEmpty)
        #expect(client.tell(said(.assistant, "ho", id: "2")).isEmpty)
        #expect(client.tell(.agentState(.listening)).count == 1)
        #expect(client.tell(said(.assistant, "ho", id: "2")).isEmpty)
    }

    @Test("a sentence that comes late is told at once")
    func late() {
        var client = Client()
        _ = client.tell(.agentState(.speaking))
        #expect(
            client.tell(said(.user, "late", id: "1"))
                == [#"{"type":"transcript","role":"user","content":"late"}"#])
        _ = client.tell(.agentState(.listening))
        #expect(client.tell(said(.user, "and then", id: "3")).isEmpty)
        #expect(
            client.tell(said(.assistant, "end", id: "2"))
                == [#"{"type":"text","role":"assistant","content":"end"}"#])
    }

    @Test("an agent without state tells its sentences as they come, the user's before")
    func withoutState() {
        var client = Client()
        #expect(client.tell(said(.user, "hello", id: "1")).isEmpty)
        #expect(
            client.tell(said(.assistant, "hello you", id: "2")) == [
                #"{"type":"transcript","role":"user","content":"hello"}"#,
                #"{"type":"text","role":"assistant","content":"hello you"}"#,
            ])
    }

    @Test("what is known of a turn does not wait beyond the next one, nor beyond the end of the reply")
    func nextTurn() {
        var client = Client()
        _ = client.tell(said(.user, "one", id: "1"))
        let texts = client.audio(wav(samples: 300)).texts
        #expect(texts.first == #"{"type":"transcript","role":"user","content":"one"}"#)
        _ = client.tell(said(.user, "two", id: "2"))
        #expect(client.audio(wav(samples: 300)).texts.count == 1)
        #expect(client.tell(.replyFinished).count == 2)
        _ = client.tell(said(.user, "three", id: "3"))
        #expect(client.tell(.agentLeft(identity: "a", reason: "gone")).count == 1)
    }

    @Test("blank sentences are left out, and waiting text is bounded")
    func bounds() {
        var client = Client()
        #expect(client.tell(said(.user, " \n", id: "0")).isEmpty)
        var told = 0
        for index in 0..<40 {
            told += client.tell(said(.user, String(repeating: "x", count: 4000), id: "\(index)")).count
        }
        #expect(told == 2)
    }
}
