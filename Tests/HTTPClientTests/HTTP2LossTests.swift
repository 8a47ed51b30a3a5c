import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

/// What becomes of calls when the server refuses them, leaves or falls silent.
@Suite("HTTP/2 calls that get no answer", .timeLimit(.minutes(1)))
struct HTTP2LossTests {
    @Test("a call that the server says it did not look at is sent again, whatever it does")
    func refused() async throws {
        try await HTTP2Bench.run { bench in
            let refusals = Memory(2)
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                // SAFETY: the memory is used during the call only.
                guard unsafe refusals.value > 0 else { return echoPath(frame) }
                unsafe refusals.value -= 1
                return .send(HTTP2Frame.reset(frame.stream, 7))
            }
            let text = try await bench.post().text
            #expect(text == "posted")
            let (requests, made) = (await bench.requests.count, await bench.connections.made)
            #expect(requests == 3 && made == 1)
        }
    }

    @Test("a server that refuses without end is not asked without end")
    func alwaysRefused() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { $0.endsRequest ? .send(HTTP2Frame.reset($0.stream, 7)) : .nothing }
            let error = await bench.failure("POST")
            let origin = try await bench.origin()
            #expect(error == .disconnected(origin) && error?.isRetryable == true)
            let requests = await bench.requests.count
            #expect(requests == 4)
        }
    }

    @Test(
        "what the server's goodbye does not count goes to a new connection, what it counts is answered on the old one")
    func goodbye() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                if frame.connection == 1 { return echoPath(frame) }
                // The second of three is the last that counts.
                return frame.endsRequest && frame.stream == 5 ? .send(HTTP2Frame.goAway(last: 3)) : .nothing
            }
            async let answers = bench.gather(3, method: "POST")
            await bench.until { $0.requests.filter { $0.connection == 1 }.count == 1 }
            await bench.act(.send(HTTP2Frame.ok(1, "old") + HTTP2Frame.ok(3, "old")), on: 0)
            let texts = try await answers
            #expect(texts.count == 3 && texts.values.count { $0 == "old" } == 2)
            // The old connection is left when its last call is answered.
            await bench.until { $0.openConnections == 1 && $0.connections.open == 1 }
            let requests = await bench.requests.count
            #expect(requests == 4)
        }
    }

    @Test("a goodbye that crosses with a call costs it nothing")
    func crossingGoodbye() async throws {
        try await HTTP2Bench.run { bench in
            let answered = Memory(0)
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                // SAFETY: the memory is used during the call only.
                unsafe answered.value += 1
                return unsafe answered.value == 2
                    ? .sendAndClose(HTTP2Frame.goAway(last: 1)) : .send(HTTP2Frame.ok(frame.stream, "x"))
            }
            for _ in 0..<3 { _ = try await bench.post() }
            let (requests, made) = (await bench.requests.map(\.connection), await bench.connections.made)
            #expect(requests == [0, 0, 1, 1] && made == 2)
        }
    }

    @Test("a goodbye between calls means a new connection for the next")
    func goodbyeBetween() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open(answer: echoPath)
            _ = try await bench.post()
            // Not waited for: the client finds it in its socket.
            await bench.act(.sendAndClose(HTTP2Frame.goAway(last: 1)))
            _ = try await bench.post()
            let requests = await bench.requests.map(\.connection)
            #expect(requests == [0, 1])
        }
    }

    @Test("when nobody knows what became of a call, it is sent again only if that cannot do it twice")
    func lost() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                return frame.fields[":path"] == "/die" && frame.connection < 2 ? .sendAndClose([]) : echoPath(frame)
            }
            let origin = try await bench.origin()
            _ = try await bench.get()
            await #expect(throws: HTTPClientError.disconnected(origin)) { try await bench.post("/die", []) }
            _ = try await bench.get()
            let text = try await bench.get("/die").text
            #expect(text == "/die")
            let requests = await bench.requests.map { "\($0.connection)\($0.fields[":path"] ?? "")" }
            #expect(requests == ["0/", "0/die", "1/", "1/die", "2/die"])
        }
    }

    @Test("a call that a new connection dropped, or whose answer had begun, is not repeated")
    func doesNotRepeat() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                switch (frame.connection, frame.stream) {
                case (0, _): return .sendAndClose([])
                case (_, 1): return echoPath(frame)
                default: return .sendAndClose(HTTP2Frame.headers(frame.stream, [":status": "200"]))
                }
            }
            let origin = try await bench.origin()
            let fresh = await bench.failure()
            #expect(fresh == .disconnected(origin))
            _ = try await bench.get()
            let begun = await bench.failure()
            #expect(begun == .disconnected(origin))
            let requests = await bench.requests.count
            #expect(requests == 3)
        }
    }

    @Test("a call that the server ends for reasons of its own fails, and the connection goes on")
    func reset() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                frame.endsRequest && frame.stream == 1 ? .send(HTTP2Frame.reset(1, 2)) : echoPath(frame)
            }
            let error = await bench.failure()
            let origin = try await bench.origin()
            #expect(error == .disconnected(origin))
            _ = try await bench.get()
            let made = await bench.connections.made
            #expect(made == 1)
        }
    }

    @Test("a server that wants HTTP/1.1 after all gets it")
    func wantsHTTP1() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                if frame.kind == nil { return .send(Array(ok("one").utf8)) }
                return frame.endsRequest ? .send(HTTP2Frame.reset(frame.stream, 13)) : .nothing
            }
            for _ in 0..<2 {
                let text = try await bench.post().text
                #expect(text == "one")
            }
            let kinds = await bench.requests.map(\.kind)
            #expect(kinds == [.headers, nil, nil])
        }
    }

    @Test("silence is questioned; without an answer the connection is given up, and the call only with it")
    func silence() async throws {
        try await HTTP2Bench.run { bench in
            var limits = HTTPClient.Limits()
            limits.pingInterval = .milliseconds(5)
            // A busy machine may take its time to answer.
            limits.pingTimeout = .seconds(1)
            let isSilent = Memory(false)
            try await bench.open(limits: limits) { frame in
                // SAFETY: the memory is used during the call only.
                if unsafe isSilent.value, frame.connection == 0 { return .nothing }
                if frame.kind == .ping { return .send(HTTP2Frame.frame(.ping, flags: 1, frame.payload)) }
                return echoPath(frame)
            }
            _ = try await bench.get()
            // An idle connection stays open as long as its questions are answered.
            await bench.until { $0.frames.count { $0.kind == .ping } >= 3 }
            await bench.perform { _ in unsafe isSilent.value = true }
            let text = try await bench.get("/again").text
            #expect(text == "/again")
            let (requests, made) = (await bench.requests.map(\.connection), await bench.connections.made)
            #expect(requests.first == 0 && requests.last == 1 && made == 2)
        }
    }

    @Test("a call after a silence takes a question along, in the same flight")
    func asksAlong() async throws {
        try await HTTP2Bench.run { bench in
            var limits = HTTPClient.Limits()
            limits.silenceBeforeCall = .zero
            try await bench.open(limits: limits) { frame in
                frame.kind == .ping ? .send(HTTP2Frame.frame(.ping, flags: 1, frame.payload)) : echoPath(frame)
            }
            for _ in 0..<2 { _ = try await bench.post() }
            await bench.forgetLog()
            _ = try await bench.post()
            let log = await bench.log
            #expect(log == ["< ping", ">", "< headers", "< data", ">"])
        }
    }
}
