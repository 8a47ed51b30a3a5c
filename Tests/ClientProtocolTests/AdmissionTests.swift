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
        #expect(keys.check("alpha") == .accepted(number: 0) && keys.check("gamma") == .accepted(number: 2))
        #expect(keys.check(nil) == .missing && keys.check("") == .missing)
        for wrong in ["Alpha", "alph", "alphaa", "alpha\0", " alpha", "beta,", String(repeating: "x", count: 5000)] {
            #expect(keys.check(wrong) == .wrong)
        }
        #expect(APIKeys([]).check("x") == .wrong)
        let longest = String(repeating: "k", count: APIKeys.maximumSize)
        #expect(APIKeys([longest]).check(longest) == .accepted(number: 0))
        #expect(APIKeys([longest]).check(longest + "k") == .wrong)
        #expect(!APIKeys.isValid("") && !APIKeys.isValid(longest + "k") && APIKeys.isValid("k"))
    }

    @Test("the header counts before the query")
    func presented() {
        let query = QueryString("x=1&api_key=q%20k").pairs
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
            (
                .draining, 1012, "The gateway is shutting down; connect again", 503,
                "The gateway is shutting down; connect again"
            ),
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

    @Test("microcontrollers with arduinoWebSockets, which claim to be a page of a file, can be let in")
    func files() throws {
        let list = try OriginAllowList(setting: "https://app.example.com, file://")
        #expect(list.allows("file://") && list.allows("FILE://") && list.allows("https://app.example.com"))
        #expect(!list.allows("file:///etc") && !list.allows("file://host") && !list.allows("null"))
        #expect(try !OriginAllowList(setting: "https://app.example.com").allows("file://"))
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
}
