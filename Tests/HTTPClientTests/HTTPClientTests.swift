import EventLoops
import HTTP
import HTTPClient
import NetworkTestSupport
import SecureTransport
import Testing
import Wire

@Suite("HTTP client", .timeLimit(.minutes(1)))
struct HTTPClientTests {
    @Test("a request arrives as it was written, and so does the answer")
    func exchanges() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { .send(ok("got \($0.body)", "X-A: b\r\n")) }
            let request = HTTPClientRequest(
                "POST", await bench.url + "/p?q=1", headers: ["X-Y": "z"], body: Array("hi".utf8))
            let response = try await bench.send(request)
            #expect(response.status == 200)
            #expect(response.text == "got hi")
            #expect(response.headers["x-a"] == "b")
            let host = await bench.url.dropFirst(7)
            let seen = await bench.requests.first?.head
            #expect(
                seen
                    == "POST /p?q=1 HTTP/1.1\r\nHost: \(host)\r\nX-Y: z\r\nUser-Agent: VoiceGateway/0.1.0\r\nContent-Length: 2"
            )
        }
    }

    @Test("requests that follow each other share a connection")
    func reuses() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { .send(ok("\($0.index)")) }
            for index in 0..<5 {
                let text = try await bench.get().text
                #expect(text == "\(index)")
            }
            let (made, open) = (await bench.serverConnections, await bench.openConnections)
            #expect(made == 1 && open == 1)
        }
    }

    @Test(
        "a connection that cannot be kept is not used again",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxEXCESS",
        ])
    func closes(answer: String) async throws {
        try await HTTPBench.run { bench in
            try await bench.open { _ in .send(answer) }
            for _ in 0..<2 {
                let text = try await bench.get().text
                #expect(text == "x")
            }
            let (made, open) = (await bench.serverConnections, await bench.openConnections)
            #expect(made == 2 && open == 0)
        }
    }

    @Test("a kept connection that has gone stale is replaced without the caller noticing")
    func replacesStale() async throws {
        try await HTTPBench.run { bench in
            // Answers one request a connection; the second is met with an end without a word.
            try await bench.open { $0.index == 0 ? .send(ok("\($0.connection)")) : .sendAndClose("") }
            let (first, second) = (try await bench.get().text, try await bench.get().text)
            #expect(first == "0" && second == "1")
            let connections = await bench.requests.map(\.connection)
            #expect(connections == [0, 0, 1])
        }
    }

    @Test("a request whose answer had begun, or that a new connection dropped, is not repeated")
    func doesNotRepeat() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { request in
                switch (request.connection, request.index) {
                case (0, 0): .send(ok("x"))
                case (0, _): .sendAndClose("HTTP/1.1 200 OK\r\nContent-Le")
                default: .sendAndClose("")
                }
            }
            _ = try await bench.get()
            let origin = try await bench.origin()
            let begun = await bench.failure()
            #expect(begun == .disconnected(origin))
            let fresh = await bench.failure()
            #expect(fresh == .disconnected(origin))
            #expect(fresh?.isRetryable == true && fresh?.blame == .room)
            let count = await bench.requests.count
            #expect(count == 3)
        }
    }

    @Test("chunked and endless bodies arrive")
    func framings() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { request in
                request.head.hasPrefix("GET /chunked")
                    ? .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
                    : .sendAndClose("HTTP/1.0 200 OK\r\n\r\nabc")
            }
            let (chunked, endless) = (try await bench.get("/chunked").text, try await bench.get("/endless").text)
            #expect(chunked == "abc" && endless == "abc")
        }
    }

    @Test("no more connections are made than allowed, and everybody is served")
    func queues() async throws {
        try await HTTPBench.run { bench in
            var limits = HTTPClient.Limits()
            limits.connectionsPerOrigin = 2
            limits.idleConnectionsPerOrigin = 1
            try await bench.open(limits: limits) { .send(ok($0.body)) }
            let url = await bench.url
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        try await bench.send(HTTPClientRequest("POST", url, body: Array("\(number)".utf8))).text
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(answers == Set((0..<20).map(String.init)))
            let (made, open) = (await bench.serverConnections, await bench.openConnections)
            #expect((1...2).contains(made) && open == 1)
        }
    }

    @Test("an idle connection is given back after its time")
    func idles() async throws {
        try await HTTPBench.run { bench in
            var limits = HTTPClient.Limits()
            limits.idleTime = .milliseconds(1)
            try await bench.open(limits: limits) { .send(ok("\($0.connection)")) }
            _ = try await bench.get()
            while await bench.openConnections > 0 { await Task.yield() }
            let text = try await bench.get().text
            #expect(text == "1")
        }
    }

    @Test("a server that says nothing times out")
    func timesOut() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { _ in .ignore }
            let error = await bench.failure(timeout: .milliseconds(30))
            let origin = try await bench.origin()
            #expect(error == .timedOut(origin))
            let open = await bench.openConnections
            #expect(open == 0)
        }
    }

    @Test("a cancelled task ends its request, and a closed client all of them")
    func cancels() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { _ in .ignore }
            let task = Task { await bench.failure() }
            while await bench.requests.isEmpty { await Task.yield() }
            task.cancel()
            let cancelled = await task.value
            #expect(cancelled == .cancelled)
            let other = Task { await bench.failure() }
            while await bench.requests.count < 2 { await Task.yield() }
            await bench.closeClient()
            let closed = await other.value
            #expect(closed == .clientClosed)
            let late = await bench.failure()
            #expect(late == .clientClosed)
        }
    }

    @Test("a hostile answer is an error of the server's, and the next request is fine")
    func hostile() async throws {
        try await HTTPBench.run { bench in
            var limits = HTTPClient.Limits()
            limits.bodyBytes = 100
            try await bench.open(limits: limits) { request in
                switch request.connection {
                case 0: .send("SSH-2.0-OpenSSH\r\n")
                case 1: .send("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n")
                default: .send(ok("fine"))
                }
            }
            let origin = try await bench.origin()
            let first = await bench.failure()
            #expect(first == .malformedResponse(origin, reason: "no HTTP/1 status line"))
            #expect(first?.blame == .room && first?.isRetryable == false)
            let second = await bench.failure()
            #expect(second == .responseTooLarge(origin, maximumBytes: 100))
            let text = try await bench.get().text
            #expect(text == "fine")
        }
    }

    @Test("a request that cannot be written is refused before anything is sent")
    func refusesRequests() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { _ in .ignore }
            let url = await bench.url
            for request in [
                HTTPClientRequest("GE T", url), HTTPClientRequest("GET", url, headers: ["A": "b\r\nC: d"]),
                HTTPClientRequest("GET", url, headers: ["Content-Length": "3"]),
                HTTPClientRequest("GET", url, headers: ["A:": "b"]),
                HTTPClientRequest(
                    "PUT", url, body: [UInt8](repeating: 0, count: HTTPClientRequest.maximumBodyBytes + 1)),
            ] {
                let error = await bench.failure(of: request)
                #expect(error?.blame == .gateway && error?.isRetryable == false)
            }
            let seen = await bench.requests.count
            #expect(seen == 0)
        }
    }

    @Test("a server that is not there can be tried again")
    func unreachable() async throws {
        try await HTTPBench.run { bench in
            try await bench.open { _ in .ignore }
            await bench.stopListening()
            let refused = await bench.failure()
            let origin = try await bench.origin()
            #expect(refused == .unreachable(origin, .connectionRefused))
            #expect(refused?.isRetryable == true && refused?.blame == .room)
        }
    }
}

