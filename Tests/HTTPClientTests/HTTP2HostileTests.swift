import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

/// Bytes with a name for the test log.
struct NamedBytes: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]

    init(_ name: String, _ bytes: [UInt8]) {
        testDescription = name
        self.bytes = bytes
    }
}

extension HTTPClientError {
    fileprivate var isMalformed: Bool {
        if case .malformedResponse = self { true } else { false }
    }
}

/// Servers that mean no good.
@Suite("HTTP/2 from hostile servers", .timeLimit(.minutes(1)))
struct HTTP2HostileTests {
    typealias Frames = HTTP2Frame

    @Test(
        "what breaks the connection's rules ends it with a reason, and the next call is fine",
        arguments: [
            NamedBytes("HTTP/1.1 instead", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)),
            NamedBytes("no settings first", Frames.ping),
            NamedBytes("data on no stream", Frames.settings() + Frames.data(0, [1])),
            NamedBytes("a stream nobody opened", Frames.settings() + Frames.headers(7, [":status": "200"])),
            NamedBytes(
                "a pushed stream",
                Frames.settings() + Frames.settingsAck
                    + Frames.frame(.pushPromise, flags: 4, stream: 1, [0, 0, 0, 2])),
            NamedBytes("a frame too large", Frames.settings() + [1, 0, 0, 0, 0, 0, 0, 0, 1]),
            NamedBytes(
                "fields that cannot be decompressed",
                Frames.settings() + Frames.frame(.headers, flags: 4, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])),
            NamedBytes(
                "fields that go on as data",
                Frames.settings() + Frames.frame(.headers, stream: 1, Frames.block([":status": "200"]))
                    + Frames.data(1, [1])),
            NamedBytes("a window beyond all bounds", Frames.settings() + Frames.windowUpdate(0, 0x7FFF_FFFF)),
            NamedBytes("settings that cannot be", Frames.settings([4: 0xFFFF_FFFF])),
            NamedBytes("a ping of seven bytes", Frames.settings() + Frames.frame(.ping, [1, 2, 3, 4, 5, 6, 7])),
        ])
    func breaksConnections(answer: NamedBytes) async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open(greeting: []) { frame in
                guard frame.endsRequest else { return .nothing }
                return .send(frame.connection == 0 ? answer.bytes : Frames.settings() + Frames.ok(frame.stream, "fine"))
            }
            let error = await bench.failure()
            #expect(error?.isMalformed == true, "\(String(describing: error))")
            #expect(error?.blame == .room && error?.isRetryable == false)
            let text = try await bench.get().text
            #expect(text == "fine")
            let made = await bench.connections.made
            #expect(made == 2)
        }
    }

    @Test(
        "what breaks an answer's rules fails that call alone",
        arguments: [
            NamedBytes("no status", Frames.headers(1, ["a": "b"], ends: true)),
            NamedBytes("a status of letters", Frames.headers(1, [":status": "abc"], ends: true)),
            NamedBytes("a status twice", Frames.headers(1, [":status": "200", ":status": "200"], ends: true)),
            NamedBytes("a status out of range", Frames.headers(1, [":status": "999"], ends: true)),
            NamedBytes("another protocol", Frames.headers(1, [":status": "101"], ends: true)),
            NamedBytes("an interim answer as the last", Frames.headers(1, [":status": "103"], ends: true)),
            NamedBytes("capital letters", Frames.headers(1, [":status": "200", "A": "b"], ends: true)),
            NamedBytes("a line end", Frames.headers(1, [":status": "200", "a": "b\r\nc: d"], ends: true)),
            NamedBytes(
                "a field of HTTP/1.1's",
                Frames.headers(1, [":status": "200", "transfer-encoding": "chunked"], ends: true)),
            NamedBytes(
                "a body shorter than said",
                Frames.headers(1, [":status": "200", "content-length": "5"]) + Frames.data(1, [1], ends: true)),
            NamedBytes(
                "a body longer than said",
                Frames.headers(1, [":status": "200", "content-length": "1"]) + Frames.data(1, [1, 2], ends: true)),
            NamedBytes("a body before the head", Frames.data(1, [1], ends: true)),
        ])
    func breaksAnswers(answer: NamedBytes) async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                return .send(
                    frame.stream == 1 && frame.connection == 0 ? answer.bytes : Frames.ok(frame.stream, "fine"))
            }
            let error = await bench.failure()
            #expect(error?.isMalformed == true, "\(String(describing: error))")
            let text = try await bench.get().text
            #expect(text == "fine")
        }
    }

    @Test("an answer that is too large fails that call alone, and the server is told to stop")
    func tooLarge() async throws {
        try await HTTP2Bench.run { bench in
            var limits = HTTPClient.Limits()
            limits.bodyBytes = 100
            try await bench.open(limits: limits) { frame in
                guard frame.endsRequest else { return .nothing }
                let head = Frames.headers(frame.stream, [":status": "200"])
                let large = String(repeating: "x", count: 15_000)
                switch frame.stream {
                case 1: return .send(head + Frames.data(1, [UInt8](repeating: 0, count: 101)))
                case 3:
                    let more = Frames.headers(3, [":status": "103", "a": large])
                    return .send(more + more + more + more + more)
                default: return .send(Frames.ok(frame.stream, "fine"))
                }
            }
            let origin = try await bench.origin()
            let body = await bench.failure()
            #expect(body == .responseTooLarge(origin, maximumBytes: 100))
            let head = await bench.failure()
            #expect(head == .responseTooLarge(origin, maximumBytes: HTTP2Response.maximumHeaderListBytes))
            let text = try await bench.get().text
            #expect(text == "fine")
            let (resets, made) = (await bench.resets.map(\.stream), await bench.connections.made)
            #expect(resets == [1, 3] && made == 1)
        }
    }

    @Test(
        "frames that answer nothing are suffered only so long",
        arguments: [
            NamedBytes("PING", Frames.ping), NamedBytes("SETTINGS", Frames.settings()),
            NamedBytes("empty DATA", Frames.data(1, [])),
            NamedBytes("PRIORITY", Frames.frame(.priority, stream: 3, [0, 0, 0, 0, 1])),
            NamedBytes(
                "frames of no kind",
                [0, 0x02, 0x80, 0xEE, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 640)),
        ])
    func floods(frame flood: NamedBytes) async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                guard frame.connection == 0 else { return .send(Frames.ok(frame.stream, "fine")) }
                let head = Frames.headers(frame.stream, [":status": "200"])
                return .send(head + (0..<2 * HTTP2Session.maximumIdleFrames).flatMap { _ in flood.bytes })
            }
            let error = await bench.failure()
            #expect(error?.isMalformed == true, "\(String(describing: error))")
            await bench.until { !$0.goodbyes.isEmpty }
            let text = try await bench.get().text
            #expect(text == "fine")
        }
    }
}

