import Testing

@testable import VoiceGateway

@Suite("Settings of reports to other systems")
struct SettingsOfReportsTests {
    @Test(
        "what is wrong with a webhook's URL is said without the URL, which may hold a secret",
        arguments: [
            ("ftp://hush", "entry 1 of 1 does not begin with http:// or https://"),
            ("https://a.test,hush", "entry 2 of 2 does not begin with http:// or https://"),
            ("https://a.test/hush,https://a.test/hush", "entry 2 of 2 is there twice"),
            ("https://hush@a.test", "entry 1 of 1 cannot be used: a user name in it is not supported"),
        ])
    func webhooks(value: String, reason: String) throws {
        #expect(mistakes("", environment: ["WEBHOOK_URL": value]) == ["WEBHOOK_URL is set, but \(reason)."])
    }

    @Test("a spool without webhooks is warned about")
    func spool() throws {
        #expect(
            try warnings(environment: ["WEBHOOK_SPOOL": "/spool"]) == [
                "WEBHOOK_SPOOL is set without WEBHOOK_URL, so nothing is ever kept there."
            ])
    }
}
