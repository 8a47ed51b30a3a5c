import Testing
import Wire

@testable import ClientProtocol

@Suite("The extended vocabulary")
struct ExtendedVocabularyTests {
    private func decode(_ text: String) -> DialectOutput? {
        var dialect = ExtendedVocabulary()
        let output = dialect.decode(text: Array(text.utf8))
        return output.count == 1 ? output[0] : nil
    }

    private func encode(_ event: ServerEvent) -> String? {
        var dialect = ExtendedVocabulary()
        guard case .text(let text)? = dialect.encode(event).first else { return nil }
        return text
    }

    @Test("every message of a client becomes its event")
    func messages() {
        #expect(decode(#"{"type":"config","data":{"channels":2}}"#) == .event(.configure(["channels": 2])))
        #expect(decode(#"{"type":"audio","data":"AQID"}"#) == .event(.audio([1, 2, 3])))
        #expect(decode(#"{"type":"text","data":"hello"}"#) == .event(.text("hello")))
        #expect(decode(#"{"type":"end_turn"}"#) == .event(.endTurn))
        #expect(decode(#"{"type":"interrupt"}"#) == .event(.interrupt))
        #expect(decode(#"{"type":"mute"}"#) == .event(.mute))
        #expect(decode(#"{"type":"unmute"}"#) == .event(.unmute))
        #expect(decode(#"{"type":"ping"}"#) == .event(.ping(id: nil)))
        #expect(decode(#"{"type":"ping","id":7}"#) == .event(.ping(id: 7)))
        #expect(decode(#"{"type":"auth","apiKey":"k"}"#) == .event(.authenticate(apiKey: "k")))
        #expect(decode(#"{"type":"dtmf","digits":"1#d"}"#) == .event(.dtmf([.one, .pound, .d])))
        #expect(decode(#"{"type":"dtmf","digit":5}"#) == .event(.dtmf([.five])))
    }

    @Test("a client is told of keys that an agent presses")
    func keys() {
        #expect(encode(.dtmf(.pound)) == ##"{"type":"dtmf","digits":"#"}"##)
    }

