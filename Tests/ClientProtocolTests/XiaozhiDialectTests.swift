import Testing
import Wire

@testable import ClientProtocol

@Suite("The dialect of xiaozhi devices")
struct XiaozhiDialectTests {
    private static let hello =
        #"{"type":"hello","version":1,"features":{"mcp":true},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}"#

    private func makeDialect(_ headers: [String: String] = [:]) -> XiaozhiDialect {
        var parameters = XiaozhiDialect.descriptor.defaults
        var headers = headers
        headers["Device-Id"] = "00:22:44:66:88:AA"
        headers["Client-Id"] = "cca4d0c6-02f0-5896-9df7-c32fdb3a485a"
        let all = headers
        XiaozhiDialect.read(ClientHandshake(header: { all[$0] }, query: { _ in nil }), into: &parameters)
        var dialect = XiaozhiDialect(parameters, limits: RecordingLimits())
        dialect.begin(session: "S_1")
        return dialect
    }

    private func texts(_ frames: [ClientFrame]) -> [String] {
        frames.compactMap { if case .text(let text) = $0 { text } else { nil } }
    }

    private func sentence(_ text: String) -> String {
        #"{"session_id":"S_1","type":"tts","state":"sentence_start","text":"\#(text)"}"#
    }

    private func decode(_ dialect: inout XiaozhiDialect, _ text: String) -> [DialectOutput] {
        dialect.decode(text: Array(text.utf8))
    }

    private func sent(_ outputs: [DialectOutput]) -> [String] {
        texts(outputs.compactMap { if case .send(let frame) = $0 { frame } else { nil } })
    }

    @Test("the handshake says which device connects, and the agent learns it")
    func handshake() throws {
        var parameters = XiaozhiDialect.descriptor.defaults
        let query = ["device-id": "AA:00", "client-id": "c"]
        XiaozhiDialect.read(ClientHandshake(header: { _ in nil }, query: { query[$0] }), into: &parameters)
        let device = try #require(parameters.device)
        #expect(device == ClientDevice(id: "aa:00", clientID: "c"))
        #expect(parameters.agentFields == ["device_id": "aa:00", "client_id": "c"])
        for id in ["", "a b", "a/b", String(repeating: "a", count: 65)] {
            #expect(ClientDevice(id: id, clientID: "c") == nil)
        }
    }

