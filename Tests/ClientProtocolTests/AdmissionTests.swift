import TestSupport
import Testing
import Wire

@testable import ClientProtocol

private func seconds(_ count: Double) -> Instant { Instant(nanoseconds: Int64(count * 1e9)) }

@Suite("Who may connect")
struct AdmissionTests {
    private let caller = RateLimiter.Client.address(.v4(0x0A00_0001))

    @Test("a full bucket gives its capacity at once, then one token after another")
    func bucket() {
        let limit = RateLimit(requests: 120, seconds: 60, burstMultiplier: 1)
        #expect(limit == .standard)
        var limiter = RateLimiter(limit: limit, now: .zero)
        for _ in 0..<120 {
            let verdict = limiter.admit(caller, now: .zero)
            #expect(verdict == .admitted)
        }
        let early = limiter.admit(caller, now: .zero)
        let stillEarly = limiter.admit(caller, now: seconds(0.49))
        let later = limiter.admit(caller, now: seconds(0.5))
        let again = limiter.admit(caller, now: seconds(0.6))
        #expect(early == .limited(retryAfterSeconds: 1) && stillEarly == .limited(retryAfterSeconds: 1))
        #expect(later == .admitted && again == .limited(retryAfterSeconds: 1))
    }

    @Test("an empty bucket is full again after the window, and never fuller")
    func refill() {
        var limiter = RateLimiter(limit: RateLimit(capacity: 10, window: .seconds(5)), now: .zero)
        for start in [0.0, 5.0, 1000.0] {
            var admitted = 0
            for _ in 0..<50 where limiter.admit(caller, now: seconds(start)) == .admitted { admitted += 1 }
            #expect(admitted == 10)
        }
    }

    @Test("over a long time no more is admitted than the rate and one burst, whenever requests come")
    func rate() {
        var random = SplitMix64(seed: 4)
        var limiter = RateLimiter(limit: RateLimit(capacity: 20, window: .seconds(10)), now: .zero)
        var now = 0.0
        var admitted = 0
        for _ in 0..<5000 {
            now += Double(Int.random(in: 0...400, using: &random)) / 1000
            if limiter.admit(caller, now: seconds(now)) == .admitted { admitted += 1 }
        }
        #expect(admitted <= 20 + Int(now * 2) && admitted >= Int(now * 2) - 1)
    }

    @Test("the burst multiplier is part of the capacity, and nonsense is bounded")
    func settings() {
        #expect(RateLimit(requests: 120, seconds: 60, burstMultiplier: 1.5).capacity == 180)
        #expect(RateLimit(requests: 0, seconds: 0, burstMultiplier: -1).capacity == 1)
        #expect(RateLimit(requests: .max, seconds: .max, burstMultiplier: .infinity).capacity == 1_000_000)
        #expect(RateLimit(requests: 1, seconds: 1, burstMultiplier: .nan).capacity == 1)
    }

    @Test("clients do not take from each other; addresses that belong together do")
    func separate() {
        var limiter = RateLimiter(limit: RateLimit(capacity: 1, window: .seconds(60)), now: .zero)
        let clients: [RateLimiter.Client] = [
            .key(0), .key(1), caller, .address(.v4(0x0A00_0002)), .address(.v6(1, 1)), .address(.v6(2, 1)),
        ]
        for client in clients {
            let verdict = limiter.admit(client, now: .zero)
            #expect(verdict == .admitted)
        }
        let neighbour = limiter.admit(.address(.v6(1, 99)), now: .zero)
        let mapped = limiter.admit(.address(.v6(0, 0xFFFF_0A00_0001)), now: .zero)
        #expect(neighbour == .limited(retryAfterSeconds: 60) && mapped == .limited(retryAfterSeconds: 60))
    }

