import Testing
import Wire

@testable import ClientProtocol

/// One call of one carrier.
private struct Call<Company: Carrier> {
    var dialect = CarrierDialect<Company>(Company.descriptor.defaults, limits: RecordingLimits())

    mutating func decode(_ text: String) -> [DialectOutput] { dialect.decode(text: Array(text.utf8)) }

    /// The session takes over what the call is.
    mutating func begin(_ text: String) throws -> SessionParameters {
        let outputs = decode(text)
        guard case .event(.configure(let object))? = outputs.first else { throw NoConfiguration(outputs: outputs) }
        var parameters = Company.descriptor.defaults
        try parameters.apply(configuration: object)
        dialect.adopt(parameters)
        return parameters
    }
    struct NoConfiguration: Error { let outputs: [DialectOutput] }

    /// The message around a piece of sound.
    mutating func play(_ sound: [UInt8]) throws -> JSONValue {
        var message: [UInt8] = []
        let delivery = dialect.delivery
        dialect.encode(sound: sound.span, as: delivery, into: &message)
        return try JSONValue(parsing: message)
    }

    mutating func tell(_ event: ServerEvent) throws -> [JSONValue] {
        try dialect.encode(event).map { frame in
            guard case .text(let text) = frame else { throw NoText() }
            return try JSONValue(parsing: text)
        }
    }
    struct NoText: Error {}

    func introduction(_ text: String) -> Introduction { dialect.introduction(in: Array(text.utf8)) }
}

@Suite("carriers")
struct CarrierDialectTests {
    private static let pcm8 = AudioFormat(encoding: .pcmS16LE, sampleRate: 8000)

    // MARK: Telnyx

    private let telnyxStart =
        #"{"event":"start","sequence_number":"1","stream_id":"32DE","start":{"user_id":"3e6f","call_control_id":"v2:T02llQ","from":"+13122010094","to":"+13122123456","custom_parameters":{"agent":"support"},"media_format":{"encoding":"PCMU","sample_rate":8000,"channels":1}}}"#

