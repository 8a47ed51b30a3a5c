import Testing
import Wire

@Suite struct JSONTests {
    static let sample = #"{"a":[1,-2.5,1e3,true,false,null],"b":{"c":"\u00e9\ud83d\ude00\n","d":[]},"e":{},"é":"日本"}"#

    @Test("a text with every kind of value is read and written in order")
    func everyKind() throws {
        let value = try JSONValue(parsing: Self.sample)
        #expect(value["a"]?[0] == .integer(1))
        #expect(value["a"]?[1] == .double(-2.5))
        #expect(value["a"]?[2]?.integer == 1000)
        #expect(value["b"]?["c"]?.string == "é😀\n")
        #expect(value.object?.members.map(\.key) == ["a", "b", "e", "é"])
        let written = #"{"a":[1,-2.5,1000.0,true,false,null],"b":{"c":"é😀\n","d":[]},"e":{},"é":"日本"}"#
        #expect(value.serialized() == written)
        #expect(try JSONValue(parsing: written) == value)
    }

    @Test("every truncation is refused without a trap")
    func truncations() {
        let bytes = Array(Self.sample.utf8)
        for length in 0..<bytes.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: Array(bytes[..<length])) }
        }
    }

    @Test("every single changed byte is read or refused without a trap")
    func mutations() {
        let bytes = Array(Self.sample.utf8)
        for index in bytes.indices {
            for replacement: UInt8 in [0, 0x22, 0x2C, 0x5C, 0x5D, 0x7D, 0x80, 0xED, 0xFF] {
                var changed = bytes
                changed[index] = replacement
                _ = try? JSONValue(parsing: changed)
            }
        }
    }

    @Test(
        "what the grammar does not allow is refused at its place",
        arguments: [
            ("", JSONError.Reason.unexpectedEnd, 0), ("[1,]", .unexpectedByte(0x5D), 3),
            ("{\"a\":1,}", .unexpectedByte(0x7D), 7), ("[1 2]", .unexpectedByte(0x32), 3), ("01", .trailingContent, 1),
            ("nul", .unexpectedEnd, 3), ("nulL", .unexpectedByte(0x4C), 3), ("1.", .unexpectedEnd, 2),
            ("1.x", .invalidNumber, 2), ("-", .unexpectedEnd, 1), ("+1", .unexpectedByte(0x2B), 0),
            (".5", .unexpectedByte(0x2E), 0), ("1e", .unexpectedEnd, 2), ("0x10", .trailingContent, 1),
            ("NaN", .unexpectedByte(0x4E), 0), ("1e999", .numberOutOfRange, 0),
            ("\"a\u{1}\"", .controlCharacterInString, 2),
            (#""\x""#, .invalidEscape, 1), (#""\u12G4""#, .invalidEscape, 1), (#""\u12"#, .unexpectedEnd, 5),
            ("{1:2}", .unexpectedByte(0x31), 1), ("{\"a\" 1}", .unexpectedByte(0x31), 5),
            ("[] []", .trailingContent, 3),
        ])
    func refusals(text: String, reason: JSONError.Reason, offset: Int) {
        #expect(throws: JSONError(reason: reason, offset: offset)) { try JSONValue(parsing: text) }
    }

    @Test(
        "half of an emoji becomes U+FFFD, and the message goes on",
        arguments: [
            (#""\ud83d""#, "\u{FFFD}"), (#""a\ud83d b""#, "a\u{FFFD} b"), (#""\ude00x""#, "\u{FFFD}x"),
            (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        ])
    func loneSurrogates(text: String, expected: String) throws {
        #expect(try JSONValue(parsing: text).string == expected)
        #expect(try JSONValue(parsing: "{\(text):1}").object?.members.first?.key == expected)
    }

    @Test("what follows half of an emoji is still checked", arguments: [#""\ud83d\u12G4""#, #""\ud83d\x""#])
    func faultsBehindLoneSurrogates(text: String) {
        #expect(throws: JSONError(reason: .invalidEscape, offset: 7)) { try JSONValue(parsing: text) }
    }

    @Test(
        "strings that are not UTF-8 are refused",
        arguments: [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]])
    func utf8(content: [UInt8]) {
        #expect(throws: JSONError(reason: .invalidUTF8, offset: 1)) {
            try JSONValue(parsing: [0x22] + content + [0x22])
        }
    }

    @Test("integers keep 64 bits and larger ones become doubles")
    func integers() throws {
        #expect(try JSONValue(parsing: "9223372036854775807") == .integer(.max))
        #expect(try JSONValue(parsing: "-9223372036854775808") == .integer(.min))
        #expect(try JSONValue(parsing: "9223372036854775808") == .double(9223372036854775808))
        #expect(try JSONValue(parsing: "9223372036854775808").integer == nil)
        #expect(JSONValue.double(.nan).serialized() == "null")
        #expect(try JSONValue(parsing: JSONValue.double(1e-7).serialized()) == .double(1e-7))
    }

    @Test("nesting and size are limited")
    func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(64))
        #expect(throws: JSONError(reason: .tooDeep(maximum: 64), offset: 64)) { try JSONValue(parsing: nested(65)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError(reason: .tooLarge(maximum: 4), offset: 4)) {
            try JSONValue(parsing: "[1,2]", maximumSize: 4)
        }
    }

    @Test("of members with one name the last one counts")
    func duplicates() throws {
        var object = try #require(try JSONValue(parsing: #"{"a":1,"a":2}"#).object)
        #expect(object["a"] == .integer(2))
        object["a"] = 3
        #expect(object["a"] == .integer(3))
        object["a"] = nil
        #expect(object.isEmpty)
    }

    @Test("control characters, quotes and backslashes are escaped")
    func escapes() throws {
        let text = String(String.UnicodeScalarView((0..<128).compactMap { Unicode.Scalar($0) }))
        let written = JSONValue.string(text).serialized()
        #expect(written.hasPrefix(#""\u0000\u0001"#))
        #expect(try JSONValue(parsing: written).string == text)
    }
}
