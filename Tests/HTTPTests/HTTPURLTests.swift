import HTTP
import Testing

@Suite("HTTP URLs")
struct HTTPURLTests {
    @Test(
        "a URL is an origin and a target, and its path and query stay as they are",
        arguments: [
            ("http://h", "http://h", "/"), ("HTTPS://Host.Test:443/a?b=c#d", "https://host.test", "/a?b=c"),
            ("http://h:8080?x", "http://h:8080", "/?x"), ("http://[::1]:7880/p", "http://[::1]:7880", "/p"),
            ("https://127.0.0.1:80/", "https://127.0.0.1:80", "/"), ("http://a_b.c:/", "http://a_b.c", "/"),
            ("ws://h:/x", "http://h", "/x"), ("ws://[::1]:7880?a", "http://[::1]:7880", "/?a"),
            (
                "WSS://example.test/rtc/v1?join_request=AA==&x=%2f#fragment", "https://example.test",
                "/rtc/v1?join_request=AA==&x=%2f"
            ),
        ])
    func accepts(text: String, origin: String, target: String) throws {
        let url = try HTTPURL(text)
        #expect(url.origin.description == origin)
        #expect(url.target == target)
    }

    @Test(
        "what is not one is refused with a reason",
        arguments: [
            "", "h", "h/x", "ftp://h", "http://", "http:///x", "http://u:p@h/", "ws://u@h", "http://h:0/",
            "http://h:65536/", "http://h:x/", "http://h /", "http://h/\r\nX: y", "http://h/ä", "ws://h/a b",
            "http://[::1/", "http://[x]/", "http://[1.2.3.4]/", "http://[::1]x/", "http://a:b:c/", "http://a%41/",
            "http://" + String(repeating: "a", count: 254), "ws://h/" + String(repeating: "a", count: 65_536),
        ])
    func refuses(text: String) {
        #expect(throws: HTTPURL.Failure.self) { try HTTPURL(text) }
    }

    @Test("an address that cannot be meant is refused with the reason")
    func reasons() {
        #expect(throws: HTTPURL.Failure.unsupportedScheme("ftp")) { try HTTPURL(base: "ftp://a") }
        #expect(throws: HTTPURL.Failure.unsupportedScheme("")) { try HTTPURL(base: "localhost:7880") }
        #expect(throws: HTTPURL.Failure.invalidHost) { try HTTPURL(base: "ws://") }
        #expect(throws: HTTPURL.Failure.invalidPort("70000")) { try HTTPURL(base: "ws://a:70000") }
        for text in ["ws://a/?b=c", "ws://a/#b", "ws://user@a", "ws://a b"] {
            #expect(throws: HTTPURL.Failure.self) { try HTTPURL(base: text) }
        }
    }

    @Test("paths are appended to the address of a server, which may have a path of its own")
    func bases() throws {
        let base = try HTTPURL(base: "wss://[::1]:7880/x//")
        #expect(base.webSocketText == "wss://[::1]:7880/x")
        #expect(base.appending("/rtc?a=1").webSocketText == "wss://[::1]:7880/x/rtc?a=1")
        let bare = try HTTPURL(base: "http://a/")
        #expect(try bare == HTTPURL(base: "ws://a") && bare.webSocketText == "ws://a")
        #expect(bare.appending("/twirp").target == "/twirp" && bare.appending("?b=c").target == "/?b=c")
    }
}
