import RESP
import Testing

@Suite("Answers of a Redis server")
struct RESPParserTests {
    private func parse(_ text: String, by step: Int = .max) throws(RESPError) -> [RESPValue] {
        var parser = RESPParser()
        var values: [RESPValue] = []
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + min(step, bytes.count))
            parser.append(bytes[start..<end])
            while let value = try parser.next() { values.append(value) }
            start = end
        }
        return values
    }

    private static let answers =
        "+OK\r\n-ERR no\r\n:-42\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n+y\r\n$-1\r\n"

    private static let values: [RESPValue] = [
        .simple(Array("OK".utf8)), .error(Array("ERR no".utf8)), .integer(-42), .bulk(Array("a\r\n\0b".utf8)),
        .bulk([]),
        .null, .null, .array([]),
        .array([.integer(1), .array([.bulk(Array("x".utf8)), .simple(Array("y".utf8))]), .null]),
    ]

    @Test("every kind of answer is read, however it is cut", arguments: [1, 2, 3, 7, 1000])
    func kinds(step: Int) throws { #expect(try parse(Self.answers, by: step) == Self.values) }

    @Test("a command is an array of texts")
    func command() throws {
        let bytes = RESPCommand.encode(["SET", "k", "a\r\nb"])
        #expect(String(decoding: bytes, as: UTF8.self) == "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n")
    }

    @Test(
        "what is no answer ends the reading for good",
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n", RESPError.unknownType(UInt8(ascii: "H"))), ("\r\n", .malformed),
            (":x\r\n", .malformed), (":\r\n", .malformed), ("+OK\n", .malformed), ("$-2\r\n", .malformed),
            ("*-2\r\n", .malformed), ("$3\r\nabcde", .malformed), ("$99999999999999999999\r\n", .malformed),
            ("$99999999999\r\n", .tooLong), ("*99999999\r\n", .tooLong),
            ("+" + String(repeating: "a", count: 5000), .tooLong),
            (String(repeating: "*1\r\n", count: 9), .tooDeep),
        ])
    func wrong(text: String, error: RESPError) throws {
        #expect(throws: error) { try parse(text) }
        var parser = RESPParser()
        parser.append(text.utf8)
        #expect(throws: error) { try parser.next() }
        parser.append("+OK\r\n".utf8)
        #expect(throws: error) { try parser.next() }
    }

    @Test("no change of a byte anywhere makes it trap")
    func changes() {
        let bytes = Array(Self.answers.utf8)
        for place in bytes.indices {
            for change in [0x01, 0x20, 0xFF, 0x80] as [UInt8] {
                var changed = bytes
                changed[place] ^= change
                var parser = RESPParser()
                parser.append(changed)
                while let value = try? parser.next() { _ = value }
            }
        }
    }

    @Test("promises of more values than an answer may have are not believed, one by one or together")
    func promises() {
        var parser = RESPParser()
        for _ in 0..<8 { parser.append("*200000\r\n".utf8) }
        for _ in 0..<300_000 { parser.append(":1\r\n".utf8) }
        #expect(throws: RESPError.self) { while try parser.next() != nil {} }
    }
}