/// The session alone, with a server's bytes spoilt in every way.
@Suite("HTTP/2 sessions")
struct HTTP2SessionTests {
    private static let answer: [UInt8] =
        HTTP2Frame.settings([3: 10, 4: 70_000]) + HTTP2Frame.settingsAck
        + HTTP2Frame.headers(1, [":status": "103"])
        + HTTP2Frame.headers(1, [":status": "200", "content-length": "3", "x": "y"]) + HTTP2Frame.data(1, [1, 2])
        + HTTP2Frame.ping + HTTP2Frame.windowUpdate(0, 100) + HTTP2Frame.data(1, [3])
        + HTTP2Frame.headers(1, ["t": "u"], ends: true) + HTTP2Frame.reset(3, 7) + HTTP2Frame.goAway(last: 3)

    /// Feeds the bytes to a session with two calls, in pieces; returns what became of them.
    private static func run(_ bytes: [UInt8], step: Int = .max) throws -> (
        answers: Int, refusals: Int, violation: String?
    ) {
        let session = try #require(HTTP2Session(maximumBodyBytes: 1000))
        for _ in 0..<2 { #expect(session.submit(HTTPClientRequest("POST", "https://a.test/", body: [1])) != nil) }
        var (answers, refusals) = (0, 0)
        var rest = bytes[...]
        while !rest.isEmpty {
            _ = session.takeBytes(atMost: 1 << 20)
            let piece = Array(rest.prefix(step))
            rest = rest.dropFirst(step)
            session.receive(piece.span.bytes)
            while let event = session.poll() {
                switch event {
                case .answered(_, let response):
                    answers += 1
                    #expect(response.body.count <= 1000)
                case .failed(_, .refused): refusals += 1
                case .failed, .goingAway: break
                }
            }
            _ = session.takeBytes(atMost: 1 << 20)
            if let violation = session.violation { return (answers, refusals, violation) }
        }
        return (answers, refusals, nil)
    }

    @Test("events are the same however the bytes are cut", arguments: [1, 2, 7, 1000])
    func pieces(step: Int) throws {
        let outcome = try Self.run(Self.answer, step: step)
        #expect(outcome.answers == 1 && outcome.refusals == 1 && outcome.violation == nil)
    }

    @Test("bytes that are cut off or spoilt never do harm")
    func spoilt() throws {
        for count in Self.answer.indices { _ = try Self.run(Array(Self.answer[..<count]), step: 50) }
        for index in Self.answer.indices {
            for flip: UInt8 in [0x01, 0x80, 0xFF] {
                var bytes = Self.answer
                bytes[index] ^= flip
                let outcome = try Self.run(bytes)
                #expect(outcome.answers + outcome.refusals <= 2)
            }
        }
    }
}
