import ClientProtocol
import HTTP
import LiveKitParticipant
import Signalling
import Testing
import Wire

@testable import VoiceGateway

@Suite("The HTTP interface as a whole")
struct HTTPInterfaceTests {
    @Test("/ names every endpoint, and so does the description")
    func index() throws {
        let stage = HTTPStage()
        let index = try stage.send(.get, "/")
        #expect(index.json["name"] == "VoiceGateway")
        let endpoints = try #require(index.json["endpoints"]?.object).members
        let document = try stage.send(.get, "/openapi.json").json
        for endpoint in endpoints {
            let words = try #require(endpoint.value.string).split(separator: " ")
            if words[0] == "WebSocket" {
                #expect(document["info"]?["description"]?.string?.contains("`\(words[1])`") == true)
            } else {
                let operation = document["paths"]?[String(words[1])]?[words[0].lowercased()]
                #expect(operation?["operationId"] == .string(endpoint.key))
            }
        }
        #expect(endpoints.count == 19 + ClientDialects.all.count)
    }

    private static let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    @Test("a browser gets the page at / where the operator wants it, everybody else JSON")
    func playground() throws {
        let stage = HTTPStage { $0.http.hasPlayground = true }
        let page = try stage.send(.get, "/", headers: [("Accept", Self.browser)])
        #expect(page.header("Content-Type") == "text/html; charset=utf-8")
        #expect(page.header("Vary") == "Accept")
        let text = String(decoding: page.response.body, as: UTF8.self)
        #expect(text.hasPrefix("<!DOCTYPE html>") && text.hasSuffix("</html>\n"))
        for accept in ["*/*", "application/json", "text/html;q=0"] {
            #expect(try stage.send(.get, "/", headers: [("Accept", accept)]).json["name"] == "VoiceGateway")
        }
        #expect(try HTTPStage().send(.get, "/", headers: [("Accept", Self.browser)]).json["name"] == "VoiceGateway")
    }

    @Test("the page may run and load nothing but itself and what this gateway serves")
    func contentSecurityPolicy() throws {
        let stage = HTTPStage { $0.http.hasPlayground = true }
        let page = try stage.send(.get, "/", headers: [("Accept", Self.browser)])
        let policy = try #require(page.header("Content-Security-Policy")).split(separator: "; ").map { $0 }
        #expect(policy.first == "default-src 'none'" && policy.contains("connect-src 'self'"))
        #expect(policy.contains { $0.hasPrefix("script-src 'self' 'sha256-") })
        #expect(policy.contains { $0.hasPrefix("style-src 'sha256-") })
        // SAFETY: the memory is used during the call only.
        #expect(!policy.joined().contains("unsafe") && !policy.joined().contains("http"))
    }

    @Test("the module for pages is there for every origin")
    func module() throws {
        let module = try HTTPStage().send(.get, "/voicegateway.js", headers: [("Origin", "https://app.test")])
        #expect(module.header("Content-Type") == "text/javascript; charset=utf-8")
        #expect(module.header("Access-Control-Allow-Origin") == "*")
        let text = String(decoding: module.response.body, as: UTF8.self)
        #expect(text.contains("export class VoiceGateway") && text.hasSuffix("}\n"))
    }

