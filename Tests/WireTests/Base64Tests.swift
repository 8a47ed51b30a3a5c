import Testing
import Wire

@Suite struct Base64Tests {
    @Test(
        "RFC 4648's test vectors are written and read",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
        let unpadded = text.filter { $0 != "=" }
        #expect(Base64.encode(Array(plain.utf8), .urlSafeUnpadded) == unpadded)
        #expect(Base64.decode(unpadded, .urlSafeUnpadded) == Array(plain.utf8))
    }

    @Test("every length and every byte survives a round trip in each alphabet")
    func roundTrips() {
        let bytes = (0..<259).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 3) }
        for alphabet in [Base64.Alphabet.standard, .urlSafe, .urlSafeUnpadded] {
            for length in 0...bytes.count {
                let part = Array(bytes[..<length])
                #expect(Base64.decode(Base64.encode(part, alphabet), alphabet) == part)
            }
        }
    }

    @Test("the alphabets differ in the last two symbols alone")
    func alphabets() {
        #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == "+/+/")
        #expect(Base64.encode([0xFB, 0xFF, 0xBF], .urlSafe) == "-_-_")
        #expect(Base64.decode("-_-_") == nil)
        #expect(Base64.decode("+/+/", .urlSafe) == nil)
    }

    @Test(
        "what an encoder would not write is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm=v", "=", "====", "Zg==Zg==", "Zm9v\n", "Zm9 ", "Zmé=",
        ])
    func strictness(text: String) { #expect(Base64.decode(text) == nil) }

    @Test("the unpadded alphabet refuses padding and stray bits", arguments: ["Zg==", "Zh", "Zm9v=", "A"])
    func unpaddedStrictness(text: String) { #expect(Base64.decode(text, .urlSafeUnpadded) == nil) }

    @Test(
        "base64 of other programs is read, however they write it",
        arguments: [
            "-_-_Zg==", "+/+/Zg==", "+_-/Zg", "-_-_\r\nZg=\n=", " +/ +/\tZg", "-_-_Zh==", "-_-_Zg=",
            "data:audio/wav;base64,+/+/Zg==", "DATA:audio/webm;codecs=opus;base64,-_-_Zg", "data:;base64,-_-_Zg==",
        ])
    func tolerance(text: String) throws {
        #expect(try Base64.decodeTolerantly(text) == [0xFB, 0xFF, 0xBF, 0x66])
    }

    @Test("the example key of RFC 6455 section 4.1 has bits that no byte needs, and sixteen bytes")
    func sparePaddingBits() throws {
        #expect(try Base64.decodeTolerantly("AQIDBAUGBwgJCgsMDQ4PEC==") == Array(1...16))
    }

    @Test("tolerant and strict reading agree on whatever the strict one accepts")
    func agreement() throws {
        for length in 0...260 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 3) }
            for alphabet in [Base64.Alphabet.standard, .urlSafe, .urlSafeUnpadded] {
                #expect(try Base64.decodeTolerantly(Base64.encode(bytes, alphabet)) == bytes)
            }
        }
    }

    @Test(
        "what is no base64 is refused by its place and character",
        arguments: [
            ("Zm9v#", Base64Error.unexpectedByte(0x23, offset: 4), "unexpected character '#' at byte 4"),
            ("Zg==Zg==", .unexpectedByte(0x5A, offset: 4), "unexpected character 'Z' at byte 4"),
            ("Zmé=", .unexpectedByte(0xC3, offset: 2), "unexpected byte 195 at byte 2"),
            ("Z", .incomplete(offset: 1), "it ends in the middle of a byte at byte 1"),
            ("Zm9v=", .misplacedPadding(offset: 4), "misplaced '=' at byte 4"),
            ("Zg===", .misplacedPadding(offset: 4), "misplaced '=' at byte 4"),
            ("====", .misplacedPadding(offset: 0), "misplaced '=' at byte 0"),
            ("data:audio/wav,Zm9v", .plainDataURL, "a data URL without \";base64,\""),
        ])
    func refusals(text: String, error: Base64Error, sentence: String) {
        #expect(throws: error) { try Base64.decodeTolerantly(text) }
        #expect(error.description == sentence)
    }
}
