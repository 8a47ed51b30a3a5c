import HTTP
import Testing
import VoiceGateway

@Suite("The proxy towards the room server")
struct OutgoingProxyTests {
    private func serve(_ environment: [String: String]) throws -> OutgoingProxy {
        guard case .serve(let request) = try invoke("", environment: deployment.merging(environment) { $1 }) else {
            throw UsageError(["not serve"])
        }
        return request.configuration.outgoing
    }

    private func origin(_ host: String, isSecure: Bool = true) -> HTTPOrigin {
        HTTPOrigin(isSecure: isSecure, host: host, port: 443)
    }

    @Test("TLS goes by it, plain connections and those to this machine do not")
    func way() throws {
        let outgoing = try serve(["HTTPS_PROXY": "http://ann:p%40ss@proxy.test:3128"])
        let proxy = try #require(outgoing.proxy(for: origin("rooms.test")))
        #expect(proxy.host == "proxy.test" && proxy.port == 3128 && proxy.authorization == "Basic YW5uOnBAc3M=")
        #expect(outgoing.proxy(for: origin("rooms.test", isSecure: false)) == nil)
        for host in ["localhost", "127.0.0.1", "::1"] { #expect(outgoing.proxy(for: origin(host)) == nil) }
        #expect(try serve([:]).proxy(for: origin("rooms.test")) == nil)
    }

    @Test(
        "hosts of NO_PROXY are reached directly, with all below a name",
        arguments: [
            ("rooms.test", "rooms.test", true), ("rooms.test", "a.rooms.test", true),
            (".rooms.test", "a.rooms.test", true),
            ("*.rooms.test", "rooms.test", true), ("rooms.test", "otherrooms.test", false), ("*", "rooms.test", true),
            ("a.test, ROOMS.TEST", "rooms.test", true), ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("192.0.2.1", "192.0.2.1", true), ("", "rooms.test", false), (",,", "rooms.test", false),
        ])
    func exceptions(list: String, host: String, isException: Bool) {
        #expect(ProxyExceptions(list).contains(host) == isException)
    }

    @Test(
        "what is no URL of a proxy is told without showing it: a password may stand in it",
        arguments: [
            "proxy.test:3128", "https://proxy.test", "http://", "http://proxy.test/path", "http://u:secret@",
        ])
    func mistaken(text: String) {
        let found = mistakes("", environment: deployment.merging(["HTTPS_PROXY": text]) { $1 })
        #expect(found.count == 1 && found[0].hasPrefix("HTTPS_PROXY is set, but it must be a URL such as"))
    }
}
