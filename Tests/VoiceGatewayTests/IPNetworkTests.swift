import Testing
import VoiceGateway
import Wire

@Suite("Networks")
struct IPNetworkTests {
    @Test(
        "an address is inside or not",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "1.2.3.4", true),
            ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1/32", "10.0.0.2", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("0.0.0.0/0", "::1", false), ("::/0", "1.2.3.4", false), ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
            ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
            ("2001:db8::/64", "2001:db8::ffff:0:0:1", true), ("::1", "::1", true), ("::1", "::2", false),
        ])
    func contains(network: String, address: String, isInside: Bool) throws {
        let network = try #require(IPNetwork(network))
        let address = try #require(IPAddress(address))
        #expect(network.contains(address) == isInside)
    }

    @Test(
        "what is no network is refused",
        arguments: ["", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8/8", "h/8", "10.0.0.0/-1"])
    func refuses(text: String) { #expect(IPNetwork(text) == nil) }

    @Test("a network is written as it was read", arguments: ["10.0.0.0/8", "::1", "10.0.0.1", "0.0.0.0/0"])
    func describes(text: String) { #expect(IPNetwork(text)?.description == text) }
}