    @Test("the table is bounded: idle clients are forgotten, newcomers to a full one share a bucket")
    func bounded() {
        var limiter = RateLimiter(limit: RateLimit(capacity: 2, window: .seconds(20)), maximumClients: 10, now: .zero)
        for index in 0..<10 { _ = limiter.admit(.key(index), now: .zero) }
        var admitted = 0
        for index in 100..<200 where limiter.admit(.key(index), now: .zero) == .admitted { admitted += 1 }
        #expect(admitted == 2 && limiter.clientCount == 10)
        // After ten seconds everybody's token is back.
        let verdict = limiter.admit(.key(500), now: seconds(10))
        #expect(verdict == .admitted && limiter.clientCount == 1)
    }

    @Test("keys are accepted, wrong or missing")
    func keys() {
        let keys = APIKeys(setting: " alpha, beta ,,gamma\n")
        #expect(keys.count == 3)
        #expect(keys.check("alpha") == .accepted(index: 0) && keys.check("gamma") == .accepted(index: 2))
        #expect(keys.check(nil) == .missing && keys.check("") == .missing)
        for wrong in ["Alpha", "alph", "alphaa", "alpha\0", " alpha", "beta,", String(repeating: "x", count: 5000)] {
            #expect(keys.check(wrong) == .wrong)
        }
        #expect(APIKeys([]).check("x") == .wrong)
        let longest = String(repeating: "k", count: APIKeys.maximumSize)
        #expect(APIKeys([longest]).check(longest) == .accepted(index: 0))
        #expect(APIKeys([longest]).check(longest + "k") == .wrong)
        #expect(!APIKeys.isValid("") && !APIKeys.isValid(longest + "k") && APIKeys.isValid("k"))
    }

    @Test("the header counts before the query")
    func presented() {
        let query = QueryString.pairs(of: "x=1&api_key=q%20k")
        #expect(APIKeys.presented(header: "h", query: query) == "h")
        #expect(APIKeys.presented(header: "", query: query) == "q k")
        #expect(APIKeys.presented(header: nil, query: []) == nil)
    }

    @Test("each refusal has its close code, its reason and its HTTP answer")
    func refusals() {
        let expected: [(AdmissionRefusal, UInt16, String, Int, String)] = [
            (.missingKey, 4401, "Missing API key", 401, "Missing API key"),
            (.wrongKey, 4403, "Invalid API key", 403, "Invalid API key"),
            (.rateLimited, 4429, "Rate limit exceeded", 429, "Rate limit exceeded. Please retry later."),
            (.unavailable, 1011, "Service unavailable", 503, "Service unavailable"),
            (.originNotAllowed, 4403, "Origin not allowed", 403, "Origin not allowed"),
            (
                .tooManyForAddress, 4429, "Too many connections from this address", 429,
                "Too many connections from this address"
            ),
            (
                .tooManyForKey, 4429, "Too many connections with this API key", 429,
                "Too many connections with this API key"
            ),
        ]
        for (refusal, code, reason, status, detail) in expected {
            #expect(refusal.closeCode == code && refusal.closeReason == reason)
            #expect(refusal.httpStatus == status && refusal.httpDetail == detail)
        }
        #expect(expected.count == AdmissionRefusal.allCases.count)
    }

