import LiveKitParticipant
import Testing
import VoiceGateway
import Wire

@Suite("Keys of rooms")
struct RoomKeyListTests {
    private func list(_ text: String) -> (list: RoomKeyList, mistakes: [String]) {
        var mistakes: [String] = []
        let list = RoomKeyList(text, path: "keys", mistakes: &mistakes)
        return (list, mistakes)
    }

    private func key(_ text: String, index: UInt8 = 0) throws -> RoomKey {
        try RoomKey(#require(EncryptionSecret(text)), index: index)
    }

    @Test("the first line that fits counts, with all others of the same name, and the last is sent with")
    func choice() throws {
        let (list, mistakes) = list(
            """
            # keys

            {"room":"support-1","key":"own"}
            {"room":"support-*","key":"old","index":1}
            {"room":"*","key":"rest"}
            {"room":"support-*","key":"new","index":2}
            """)
        #expect(mistakes.isEmpty)
        #expect(try list["support-1"] == [key("own")])
        #expect(try list["support-2"] == [key("old", index: 1), key("new", index: 2)])
        #expect(try list["sales"] == [key("rest")])
    }

    @Test("a room without a line has the key of all rooms, if there is one")
    func shared() throws {
        var settings = EncryptionSettings()
        settings.list = list(#"{"room":"a","key":"of a"}"#).list
        #expect(settings.keys(of: "b").isEmpty)
        settings.sharedSecret = EncryptionSecret("of all")
        #expect(try settings.keys(of: "b") == [key("of all")])
        #expect(try settings.keys(of: "a") == [key("of a")])
    }

    @Test(
        "a line that is no key is a mistake that does not repeat it",
        arguments: [
            #"room key-words"#, #"{"room":"a"}"#, #"{"room":"","key":"key-words"}"#, #"{"room":"a","key":""}"#,
            #"{"room":"a","key":"hkdf:key-words"}"#, #"{"room":"a","key":"key-words","index":256}"#,
            #"{"room":"a","key":"key-words","index":"1"}"#,
        ])
    func mistakes(line: String) {
        let (list, mistakes) = list(line)
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix("Line 1 of keys is no key: "))
        #expect(!mistakes[0].contains("key-words") && list["a"].isEmpty)
    }
}
