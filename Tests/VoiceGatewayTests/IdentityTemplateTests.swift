import HTTP
import Testing

@testable import VoiceGateway

@Suite("Identities from certificates")
struct IdentityTemplateTests {
    private static let certificate = HTTPPeer.Certificate(
        commonName: "kitchen", dnsName: "kitchen.example.com", uri: "spiffe://home/kitchen")

    @Test(
        "names stand where the template has them",
        arguments: [
            ("device-{cn}", "device-kitchen"), ("{dns}", "kitchen.example.com"), ("{uri}!", "spiffe://home/kitchen!"),
            ("{cn}@{dns}", "kitchen@kitchen.example.com"),
        ])
    func names(template: String, identity: String) {
        #expect(IdentityTemplate(template)?.identity(of: Self.certificate) == identity)
    }

    @Test(
        "a template without a name, or with braces that hold none, is refused",
        arguments: ["", "device", "{}", "{serial}", "{cn", "cn}", "}{cn}", "{cn}}", "{{cn}}"])
    func wrong(template: String) { #expect(IdentityTemplate(template) == nil) }

    @Test("a certificate without the name, none at all, and a name that can be no identity make nobody")
    func nobody() throws {
        let template = try #require(IdentityTemplate("device-{cn}"))
        for name in [nil, "", "a\u{0}b", "line\nbreak", String(repeating: "a", count: 122)] {
            #expect(template.identity(of: HTTPPeer.Certificate(commonName: name, dnsName: "d")) == nil)
        }
        #expect(template.identity(of: nil) == nil)
        let longest = String(repeating: "a", count: 121)
        #expect(template.identity(of: HTTPPeer.Certificate(commonName: longest)) == "device-" + longest)
    }
}
