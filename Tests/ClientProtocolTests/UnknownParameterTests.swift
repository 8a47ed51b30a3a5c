import Testing
import Wire

@testable import ClientProtocol

@Suite("Names that no parameter has")
struct UnknownParameterTests {
    private func unknown(query: String) throws -> [UnknownParameter] {
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(query: QueryString(query).pairs)
        return parameters.takeUnknown()
    }

    private func unknown(configuration: String) throws -> [UnknownParameter] {
        var parameters = DeviceDialect.descriptor.defaults
        try parameters.apply(configuration: #require(try JSONValue(parsing: configuration).object))
        return parameters.takeUnknown()
    }

    @Test(
        "a slip is answered with the name that was meant",
        arguments: [
            ("sampleRate", "sample_rate"), ("SAMPLE-RATE", "sample_rate"), ("samplerate", "sample_rate"),
            ("sample_rat", "sample_rate"), ("outputEncoding", "output_encoding"), ("framems", "frame_ms"),
            ("userId", "user_id"), ("identiy", "identity"), ("rooms", "room"), ("accessToken", "access_token"),
        ])
    func slip(written: String, meant: String) throws {
        let unknown = try unknown(query: "\(written)=8000")
        #expect(unknown.map(\.meant) == [meant])
        #expect(unknown[0].message.contains("\"\(written)\"") && unknown[0].message.contains(meant))
    }

    @Test("another name in a query is told with all there are; in a config message it is the agent's affair")
    func other() throws {
        let told = try unknown(query: "language=de")
        #expect(told.map(\.meant) == [nil] && told[0].message.contains("sample_rate, channels"))
        #expect(try unknown(configuration: #"{"language":"de","voice":"x","greeting":"hi","prompt":""}"#).isEmpty)
        #expect(try unknown(configuration: #"{"sampleRate":8000}"#).map(\.meant) == ["sample_rate"])
    }

    @Test("every known name is a parameter, and the key of the gate is nobody's mistake")
    func known() throws {
        for name in UnknownParameter.known + ["api_key"] {
            var parameters = DeviceDialect.descriptor.defaults
            try? parameters.apply(query: [(name, "1")])
            #expect(parameters.takeUnknown().isEmpty, "\(name)")
        }
    }

    @Test("no more are told than are worth it, each once, and hostile names neither long nor raw")
    func bounded() throws {
        let many = try unknown(query: (0..<60).map { "x\($0)=1" }.joined(separator: "&"))
        #expect(many.count == UnknownParameter.maximumCount)
        #expect(try unknown(query: "x=1&x=2&x=3").count == 1)
        let hostile = try unknown(query: "a%00\(String(repeating: "y", count: 10_000))=1")
        #expect(hostile.count == 1 && hostile[0].message.utf8.count < 500 && !hostile[0].message.contains("\0"))
    }
}
