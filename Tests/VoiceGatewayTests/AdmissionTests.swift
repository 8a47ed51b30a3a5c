import ClientProtocol
import HTTP
import Observability
import Testing
import Wire

@testable import VoiceGateway

@Suite("Who may connect to the gateway")
struct AdmissionTests {
    private let ann = IPAddress.v4(0x0A00_0001)
    private let ben = IPAddress.v4(0x0A00_0002)

    private func admission(metrics: Metrics = Metrics(), _ change: (inout GatewayConfiguration) -> Void = { _ in })
        -> Admission
    {
        var configuration = GatewayConfiguration()
        change(&configuration)
        return Admission(CurrentConfiguration(configuration), log: .silent, metrics: metrics)
    }

    private func place(_ admission: Admission, _ address: IPAddress) throws -> ConnectionPlaces.Place {
        try admission.open(address).get()
    }

    @Test("without keys and limits everybody is admitted")
    func open() {
        let admission = admission()
        for _ in 0..<1000 {
            #expect(admission.check(apiKey: nil, address: ann, now: .zero) == .admitted(Caller(address: ann)))
        }
    }

    @Test("a key is right, wrong or missing")
    func keys() {
        let admission = admission { $0.access.apiKeys = APIKeys(setting: "alpha,beta") }
        #expect(admission.check(apiKey: "beta", address: ann, now: .zero) == .admitted(Caller(address: ann, key: 1)))
        #expect(
            admission.check(apiKey: "gamma", address: ann, now: .zero) == .refused(.wrongKey, retryAfterSeconds: nil))
        #expect(admission.check(apiKey: nil, address: ann, now: .zero) == .refused(.missingKey, retryAfterSeconds: nil))
    }

    @Test("requests are counted by key, whatever the address, and by address without a key")
    func rates() {
        let admission = admission {
            $0.access.apiKeys = APIKeys(setting: "alpha,beta")
            $0.rateLimit = RateLimit(requests: 2, seconds: 60, burstMultiplier: 1)
        }
        let late = Admission.Verdict.refused(.rateLimited, retryAfterSeconds: 30)
        for address in [ann, ben] {
            #expect(
                admission.check(apiKey: "alpha", address: address, now: .zero)
                    == .admitted(Caller(address: address, key: 0)))
        }
        #expect(admission.check(apiKey: "alpha", address: ann, now: .zero) == late)
        #expect(admission.check(apiKey: "beta", address: ann, now: .zero) == .admitted(Caller(address: ann, key: 1)))
        // Who tries keys out is slowed down, and takes nothing from those who have one.
        #expect(admission.check(apiKey: "x", address: ann, now: .zero) == .refused(.wrongKey, retryAfterSeconds: nil))
        #expect(admission.check(apiKey: nil, address: ann, now: .zero) == .refused(.missingKey, retryAfterSeconds: nil))
        #expect(admission.check(apiKey: "y", address: ann, now: .zero) == late)
        #expect(admission.check(apiKey: "beta", address: ann, now: .zero) == .admitted(Caller(address: ann, key: 1)))
        #expect(admission.count(Caller(address: ben), now: .zero) == .admitted(Caller(address: ben)))
    }

    @Test("connections are limited in all and for each address, and places come back")
    func connections() throws {
        let admission = admission {
            $0.limits.maximumConnections = 3
            $0.limits.maximumConnectionsPerAddress = 2
        }
        var places = [try place(admission, ann), try place(admission, ann)]
        #expect(throws: AdmissionRefusal.tooManyForAddress) { try place(admission, ann) }
        places.append(try place(admission, ben))
        #expect(throws: AdmissionRefusal.unavailable) { try place(admission, .v4(3)) }
        places.removeFirst()
        places.append(try place(admission, ann))
        places = []
        for _ in 0..<2 { places.append(try place(admission, ann)) }
        #expect(places.count == 2)
    }

    @Test("the addresses of one IPv6 customer count as one")
    func customers() throws {
        let admission = admission { $0.limits.maximumConnectionsPerAddress = 1 }
        let first = try place(admission, .v6(7, 1))
        #expect(throws: AdmissionRefusal.tooManyForAddress) { try place(admission, .v6(7, 2)) }
        let other = try place(admission, .v6(8, 1))
        #expect(first.address != other.address)
    }

    @Test("connections are limited for each key, and places come back")
    func connectionsOfKeys() throws {
        let admission = admission { $0.limits.maximumConnectionsPerKey = 1 }
        var first: ConnectionPlaces.Place? = try place(admission, ann)
        let second = try place(admission, ben)
        #expect(first?.take(key: 0) == true && !second.take(key: 0) && second.take(key: 1))
        first = nil
        let third = try place(admission, ann)
        #expect(third.take(key: 0))
    }

    @Test("one address cannot keep any number of sockets waiting for a key")
    func waiting() throws {
        let admission = admission()
        var places: [ConnectionPlaces.Place] = []
        for _ in 0..<ConnectionPlaces.maximumWaitingPerAddress {
            let place = try place(admission, ann)
            #expect(place.wait())
            places.append(place)
        }
        #expect(try !place(admission, ann).wait())
        #expect(try place(admission, ben).wait())
        places[0].stopWaiting()
        places[0].stopWaiting()
        #expect(try place(admission, ann).wait())
        places = []
        for _ in 0..<ConnectionPlaces.maximumWaitingPerAddress {
            let place = try place(admission, ann)
            #expect(place.wait())
            places.append(place)
        }
    }

    @Test("an identity is somebody's in its room until it is given back")
    func identities() {
        let claims = IdentityClaims()
        var claim = claims.claim("ann", in: "lobby")
        #expect(claim != nil)
        #expect(claims.claim("ann", in: "lobby") == nil)
        #expect(claims.claim("ann", in: "hall") != nil && claims.claim("ben", in: "lobby") != nil)
        claim = nil
        #expect(claims.claim("ann", in: "lobby") != nil)
    }

    @Test("of many threads that want one identity, one gets it")
    func race() async {
        let claims = IdentityClaims()
        let winners = await withTaskGroup(of: IdentityClaims.Claim?.self) { group in
            for _ in 0..<64 { group.addTask { claims.claim("ann", in: "lobby") } }
            var winners: [IdentityClaims.Claim] = []
            for await claim in group { if let claim { winners.append(claim) } }
            return winners
        }
        #expect(winners.count == 1)
    }

    @Test("settings that are read again count for the next request, and a key keeps what it has used up")
    func reread() throws {
        var configuration = GatewayConfiguration()
        configuration.access.apiKeys = APIKeys(["alpha", "beta"])
        configuration.rateLimit = RateLimit(requests: 1, seconds: 60, burstMultiplier: 1)
        configuration.limits.maximumConnections = 1
        let current = CurrentConfiguration(configuration)
        let admission = Admission(current, log: .silent, metrics: Metrics())
        func verdict(_ key: String) -> Admission.Verdict { admission.check(apiKey: key, address: ann, now: .zero) }
        #expect(verdict("beta") == .admitted(Caller(address: ann, key: 1)))
        let held = try place(admission, ann)
        #expect(throws: AdmissionRefusal.unavailable) { try place(admission, ann) }

        configuration.access.apiKeys = APIKeys(["gamma", "beta"]).following(APIKeys(["alpha", "beta"]))
        configuration.limits.maximumConnections = 2
        current.replace(by: configuration)
        admission.configurationChanged()
        #expect(verdict("alpha") == .refused(.wrongKey, retryAfterSeconds: nil))
        #expect(verdict("beta") == .refused(.rateLimited, retryAfterSeconds: 60))
        #expect(verdict("gamma") == .admitted(Caller(address: ann, key: 2)))
        _ = try place(admission, ann)
        withExtendedLifetime(held) {}

        configuration.rateLimit = nil
        current.replace(by: configuration)
        admission.configurationChanged()
        #expect(verdict("beta") == .admitted(Caller(address: ann, key: 1)))
    }

    @Test("the operator closes the door and opens it again, unless the gateway goes")
    func pause() throws {
        let metrics = Metrics()
        let admission = admission(metrics: metrics)
        admission.pause()
        #expect(throws: AdmissionRefusal.draining) { try place(admission, ann) }
        #expect(admission.isClosed && metrics.snapshot().contains("voicegateway_draining 1"))
        #expect(admission.reopen() && !admission.isClosed)
        _ = try place(admission, ann)
        #expect(metrics.snapshot().contains("voicegateway_draining 0"))
        admission.close { _ in }
        #expect(!admission.reopen() && admission.isClosed)
    }

    @Test("the operator's key is none of the clients', and wrong ones are limited by address")
    func operatorKey() throws {
        let admission = admission {
            $0.access.apiKeys = APIKeys(["alpha"])
            $0.admin.key = APIKeys(["omega"])
            $0.rateLimit = RateLimit(requests: 1, seconds: 60, burstMultiplier: 1)
        }
        func verdict(_ key: String?) throws -> Admission.Verdict {
            let fields = key.map { HTTPHeaders([("Authorization", "Bearer \($0)")]) } ?? HTTPHeaders([])
            let request = try #require(
                HTTPRequest(method: .get, target: "/admin/calls", headers: fields, isHTTP11: true))
            return admission.checkOperator(request, now: .zero)
        }
        for _ in 0..<3 {
            guard case .admitted = try verdict("omega") else {
                Issue.record("the operator is refused")
                return
            }
        }
        #expect(try verdict("alpha") == .refused(.wrongKey, retryAfterSeconds: nil))
        #expect(try verdict(nil) == .refused(.rateLimited, retryAfterSeconds: 60))
    }

    @Test("refusals are counted by reason")
    func metrics() {
        let metrics = Metrics()
        let admission = admission(metrics: metrics) { $0.access.apiKeys = APIKeys(setting: "alpha") }
        for _ in 0..<3 { _ = admission.check(apiKey: "x", address: ann, now: .zero) }
        #expect(metrics.snapshot().contains(#"voicegateway_refusals_total{reason="wrong_key"} 3"#))
        #expect(metrics.snapshot().contains(#"voicegateway_refusals_total{reason="missing_key"} 0"#))
    }

    @Test("the key in the header counts before the one in the query; the header has the name that the operator chose")
    func presented() throws {
        let admission = admission {
            $0.access.apiKeys = APIKeys(setting: "alpha")
            $0.access.apiKeyHeaderName = "X-Voice-Key"
        }
        let request = try #require(
            HTTPRequest(
                method: .get, target: "/ws?api_key=two",
                headers: HTTPHeaders([("x-voice-key", "one"), ("X-API-Key", "three")]), isHTTP11: true))
        #expect(admission.presentedKey(of: request) == "one")
    }

    private func proxies(_ texts: String...) throws -> IPNetworkList {
        IPNetworkList(try texts.map { try #require(IPNetwork($0)) })
    }

    @Test("X-Forwarded-For counts when a trusted proxy says it")
    func forwarded() throws {
        let proxies = try proxies("127.0.0.1")
        let admission = admission { $0.http.trustedProxies = proxies }
        func address(of peer: IPAddress) throws -> IPAddress {
            let request = try #require(
                HTTPRequest(
                    method: .get, target: "/ws", headers: HTTPHeaders([("X-Forwarded-For", "1.1.1.1, 10.0.0.2")]),
                    isHTTP11: true, remoteAddress: TransportAddress(ip: peer, port: 1)))
            return admission.address(of: request)
        }
        #expect(try address(of: .loopbackV4) == ben)
        #expect(try address(of: ann) == ann)
    }

    @Test("a proxy's word is believed as far as the first address that is no proxy")
    func hops() throws {
        let proxies = try proxies("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")
        func client(_ peer: String, _ fields: String...) throws -> String {
            ForwardedFor.client(peer: try #require(IPAddress(peer)), values: fields, proxies: proxies).description
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
        #expect(ForwardedFor.client(peer: ann, values: ["1.1.1.1"], proxies: IPNetworkList()) == ann)
    }
}
