import TestSupport
import Testing
import Wire

@testable import ClientProtocol

@Suite("The conversation protocol: opening, configuration, text")
struct LegacyMessagesTests {
    @Test("both ready messages have their exact texts")
    func ready() {
        var client = LegacyClient()
        #expect(
            client.tell(.ready) == [
                #"{"type":"ready","message":"Connected. Send audio chunks, then 'end_turn' to process."}"#
            ])
        #expect(client.tell(.replyFinished) == [#"{"type":"ready","message":"Ready for next turn"}"#])
    }

    @Test("config is answered with fifty characters of the instructions and three dots, however short they are")
    func configured() {
        var client = LegacyClient()
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
        var client = LegacyClient()
        let flags = String(repeating: "🇩🇪", count: 30)
        let expected = String(String.UnicodeScalarView(flags.unicodeScalars.prefix(50)))
        #expect(
            client.tell(.configured(instructions: flags))
                == ["{\"type\":\"configured\",\"instructions\":\"\(expected)...\"}"])
    }

    @Test("a key may come as a message")
    func authentication() {
        var client = LegacyClient()
        #expect(client.deliver(#"{"type":"auth","apiKey":"k"}"#).events == [.authenticate(apiKey: "k")])
        #expect(client.send(#"{"type":"auth","apiKey":5}"#).count == 1)
    }

    @Test("typed text reaches the agent")
    func text() {
        var client = LegacyClient()
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
        var client = LegacyClient()
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
        var client = LegacyClient()
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
        var client = LegacyClient(limits: limits)
        let told = client.send("{\"type\":\"text\",\"data\":\"\(String(repeating: "x", count: 100))\"}")
        #expect(told == [#"{"type":"error","message":"The message has 125 bytes. At most 100 are accepted."}"#])
    }

    @Test("an invalid parameter has its code here, too; other errors have none")
    func errors() {
        var client = LegacyClient()
        let parameter = InvalidParameter(name: "channels", value: "3", allowed: "1, 2").clientError
        #expect(
            client.tell(.error(parameter))
                == [#"{"type":"error","code":"invalid_parameter","message":"channels is \"3\"; allowed: 1, 2"}"#])
        #expect(
            client.tell(.error(ClientError(.agentTimeout, "no agent"))) == [#"{"type":"error","message":"no agent"}"#])
    }

    @Test("events that old clients do not know are not sent")
    func unknownEvents() {
        var client = LegacyClient()
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

    private func published(_ text: String) -> ServerEvent {
        .verbatim(text, ApplicationData(topic: "t", sender: "agent", payload: Array(text.utf8)))
    }

    @Test("an agent's JSON passes as it is, unless it would be taken for the gateway's own word")
    func verbatim() {
        var client = LegacyClient()
        let packet = #"{"type":"transcript.user",  "text":"hi"}"#
        #expect(client.tell(published(packet)) == [packet])
        #expect(client.tell(published(#"{"type":"audio","data":""}"#)).isEmpty)
        #expect(client.tell(published(#"{"type":"transcript","role":"user","content":"hi"}"#)).isEmpty)
    }

    @Test("with extended events chosen, that vocabulary is spoken beside the turn's own messages")
    func extendedEvents() {
        var client = LegacyClient()
        #expect(client.deliver(#"{"type":"ping"}"#).events.isEmpty)
        _ = client.deliver(#"{"type":"config","data":{"events":"extended"}}"#)
        #expect(client.deliver(#"{"type":"ping","id":1}"#).events == [.ping(id: 1)])
        #expect(client.tell(.agentState(.thinking)) == [#"{"type":"agent_state","state":"thinking"}"#])
        let told = client.tell(
            .transcript(Transcript(role: .user, content: "hi", isFinal: false, segmentID: "1", participant: "me")))
        #expect(told.count == 1 && told[0].contains("\"final\":false"))
        #expect(client.tell(.replyFinished) == [#"{"type":"ready","message":"Ready for next turn"}"#])
        #expect(client.audio(wavFile(samples: 100), format: "wav").texts == [bufferingMessage(244)])
        #expect(client.send(endTurnMessage) == [transcribingMessage])
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
        var dialect = LegacyVocabulary()
        for message in messages.map({ Array($0.utf8) }) {
            for length in 0...message.count { _ = dialect.decode(text: Array(message[..<length])) }
            for _ in 0..<1500 {
                var damaged = message
                damaged[.random(in: damaged.indices, using: &random)] = .random(in: 0...255, using: &random)
                _ = dialect.decode(text: damaged)
                _ = dialect.decode(text: Array(endTurnMessage.utf8))
            }
        }
    }
}
