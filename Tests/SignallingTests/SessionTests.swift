import Signalling
import Testing
import Wire

@Suite struct SessionTests {
    @Test("query strings survive a round trip and malformed escapes stand for themselves")
    func queries() {
        var query = QueryString()
        query.append("a b", "1&2=3+é")
        query.append("empty", "")
        #expect(query.encoded == "a%20b=1%262%3D3%2B%C3%A9&empty=")
        #expect(QueryString("?" + query.encoded) == query)
        #expect(QueryString("a=1+2&b=%zz%4&c")["a"] == "1 2")
        #expect(QueryString("a=1+2&b=%zz%4&c")["b"] == "%zz%4")
        #expect(QueryString("a=1+2&b=%zz%4&c")["c"] == "")
    }

    static var join: JoinRequest {
        .with {
            $0.clientInfo = .with {
                $0.sdk = .swift
                $0.version = "1.2.3"
                $0.protocolVersion = 17
                $0.os = "linux"
                $0.capabilities = [.packetTrailer]
            }
            $0.connectionSettings = .with { $0.autoSubscribe = true }
            $0.participantAttributes = ["a": "b"]
            $0.reconnect = true
            $0.reconnectReason = .signalDisconnected
            $0.participantSid = "PA_x"
        }
    }

    @Test("a join is the same after its way through either URL")
    func joins() throws {
        let first = JoinParameters.pathV1(Self.join)
        #expect(first.hasPrefix("/rtc/v1?join_request="))
        let parameter = try #require(QueryString(first.dropFirst("/rtc/v1?".count))["join_request"])
        #expect(try JoinParameters.decode(parameter) == Self.join)
        let second = JoinParameters.pathV0(Self.join)
        #expect(JoinParameters.decode(QueryString(second.dropFirst("/rtc?".count))) == Self.join)
    }

    @Test("what the Python SDK sends on /rtc is understood")
    func pythonQuery() {
        let join = JoinParameters.decode(
            QueryString(
                "sdk=python&os=Debian&protocol=17&client_protocol=1&auto_subscribe=1&adaptive_stream=0&version=1.1.14"
                    + "&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW"))
        #expect(join.clientInfo?.sdk == .python)
        #expect(join.clientInfo?.clientProtocol == 1)
        #expect(join.clientInfo?.capabilities == [.packetTrailer, .compressionDeflateRaw])
        #expect(join.connectionSettings?.autoSubscribe == true)
        #expect(JoinParameters.decode(QueryString("")).connectionSettings?.autoSubscribe == true)
    }

