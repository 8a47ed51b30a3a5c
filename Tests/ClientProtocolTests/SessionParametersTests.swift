import Testing
import Wire

@testable import ClientProtocol

@Suite("Session parameters")
struct SessionParametersTests {
    private func query(
        _ text: String, _ dialect: DialectDescriptor = DeviceDialect.descriptor
    ) throws(InvalidParameter) -> SessionParameters {
        var parameters = dialect.defaults
        try parameters.apply(query: QueryString(text).pairs)
        return parameters
    }

    private func configuration(_ text: String) throws -> SessionParameters {
        var parameters = DeviceDialect.descriptor.defaults
        let value = try JSONValue(parsing: text)
        try parameters.apply(configuration: #require(value.object))
        return parameters
    }

    @Test("nothing said means the defaults of the dialect")
    func defaults() throws {
        let device = try query("")
        #expect(device.input == AudioFormat(encoding: .pcmS16LE, sampleRate: 16000, channels: 1))
        #expect(device.output == AudioFormat(encoding: .pcmS16LE, sampleRate: 24000, channels: 1))
        #expect(device.frameMilliseconds == 20 && device.events == .extended && device.agent == nil)
        #expect(try query("", ConversationDialect.descriptor).events == .legacy)
    }

    @Test("every parameter is taken from a query")
    func everything() throws {
        let parameters = try query(
            "encoding=pcm_f32le&sample_rate=44100&channels=2&output_encoding=mulaw&output_sample_rate=8000"
                + "&output_framing=json&frame_ms=60&events=legacy&room=my%20room&user_id=u-1&name=J%C3%B6rg+M"
                + "&agent=clerk&metadata=%7B%22a%22%3A1%7D&access_token=t.o.k&session=r&instructions=Be+kind")
        #expect(parameters.input == AudioFormat(encoding: .pcmF32LE, sampleRate: 44100, channels: 2))
        #expect(parameters.output == AudioFormat(encoding: .mulaw, sampleRate: 8000))
        #expect(parameters.chosenFraming == .json && parameters.frameMilliseconds == 60)
        #expect(parameters.events == .legacy && parameters.room == "my room" && parameters.identity == "u-1")
        #expect(parameters.name == "Jörg M" && parameters.agent == "clerk" && parameters.metadata == "{\"a\":1}")
        #expect(parameters.accessToken == "t.o.k" && parameters.resumeToken == "r")
        #expect(parameters.instructions == "Be kind")
    }

    @Test("a config message may write numbers as numbers or strings, and metadata as an object")
    func json() throws {
        let parameters = try configuration(
            #"{"sample_rate":48000,"channels":"2","frame_ms":40.0,"metadata":{"b":[1]},"room":null,"other":{}}"#)
        #expect(parameters.input.sampleRate == 48000 && parameters.input.channels == 2)
        #expect(parameters.frameMilliseconds == 40 && parameters.room == nil)
        #expect(parameters.metadata == #"{"b":[1]}"#)
    }

    @Test("the trace comes by the query; what is malformed is as good as none, and in config it is the agent's affair")
    func trace() throws {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(try query("traceparent=\(text)").trace?.text == text)
        #expect(try query("traceparent=\(text)x").trace == nil)
        let configured = try configuration(#"{"traceparent":"\#(text)"}"#)
        #expect(configured.trace == nil && configured.agentFields["traceparent"] == .string(text))
    }

    @Test("an empty agent means none; an empty room means one of its own")
    func emptyNames() throws {
        let parameters = try query("agent=&room=")
        #expect(parameters.agent == "" && parameters.room == nil)
    }

    @Test("unknown names are passed over, of a repeated one the last counts, identity counts before its alias")
    func tolerance() throws {
        let parameters = try query("x=1&sample_rate=8000&sample_rate=12000&identity=a&user_id=b&=&&q")
        #expect(parameters.input.sampleRate == 12000 && parameters.identity == "a")
        #expect(try query("user_id=b&identity=a").identity == "a")
    }

    @Test(
        "an invalid value names the parameter, the value and what is allowed",
        arguments: [
            ("sample_rate=96000", "sample_rate", "96000", "44100"), ("sample_rate=-1", "sample_rate", "-1", "8000"),
            ("sample_rate=99999999999999999999", "sample_rate", "99999999999999999999", "8000"),
            ("channels=0", "channels", "0", "1, 2"), ("channels=abc", "channels", "abc", "1, 2"),
            ("encoding=flac", "encoding", "flac", "pcm_s16le, pcm_f32le, mulaw, alaw, opus"),
            ("encoding=", "encoding", "", "opus"), ("output_encoding=MP3", "output_encoding", "MP3", "mulaw"),
            ("frame_ms=21", "frame_ms", "21", "10, 20, 40, 60, 100"), ("events=all", "events", "all", "extended"),
            ("output_framing=ogg", "output_framing", "ogg", "binary, json, wav"),
            ("output_sample_rate=1e4", "output_sample_rate", "1e4", "11025"),
            ("transcript_mode=short", "transcript_mode", "short", "full, delta"),
            ("buffer_ms=20", "buffer_ms", "20", "40 to 10000"),
            ("buffer_ms=100&frame_ms=60", "buffer_ms", "100", "frame_ms is 60"),
            ("catch_up=1", "catch_up", "1", "true, false"),
            ("catch_up=true&output_framing=json", "catch_up", "true", "only with output_framing binary"),
            ("resume_audio_ms=-1", "resume_audio_ms", "-1", "0 to 5000"),
            ("room=a%00b", "room", "a\u{FFFD}b", "control"),
            ("output_encoding=opus&output_framing=wav", "output_framing", "wav", "json"),
        ])
    func invalid(text: String, name: String, value: String, allowed: String) throws {
        let error = try #require(throws: InvalidParameter.self) { try query(text) }
        #expect(error.name == name && error.value == value)
        #expect(error.allowed.contains(allowed))
        let told = error.clientError
        #expect(told.code == .invalidParameter)
        #expect(told.message.contains(name) && told.message.contains(allowed))
    }

    @Test("values of the wrong JSON kind are refused", arguments: ["true", "[]", "{}", "16000.5", "1e300"])
    func wrongKinds(value: String) {
        #expect(throws: InvalidParameter.self) { try configuration("{\"sample_rate\":\(value)}") }
        #expect(throws: InvalidParameter.self) { try configuration("{\"encoding\":\(value)}") }
    }

    @Test("hostile values neither pass nor come back in full")
    func hostile() throws {
        let long = String(repeating: "x", count: 100_000)
        for name in ["room", "identity", "user_id", "name", "agent", "encoding", "sample_rate", "metadata"] {
            let error = try #require(throws: InvalidParameter.self) { try query("\(name)=\(long)") }
            #expect(error.value.count <= InvalidParameter.maximumShownLength + 1)
        }
        let secret = try #require(throws: InvalidParameter.self) { try query("access_token=\(long)") }
        #expect(!secret.clientError.message.contains("xxx"))
    }

    @Test("a refused change leaves everything as it was")
    func atomic() throws {
        var parameters = DeviceDialect.descriptor.defaults
        #expect(throws: InvalidParameter.self) {
            try parameters.apply(query: QueryString("sample_rate=8000&channels=9").pairs)
        }
        #expect(parameters == DeviceDialect.descriptor.defaults)
    }

    @Test("broken escapes stand for themselves and broken UTF-8 is replaced")
    func brokenEscapes() {
        let pairs = QueryString("a=%&b=%4&c=%zz&d=%ff&e=%41%2B+&%66=g").pairs
        #expect(pairs.map(\.value) == ["%", "%4", "%zz", "\u{FFFD}", "A+ ", "g"])
        #expect(pairs.last?.name == "f")
        #expect(QueryString(String(repeating: "a=1&", count: 1000)).pairs.count == QueryString.maximumItems)
    }
}