    @Test("/health has what it always had, and how many calls there are")
    func health() throws {
        let stage = HTTPStage()
        stage.now = .zero + .milliseconds(3_600_900)
        let answer = try stage.send(.get, "/health")
        #expect(
            answer.json == [
                "status": "ok", "timestamp": "2027-01-15T08:00:00.005Z", "uptime": 3600, "calls": 0, "draining": false,
            ])
        #expect(try stage.send(.get, "/health/live").json == ["status": "alive"])
    }

    @Test("readiness follows the room server, which is asked now and then")
    func ready() throws {
        let stage = HTTPStage()
        for _ in 0..<3 { #expect(try stage.send(.get, "/health/ready").json == ["status": "ready", "missing": []]) }
        #expect(stage.rooms.checks == 1)
        stage.now += RoomServerProbe.freshness
        stage.rooms.outcome = .failure(.refused(.unauthenticated))
        let answer = try stage.send(.get, "/health/ready")
        #expect(answer.status == 503)
        #expect(
            answer.json == [
                "status": "not ready",
                "missing": [
                    "the room server: LiveKit refused CreateDispatch (unauthenticated): LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not those of this deployment"
                ],
            ])
        stage.rooms.outcome = .success(())
        #expect(try stage.send(.get, "/health/ready").status == 503 && stage.rooms.checks == 2)
        stage.now += RoomServerProbe.staleness
        #expect(try stage.send(.get, "/health/ready").status == 200)
        stage.isDraining = true
        #expect(try stage.send(.get, "/health/ready").json["missing"] == ["the gateway is shutting down"])
    }

    @Test("many who ask for readiness at once wait for one answer of the room server")
    func readyTogether() throws {
        let stage = HTTPStage()
        stage.rooms.isHolding = true
        var statuses: [Int] = []
        for _ in 0..<5 {
            stage.interface.handle(try HTTPStage.request(.get, "/health/ready")) { statuses.append($0.status) }
        }
        #expect(stage.rooms.checks == 1 && statuses.isEmpty)
        stage.rooms.release()
        #expect(statuses == [200, 200, 200, 200, 200])
    }

    @Test("paths and methods that there are not")
    func unknown() throws {
        let stage = HTTPStage()
        let path = try stage.send(.get, "/no%20where/?secret=1")
        #expect(path.status == 404 && path.json == ["error": "Not found", "path": "/no%20where/"])
        let session = try stage.send(.delete, "/session")
        #expect(session.status == 405 && session.json == ["error": "Method not allowed", "path": "/session"])
        #expect(session.header("Allow") == "POST, OPTIONS")
        let token = try stage.send(.get, "/v1/livekit/token")
        #expect(token.status == 405 && token.json == ["detail": "Method Not Allowed"])
        #expect(try stage.send(.put, "/health").header("Allow") == "GET, HEAD, OPTIONS")
        let options = try stage.send(.options, "/health")
        #expect(options.status == 204 && options.header("Allow") == "GET, HEAD, OPTIONS")
        let socket = try stage.send(.get, "/ws")
        #expect(socket.status == 426 && socket.header("Upgrade") == "websocket" && socket.json["path"] == "/ws")
        #expect(try stage.send(.post, "/ws").status == 405)
        #expect(try stage.send(.head, "/health").status == 200)
    }

    @Test("who is not admitted is told so in the words of the interface that was called")
    func refusals() throws {
        let stage = HTTPStage {
            $0.access.apiKeys = APIKeys(["k"])
            $0.rateLimit = RateLimit(requests: 1, seconds: 1, burstMultiplier: 1)
        }
        stage.refusal = RequestRefusal(reason: .missingKey)
        let missing = try stage.send(.post, "/v1/livekit/token")
        #expect(missing.status == 401 && missing.json == ["detail": "Missing API key"])
        #expect(try stage.send(.post, "/session", "{}").json == ["error": "Missing API key"])
        stage.refusal = RequestRefusal(reason: .wrongKey)
        let wrong = try stage.send(.post, "/v1/livekit/agent-token")
        #expect(wrong.status == 403 && wrong.json == ["detail": "Invalid API key"])
        stage.refusal = RequestRefusal(reason: .rateLimited, retryAfterSeconds: 7)
        let early = try stage.send(.post, "/v1/livekit/token")
        #expect(early.status == 429 && early.json == ["detail": "Rate limit exceeded. Please retry later."])
        #expect(early.header("Retry-After") == "7")
        let session = try stage.send(.post, "/session/end", "{}")
        #expect(session.status == 429 && session.error == "Rate limit exceeded. Please retry later.")
        // What costs nothing is open to all.
        for path in [
            "/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/v1/livekit/status",
        ] {
            #expect(try stage.send(.get, path).status == 200)
        }
        #expect(stage.rooms.opened.isEmpty && stage.rooms.ended.isEmpty)
    }

    @Test("a sane request id is taken over, any other replaced")
    func requestIDs() throws {
        let stage = HTTPStage { $0.http.requestIDHeader = "X-Correlation-ID" }
        func id(_ given: String?) throws -> String? {
            var answer: HTTPResponse?
            let headers = given.map { [("x-correlation-id", $0)] } ?? []
            stage.interface.handle(try HTTPStage.request(.get, "/nowhere", headers: headers)) { answer = $0 }
            return answer?.headers["X-Correlation-ID"]
        }
        #expect(try id("abc-1.2:3/x+y=@_") == "abc-1.2:3/x+y=@_")
        let made = try #require(try id(nil))
        #expect(made.utf8.count == 32 && made.allSatisfy(\.isHexDigit))
        #expect(try id(nil) != made)
        for bad in ["", "a b", "é", "a\"b", "<x>", String(repeating: "a", count: 129)] { #expect(try id(bad) != bad) }
    }

    @Test("pages of any origin may call, as long as nobody says which")
    func anyOrigin() throws {
        let stage = HTTPStage()
        let answer = try stage.send(.get, "/health", headers: [("Origin", "https://a.example")])
        #expect(answer.header("Access-Control-Allow-Origin") == "*")
        #expect(answer.header("Access-Control-Allow-Credentials") == nil)
        #expect(answer.header("Access-Control-Expose-Headers") == "X-Request-ID, Retry-After")
        let metrics = try stage.send(.get, "/metrics", headers: [("Origin", "https://a.example")])
        #expect(metrics.header("Access-Control-Allow-Origin") == nil)
    }

    @Test("only pages of allowed origins may call, and caches are told that it depends")
    func allowedOrigins() throws {
        let origins = try OriginAllowList(setting: "https://a.example")
        let stage = HTTPStage { $0.http.allowedOrigins = origins }
        let allowed = try stage.send(.get, "/health", headers: [("Origin", "https://a.example")])
        #expect(allowed.header("Access-Control-Allow-Origin") == "https://a.example")
        #expect(allowed.header("Access-Control-Allow-Credentials") == "true" && allowed.header("Vary") == "Origin")
        for headers in [[("Origin", "https://b.example")], []] {
            let other = try stage.send(.get, "/health", headers: headers)
            #expect(other.status == 200 && other.header("Access-Control-Allow-Origin") == nil)
            #expect(other.header("Vary") == "Origin")
        }
        // Errors are to be read as well.
        let error = try stage.send(.post, "/session", "{}", headers: [("Origin", "https://a.example")])
        #expect(error.status == 400 && error.header("Access-Control-Allow-Origin") == "https://a.example")
    }

    @Test("a preflight says what may come, without a key")
    func preflight() throws {
        let origins = try OriginAllowList(setting: "https://a.example")
        let stage = HTTPStage {
            $0.http.allowedOrigins = origins
            $0.access.apiKeys = APIKeys(["k"])
        }
        stage.refusal = RequestRefusal(reason: .missingKey)
        func ask(_ path: String, _ origin: String, _ headers: String = "content-type,x-api-key") throws
            -> HTTPStage.Answer
        {
            try stage.send(
                .options, path,
                headers: [
                    ("Origin", origin), ("Access-Control-Request-Method", "POST"),
                    ("Access-Control-Request-Headers", headers),
                ])
        }
        let answer = try ask("/session", "https://a.example")
        #expect(answer.status == 204 && answer.header("Access-Control-Allow-Methods") == "POST, OPTIONS")
        #expect(answer.header("Access-Control-Allow-Headers") == "content-type,x-api-key")
        #expect(answer.header("Access-Control-Allow-Origin") == "https://a.example")
        #expect(answer.header("Access-Control-Max-Age") == "600")
        #expect(answer.response.headers.values("Vary") == ["Access-Control-Request-Headers", "Origin"])
        let odd = try ask("/session", "https://a.example", "x\"y")
        #expect(odd.status == 204 && odd.header("Access-Control-Allow-Headers") == nil)
        let refused = try ask("/v1/livekit/token", "https://b.example")
        #expect(refused.status == 403 && refused.detail == "Origin not allowed")
        #expect(refused.header("Access-Control-Allow-Origin") == nil)
    }

    @Test("a request that is too large is refused in the shape of its interface")
    func tooLarge() throws {
        let stage = HTTPStage()
        let error = HTTPRequestError.bodyTooLarge(limit: 10)
        func answer(_ path: String) throws -> HTTPStage.Answer {
            let request = try HTTPStage.request(.post, path, headers: [("X-Request-ID", "r1")])
            return HTTPStage.Answer(response: stage.interface.response(to: error, in: request))
        }
        #expect(try answer("/session").json == ["error": "The request body is larger than 10 bytes."])
        let token = try answer("/v1/livekit/token")
        #expect(token.status == 413 && token.json == ["detail": "The request body is larger than 10 bytes."])
        #expect(token.header("X-Request-ID") == "r1" && token.header("Access-Control-Allow-Origin") == "*")
        let headless = stage.interface.response(to: .headTooLarge(limit: 10), in: nil)
        #expect(headless.status == 431 && headless.headers["Content-Type"] == "text/plain; charset=utf-8")
    }

    @Test("keys and limits are described when there are any")
    func described() throws {
        let open = try HTTPStage().operation("/session", .post)
        #expect(open?["security"] == nil && open?["responses"]?["401"] == nil && open?["responses"]?["429"] == nil)
        let stage = HTTPStage {
            $0.access.apiKeys = APIKeys(["k"])
            $0.rateLimit = RateLimit(requests: 1, seconds: 1, burstMultiplier: 1)
            $0.access.apiKeyHeaderName = "X-Key"
        }
        let guarded = try stage.operation("/session", .post)
        #expect(guarded?["security"] == [["ApiKey": []]])
        #expect(
            guarded?["responses"]?["401"] != nil && guarded?["responses"]?["429"]?["headers"]?["Retry-After"] != nil)
        let document = try stage.document()
        #expect(document["components"]?["securitySchemes"]?["ApiKey"]?["name"] == "X-Key")
        #expect(try stage.operation("/health", .get)?["security"] == nil)
    }
}