    @Test("a join request compressed with gzip is read, and rubbish is refused with the reason")
    func compressedJoin() throws {
        // Made with Python: gzip of a JoinRequest with participant_sid "PA_gzip" and auto_subscribe.
        let parameter = "CAESIR-LCAAAAAAAAgMTYuJg9GIPcIxPr8osAAD9KlNlDQAAAA=="
        let request = try JoinParameters.decode(parameter)
        #expect(request.participantSid == "PA_gzip")
        #expect(request.connectionSettings?.autoSubscribe == true)
        #expect(throws: JoinParameters.Failure.notBase64) { try JoinParameters.decode("a+b=") }
        #expect(throws: JoinParameters.Failure.notProtobuf) { try JoinParameters.decode("Cg==") }
        let wrapped = WrappedJoinRequest.with {
            $0.compression = .gzip
            $0.joinRequest = [1, 2, 3]
        }
        #expect(throws: JoinParameters.Failure.notGzip) {
            try JoinParameters.decode(Base64.encode(wrapped.encoded(), .urlSafe))
        }
    }

    @Test("candidates are read with and without their optional keys")
    func candidates() throws {
        let full = CandidateInit(candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host", sdpMid: "0", sdpMLineIndex: 0)
        #expect(CandidateInit(json: full.json) == full)
        #expect(CandidateInit(json: #"{"candidate":""}"#)?.sdpMid == nil)
        #expect(full.json.hasSuffix(#""sdpMid":"0","sdpMLineIndex":0,"usernameFragment":null}"#))
        for text in ["", "[]", "{}", #"{"candidate":1}"#, "null"] { #expect(CandidateInit(json: text) == nil) }
    }

    @Test("reconnecting starts at once, pauses longer and longer, and ends")
    func reconnecting() {
        var policy = ReconnectPolicy(mayResume: true)
        var random = SystemRandomNumberGenerator()
        let first = policy.next(random: &random)
        #expect(first?.attempt == .resume && first?.pause == .zero)
        policy.resumeIsImpossible()
        for attempt in 1..<ReconnectPolicy.maximumAttempts {
            let next = policy.next(random: &random)
            #expect(next?.attempt == .full)
            #expect((next?.pause ?? .zero) <= min(.seconds(7), .milliseconds(300 << (attempt - 1))))
        }
        #expect(policy.next(random: &random) == nil)
    }

    @Test("a resume is tried again as long as nothing speaks against it, but the last attempts join anew")
    func resuming() {
        var policy = ReconnectPolicy(mayResume: true)
        var random = SystemRandomNumberGenerator()
        var attempts: [ReconnectPolicy.Attempt] = []
        while let next = policy.next(random: &random) { attempts.append(next.attempt) }
        #expect(attempts == Array(repeating: .resume, count: 7) + Array(repeating: .full, count: 3))
    }

    @Test("as long as the session is kept, resumes do not come to an end")
    func kept() {
        var policy = ReconnectPolicy(mayResume: true)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<100 {
            #expect(policy.next(random: &random)?.attempt == .resume)
            policy.sessionIsKept()
        }
        var attempts = 0
        while policy.next(random: &random) != nil { attempts += 1 }
        #expect(attempts == ReconnectPolicy.maximumAttempts - ReconnectPolicy.maximumRememberedAttempts)
    }

    @Test("a server that takes in and loses at once is asked ever more rarely, and one that was steady at once")
    func brief() {
        var policy = ReconnectPolicy(mayResume: true)
        var longest = LargestNumbers()
        var pauses: [Duration] = []
        for _ in 0..<20 {
            guard let next = policy.next(random: &longest) else { return #expect(Bool(false), "gave up") }
            pauses.append(next.pause)
            policy.lost(mayResume: true, uptime: .milliseconds(150))
        }
        #expect(pauses.first == .zero && pauses.sorted() == pauses)
        #expect(pauses.last! > .seconds(6))
        policy.lost(mayResume: true, uptime: ReconnectPolicy.stableTime)
        #expect(policy.next(random: &longest)?.pause == .zero)
    }

    @Test("pings go out at the start and every interval; silence for the timeout is a loss")
    func keepAlive() {
        var keepAlive = SignalKeepAlive(interval: 5, timeout: 15, now: .zero)
        #expect(keepAlive.poll(now: .zero, unixTime: 1000) == .sendPing(.with { $0.timestamp = 1000 }))
        #expect(keepAlive.poll(now: .zero, unixTime: 1000) == nil)
        #expect(keepAlive.nextDeadline == .zero + .seconds(5))
        keepAlive.received(.with { $0.lastPingTimestamp = 1000 }, unixTime: 1042)
        let ping = keepAlive.poll(now: .zero + .seconds(5), unixTime: 6000)
        #expect(
            ping
                == .sendPing(
                    .with {
                        $0.timestamp = 6000
                        $0.rtt = 42
                    }))
        keepAlive.received(now: .zero + .seconds(6))
        #expect(keepAlive.poll(now: .zero + .seconds(21), unixTime: 0) == .connectionLost)
        #expect(keepAlive.nextDeadline == nil)
        var off = SignalKeepAlive(interval: 0, timeout: 0, now: .zero)
        #expect(off.poll(now: .zero + .seconds(99), unixTime: 0) == nil)
    }

    @Test("Twirp errors keep their code, and foreign pages are judged by their status")
    func twirp() {
        let error = TwirpError(.notFound, "requested room does not exist")
        #expect(TwirpError(status: 404, body: error.body) == error)
        #expect(error.code.status == 404)
        #expect(TwirpError(status: 502, body: Array("<html>".utf8)).code == .unavailable)
        #expect(TwirpEncoding(contentType: "application/json; charset=utf-8") == .json)
        #expect(TwirpEncoding(contentType: "text/plain") == nil)
        #expect(throws: TwirpError.self) { try TwirpEncoding.json.decode(CreateRoomRequest.self, []) }
    }
}

/// Always gives the largest number.
private struct LargestNumbers: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}
