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
}