    @Test("origins match by scheme, host and port, in any case")
    func origins() throws {
        let list = try OriginAllowList(
            setting: "https://app.example.com, https://*.example.org http://localhost:* , http://[::1]:8080")
        let allowed = [
            "https://app.example.com", "HTTPS://App.Example.Com:443", "https://a.example.org",
            "https://a.b.example.org",
            "http://localhost", "http://localhost:5173", "http://[::1]:8080",
        ]
        for origin in allowed { #expect(list.allows(origin), "\(origin)") }
        let refused = [
            "http://app.example.com", "https://app.example.com:8443", "https://example.org", "https://evilexample.org",
            "https://app.example.com.evil.net", "https://app.example.com/", "https://localhost", "http://[::1]", "null",
            "", "https://", "https://app.example.com@evil.net", "https://a.example.org:99999", "https://a.example.org:",
            String(repeating: "x", count: 600),
        ]
        for origin in refused { #expect(!list.allows(origin), "\(origin)") }
        #expect(list.allows(nil) && !list.allowsAll)
    }

    @Test("a star allows every page, an empty list none, and null must be named")
    func specialOrigins() throws {
        #expect(OriginAllowList.all.allows("https://anything") && OriginAllowList.all.allows("null"))
        #expect(try OriginAllowList(setting: "*").allowsAll)
        #expect(try !OriginAllowList(setting: "").allows("https://a") && OriginAllowList(setting: "").allows(nil))
        #expect(try OriginAllowList(setting: "null").allows("null"))
    }

    @Test(
        "an entry that is no origin is named",
        arguments: ["example.com", "https://", "https://a/b", "*.example.com", "https://*", "http://a:b"])
    func invalidEntries(entry: String) {
        let error = #expect(throws: OriginAllowList.InvalidEntry.self) {
            try OriginAllowList(setting: "https://ok.example," + entry)
        }
        #expect(error?.entry == entry && error?.description.contains(entry) == true)
    }

    @Test("a proxy's word is believed as far as the first address that is no proxy")
    func forwarded() throws {
        let proxies = try TrustedProxies(setting: "10.0.0.0/8, 192.0.2.7 2001:db8:1::/48")
        func client(_ peer: String, _ fields: String...) throws -> String {
            proxies.client(peer: try #require(IPAddress(peer)), forwardedFor: fields).description
        }
        #expect(try client("203.0.113.5", "1.1.1.1") == "203.0.113.5")
        #expect(try client("10.1.2.3") == "10.1.2.3")
        #expect(try client("10.1.2.3", "198.51.100.9") == "198.51.100.9")
        // The first was written by the client itself.
        #expect(try client("10.1.2.3", "1.1.1.1, 198.51.100.9 ,192.0.2.7") == "198.51.100.9")
        #expect(try client("10.1.2.3", "1.1.1.1", "198.51.100.9, 10.9.9.9") == "198.51.100.9")
        #expect(try client("::ffff:10.1.2.3", "198.51.100.9:4711") == "198.51.100.9")
        #expect(try client("2001:db8:1:2::3", "[2001:db8:9::1]:443") == "2001:db8:9::1")
        #expect(try client("10.1.2.3", "10.4.4.4, 10.5.5.5") == "10.4.4.4")
        for nonsense in ["", "unknown", "1.2.3", "[::1", ",,,", "198.51.100.9, _hidden"] {
            #expect(try client("10.1.2.3", nonsense) == "10.1.2.3", "\(nonsense)")
        }
        let chain = Array(repeating: "10.0.0.1", count: 100).joined(separator: ",")
        #expect(try client("10.1.2.3", "1.1.1.1,\(chain)") == "10.0.0.1")
    }

    @Test("without trusted proxies nobody is believed")
    func noProxies() throws {
        #expect(TrustedProxies.none.isEmpty && !TrustedProxies.none.contains(.loopbackV4))
        #expect(TrustedProxies.none.client(peer: .loopbackV4, forwardedFor: ["1.1.1.1"]) == .loopbackV4)
        let everybody = try TrustedProxies(setting: "0.0.0.0/0,::/0")
        #expect(everybody.contains(.v4(1)) && everybody.contains(.v6(1, 1)))
        let one = try TrustedProxies(setting: "::1/128 2001:db8::/64 ::ffff:10.0.0.1")
        #expect(one.contains(.loopbackV6) && !one.contains(.v6(0, 2)) && one.contains(.v6(0x2001_0DB8_0000_0000, 7)))
        #expect(one.contains(.v4(0x0A00_0001)))
    }

    @Test(
        "a proxy that is neither address nor network is named",
        arguments: [
            "proxy.example", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "/8", "10.0.0.0/-1", "1.2.3.4/+8",
        ])
    func invalidProxies(entry: String) {
        let error = #expect(throws: TrustedProxies.InvalidEntry.self) { try TrustedProxies(setting: "::1," + entry) }
        #expect(error?.entry == entry && error?.description.contains(entry) == true)
    }
}
