import RedisClient
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

    @Test(
        "headers for a collector are named by their place, since they hold secrets",
        arguments: ["hush", "a b=hush", "=x"])
    func headers(value: String) {
        let environment = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318", "OTEL_EXPORTER_OTLP_HEADERS": "a=b,\(value)",
        ]
        #expect(
            mistakes("", environment: environment) == [
                "OTEL_EXPORTER_OTLP_HEADERS is set, but entry 2 of 2 is no name=value of a header."
            ])
    }

    @Test("the port of gRPC is warned about, and so are headers without a collector")
    func collector() throws {
        #expect(try warnings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4317"]).count == 1)
        #expect(try warnings(environment: ["OTEL_EXPORTER_OTLP_HEADERS": "a=b"]).count == 1)
        #expect(try warnings(environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318/base/"]).isEmpty)
    }

    @Test(
        "the address of a Redis is read as its clients write it",
        arguments: [
            ("redis://redis.test", RedisAddress(host: "redis.test")),
            ("REDIS://redis.test:80/3", RedisAddress(host: "redis.test", port: 80, database: 3)),
            ("redis://:a%3Ab@10.0.0.1/", RedisAddress(host: "10.0.0.1", password: "a:b")),
            ("rediss://[::1]:7000", RedisAddress(host: "::1", port: 7000, isSecure: true)),
            ("redis://[::1]", RedisAddress(host: "::1")),
        ])
    func redis(text: String, address: RedisAddress) throws {
        #expect(try serve(environment: ["REDIS_URL": text]).redis == address)
    }

    @Test(
        "what is wrong with the address of a Redis is said without its password",
        arguments: [
            "http://hush", "redis://hush@redis.test", "redis://:hush@redis.test/hush", "redis://:hu@sh@redis.test",
            "redis://",
        ])
    func wrongRedis(text: String) {
        let found = mistakes("", environment: ["REDIS_URL": text])
        #expect(found.count == 1 && found[0].hasPrefix("REDIS_URL is set, but ") && !found[0].contains("hush"))
    }

    @Test("a spool without webhooks is warned about")
    func spool() throws {
        #expect(
            try warnings(environment: ["WEBHOOK_SPOOL": "/spool"]) == [
                "WEBHOOK_SPOOL is set without WEBHOOK_URL, so nothing is ever kept there."
            ])
    }
}
