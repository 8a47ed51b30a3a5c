import Glibc
import HTTP
import Observability
import Testing
import Wire

@testable import VoiceGateway

@Suite("The spool of webhooks")
struct WebhookSpoolTests {
    private let receivers = ["0123456789abcdef", "fedcba9876543210"]

    private func delivery(_ number: UInt64, receiver: Int = 0) -> WebhookDelivery {
        WebhookDelivery(
            number: number, receiver: receiver, session: "S_1", createdAt: 1_700_000_000,
            body: Array(#"{"event":"call.ended"}"#.utf8))
    }

    /// A directory that is there during a test.
    private func withDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
        var template = Array("/tmp/spool-test-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
        // SAFETY: the template ends with a zero, and is filled in.
        let made = unsafe mkdtemp(&template)
        try unsafe #require(made != nil)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // SAFETY: paths are read during the calls only.
        defer {
            for name in (try? SpoolDirectory(path).names()) ?? [] { unsafe unlink(path + "/" + name) }
            unsafe rmdir(path)
        }
        return try body(path)
    }

    private func write(_ content: [UInt8], to path: String) throws {
        // SAFETY: paths are read during the calls only, here and below.
        let file = unsafe open(path, O_WRONLY | O_CREAT, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        #expect(unsafe Glibc.write(file, content, content.count) == content.count)
    }

    @Test("a file says all of an event, and files sort as events happened")
    func roundTrip() {
        let event = delivery(77, receiver: 1)
        let content = WebhookSpoolFile.content(of: event, receiver: receivers[1])
        #expect(WebhookSpoolFile.delivery(number: 77, content: content, receivers: receivers) == event)
        let names = [9, 10, UInt64.max].map { SpoolRecord.name(of: $0) }
        #expect(names == names.sorted())
        #expect(names.map { SpoolRecord.number(in: $0) } == [9, 10, UInt64.max])
    }

    @Test("a file that is cut anywhere, or has any byte changed, is not read")
    func damage() {
        let content = WebhookSpoolFile.content(of: delivery(1), receiver: receivers[0])
        for end in content.indices {
            let cut = Array(content[..<end])
            #expect(WebhookSpoolFile.delivery(number: 1, content: cut, receivers: receivers) == nil)
        }
        for place in content.indices {
            var spoilt = content
            spoilt[place] ^= 1
            #expect(WebhookSpoolFile.delivery(number: 1, content: spoilt, receivers: receivers) == nil)
        }
    }

    @Test(
        "a file whose event happened when nothing can have is damaged, and counts with no clock",
        arguments: [.min, -1, .max])
    func impossibleMoments(_ moment: Int64) {
        let event = WebhookDelivery(number: 1, receiver: 0, session: "S_1", createdAt: moment, body: Array("{}".utf8))
        let content = WebhookSpoolFile.content(of: event, receiver: receivers[0])
        #expect(WebhookSpoolFile.delivery(number: 1, content: content, receivers: receivers) == nil)
    }

    @Test("events for a URL that is not among the settings any more are not sent")
    func otherReceivers() {
        let content = WebhookSpoolFile.content(of: delivery(1), receiver: receivers[0])
        #expect(WebhookSpoolFile.delivery(number: 1, content: content, receivers: [receivers[1]]) == nil)
        let urls = ["https://a.test/x?key=1", "https://a.test/x?key=2"].map { try? HTTPURL($0) }
        let names = Set(urls.compactMap { $0.map { WebhookSpoolFile.name(of: $0) } })
        #expect(names.count == 2 && names.allSatisfy { !$0.contains("a.test") })
    }

    @Test(
        "names of other files are none of ours",
        arguments: [
            "lock", "00000000000000000001.webhook.damaged", "1.webhook", "0000000000000000000x.webhook",
            "99999999999999999999.webhook", "../0000000000000001.webhook", "",
        ])
    func foreignNames(_ name: String) { #expect(SpoolRecord.number(in: name) == nil) }

    @Test("a restart finds what was kept in its order, and puts aside what is damaged, links and directories too")
    func restart() throws {
        try withDirectory { path in
            let metrics = Metrics()
            let counters = WebhookCounters(metrics)
            let events = (1...3).map { delivery($0) }
            do {
                let spool = try WebhookSpool(
                    SpoolDirectory(path), receivers: receivers, unstored: counters[.unstored], log: .silent)
                for event in events.reversed() { spool.store(event) }
                spool.remove(events[1])
                spool.close()
            }
            try write(Array("voicegateway webhook 1 nonsense".utf8), to: path + "/00000000000000000009.webhook")
            try write(Array("half".utf8), to: path + "/00000000000000000008.webhook.draft")
            try write(Array("a file of somebody's".utf8), to: path + "/notes.txt")
            unsafe symlink("/etc/passwd", path + "/00000000000000000007.webhook")
            let contents = try WebhookSpool.read(SpoolDirectory(path), receivers: receivers)
            #expect(contents.deliveries == [events[0], events[2]] && contents.damaged == 2)
            #expect(counters[.unstored].current == 0)
            let names = try SpoolDirectory(path).names().filter { $0.first != "." }
            #expect(
                names.sorted() == [
                    "00000000000000000001.webhook", "00000000000000000003.webhook",
                    "00000000000000000007.webhook.damaged", "00000000000000000009.webhook.damaged", "lock", "notes.txt",
                ])
        }
    }

    @Test("two gateways do not share a spool, and nobody else may write into it")
    func ownership() throws {
        try withDirectory { path in
            do {
                let first = try SpoolDirectory(path)
                #expect(throws: SpoolDirectory.Failure("another gateway uses it", isInUse: true)) {
                    _ = try SpoolDirectory(path)
                }
                withExtendedLifetime(first) {}
            }
            unsafe chmod(path, 0o770)
            #expect(throws: SpoolDirectory.Failure.self) { _ = try SpoolDirectory(path) }
            unsafe chmod(path, 0o700)
        }
        #expect(throws: SpoolDirectory.Failure.self) { _ = try SpoolDirectory("/nowhere/at/all") }
    }

    @Test("events that cannot be written are counted")
    func unwritable() throws {
        try withDirectory { path in
            let counter = Counter()
            let spool = try WebhookSpool(SpoolDirectory(path), receivers: receivers, unstored: counter, log: .silent)
            let large = WebhookDelivery(
                number: 1, receiver: 0, session: "S_1", createdAt: 0,
                body: Array(repeating: UInt8(ascii: " "), count: SpoolRecord.maximumBytes))
            spool.store(large)
            spool.close()
            #expect(counter.current == 1)
        }
    }
}
