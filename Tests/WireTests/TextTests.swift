import Testing
import Wire

@Suite("Texts")
struct TextTests {
    @Test("what stands around a text is taken away at both ends, and nothing inside")
    func trimming() {
        let text = "\u{A0}\n \ta \n b\t \r\n\u{3000}"
        #expect(text.trimmed(.spacesAndTabs) == text)
        #expect(text.trimmed(.whiteSpace) == "a \n b")
        #expect("\n \ta \n b\t \r\n".trimmed(.asciiWhiteSpace) == "a \n b")
        #expect(" \ta\n\t ".trimmed(.spacesAndTabs) == "a\n")
        #expect(" e\u{301} ".trimmed(.spacesAndTabs) == "e\u{301}")
        for surrounding in [Surrounding.spacesAndTabs, .asciiWhiteSpace, .whiteSpace] {
            #expect("".trimmed(surrounding).isEmpty && " \t ".trimmed(surrounding).isEmpty)
        }
    }

    @Test("random names have the digits that were asked for, and a UUID its version and variant")
    func randomNames() {
        var random = SystemRandomNumberGenerator()
        let name = RandomName.hexadecimal(7, using: &random)
        #expect(name.count == 7 && name.allSatisfy(\.isHexDigit))
        var seen: Set<String> = []
        for _ in 0..<100 {
            let uuid = RandomName.uuid(using: &random)
            #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
            seen.insert(uuid)
        }
        #expect(seen.count == 100)
    }
}
