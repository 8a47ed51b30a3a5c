import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

/// Answers each request with its path.
@Sendable func echoPath(_ frame: ScriptedHTTP2Server.Frame) -> ScriptedHTTP2Server.Answer {
    // A request without a body is whole with its head; those of the tests with one are answered at its end.
    frame.endsRequest ? .send(HTTP2Frame.ok(frame.stream, frame.fields[":path"] ?? "posted")) : .nothing
}

@Suite("HTTP client over HTTP/2", .timeLimit(.minutes(1)))
struct HTTP2ClientTests {
    @Test("a request arrives as it was written, and so does the answer")
    func exchanges() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                return .send(
                    HTTP2Frame.headers(frame.stream, [":status": "103", "link": "x"])
                        + HTTP2Frame.headers(frame.stream, [":status": "201", "x-a": "b"])
                        + HTTP2Frame.data(frame.stream, Array("go".utf8)) + HTTP2Frame.data(frame.stream, [0x74])
                        + HTTP2Frame.headers(frame.stream, ["x-trailer": "t"], ends: true))
            }
            let request = HTTPClientRequest(
                "POST", await bench.url + "/p?q=1", headers: ["X-Y": " z ", "Authorization": "Bearer secret"],
                body: Array("hi".utf8))
            let response = try await bench.send(request)
            #expect(response.status == 201 && response.text == "got")
            #expect(response.headers["X-A"] == "b" && response.headers["link"] == nil)
            #expect(response.headers["x-trailer"] == nil)
            let seen = try #require(await bench.requests.first)
            let host = await bench.url.dropFirst(8)
            #expect(
                seen.fields == [
                    ":method": "POST", ":scheme": "https", ":authority": String(host), ":path": "/p?q=1", "x-y": "z",
                    "authorization": "Bearer secret", "user-agent": "VoiceGateway/0.1.0", "content-length": "2",
                ])
            #expect(seen.secrets == ["authorization"])
            let body = await bench.frames.first { $0.kind == .data }?.payload
            #expect(body == Array("hi".utf8))
        }
    }

    @Test("calls at the same time share one connection, from the first on")
    func shares() async throws {
        try await HTTP2Bench.run { bench in
            let waiting = Memory<[ScriptedHTTP2Server.Frame]>([])
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                // Nobody is answered before everybody has asked; the last is answered first.
                // SAFETY: the memory is used during the call only.
                unsafe waiting.value.append(frame)
                guard unsafe waiting.value.count == 20 else { return .nothing }
                return unsafe .send(
                    waiting.value.reversed().flatMap { HTTP2Frame.ok($0.stream, $0.fields[":path"] ?? "") })
            }
            let answers = try await bench.gather(20)
            #expect(answers.count == 20 && answers.allSatisfy { $0.key == $0.value })
            let (made, open) = (await bench.connections.made, await bench.openConnections)
            #expect(made == 1 && open == 1)
        }
    }

    @Test("a call on a warm connection costs one round trip: the whole request, then the answer")
    func roundTrip() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open(answer: echoPath)
            // The second call sees the end of what a connection begins with.
            for _ in 0..<2 { _ = try await bench.post() }
            await bench.forgetLog()
            _ = try await bench.post()
            let log = await bench.log
            #expect(log == ["< headers", "< data", ">"])
        }
    }

    @Test("the first call follows the handshake at once, without waiting for the server's settings")
    func firstCall() async throws {
        try await HTTP2Bench.run { bench in
            // The server says nothing at all before it has seen a request.
            try await bench.open(greeting: []) { frame in
                frame.endsRequest
                    ? .send(HTTP2Frame.settings() + HTTP2Frame.ok(frame.stream, "x")) : .nothing
            }
            let text = try await bench.get().text
            #expect(text == "x")
        }
    }

    @Test("a server without HTTP/2 gets HTTP/1.1, on as many connections as it takes", arguments: [["http/1.1"], []])
    func speaksHTTP1(protocols: [String]) async throws {
        try await HTTP2Bench.run { bench in
            let requests = Memory(0)
            try await bench.open(protocols: protocols) { frame in
                guard frame.kind == nil else { return .nothing }
                // SAFETY: the memory is used during the call only.
                unsafe requests.value += 1
                return .send(Array(ok(unsafe "\(requests.value)").utf8))
            }
            let answers = try await bench.gather(5)
            #expect(answers.count == 5)
            let frames = await bench.frames
            #expect(frames.allSatisfy { $0.kind == nil })
        }
    }

    @Test("no more calls are sent at a time than the server allows, and everybody is served")
    func queues() async throws {
        try await HTTP2Bench.run { bench in
            let open = Memory<[ScriptedHTTP2Server.Frame]>([])
            try await bench.open(greeting: HTTP2Frame.settings([3: 2])) { frame in
                guard frame.endsRequest else { return .nothing }
                // SAFETY: the memory is used during the call only.
                unsafe open.value.append(frame)
                return .nothing
            }
            async let answers = bench.gather(7)
            var answered = 0
            while answered < 7 {
                let expected = answered == 0 ? 1 : min(2, 7 - answered)
                await bench.until { _ in unsafe open.value.count >= expected }
                let (first, count) = await bench.perform { _ in unsafe (open.value.removeFirst(), open.value.count) }
                // Before the settings have come, more may be under way; after that never more than two.
                if answered >= 5 { #expect(count <= 1) }
                await bench.act(.send(HTTP2Frame.ok(first.stream, first.fields[":path"] ?? "")))
                answered += 1
            }
            let count = try await answers.count
            #expect(count == 7)
            let made = await bench.connections.made
            #expect(made == 1)
        }
    }

    @Test("a call that is given up is reset, and the connection goes on")
    func timesOut() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in frame.fields[":path"] == "/slow" ? .nothing : echoPath(frame) }
            _ = try await bench.get("/warm")
            let origin = try await bench.origin()
            await #expect(throws: HTTPClientError.timedOut(origin)) {
                try await bench.get("/slow", timeout: .milliseconds(20))
            }
            let task = Task { try? await bench.get("/slow") }
            await bench.until { $0.requests.count == 3 }
            task.cancel()
            _ = await task.value
            let text = try await bench.get("/next").text
            #expect(text == "/next")
            let codes = await bench.resets.map(\.errorCode)
            #expect(codes == [8, 8])
            let made = await bench.connections.made
            #expect(made == 1)
        }
    }

    @Test("a closed client fails its calls and says goodbye")
    func closes() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { _ in .nothing }
            let task = Task { await bench.failure() }
            await bench.until { $0.requests.count == 1 }
            await bench.closeClient()
            let error = await task.value
            #expect(error == .clientClosed)
            await bench.until { $0.goodbyes.count == 1 && $0.connections.open == 0 }
            let code = await bench.goodbyes.first?.errorCode
            #expect(code == 0)
        }
    }

    @Test("a connection without calls is given back after its time")
    func idles() async throws {
        try await HTTP2Bench.run { bench in
            var limits = HTTPClient.Limits()
            limits.sharedIdleTime = .milliseconds(1)
            try await bench.open(limits: limits, answer: echoPath)
            _ = try await bench.get()
            await bench.until { $0.openConnections == 0 && $0.goodbyes.count == 1 }
            _ = try await bench.get()
            let made = await bench.connections.made
            #expect(made == 2)
        }
    }

    @Test("large bodies go both ways at the pace of flow control")
    func flowControl() async throws {
        try await HTTP2Bench.run { bench in
            let body = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let received = Memory<[UInt8]>([])
            try await bench.open { frame in
                guard frame.kind == .data else { return .nothing }
                // SAFETY: the memory is used during the call only.
                unsafe received.value += frame.payload
                let more =
                    HTTP2Frame.windowUpdate(0, frame.payload.count)
                    + HTTP2Frame.windowUpdate(frame.stream, frame.payload.count)
                guard frame.endsRequest else { return .send(more) }
                return .send(HTTP2Frame.headers(frame.stream, [":status": "200"]))
            }
            let url = await bench.url
            let task = Task { try await bench.send(HTTPClientRequest("POST", url, body: body)) }
            await bench.until { $0.frames.contains(where: \.endsRequest) }
            let arrived = await bench.perform { _ in unsafe received.value }
            #expect(arrived == body)
            // The other way: as much as the client's windows allow, which it widens as it reads.
            var (sent, window, seen) = (0, 1 << 18, await bench.frames.count)
            while sent < body.count {
                let count = min(16_384, min(window, body.count - sent))
                if count > 0 {
                    let ends = sent + count == body.count
                    await bench.act(.send(HTTP2Frame.data(1, Array(body[sent..<sent + count]), ends: ends)))
                    (sent, window) = (sent + count, window - count)
                } else {
                    let known = seen
                    await bench.until { $0.frames.count > known }
                }
                let frames = await bench.frames
                for frame in frames.dropFirst(seen) where frame.kind == .windowUpdate && frame.stream == 1 {
                    window += frame.payload.reduce(0) { $0 << 8 | Int($1) }
                }
                seen = frames.count
            }
            let answer = try await task.value.body
            #expect(answer == body)
        }
    }

    @Test("an answer before the request's end is taken, and the rest of the request kept back")
    func earlyAnswer() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                // The window is never widened.
                frame.kind == .headers
                    ? .send(HTTP2Frame.headers(frame.stream, [":status": "413"], ends: true)) : .nothing
            }
            let url = await bench.url
            let body = [UInt8](repeating: 0, count: 200_000)
            let first = try await bench.send(HTTPClientRequest("POST", url, body: body)).status
            #expect(first == 413)
            await bench.until { $0.resets.count == 1 }
            let made = await bench.connections.made
            #expect(made == 1)
        }
    }

    @Test("answers that have no body need none", arguments: [("HEAD", "200"), ("GET", "204"), ("POST", "304")])
    func noBody(method: String, status: String) async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open { frame in
                guard frame.endsRequest else { return .nothing }
                return .send(HTTP2Frame.headers(frame.stream, [":status": status], ends: true))
            }
            let response = try await bench.send(HTTPClientRequest(method, await bench.url))
            #expect(response.body.isEmpty && response.status == Int(status))
        }
    }

    @Test("who waits for a connection that cannot be made is told why, all with one attempt")
    func untrusted() async throws {
        try await HTTP2Bench.run { bench in
            try await bench.open(isTrusted: false) { _ in .nothing }
            let errors = await withTaskGroup(of: HTTPClientError?.self) { group in
                for _ in 0..<4 { group.addTask { await bench.failure("POST") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.count == 4)
            for error in errors {
                if case .insecure(_, .certificateRejected)? = error { continue }
                Issue.record("\(String(describing: error))")
            }
            #expect(errors.allSatisfy { $0?.blame == .operator && $0?.isRetryable == false })
            let made = await bench.connections.made
            #expect(made == 1)
            await bench.stopListening()
            let refused = await bench.failure()
            // Refused, or reset where the connection still came before the socket was gone.
            guard case .unreachable? = refused else { throw refused ?? .cancelled }
        }
    }
}
