import Testing
import Wire

@testable import ClientProtocol

@Suite("Twilio Media Streams")
struct TwilioDialectTests {
    private let sid = "MZ00000000000000000000000000000001"
    private let sound: [UInt8] = [0xFF, 0xFF]
    private var dialect = CarrierDialect<Twilio>(CarrierDialect<Twilio>.descriptor.defaults, limits: RecordingLimits())

    private func start(
        parameters: String = "{}", encoding: String = "audio/x-mulaw", rate: Int = 8000
    ) -> String {
        #"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC1","streamSid":"\#(sid)","callSid":"CA1","tracks":["inbound"],"mediaFormat":{"encoding":"\#(encoding)","sampleRate":\#(rate),"channels":1},"customParameters":\#(parameters)},"streamSid":"\#(sid)"}"#
    }

    /// The message around two samples.
    private mutating func media() -> String {
        var message: [UInt8] = []
        let (sound, delivery) = (sound, dialect.delivery)
        dialect.encode(sound: sound.span, as: delivery, into: &message)
        return String(decoding: message, as: UTF8.self)
    }

    private mutating func decode(_ text: String) -> [DialectOutput] { dialect.decode(text: Array(text.utf8)) }

    private mutating func tell(_ event: ServerEvent) throws -> [JSONValue] {
        try dialect.encode(event).map { frame in
            guard case .text(let text) = frame else { throw JSONValueIsMissing() }
            return try JSONValue(parsing: text)
        }
    }
    private struct JSONValueIsMissing: Error {}

    /// What the session would make of the configuration.
    private static func parameters(_ outputs: [DialectOutput]) throws -> SessionParameters {
        guard case .event(.configure(let object))? = outputs.first else { throw JSONValueIsMissing() }
        var parameters = CarrierDialect<Twilio>.descriptor.defaults
        try parameters.apply(configuration: object)
        return parameters
    }

    @Test("the TwiML's parameters are session parameters, and the agent learns which call it is")
    mutating func opening() throws {
        #expect(decode(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#) == [])
        let outputs = decode(
            start(parameters: #"{"agent":"support","from":"+14158675309","encoding":"opus","api_key":"secret"}"#))
        let parameters = try Self.parameters(outputs)
        #expect(parameters.agent == "support")
        #expect(
            parameters.input == AudioFormat(encoding: .mulaw, sampleRate: 8000) && parameters.output == parameters.input
        )
        #expect(
            parameters.agentFields
                == ["from": "+14158675309", "carrier": "twilio", "stream_sid": .string(sid), "call_sid": "CA1"])
        #expect(decode(start()) == [])
    }

    @Test("the format is the one that the stream announces, and one that is not known is refused by its name")
    mutating func formats() throws {
        let outputs = decode(start(encoding: "audio/x-l16", rate: 16_000))
        #expect(try Self.parameters(outputs).input == AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000))
        var other = TwilioDialectTests()
        let unknown = other.decode(start(encoding: "audio/x-amr"))
        #expect(throws: InvalidParameter.self) { try Self.parameters(unknown) }
        #expect(other.dialect.closure(.invalidParameter, message: "no").code == 1003)
    }

    @Test("the caller's sound and keys arrive, those of other tracks and streams do not")
    mutating func fromTheCarrier() {
        #expect(decode(#"{"event":"media","media":{"payload":"//8="}}"#) == [])
        _ = decode(start())
        let media = { (track: String, sid: String) in
            #"{"event":"media","sequenceNumber":"2","media":{"track":"\#(track)","chunk":"1","timestamp":"0","payload":"//8="},"streamSid":"\#(sid)"}"#
        }
        #expect(decode(media("inbound", sid)) == [.event(.audio([0xFF, 0xFF]))])
        #expect(decode(media("outbound", sid)) == [])
        #expect(decode(media("inbound", "MZ2")) == [])
        #expect(
            decode(#"{"event":"dtmf","streamSid":"\#(sid)","dtmf":{"track":"inbound_track","digit":"*"}}"#)
                == [.event(.dtmf([.star]))])
        #expect(decode(#"{"event":"stop","streamSid":"\#(sid)","stop":{"callSid":"CA1"}}"#) == [.event(.hangUp)])
        #expect(decode(#"{"event":"new"}"#) == [])
    }

