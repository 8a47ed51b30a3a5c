import Testing
import Wire

@Suite("traceparent")
struct TraceContextTests {
    private static let example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("the example of the standard is read and written as it is")
    func example() throws {
        let context = try #require(TraceContext(parsing: Self.example))
        #expect(context.text == Self.example && context.isSampled)
        #expect(context.traceText == "4bf92f3577b34da6a3ce929d0e0e4736" && context.spanText == "00f067aa0ba902b7")
    }

    @Test("flags beyond the first are not passed on, and who does not write down is no other")
    func flags() {
        #expect(TraceContext(parsing: Self.example.dropLast(2) + "00")?.isSampled == false)
        #expect(TraceContext(parsing: Self.example.dropLast(2) + "ff")?.text == Self.example)
    }

    @Test("a later version may have more parts, the present one may not")
    func versions() {
        #expect(TraceContext(parsing: "01" + Self.example.dropFirst(2) + "-what-ever")?.text == Self.example)
        #expect(TraceContext(parsing: Self.example + "-what-ever") == nil)
        #expect(TraceContext(parsing: "ff" + Self.example.dropFirst(2)) == nil)
    }

    @Test("what is cut, in capitals, all zero or something else is none")
    func malformed() {
        for count in Self.example.indices { #expect(TraceContext(parsing: Self.example[..<count]) == nil) }
        for text in [
            "", "-", "---", Self.example.uppercased(), " " + Self.example, Self.example + "0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            String(repeating: "-", count: 100_000),
        ] {
            #expect(TraceContext(parsing: text) == nil)
        }
    }

    @Test("a new trace can be read again, and its spans belong to it")
    func new() {
        var random = SystemRandomNumberGenerator()
        let context = TraceContext(using: &random)
        let child = context.child(using: &random)
        #expect(TraceContext(parsing: context.text) == context)
        #expect(child.traceID == context.traceID && child.spanID != context.spanID)
    }
}