    @Test(
        "a hello is answered at once with the transport, the session and the sound that comes, and configures the session"
    )
    func greeting() {
        var dialect = makeDialect()
        let outputs = decode(&dialect, Self.hello)
        #expect(
            sent(outputs) == [
                #"{"type":"hello","version":1,"transport":"websocket","session_id":"S_1","audio_params":{"format":"opus","sample_rate":24000,"channels":1,"frame_duration":60}}"#,
                #"{"session_id":"S_1","type":"mcp","payload":{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"vision":{"url":"","token":""}},"clientInfo":{"name":"voicegateway","version":"0.1.0"}}}}"#,
            ])
        let configuration: JSONObject = [
            "encoding": "opus", "sample_rate": 16000, "channels": 1, "features": ["mcp": true],
        ]
        #expect(outputs.contains(.event(.configure(configuration))))
        #expect(sent(decode(&dialect, Self.hello)).count == 1)
    }

    @Test("a device with other sound than Opus is refused by the name of what it has")
    func otherSound() throws {
        var dialect = makeDialect()
        let outputs = decode(&dialect, #"{"type":"hello","audio_params":{"format":"g722"}}"#)
        #expect(outputs.contains(.event(.configure(["encoding": "g722"]))))
        #expect(dialect.closure(.invalidParameter, message: "no").code == 1003)
    }

    @Test(
        "what a device says becomes an event; the word that wakes it is no text for the agent, what is typed later is one"
    )
    func messages() {
        var dialect = makeDialect()
        _ = decode(&dialect, Self.hello)
        #expect(
            decode(&dialect, #"{"session_id":"S_1","type":"listen","state":"detect","text":"hi lexin"}"#)
                == [.event(.configure(["wake_word": "hi lexin"]))])
        #expect(decode(&dialect, #"{"type":"listen","state":"start","mode":"manual"}"#).isEmpty)
        #expect(
            decode(&dialect, #"{"type":"listen","state":"detect","text":"what time is it"}"#)
                == [.event(.text("what time is it"))])
        #expect(decode(&dialect, #"{"type":"listen","state":"stop"}"#) == [.event(.endTurn)])
        #expect(decode(&dialect, #"{"type":"abort","reason":"wake_word_detected"}"#) == [.event(.interrupt)])
        #expect(decode(&dialect, #"{"type":"ping"}"#) == [.send(.text(#"{"type":"pong"}"#))])
        for nothing in [#"{"type":"else"}"#, "{}", "[]", #"{"type":"listen"}"#, #"{"type":"mcp"}"#] {
            #expect(decode(&dialect, nothing).isEmpty)
        }
        guard case .reply(.error(let error))? = decode(&dialect, "hi").first else {
            return #expect(Bool(false), "no error")
        }
        #expect(error.code == .invalidMessage)
    }

    @Test("a reply begins before its sound, shows sentence by sentence, and ends once")
    func reply() {
        var dialect = makeDialect()
        #expect(
            texts(dialect.encode(.agentState(.speaking))) == [#"{"session_id":"S_1","type":"tts","state":"start"}"#])
        #expect(dialect.encode(.replyStarted).isEmpty)
        var transcript = Transcript(
            role: .assistant, content: "It is 3.5 degrees. And", isFinal: false, segmentID: "s", participant: "a")
        #expect(texts(dialect.encode(.transcript(transcript))) == [sentence("It is 3.5 degrees.")])
        #expect(dialect.encode(.transcript(transcript)).isEmpty)
        transcript.content = "It is 3.5 degrees. And it rains。好"
        #expect(texts(dialect.encode(.transcript(transcript))) == [sentence("And it rains。")])
        transcript.isFinal = true
        transcript.expression = .init(words: "with a smile", mood: "playful")
        #expect(
            texts(dialect.encode(.transcript(transcript)))
                == [#"{"session_id":"S_1","type":"llm","emotion":"winking","text":"😉"}"#, sentence("好")])
        let stop = #"{"session_id":"S_1","type":"tts","state":"stop"}"#
        #expect(texts(dialect.encode(.replyFinished)) == [stop])
        #expect(dialect.encode(.replyFinished).isEmpty)
        #expect(dialect.encode(.interrupted).isEmpty)
        _ = decode(&dialect, #"{"type":"abort"}"#)
        #expect(texts(dialect.encode(.interrupted)) == [stop])
        transcript.role = .user
        transcript.content = "thanks"
        #expect(
            texts(dialect.encode(.transcript(transcript))) == [#"{"session_id":"S_1","type":"stt","text":"thanks"}"#])
    }

    @Test("what ends a call is shown once, and an orderly end not at all")
    func alerts() {
        var dialect = makeDialect()
        let alert =
            #"{"session_id":"S_1","type":"alert","status":"Error","message":"no agent","emotion":"sad"}"#
        #expect(texts(dialect.encode(.error(ClientError(.agentTimeout, "no agent")))) == [alert])
        #expect(dialect.encode(.closing(reason: .agentTimeout, message: "no agent")).isEmpty)
        var other = makeDialect()
        #expect(other.encode(.closing(reason: .agentLeft, message: "bye")).isEmpty)
        #expect(other.encode(.error(ClientError(.invalidAudio, "what"))).isEmpty)
        #expect(texts(other.encode(.closing(reason: .duplicateIdentity, message: "no agent"))) == [alert])
    }

    // MARK: Binary messages

    private static let packet: [UInt8] = [0x58, 0x02, 0xF9, 0x30, 0x4D, 0xBB, 0x0D, 0xE5]
    private static let headers: [Int: [UInt8]] = [
        1: [], 2: [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xD2, 0, 0, 0, 8], 3: [0, 0, 0, 8],
    ]

    @Test("each version frames a packet in both directions", arguments: [1, 2, 3])
    func framing(version: Int) throws {
        var dialect = makeDialect(["Protocol-Version": "\(version)"])
        let header = try #require(Self.headers[version])
        let message = header + Self.packet
        #expect(dialect.decode(binary: message.span).sound == header.count..<message.count)
        #expect(dialect.delivery.wrapping == (version == 1 ? .bare : .binary))
        guard version > 1 else { return }
        var written: [UInt8] = []
        for _ in 0..<2 {
            written = []
            dialect.encode(sound: Self.packet.span, as: dialect.delivery, into: &written)
        }
        var expected = message
        // The second packet is played 60 ms after the first.
        if version == 2 { expected.replaceSubrange(8..<12, with: [0, 0, 0, 60]) }
        #expect(written == expected)
        for wrong in [Array(message.dropLast()), message + [0], Array(header.dropLast()), []] {
            let read = dialect.decode(binary: wrong.span)
            guard read.sound.isEmpty, case .reply(.error(let error))? = read.outputs.first else {
                return #expect(Bool(false), "\(wrong)")
            }
            #expect(error.code == .invalidAudio)
        }
    }

    @Test("JSON in a binary message of version 2 is a message, and other kinds are passed over")
    func otherKinds() {
        var dialect = makeDialect(["Protocol-Version": "2"])
        let text = Array(#"{"type":"listen","state":"stop"}"#.utf8)
        let message = [0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(text.count)] + text
        #expect(dialect.decode(binary: message.span) == BinaryMessage(sound: 0..<0, outputs: [.event(.endTurn)]))
        var other = message
        other[3] = 7
        #expect(dialect.decode(binary: other.span) == BinaryMessage(sound: 0..<0))
        other[1] = 3
        #expect(dialect.decode(binary: other.span).outputs.count == 1)
    }

    // MARK: Tools

    private func answer(_ id: Int, _ result: String) -> String {
        #"{"type":"mcp","payload":{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}}"#
    }

    private func call(_ method: String, _ payload: String = "", id: String = "c") -> MethodCall {
        MethodCall(id: id, method: method, payload: payload, timeout: .seconds(5))
    }

    @Test("an agent asks for the tools while they are still being listed, and gets all pages")
    func listing() {
        var dialect = makeDialect()
        _ = decode(&dialect, Self.hello)
        #expect(dialect.take(call("xiaozhi.tools")).isEmpty)
        let steps = sent(decode(&dialect, answer(1, #"{"serverInfo":{}}"#)))
        #expect(steps.count == 2 && steps[0].contains("notifications/initialized"))
        #expect(steps[1].contains(#""id":2,"method":"tools/list","params":{"cursor":"","withUserTools":false}"#))
        let next = sent(decode(&dialect, answer(2, #"{"tools":[{"name":"a"}],"nextCursor":"b"}"#)))
        #expect(next.count == 1 && next[0].contains(#""id":3,"method":"tools/list","params":{"cursor":"b""#))
        let list = #"[{"name":"a"},{"name":"b","inputSchema":{}}]"#
        #expect(
            decode(&dialect, answer(3, #"{"tools":[{"name":"b","inputSchema":{}}]}"#))
                == [.event(.callEnded(id: "c", .success(list)))])
        #expect(dialect.take(call("xiaozhi.tools", id: "d")) == [.event(.callEnded(id: "d", .success(list)))])
    }

    @Test("an agent uses a tool and gets what the device says, or why it failed")
    func using() {
        var dialect = makeDialect()
        _ = decode(&dialect, Self.hello)
        _ = decode(&dialect, answer(1, "{}"))
        _ = decode(&dialect, answer(2, #"{"tools":[]}"#))
        let use = call("xiaozhi.tool", #"{"name":"self.audio_speaker.set_volume","arguments":{"volume":40}}"#)
        #expect(
            sent(dialect.take(use)) == [
                #"{"session_id":"S_1","type":"mcp","payload":{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"self.audio_speaker.set_volume","arguments":{"volume":40}}}}"#
            ])
        #expect(
            decode(&dialect, answer(3, #"{"content":[{"type":"text","text":"true"}],"isError":false}"#))
                == [.event(.callEnded(id: "c", .success("true")))])
        // A second answer is nobody's.
        #expect(decode(&dialect, answer(3, "{}")).isEmpty)
        _ = dialect.take(use)
        #expect(
            decode(&dialect, #"{"type":"mcp","payload":{"id":4,"error":{"message":"Unknown tool: x"}}}"#)
                == [.event(.callEnded(id: "c", .failure(.application("Unknown tool: x"))))])
        for wrong in ["", "[]", #"{"arguments":{}}"#, #"{"name":"x","arguments":[]}"#] {
            guard case .event(.callEnded(_, .failure(let failure)))? = dialect.take(call("xiaozhi.tool", wrong)).first
            else { return #expect(Bool(false), "\(wrong)") }
            #expect(failure.code == 1500)
        }
    }

    @Test("a device without tools has no methods, and one that answers nothing keeps nobody from trying again")
    func noTools() {
        var dialect = makeDialect()
        let unsupported = [DialectOutput.event(.callEnded(id: "c", .failure(.unsupported)))]
        #expect(dialect.take(call("xiaozhi.tools")) == unsupported)
        _ = decode(&dialect, Self.hello)
        #expect(dialect.take(call("look")) == unsupported)
        let use = { (id: Int) in self.call("xiaozhi.tool", #"{"name":"x"}"#, id: "\(id)") }
        for id in 0..<XiaozhiTools.maximumCalls { #expect(sent(dialect.take(use(id))).count == 1) }
        let outputs = dialect.take(use(99))
        #expect(sent(outputs).count == 1)
        #expect(
            outputs.first == .event(.callEnded(id: "0", .failure(.application("the device does not answer")))))
    }
}