@Suite("HTTP client over TLS", .timeLimit(.minutes(1)))
struct HTTPSClientTests {
    @Test("https works with an authority that is trusted, and keeps connections too")
    func trusted() async throws {
        try await HTTPBench.run { bench in
            try await bench.open(isSecure: true, isTrusted: true) { .send(ok("\($0.index)")) }
            for index in 0..<3 {
                let text = try await bench.get().text
                #expect(text == "\(index)")
            }
            let made = await bench.serverConnections
            #expect(made == 1)
        }
    }

    @Test("a certificate of an unknown authority is the operator's to fix")
    func untrusted() async throws {
        try await HTTPBench.run { bench in
            try await bench.open(isSecure: true) { _ in .ignore }
            let error = await bench.failure()
            if case .insecure(_, .certificateRejected) = error {} else { Issue.record("\(String(describing: error))") }
            #expect(error?.blame == .operator && error?.isRetryable == false)
            let seen = await bench.requests.count
            #expect(seen == 0)
        }
    }

    @Test("a body that ends with the connection needs TLS's goodbye")
    func goodbye() async throws {
        try await HTTPBench.run { bench in
            try await bench.open(isSecure: true, isTrusted: true) { _ in .sendAndClose("HTTP/1.0 200 OK\r\n\r\nall") }
            let text = try await bench.get().text
            #expect(text == "all")
        }
    }
}