    @Test("a method is called with what the client says, and with 10 s to answer if it says nothing of that")
    func callsByTheClient() {
        #expect(
            decode(#"{"type":"rpc","id":"1","method":"look","payload":"there","timeout_ms":2000}"#)
                == .event(.call(MethodCall(id: "1", method: "look", payload: "there", timeout: .seconds(2)))))
        #expect(
            decode(#"{"type":"rpc","id":"1","method":"look","payload":{"at":[1]}}"#)
                == .event(
                    .call(MethodCall(id: "1", method: "look", payload: #"{"at":[1]}"#, timeout: .seconds(10)))))
        for wrong in [
            #"{"type":"rpc","method":"look"}"#, #"{"type":"rpc","id":"","method":"look"}"#, #"{"type":"rpc","id":"1"}"#,
            #"{"type":"rpc","id":"1","method":"look","timeout_ms":1}"#,
            #"{"type":"rpc","id":"1","method":"look","timeout_ms":"soon"}"#,
            "{\"type\":\"rpc\",\"id\":\"1\",\"method\":\"\(String(repeating: "m", count: 65))\"}",
            "{\"type\":\"rpc_result\",\"id\":\"1\",\"payload\":\"\(String(repeating: "p", count: 15_361))\"}",
            #"{"type":"rpc_result","payload":"there"}"#, #"{"type":"rpc_error","id":"1","code":-1}"#,
        ] {
            guard case .reply(.error(let error))? = decode(wrong) else { return #expect(Bool(false), "\(wrong)") }
            #expect(error.code == .invalidMessage)
        }
    }

    @Test("calls of the client's methods and their outcomes have the same words in both directions")
    func callsOfTheClient() {
        #expect(decode(#"{"type":"rpc_result","id":"1","payload":"x"}"#) == .event(.callEnded(id: "1", .success("x"))))
        #expect(
            decode(#"{"type":"rpc_error","id":"1","code":7,"message":"no","data":"d"}"#)
                == .event(.callEnded(id: "1", .failure(MethodFailure(code: 7, message: "no", data: "d")))))
        #expect(
            encode(.callEnded(id: "1", .success("x"))) == #"{"type":"rpc_result","id":"1","payload":"x"}"#)
        #expect(
            encode(.callEnded(id: "1", .failure(.noRecipient)))
                == #"{"type":"rpc_error","id":"1","code":1401,"message":"Recipient not found"}"#)
    }

    @Test("only a method that the client has named is put to it")
    func methods() throws {
        var parameters = SessionParameters(events: .extended)
        try parameters.apply(query: [("methods", "look,volume")])
        var dialect = DeviceDialect(parameters, limits: RecordingLimits())
        let call = MethodCall(id: "1", caller: "agent", method: "look", payload: "there", timeout: .seconds(8))
        let message =
            #"{"type":"rpc","id":"1","method":"look","payload":"there","caller":"agent","timeout_ms":8000}"#
        #expect(dialect.take(call) == [.send(.text(message))])
        var other = call
        other.method = "listen"
        #expect(dialect.take(other) == [.event(.callEnded(id: "1", .failure(.unsupported)))])
        parameters.events = .legacy
        dialect.adopt(parameters)
        #expect(dialect.take(call) == [.event(.callEnded(id: "1", .failure(.unsupported)))])
    }

    @Test("half of an emoji costs no message: it becomes U+FFFD")
    func loneSurrogate() {
        #expect(decode(#"{"type":"text","data":"well \ud83d"}"#) == .event(.text("well \u{FFFD}")))
    }

    @Test("base64 with line breaks, without padding, in the other alphabet or in a data URL is read")
    func foreignBase64() {
        for text in ["-_8=", "+/8", "+\\n/8=", "data:audio/pcm;base64,+/8="] {
            #expect(decode("{\"type\":\"audio\",\"data\":\"\(text)\"}") == .event(.audio([0xFB, 0xFF])))
        }
    }

    @Test("data payloads may be text, JSON or base64")
    func dataPayloads() {
        #expect(
            decode(#"{"type":"data","topic":"t","payload":"hé"}"#)
                == .event(.data(topic: "t", payload: Array("hé".utf8))))
        #expect(
            decode(#"{"type":"data","payload":{"a":[1,2]}}"#)
                == .event(.data(topic: "", payload: Array(#"{"a":[1,2]}"#.utf8))))
        #expect(
            decode(#"{"type":"data","payload":"AP8=","encoding":"base64"}"#)
                == .event(.data(topic: "", payload: [0, 255])))
    }

    @Test(
        "what cannot be read becomes one error that says what is allowed",
        arguments: [
            ("", "JSON"), ("{", "JSON"), ("[]", "object"), ("{}", "type"), (#"{"type":5}"#, "type is \"5\""),
            (#"{"type":"fly"}"#, "end_turn"), (#"{"type":"config"}"#, "data"),
            (#"{"type":"config","data":[]}"#, "data"),
            (#"{"type":"audio"}"#, "base64"), (#"{"type":"audio","data":"!"}"#, "base64"),
            (#"{"type":"text","data":""}"#, "string"), (#"{"type":"data","topic":"t"}"#, "payload"),
            (#"{"type":"data","topic":5,"payload":1}"#, "topic"), (#"{"type":"dtmf","digits":"12x"}"#, "0-9"),
            (#"{"type":"dtmf"}"#, "0-9"), (#"{"type":"auth"}"#, "apiKey"),
            (#"{"type":"data","payload":"?","encoding":"base64"}"#, "base64"),
        ])
    func refused(text: String, names: String) {
        guard case .reply(.error(let error))? = decode(text) else {
            Issue.record("\(text) was taken")
            return
        }
        #expect(error.message.contains(names))
        #expect([.invalidMessage, .invalidAudio].contains(error.code))
    }

    @Test("no truncation and no changed byte of a message traps")
    func mutations() {
        let message = Array(
            #"{"type":"data","topic":"t","payload":{"a":[1,2.5e3,null],"b":"\u00e9\ud83d\ude00"}}"#.utf8)
        var dialect = ExtendedVocabulary()
        for length in 0...message.count {
            let output = dialect.decode(text: Array(message[..<length]))
            #expect(output.count == 1)
        }
        for index in message.indices {
            for value in [UInt8(0), 0x22, 0x5C, 0x7B, 0x80, 0xFF] {
                var changed = message
                changed[index] = value
                let output = dialect.decode(text: changed)
                #expect(output.count == 1)
            }
        }
    }

    @Test("every event is one JSON object with its type")
    func events() throws {
        let transcript = Transcript(
            role: .user, content: "say \"hi\"", isFinal: false, segmentID: "SG_1", participant: "caller")
        let session = SessionSummary(
            id: "s", room: "r", identity: "i", input: AudioFormat(encoding: .pcmS16LE, sampleRate: 16000),
            output: AudioFormat(encoding: .opus, sampleRate: 48000))
        let events: [(ServerEvent, String)] = [
            (.ready, "ready"), (.session(session), "session"), (.configured(instructions: "x"), "configured"),
            (.transcript(transcript), "transcript"), (.agentState(.thinking), "agent_state"),
            (.interrupted, "interrupted"), (.agentJoined(identity: "a", name: "n"), "agent_joined"),
            (.agentLeft(identity: "a", reason: "b"), "agent_left"), (.pong(id: nil), "pong"),
            (.data(ApplicationData(topic: "t", sender: "s", payload: [1])), "data"),
            (.error(ClientError(.internalError, "m")), "error"),
            (.closing(reason: .shutdown, message: "m"), "closing"),
        ]
        for (event, type) in events {
            let value = try JSONValue(parsing: #require(encode(event)))
            #expect(value["type"]?.string == type)
        }
        let said = try JSONValue(parsing: #require(encode(.transcript(transcript))))
        #expect(said["content"] == "say \"hi\"" && said["final"] == false && said["segment_id"] == "SG_1")
        let opened = try JSONValue(parsing: #require(encode(.session(session))))
        #expect(opened["resume_token"] == nil && opened["input"]?["sample_rate"] == 16000)
    }

    private func published(_ text: String) -> ServerEvent {
        .verbatim(text, ApplicationData(topic: "t", sender: "agent", payload: Array(text.utf8)))
    }

    @Test("an agent cannot speak in the gateway's name: such JSON comes as data, with its sender")
    func claimedTypes() {
        for type in ["closing", "session", "ready", "error", "agent_left", "transcript", "reconnecting"] {
            #expect(
                encode(published("{\"type\":\"\(type)\"}"))
                    == "{\"type\":\"data\",\"topic\":\"t\",\"sender\":\"agent\",\"payload\":{\"type\":\"\(type)\"}}")
        }
        for text in [#"{"type":"interrupted"}"#, #"{"type": "agent.state"}"#, #"{"type":"transcript.user"}"#, "{}"] {
            #expect(encode(published(text)) == text)
        }
    }

    @Test("the connection to the room is told when it breaks and when it is back")
    func roomConnection() {
        #expect(encode(.reconnecting) == #"{"type":"reconnecting"}"#)
        #expect(encode(.reconnected) == #"{"type":"reconnected"}"#)
    }

    @Test("an agent's JSON passes character by character, and its sentence is not told twice")
    func verbatim() {
        let text = #"{ "type":"transcript.user",  "text":"hi","is_final":true }"#
        #expect(encode(published(text)) == text)
        let doubled = Transcript(
            role: .user, content: "hi", isFinal: true, segmentID: "1", participant: "p", source: .dataPacket)
        #expect(encode(.transcript(doubled)) == nil)
    }

    @Test("words with times stand beside the text of a transcript")
    func timedWords() {
        let transcript = Transcript(
            role: .assistant, content: "It is", isFinal: false, segmentID: "SG", participant: "a",
            words: [.init(text: "It ", start: 0, end: 250), .init(text: "is", start: nil, end: nil)])
        #expect(
            encode(.transcript(transcript))
                == #"{"type":"transcript","role":"assistant","content":"It is","final":false,"segment_id":"SG","#
                + #""participant":"a","words":[{"text":"It ","start_ms":0,"end_ms":250},{"text":"is"}]}"#)
    }

    @Test("payloads to the client: JSON as it is, text as text, other bytes as base64")
    func outgoingData() throws {
        func payload(_ bytes: [UInt8]) throws -> (JSONValue?, JSONValue?) {
            let value = try JSONValue(
                parsing: #require(encode(.data(ApplicationData(topic: "t", sender: "s", payload: bytes)))))
            return (value["payload"], value["encoding"])
        }
        #expect(try payload(Array("{\"a\":1}".utf8)) == (["a": 1], nil))
        #expect(try payload(Array("{nope".utf8)) == ("{nope", nil))
        #expect(try payload([0xFF, 0x00]) == ("/wA=", "base64"))
    }

    @Test("the answer to config repeats fifty characters of the instructions")
    func configured() throws {
        let text = try #require(encode(.configured(instructions: String(repeating: "é", count: 80))))
        #expect(text.contains("\"" + String(repeating: "é", count: 50) + "...\""))
    }

    @Test("audio as JSON holds base64, or base64 of a whole WAV file")
    func audioMessages() throws {
        let format = AudioFormat(encoding: .pcmS16LE, sampleRate: 24000)
        #expect(audioMessage([1, 2, 3], format) == #"{"type":"audio","data":"AQID"}"#)
        let value = try JSONValue(parsing: audioMessage([1, 0, 2, 0], format, cutting: .files(milliseconds: nil)))
        let data = try #require(value["data"]?.string)
        let file = try WAVFile(parsing: #require(Base64.decode(data)))
        #expect(file.monoSamples() == [1, 2] && file.sampleRate == 24000)
        #expect(
            audioMessage([1], AudioFormat(encoding: .opus, sampleRate: 48000), cutting: .files(milliseconds: nil))
                .isEmpty)
    }
}
