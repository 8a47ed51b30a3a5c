import PeerConnection
import Testing
import Wire

@Suite("ICE candidates")
struct ICECandidateTests {
    @Test(
        "lines as other agents write them are read and written back",
        arguments: [
            "candidate:842163049 1 udp 1677729535 203.0.113.5 40678 typ srflx raddr 192.168.1.2 rport 40678 generation 0 ufrag sXP5 network-cost 999",
            "candidate:3769230383 1 udp 2130706431 172.17.0.2 50123 typ host ufrag QgXaBcDeFgHiJkLm",
            "candidate:1 1 udp 2130706431 2001:db8::1 7882 typ host",
            "candidate:2 1 tcp 1671430143 192.168.1.7 7881 typ host tcptype passive",
            "candidate:4 1 udp 41885439 198.51.100.9 3478 typ relay raddr 0.0.0.0 rport 0",
            "candidate:6 2 udp 2130706430 10.0.0.1 50000 typ host",
        ])
    func roundTrip(line: String) throws {
        let candidate = try ICECandidate(parsing: line)
        #expect(candidate.text == line)
        #expect(try ICECandidate(parsing: "a=" + line + "\r\n") == candidate)
    }

    @Test("every field lands where it belongs")
    func fields() throws {
        let candidate = try ICECandidate(
            parsing: "candidate:abc 1 UDP 99 192.0.2.1 5000 TYP SRFLX raddr 10.0.0.1 rport 6000 ufrag XyZ1 generation 0"
        )
        #expect(candidate.foundation == "abc")
        #expect(candidate.component == 1)
        #expect(candidate.transport == .udp)
        #expect(candidate.priority == 99)
        #expect(candidate.address.description == "192.0.2.1:5000")
        #expect(candidate.kind == .serverReflexive)
        #expect(candidate.relatedAddress?.description == "10.0.0.1:6000")
        #expect(candidate.usernameFragment == "XyZ1")
        #expect(candidate.extensions.map(\.name) == ["ufrag", "generation"])
    }

    @Test("the fragment may stand before or after tcptype")
    func tcptype() throws {
        for tail in ["ufrag X tcptype passive", "tcptype passive ufrag X"] {
            let candidate = try ICECandidate(parsing: "candidate:2 1 tcp 1 192.0.2.1 7881 typ host \(tail)")
            #expect(candidate.transport == .tcp(type: "passive"))
            #expect(candidate.usernameFragment == "X")
        }
    }

    @Test("an mDNS name is an error of its own")
    func multicastName() {
        let name = "1b6d9f6a-0a6c-4e0b-9f1c-2f6f3a1d7e55.local"
        #expect(throws: ICECandidateError.unresolvable(host: name)) {
            try ICECandidate(parsing: "candidate:1 1 udp 2122260223 \(name) 54321 typ host")
        }
    }

    @Test("a priority beyond the RFC's limit is cut")
    func priorityLimit() throws {
        let candidate = try ICECandidate(parsing: "candidate:1 1 udp 4294967295 192.0.2.1 5000 typ host")
        #expect(candidate.priority == ICECandidate.maximumPriority)
    }

    @Test(
        "what cannot be used is refused with the reason",
        arguments: [
            ("", ICECandidateError.malformed), ("candidate:1 1 udp 1 192.0.2.1 5000 typ", .malformed),
            ("canditate:1 1 udp 1 192.0.2.1 5000 typ host", .malformed),
            ("candidate:1 1 udp 1 192.0.2.1 5000 type host", .malformed),
            ("candidate: 1 udp 1 192.0.2.1 5000 typ host", .invalidField(.foundation)),
            ("candidate:1 0 udp 1 192.0.2.1 5000 typ host", .invalidField(.component)),
            ("candidate:1 1 udp -1 192.0.2.1 5000 typ host", .invalidField(.priority)),
            ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", .invalidField(.port)),
            ("candidate:1 1 udp 1 192.0.2.256 5000 typ host", .invalidField(.address)),
            ("candidate:1 1 udp 1 2001:db8:::1 5000 typ host", .invalidField(.address)),
            ("candidate:1 1 udp 1 192.0.2.1 5000 typ guest", .invalidField(.kind)),
            ("candidate:1 1 sctp 1 192.0.2.1 5000 typ host", .unsupportedTransport("sctp")),
            ("candidate:1 1 udp 1 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport x", .invalidField(.relatedAddress)),
            ("candidate:1 1 udp 1 192.0.2.1 5000 typ host x " + String(repeating: "y", count: 1100), .tooLong),
        ])
    func refused(line: String, reason: ICECandidateError) {
        #expect(throws: reason) { try ICECandidate(parsing: line) }
    }

    @Test("no truncation and no flipped bit of a line traps")
    func damaged() {
        let line = Array(
            "candidate:842163049 1 udp 1677729535 203.0.113.5 40678 typ srflx raddr 192.168.1.2 rport 1 ufrag sXP5".utf8
        )
        for length in 0..<line.count {
            _ = try? ICECandidate(parsing: String(decoding: line[..<length], as: UTF8.self))
        }
        for bit in 0..<line.count * 8 {
            var damaged = line
            damaged[bit / 8] ^= 1 << (bit % 8)
            _ = try? ICECandidate(parsing: String(decoding: damaged, as: UTF8.self))
        }
    }

    @Test("priorities are those of RFC 8445")
    func priorities() throws {
        let address = TransportAddress(ip: .loopbackV4, port: 1)
        #expect(ICECandidate(host: address).priority == 2_130_706_431)
        #expect(ICECandidate(host: address, index: 1).priority < ICECandidate(host: address).priority)
        #expect(ICECandidate.priority(kind: .peerReflexive, localPreference: 65535) == 1_862_270_975)
    }

    @Test("foundations are equal for the same address and differ for others")
    func foundations() {
        let first = ICECandidate(host: TransportAddress(ip: .v4(1), port: 1))
        let samePlace = ICECandidate(host: TransportAddress(ip: .v4(1), port: 2), index: 1)
        let other = ICECandidate(host: TransportAddress(ip: .v4(2), port: 1))
        #expect(first.foundation == samePlace.foundation)
        #expect(first.foundation != other.foundation)
        #expect((1...32).contains(first.foundation.utf8.count))
    }

    @Test("credentials with a colon, a blank, or of the wrong length are refused")
    func credentials() {
        let password = String(repeating: "p", count: 22)
        #expect(ICECredentials(usernameFragment: "abcd", password: password) != nil)
        #expect(ICECredentials(usernameFragment: "ab-_", password: password) != nil)
        #expect(ICECredentials(usernameFragment: "abc", password: password) == nil)
        #expect(ICECredentials(usernameFragment: "ab:d", password: password) == nil)
        #expect(ICECredentials(usernameFragment: "ab d", password: password) == nil)
        #expect(ICECredentials(usernameFragment: "abcd", password: String(password.dropLast())) == nil)
        #expect(ICECredentials(usernameFragment: String(repeating: "u", count: 257), password: password) == nil)
    }
}