@Suite("Where clients reach the gateway")
struct PublicAddressTests {
    private func url(
        _ address: PublicAddress, host: String? = "gateway.example.com:3000", _ headers: [(String, String)] = []
    ) throws -> String? {
        var request = try HTTPStage.request(.post, "/session", headers: headers)
        request.headers.remove("Host")
        if let host { request.headers.add("Host", host) }
        return address.webSocketURL("/ws?a=b", for: request)
    }

    @Test("the operator's word counts most")
    func configured() throws {
        let secure = PublicAddress(configured: try HTTPURL(base: "https://voice.example.com/base/")) { _ in true }
        #expect(try url(secure) == "wss://voice.example.com/base/ws?a=b")
        let plain = PublicAddress(configured: try HTTPURL(base: "http://10.0.0.1:8080")) { _ in true }
        #expect(try url(plain, host: nil) == "ws://10.0.0.1:8080/ws?a=b")
    }

    @Test("otherwise it is where the request was sent to")
    func host() throws {
        let address = PublicAddress(configured: nil) { _ in false }
        #expect(try url(address) == "ws://gateway.example.com:3000/ws?a=b")
        #expect(try url(address, host: "[::1]:80") == "ws://[::1]/ws?a=b")
        for bad in [nil, "", "a/b", "a b", "user@host", "a?b", "a\"b", "host:99999", "é.example"] {
            #expect(try url(address, host: bad) == nil)
        }
    }