    @Test("Telnyx: who calls, from where and to where, reaches the agent, and its token is a key")
    func telnyxOpening() throws {
        var call = Call<Telnyx>()
        #expect(call.introduction(#"{"event":"connected","version":"1.0.0"}"#) == .later)
        #expect(
            call.introduction(#"{"event":"connected","x-telnyx-streaming-auth-token":"k"}"#)
                == .credential(.apiKey("k"), isForSession: true))
        let parameters = try call.begin(telnyxStart)
        #expect(parameters.agent == "support" && parameters.input == AudioFormat(encoding: .mulaw, sampleRate: 8000))
        #expect(
            parameters.agentFields == [
                "from": "+13122010094", "to": "+13122123456", "carrier": "telnyx", "stream_sid": "32DE",
                "call_sid": "v2:T02llQ",
            ])
    }

    @Test("Telnyx: sound for the caller may be coded in another way than the caller's own")
    func telnyxFormats() throws {
        var call = Call<Telnyx>()
        let parameters = try call.begin(
            #"{"event":"start","stream_id":"s","start":{"custom_parameters":{"output_encoding":"pcm_s16le","output_sample_rate":"16000"},"media_format":{"encoding":"PCMA","sample_rate":8000}}}"#
        )
        #expect(parameters.input == AudioFormat(encoding: .alaw, sampleRate: 8000))
        #expect(parameters.output == AudioFormat(encoding: .pcmS16LE, sampleRate: 16_000))
    }

    @Test("Telnyx: pieces that come in another order are put in theirs, and a lost one holds up four others at most")
    mutating func telnyxOrder() throws {
        var call = Call<Telnyx>()
        _ = try call.begin(telnyxStart)
        func heard(_ chunk: Int) -> [DialectOutput] {
            // The payload is the chunk's number.
            let payload = Base64.encode([UInt8(chunk)])
            return call.decode(
                #"{"event":"media","stream_id":"32DE","media":{"chunk":"\#(chunk)","payload":"\#(payload)"}}"#)
        }
        func sounds(_ numbers: UInt8...) -> [DialectOutput] { numbers.map { .event(.audio([$0])) } }
        #expect(heard(2) == sounds(2))
        #expect(heard(4) == [] && heard(5) == [])
        #expect(heard(3) == sounds(3, 4, 5))
        #expect(heard(3) == [])
        for chunk in 7...10 { #expect(heard(chunk) == []) }
        #expect(heard(11) == sounds(7, 8, 9, 10, 11))
        #expect(heard(12) == sounds(12))
    }

    @Test("Telnyx: messages to it name no stream")
    mutating func telnyxMessages() throws {
        var call = Call<Telnyx>()
        _ = try call.begin(telnyxStart)
        #expect(try call.play([0xFF, 0xFF]) == ["event": "media", "media": ["payload": "//8="]])
        #expect(try call.tell(.replyFinished) == [["event": "mark", "mark": ["name": "vg-1"]]])
        #expect(try call.tell(.interrupted) == [["event": "clear"]])
        // It returns marks when it clears.
        #expect(call.decode(#"{"event":"mark","stream_id":"32DE","mark":{"name":"vg-1"}}"#) == [])
        #expect(
            call.decode(#"{"event":"dtmf","stream_id":"32DE","dtmf":{"digit":"5"}}"#) == [.event(.dtmf([.five]))])
        #expect(call.decode(#"{"event":"stop","stream_id":"32DE"}"#) == [.event(.hangUp)])
    }

    // MARK: Plivo

    private func plivoStart(_ headers: String, _ format: String = #"{"encoding":"audio/x-mulaw","sampleRate":8000}"#)
        -> String
    {
        #"{"event":"start","sequenceNumber":0,"start":{"callId":"c0","streamId":"b0","accountId":"1","tracks":["inbound"],"mediaFormat":\#(format)},"extra_headers":\#(JSONValue.string(headers).serialized())}"#
    }

    @Test(
        "Plivo: extra headers are parameters in each of the forms in which they come",
        arguments: [
            #"{"agent":"support","level":"2"}"#, "agent=support;level=2", "{X-PH-agent: support, X-PH-level: 2}",
        ])
    func plivoHeaders(text: String) throws {
        var call = Call<Plivo>()
        let parameters = try call.begin(plivoStart(text))
        #expect(parameters.agent == "support")
        #expect(
            parameters.agentFields == ["level": "2", "carrier": "plivo", "stream_sid": "b0", "call_sid": "c0"])
        #expect(
            call.introduction(plivoStart("api_key=k")) == .credential(.apiKey("k"), isForSession: true))
    }

    @Test("Plivo: sound says what it is, and checkpoints come back as played streams")
    func plivoMessages() throws {
        var call = Call<Plivo>()
        _ = try call.begin(plivoStart("", #"{"encoding":"audio/x-l16","sampleRate":16000}"#))
        #expect(
            try call.play([1, 2]) == [
                "event": "playAudio",
                "media": ["contentType": "audio/x-l16", "sampleRate": 16000, "payload": "AQI="], "streamId": "b0",
            ])
        #expect(try call.tell(.replyFinished) == [["event": "checkpoint", "streamId": "b0", "name": "vg-1"]])
        #expect(
            call.decode(#"{"event":"playedStream","streamId":"b0","name":"vg-1"}"#) == [.event(.playedOut)])
        #expect(try call.tell(.interrupted) == [["event": "clearAudio", "streamId": "b0"]])
        #expect(call.decode(#"{"event":"clearedAudio","streamId":"b0"}"#) == [])
        let outputs = call.decode(#"{"event":"playFailed","streamId":"b0","reason":"bad"}"#)
        guard case .reply(.error(let error))? = outputs.first else {
            Issue.record("\(outputs)")
            return
        }
        #expect(error.message.contains("bad"))
    }

    // MARK: Exotel and Awaaz

    private func exotelStart(_ rate: String) -> String {
        #"{"event":"start","stream_sid":"MZx1","start":{"stream_sid":"MZx1","call_sid":"CAx1","account_sid":"ACx1","from":"+919876543210","to":"+918047491899","custom_parameters":{"key1":"value1"},"media_format":{"encoding":"base64","sample_rate":"\#(rate)","bit_rate":"16"}}}"#
    }

    @Test(
        "Exotel: rates are texts, and pieces are as large as it wants them",
        arguments: [("8000", 8000, 3200), ("16000", 16_000, 3200), ("24000", 24_000, 4800)])
    func exotel(rate: String, hertz: Int, bytes: Int) throws {
        var call = Call<Exotel>()
        let parameters = try call.begin(exotelStart(rate))
        #expect(parameters.input == AudioFormat(encoding: .pcmS16LE, sampleRate: hertz))
        #expect(parameters.agentFields["from"] == "+919876543210" && parameters.agentFields["key1"] == "value1")
        guard case .frames(let milliseconds) = call.dialect.delivery.cutting else {
            Issue.record("\(call.dialect.delivery)")
            return
        }
        #expect(hertz * 2 * milliseconds / 1000 == bytes)
        #expect(
            try call.play([1, 2]) == ["event": "media", "stream_sid": "MZx1", "media": ["payload": "AQI="]])
        #expect(
            try call.tell(.replyFinished) == [["event": "mark", "stream_sid": "MZx1", "mark": ["name": "vg-1"]]])
    }

    @Test("Awaaz: the opening comes behind the start, and each piece for the caller is a file")
    func awaaz() throws {
        var call = Call<Awaaz>()
        let parameters = try call.begin(
            #"{"event":"start","stream_sid":"s","start":{"stream_sid":"s","call_sid":"c"}}"#)
        #expect(parameters.input == Self.pcm8 && parameters.output == Self.pcm8)
        #expect(call.decode(#"{"event":"connected"}"#) == [])
        for sound: [UInt8] in [[1, 2, 3, 4], [5, 6], [7, 8]] {
            let payload = try call.play(sound)["media"]?["payload"]?.string ?? ""
            let file = Base64.decode(payload) ?? []
            #expect(file.count == 44 + sound.count && Array(file.suffix(sound.count)) == sound)
            #expect(Array(file.prefix(44)) == WAVHeader.bytes(for: Self.pcm8, dataByteCount: sound.count))
        }
    }

    // MARK: Vonage

    @Test("Vonage: sound is binary, headers of the NCCO are parameters, and notifications are marks")
    func vonage() throws {
        var call = Call<Vonage>()
        #expect(call.dialect.decode(binary: [1, 2].span) == BinaryMessage(sound: 0..<0))
        let opening =
            #"{"event":"websocket:connected","content-type":"audio/l16; rate=8000","agent":"support","level":2}"#
        let parameters = try call.begin(opening)
        #expect(parameters.agent == "support" && parameters.input == Self.pcm8 && parameters.output == Self.pcm8)
        #expect(parameters.agentFields == ["level": 2, "carrier": "vonage"])
        #expect(call.dialect.decode(binary: [1, 2].span) == BinaryMessage(sound: 0..<2))
        #expect(
            call.dialect.delivery
                == SoundDelivery(format: Self.pcm8, cutting: .frames(milliseconds: 20), wrapping: .bare))
        #expect(
            call.decode(#"{"event":"websocket:dtmf","digit":5,"duration":260}"#) == [.event(.dtmf([.five]))])
        #expect(try call.tell(.replyFinished) == [])
        #expect(try call.tell(.replyStarted) == [])
        #expect(try call.tell(.replyFinished) == [["action": "notify", "payload": ["mark": "vg-1"]]])
        #expect(
            call.decode(#"{"event":"websocket:notify","payload":{"mark":"vg-1"}}"#) == [.event(.playedOut)])
        #expect(try call.tell(.interrupted) == [["action": "clear"]])
        #expect(call.decode(#"{"event":"websocket:cleared"}"#) == [])
        #expect(
            call.introduction(#"{"event":"websocket:connected","api_key":"k"}"#)
                == .credential(.apiKey("k"), isForSession: true))
    }

    @Test("Vonage: sound of another kind is refused by its name")
    func vonageFormat() throws {
        var call = Call<Vonage>()
        #expect(throws: InvalidParameter.self) {
            try call.begin(#"{"event":"websocket:connected","content-type":"audio/opus;rate=16000"}"#)
        }
    }

    // MARK: Keys that an agent presses

    @Test("Plivo presses keys itself")
    func keyAtPlivo() throws {
        var call = Call<Plivo>()
        _ = try call.begin(
            #"{"event":"start","start":{"callId":"c","streamId":"s","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}"#
        )
        #expect(try call.tell(.dtmf(.pound)) == [["event": "sendDTMF", "dtmf": "#"]])
    }

    @Test("elsewhere a key is heard, as µ-law in messages as long as others")
    func keyAtTelnyx() throws {
        var call = Call<Telnyx>()
        #expect(try call.tell(.dtmf(.five)) == [])
        _ = try call.begin(telnyxStart)
        let pieces = try call.tell(.dtmf(.five)).map {
            try #require($0["media"]?["payload"]?.string.flatMap { Base64.decode($0) })
        }
        #expect(pieces.map(\.count) == [320, 320, 320, 320])
        let tone = pieces.joined().prefix(800).map(G711.decodeMulaw)
        #expect(DTMFToneTests.heard(in: tone, sampleRate: 8000) == [770, 1336])
        #expect(pieces.joined().dropFirst(800).allSatisfy { G711.decodeMulaw($0) == 0 })
    }

    @Test("a key has the length of pieces that a carrier insists on")
    func keyInPieces() throws {
        var vonage = Call<Vonage>()
        _ = try vonage.begin(#"{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}"#)
        var sound: [UInt8] = []
        for frame in vonage.dialect.encode(.dtmf(.d)) {
            guard case .binary(let bytes) = frame else { throw NoSound() }
            #expect(bytes.count == 640)
            sound += bytes
        }
        let samples = stride(from: 0, to: 3200, by: 2).map {
            Int16(bitPattern: UInt16(sound[$0]) | UInt16(sound[$0 + 1]) << 8)
        }
        #expect(sound.count == 8 * 640 && DTMFToneTests.heard(in: samples, sampleRate: 16_000) == [941, 1633])

        var exotel = Call<Exotel>()
        _ = try exotel.begin(
            #"{"event":"start","stream_sid":"s","start":{"stream_sid":"s","call_sid":"c","account_sid":"a","media_format":{"encoding":"base64","sample_rate":"8000"}}}"#
        )
        let pieces = try exotel.tell(.dtmf(.one)).map {
            $0["media"]?["payload"]?.string.flatMap { Base64.decode($0) }?.count
        }
        #expect(pieces == [3200])
    }

    private struct NoSound: Error {}

    // MARK: All

    @Test("the wire decides over formats, whatever a call is told to say")
    func reserved() throws {
        var call = Call<Exotel>()
        let parameters = try call.begin(
            #"{"event":"start","start":{"stream_sid":"s","custom_parameters":{"encoding":"opus","output_encoding":"opus","output_sample_rate":"48000","api_key":"secret","stream_sid":"other"}}}"#
        )
        #expect(parameters.input == Self.pcm8 && parameters.output == Self.pcm8)
        #expect(parameters.agentFields == ["stream_sid": "s", "carrier": "exotel"])
    }

    @Test("a carrier on the path of another one is told so")
    func wrongPath() throws {
        var call = Call<Twilio>()
        guard case .reply(.error(let error))? = call.decode(telnyxStart).first else {
            Issue.record("taken for a call of Twilio's")
            return
        }
        #expect(error.message.contains("streamSid") && error.message.contains("another carrier"))
    }

    @Test("linear sound of Telnyx has its high byte first, in both directions")
    func networkOrder() throws {
        var dialect = CarrierDialect<Telnyx>(Telnyx.descriptor.defaults, limits: RecordingLimits())
        let start =
            #"{"event":"start","stream_id":"s","start":{"media_format":{"encoding":"L16","sample_rate":16000,"channels":1}}}"#
        guard case .event(.configure(let configuration))? = dialect.decode(text: Array(start.utf8)).first else {
            Issue.record("no start")
            return
        }
        var parameters = Telnyx.descriptor.defaults
        try parameters.apply(configuration: configuration)
        dialect.adopt(parameters)
        let payload = Base64.encode([0x12, 0x34, 0xFF, 0xFE])
        let media =
            #"{"event":"media","stream_id":"s","media":{"track":"inbound","chunk":"1","payload":"\#(payload)"}}"#
        #expect(dialect.decode(text: Array(media.utf8)) == [.event(.audio([0x34, 0x12, 0xFE, 0xFF]))])
        var message: [UInt8] = []
        dialect.encode(sound: [0x34, 0x12, 0xFE, 0xFF].span, as: dialect.delivery, into: &message)
        let sent = try JSONValue(parsing: message)
        #expect(sent["media"]?["payload"]?.string == payload)
    }
}