    @Test(
        "what cannot be read is one error and ends nothing",
        arguments: [
            "", "[]", "{}", #"{"event":"media","media":{"payload":"!"}}"#, #"{"event":"dtmf","dtmf":{"digit":"12"}}"#,
            #"{"event":"start","start":{}}"#,
        ])
    mutating func faults(text: String) {
        let outputs = decode(text)
        guard outputs.count == 1, case .reply(.error) = outputs[0] else {
            Issue.record("\(outputs)")
            return
        }
    }

    @Test("a binary message holds no sound")
    mutating func binary() {
        let bytes: [UInt8] = [1, 2, 3]
        let message = dialect.decode(binary: bytes.span)
        #expect(message.sound.isEmpty && message.outputs.count == 1)
    }

    @Test("sound is media of its stream, and a reply ends with a mark that comes back when it has been heard")
    mutating func toTheCarrier() throws {
        #expect(media() == "")
        _ = decode(start())
        #expect(
            media()
                == #"{"event":"media","streamSid":"\#(sid)","media":{"payload":"//8="}}"#)
        #expect(
            try tell(.replyFinished) == [["event": "mark", "streamSid": .string(sid), "mark": ["name": "vg-1"]]])
        #expect(try tell(.replyFinished).isEmpty)
        #expect(decode(#"{"event":"mark","streamSid":"\#(sid)","mark":{"name":"vg-1"}}"#) == [.event(.playedOut)])
        for name in ["vg-2", "vg-", "vg-x", "other", "vg-0"] {
            #expect(decode(#"{"event":"mark","mark":{"name":"\#(name)"}}"#) == [], "\(name)")
        }
    }

    @Test("an interruption clears what is queued, and marks that come back for it say nothing")
    mutating func clear() throws {
        _ = decode(start())
        _ = media()
        _ = try tell(.replyFinished)
        #expect(try tell(.interrupted) == [["event": "clear", "streamSid": .string(sid)]])
        #expect(decode(#"{"event":"mark","mark":{"name":"vg-1"}}"#) == [])
        _ = media()
        #expect(try tell(.replyFinished)[0]["mark"]?["name"] == "vg-2")
        #expect(decode(#"{"event":"mark","mark":{"name":"vg-2"}}"#) == [.event(.playedOut)])
    }

    @Test("texts, states and data have no meaning for a carrier")
    mutating func silence() throws {
        _ = decode(start())
        for event: ServerEvent in [
            .ready, .agentState(.thinking), .pong(id: nil), .error(ClientError(.internalError, "x")),
            .verbatim("{}", ApplicationData(topic: "", sender: "a", payload: [])), .reconnecting, .reconnected,
            .agentJoined(identity: "a", name: "b"), .closing(reason: .shutdown, message: "bye"),
        ] {
            #expect(try tell(event).isEmpty)
        }
    }

    @Test("a key or a token is a parameter of the start message, which comes second")
    func introductions() {
        func introduction(_ text: String) -> Introduction { dialect.introduction(in: Array(text.utf8)) }
        #expect(introduction(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#) == .later)
        #expect(
            introduction(start(parameters: #"{"api_key":"k"}"#)) == .credential(.apiKey("k"), isForSession: true))
        #expect(
            introduction(start(parameters: #"{"access_token":"t","api_key":"k"}"#))
                == .credential(.accessToken("t"), isForSession: true))
        #expect(introduction(start()) == .nothing && introduction(#"{"event":"media"}"#) == .nothing)
    }
}