    @Test("a proxy's word counts when the operator trusts it")
    func proxies() throws {
        let headers = [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "voice.example.com, inner")]
        #expect(
            try url(PublicAddress(configured: nil) { $0 == .loopbackV4 }, headers) == "wss://voice.example.com/ws?a=b")
        #expect(
            try url(PublicAddress(configured: nil) { _ in false }, headers) == "ws://gateway.example.com:3000/ws?a=b")
        #expect(
            try url(PublicAddress(configured: nil) { _ in true }, [("X-Forwarded-Proto", "https")])
                == "wss://gateway.example.com:3000/ws?a=b")
    }

    @Test(
        "whatever words a proxy has for it, clients are told the address that they can reach",
        arguments: [
            // Amazon's load balancers, and nginx with `Host $host`.
            ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")], "wss://voice.test/ws?a=b"),
            ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "8443")], "wss://voice.test:8443/ws?a=b"),
            // Rails' and others' word for TLS.
            ([("X-Forwarded-Ssl", "on")], "wss://voice.test/ws?a=b"),
            ([("X-Forwarded-Ssl", "off")], "ws://voice.test/ws?a=b"),
            ([("X-Forwarded-Proto", "http"), ("X-Forwarded-Ssl", "on")], "ws://voice.test/ws?a=b"),
            // Traefik's StripPrefix; two of them one behind the other.
            ([("X-Forwarded-Prefix", "/voice")], "ws://voice.test/voice/ws?a=b"),
            ([("X-Forwarded-Prefix", "/a/, /b/")], "ws://voice.test/a/b/ws?a=b"),
            ([("X-Forwarded-Prefix", "/")], "ws://voice.test/ws?a=b"),
            // A port beside the host is the client's own.
            ([("X-Forwarded-Host", "x.test:81"), ("X-Forwarded-Port", "443")], "ws://x.test:81/ws?a=b"),
            ([("X-Forwarded-Host", "[::1]"), ("X-Forwarded-Port", "82")], "ws://[::1]:82/ws?a=b"),
            // RFC 7239.
            ([("Forwarded", "for=192.0.2.60;proto=https;host=x.test")], "wss://x.test/ws?a=b"),
            (
                [("Forwarded", "For=\"[2001:db8::1]:4711\"; Proto=HTTPS; Host=\"x.test:8443\", proto=http;host=inner")],
                "wss://x.test:8443/ws?a=b"
            ),
            ([("Forwarded", "proto=https;host=x.test"), ("X-Forwarded-Host", "y.test")], "wss://y.test/ws?a=b"),
        ])
    func proxyDialects(headers: [(String, String)], expected: String) throws {
        let address = PublicAddress(configured: nil) { _ in true }
        #expect(try url(address, host: "voice.test", headers) == expected)
        let untrusted = PublicAddress(configured: nil) { _ in false }
        #expect(try url(untrusted, host: "voice.test", headers) == "ws://voice.test/ws?a=b")
    }

    @Test(
        "what is no port, prefix or parameter is not taken over",
        arguments: [
            ("X-Forwarded-Port", "0"), ("X-Forwarded-Port", "99999"), ("X-Forwarded-Port", "-1"),
            ("X-Forwarded-Port", ""), ("X-Forwarded-Prefix", "voice"), ("X-Forwarded-Prefix", "/a?b"),
            ("X-Forwarded-Prefix", "/a#"), ("X-Forwarded-Prefix", "/a\"b"),
            ("X-Forwarded-Prefix", "/" + String(repeating: "a", count: 255)), ("Forwarded", ""), ("Forwarded", ";;=,"),
            ("Forwarded", "host"), ("Forwarded", "by=\"unfinished"),
        ])
    func odd(header: (String, String)) throws {
        let address = PublicAddress(configured: nil) { _ in true }
        #expect(try url(address, host: "voice.test", [header]) == "ws://voice.test/ws?a=b")
    }
}
