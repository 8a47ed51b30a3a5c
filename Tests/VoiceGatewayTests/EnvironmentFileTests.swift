import Testing
import VoiceGateway

@Suite("Settings file")
struct EnvironmentFileTests {
    @Test("names, comments, quotes and exports are understood")
    func reads() {
        var mistakes: [String] = []
        let text = #"""
            # comment
            A=1
             export B = two words # comment
            C="a \"b\" \$c\n\\ # kept"
            D='single \n "x"'
            E=
            F=a#b=c
            A=3
            """#
        for ending in ["\n", "\r\n"] {
            let file = EnvironmentFile(text.replacing("\n", with: ending), path: ".env", mistakes: &mistakes)
            #expect(mistakes.isEmpty)
            #expect(
                file.values == [
                    "A": "3", "B": "two words", "C": "a \"b\" $c\n\\ # kept", "D": #"single \n "x""#, "E": "",
                    "F": "a#b=c",
                ])
        }
    }

    @Test("a byte order mark, as Windows writes it, is read over")
    func byteOrderMark() {
        var mistakes: [String] = []
        let file = EnvironmentFile("\u{FEFF}PORT=1\r\nHOST=::1\r\n", path: ".env", mistakes: &mistakes)
        #expect(mistakes.isEmpty && file.values == ["PORT": "1", "HOST": "::1"])
    }

    @Test("lines that cannot be read are named, the others count")
    func names() {
        var mistakes: [String] = []
        let file = EnvironmentFile("A\n1B=2\nC=\"x\nD=1\n=5", path: "f", mistakes: &mistakes)
        #expect(
            mistakes == [
                "f line 1 is not NAME=value.", "f line 2 is not NAME=value.", "f line 3 has a quote that does not end.",
                "f line 5 is not NAME=value.",
            ])
        #expect(file.values == ["D": "1"])
    }

    @Test("a file that cannot be read is a mistake")
    func unreadable() {
        #expect(throws: UsageError(["The settings file .env cannot be read: Permission denied."])) {
            try Invocation(arguments: [], environment: [:]) { _ throws(FileError) in
                throw FileError(reason: "Permission denied")
            }
        }
    }

    @Test("a file that is not there is nothing, a folder is an error")
    func files() throws {
        let missing = try TextFile.read("/nonexistent/.env")
        #expect(missing == nil)
        #expect(throws: FileError.self) { try TextFile.read("/") }
    }
}
