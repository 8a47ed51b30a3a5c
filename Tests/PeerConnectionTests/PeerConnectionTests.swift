import PeerConnection
import TestSupport
import Testing
import Wire

@Suite("Peer connection")
struct PeerConnectionTests {
    func track(_ peer: TestPeer, _ name: String) -> LocalTrack {
        LocalTrack(streamID: "stream", trackID: name, ssrc: peer.connection.makeSource())
    }

    /// Two peers with sound both ways and data.
    func makeCall(
        conditions: VirtualNetwork.Conditions = .init(), seed: UInt64 = 1,
        configure: (inout PeerConnectionConfiguration) -> Void = { _ in }
    ) throws -> (call: TestCall, left: TestPeer, right: TestPeer) {
        let left = TestPeer(1, port: 5001, configure: configure)
        let right = TestPeer(2, port: 5002, configure: configure)
        let call = TestCall(left, right, conditions: conditions, seed: seed)
        #expect(left.connection.addAudioSection(direction: .sendReceive, track: track(left, "left")) == 0)
        #expect(left.connection.addDataSection() == 1)
        let offer = try left.connection.createOffer(now: call.now)
        try right.connection.acceptOffer(offer, now: call.now)
        #expect(right.connection.setLocalTrack(track(right, "right"), on: 0, now: call.now))
        try left.connection.acceptAnswer(try right.connection.createAnswer(now: call.now), now: call.now)
        call.connect()
        return (call, left, right)
    }

    @Test("two peers connect and hear each other, with levels and in order")
    func soundBothWays() throws {
        let (call, left, right) = try makeCall()
        #expect(left.connection.state == .connected)
        #expect(right.connection.state == .connected)
        #expect(left.tracks.map(\.trackID) == ["right"])
        #expect(right.tracks.map(\.trackID) == ["left"])
        for index in 0..<50 {
            #expect(left.speak(index, on: 0, now: call.now))
            #expect(right.speak(index + 100, on: 0, now: call.now))
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(100))
        #expect(right.heard == Array(0..<50))
        #expect(left.heard == Array(100..<150))
    }

    @Test("messages go both ways, over channels that either side opens, also from before the connection")
    func data() throws {
        let left = TestPeer(1, port: 5001)
        let right = TestPeer(2, port: 5002)
        let call = TestCall(left, right, conditions: .init(loss: 0.05))
        _ = left.connection.addDataSection()
        let early = try left.connection.openChannel(label: "_reliable", now: call.now)
        try left.connection.send([1, 2, 3], on: early, now: call.now)
        try call.negotiate(from: left, to: right)
        call.connect()
        call.run(for: .seconds(2))
        #expect(right.events.contains { if case .channelOpened(_, "_reliable", true) = $0 { true } else { false } })
        #expect(right.messages() == [[1, 2, 3]])
        let there = try #require(right.openedChannels().first)
        let large = (0..<60_000).map { UInt8(truncatingIfNeeded: $0) }
        try right.connection.send(large, on: there, now: call.now)
        try right.connection.send([], isText: true, on: there, now: call.now)
        call.run(for: .seconds(5))
        #expect(left.messages() == [large, []])
    }

    @Test("a second track is added later, in the other direction, without interrupting the first")
    func renegotiation() throws {
        let (call, left, right) = try makeCall()
        let section = try #require(
            right.connection.addAudioSection(direction: .sendOnly, track: track(right, "second")))
        #expect(right.speak(0, on: section, now: call.now) == false)
        try call.negotiate(from: right, to: left)
        #expect(left.tracks.map(\.trackID) == ["right", "second"])
        #expect(left.connection.sections[section].direction == .receiveOnly)
        for index in 0..<10 {
            right.speak(index, on: section, now: call.now)
            left.speak(index, on: 0, now: call.now)
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(50))
        #expect(left.heard == Array(0..<10))
        #expect(right.heard == Array(0..<10))
        #expect(left.connection.state == .connected)
    }

    @Test("a server fills a client's free receiving section, frees it, and fills it anew with other names")
    func sectionReuse() throws {
        let client = TestPeer(1, port: 5001)
        let server = TestPeer(2, port: 7882) { $0.ice.isLite = true }
        let call = TestCall(client, server)
        for _ in 0..<3 { _ = client.connection.addAudioSection(direction: .receiveOnly) }
        _ = client.connection.addDataSection()
        try call.negotiate(from: client, to: server)
        call.connect()
        #expect(client.connection.state == .connected)
        #expect(server.connection.state == .connected)
        #expect(client.tracks.isEmpty)

        func offerWith(_ track: LocalTrack?) throws -> Int {
            try server.connection.acceptOffer(try client.connection.createOffer(now: call.now), now: call.now)
            var used = 0
            if let track {
                let free = server.connection.sections.first { $0.isFreeForSending }
                used = try #require(free).index
                #expect(server.connection.setLocalTrack(track, on: used, now: call.now))
            }
            try client.connection.acceptAnswer(try server.connection.createAnswer(now: call.now), now: call.now)
            return used
        }
        let first = try offerWith(LocalTrack(streamID: "PA_a|TR_a", trackID: "TR_a", ssrc: 1111))
        #expect(client.tracks.map(\.streamID) == ["PA_a|TR_a"])
        #expect(client.tracks.first?.ssrc == 1111)
        server.speak(1, on: first, now: call.now)
        call.run(for: .milliseconds(50))
        #expect(client.heard == [1])

        server.connection.setLocalTrack(nil, on: first, now: call.now)
        #expect(server.speak(2, on: first, now: call.now) == false)
        _ = try offerWith(nil)
        #expect(client.tracks.isEmpty)
        #expect(client.connection.sections[first].direction == .inactive)

        let second = try offerWith(LocalTrack(streamID: "PA_b|TR_b", trackID: "TR_b", ssrc: 2222))
        #expect(second == first)
        #expect(client.tracks.map(\.trackID) == ["TR_b"])
        server.speak(3, on: second, now: call.now)
        call.run(for: .milliseconds(50))
        #expect(client.heard == [1, 3])
    }

    @Test("a client publishes on a new section; the server sees its id and gets the packets as they are")
    func publish() throws {
        let client = TestPeer(1, port: 5001)
        let server = TestPeer(2, port: 7882) {
            $0.ice.isLite = true; $0.receiveMode = .raw
        }
        let call = TestCall(client, server)
        _ = client.connection.addDataSection()
        try call.negotiate(from: client, to: server)
        call.connect()
        let section = try #require(
            client.connection.addAudioSection(
                direction: .sendOnly, track: LocalTrack(streamID: "-", trackID: "cid", ssrc: 77)))
        try call.negotiate(from: client, to: server)
        #expect(server.tracks.map(\.trackID) == ["cid"])
        client.speak(9, on: section, now: call.now, level: 33)
        call.run(for: .milliseconds(50))
        #expect(server.raw.count == 1)
        #expect(server.raw.first?.last == 9)
        #expect(server.raw.first?.level?.negatedDecibels == 33)
    }

    @Test("a server with two connections forwards; numbers stay continuous when the source changes")
    func forwarding() throws {
        let first = TestPeer(1, port: 5001)
        let up = TestPeer(2, port: 7001) { $0.receiveMode = .raw }
        let down = TestPeer(3, port: 7002)
        let listener = TestPeer(4, port: 5004) { $0.receiveMode = .raw }
        let call = TestCall(first, up, down, listener)
        _ = first.connection.addAudioSection(direction: .sendOnly, track: track(first, "a"))
        _ = first.connection.addAudioSection(direction: .sendOnly, track: track(first, "b"))
        try call.negotiate(from: first, to: up)
        let out = try #require(
            down.connection.addAudioSection(
                direction: .sendOnly, track: LocalTrack(streamID: "s", trackID: "t", ssrc: 5)))
        try call.negotiate(from: down, to: listener)
        call.connect()
        up.onRaw = { down.connection.forward($0, on: out, now: call.now) }
        for index in 0..<20 {
            first.speak(index, on: index < 10 ? 0 : 1, now: call.now)
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(100))
        #expect(listener.raw.map { Int($0.last) } == Array(0..<20))
        let numbers = listener.raw.map(\.sequence)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 &+ 1 })
        let times = listener.raw.map(\.timestamp)
        #expect(zip(times, times.dropFirst()).allSatisfy { ($1 &- $0) >= 900 && ($1 &- $0) <= 1100 })
    }

    @Test("packets without an announced source find their section by the id they carry")
    func unannounced() throws {
        let left = TestPeer(1, port: 5001)
        let right = TestPeer(2, port: 5002)
        let call = TestCall(left, right)
        for name in ["a", "b"] { _ = left.connection.addAudioSection(direction: .sendOnly, track: track(left, name)) }
        let offer = try left.connection.createOffer(now: call.now)
        let stripped = offer.split(separator: "\r\n").filter { !$0.hasPrefix("a=ssrc") && !$0.hasPrefix("a=msid") }
            .joined(separator: "\r\n")
        try right.connection.acceptOffer(stripped, now: call.now)
        try left.connection.acceptAnswer(try right.connection.createAnswer(now: call.now), now: call.now)
        call.connect()
        #expect(right.tracks.isEmpty)
        left.speak(7, on: 1, now: call.now)
        call.run(for: .milliseconds(50))
        #expect(right.tracks.map(\.section) == [1])
        #expect(right.heard == [7])
    }

    @Test("a video section is answered inactive and stays in its place")
    func video() throws {
        let server = TestPeer(2, port: 7882) { $0.ice.isLite = true }
        try server.connection.acceptOffer(SDPFixtures.wire(SDPFixtures.liveKitOffer), now: .zero)
        let answer = try SessionDescription(parsing: try server.connection.createAnswer(now: .zero))
        #expect(answer.isICELite)
        #expect(answer.sections.map(\.kind) == [.audio, .video, .application])
        #expect(answer.sections.map(\.mid) == ["0", "3", "6"])
        #expect(answer.sections.allSatisfy { !$0.isRejected && $0.setup == .active })
        #expect(answer.sections[1].direction == .inactive)
        #expect(answer.sections[0].direction == .inactive)
        #expect(answer.sections[0].codecs.map(\.payloadType) == [111])
        #expect(answer.sections[0].headerExtensions.map(\.id) == [1, 4])
        #expect(answer.bundle == ["0", "3", "6"])
    }

    @Test("the answer to aiortc keeps its numbers")
    func aiortc() throws {
        let peer = TestPeer(2, port: 5002)
        try peer.connection.acceptOffer(SDPFixtures.wire(SDPFixtures.aiortcOffer), now: .zero)
        #expect(peer.tracks.map(\.ssrc) == [1_465_696_255])
        peer.connection.setLocalTrack(track(peer, "mine"), on: 0, now: .zero)
        let answer = try SessionDescription(parsing: try peer.connection.createAnswer(now: .zero))
        #expect(answer.sections[0].direction == .sendReceive)
        #expect(answer.sections[0].codecs.map(\.payloadType) == [96])
        #expect(answer.sections[0].headerExtensions.first { $0.uri == RTPHeaderExtensionMapping.midURI }?.id == 1)
        #expect(answer.sections[0].candidates.count == 1)
    }

    @Test("sound continues over an ICE restart")
    func iceRestart() throws {
        let (call, left, right) = try makeCall()
        let before = left.connection.localUsernameFragment
        try call.negotiate(from: left, to: right, iceRestart: true)
        #expect(left.connection.localUsernameFragment != before)
        for index in 0..<100 {
            left.speak(index, on: 0, now: call.now)
            call.run(for: .milliseconds(20))
        }
        call.run(for: .milliseconds(100))
        #expect(right.heard == Array(0..<100))
        #expect(left.connection.state == .connected)
    }

    @Test("a certificate with another fingerprint fails the connection")
    func fingerprint() throws {
        let left = TestPeer(1, port: 5001)
        let right = TestPeer(2, port: 5002)
        let call = TestCall(left, right)
        _ = left.connection.addDataSection()
        let offer = try left.connection.createOffer(now: call.now)
        let forged = offer.replacing("a=fingerprint:sha-256 01", with: "a=fingerprint:sha-256 99")
        try right.connection.acceptOffer(forged, now: call.now)
        try left.connection.acceptAnswer(try right.connection.createAnswer(now: call.now), now: call.now)
        call.run(for: .seconds(3))
        #expect(right.connection.state == .failed)
        #expect(right.events.contains { if case .transportFailed = $0 { true } else { false } })
    }

    @Test("closing says goodbye, and the other side closes as well")
    func closing() throws {
        let (call, left, right) = try makeCall()
        left.speak(1, on: 0, now: call.now)
        call.run(for: .milliseconds(50))
        left.connection.close(now: call.now)
        #expect(left.connection.state == .closed)
        #expect(left.connection.nextDeadline == nil)
        call.run(for: .milliseconds(100))
        #expect(right.events.contains(.sourceEnded(section: 0)))
        #expect(right.events.contains(.closedByPeer))
        #expect(right.connection.state == .closed)
        #expect(left.speak(2, on: 0, now: call.now) == false)
    }

    @Test("a delegate may close the connection from within any of its calls")
    func reentrancy() throws {
        let (call, left, right) = try makeCall { $0.receiveMode = .raw }
        right.onRaw = { _ in right.connection.close(now: call.now) }
        left.speak(1, on: 0, now: call.now)
        left.speak(2, on: 0, now: call.now)
        call.run(for: .milliseconds(100))
        #expect(right.raw.count == 1)
        #expect(right.connection.state == .closed)
        left.onEvent = { _ in left.connection.close(now: call.now) }
        call.run(for: .seconds(1))
        #expect(left.connection.state == .closed)
    }

    @Test("hostile descriptions are refused and change nothing")
    func refusals() throws {
        let peer = TestPeer(1, port: 5001)
        let connection = peer.connection
        #expect(throws: NegotiationError.wrongState) { try connection.acceptAnswer("v=0\r\n", now: .zero) }
        #expect(throws: NegotiationError.description(.notADescription)) { try connection.acceptOffer("x", now: .zero) }
        #expect(throws: NegotiationError.missingTransport) {
            try connection.acceptOffer(
                "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtcp-mux\r\n", now: .zero)
        }
        let offer = SDPFixtures.wire(SDPFixtures.aiortcOffer)
        #expect(throws: NegotiationError.notMultiplexed) {
            try connection.acceptOffer(offer.replacing("a=group:BUNDLE 0 1", with: "a=group:BUNDLE 0"), now: .zero)
        }
        #expect(throws: NegotiationError.notMultiplexed) {
            try connection.acceptOffer(offer.replacing("a=rtcp-mux", with: "a=other"), now: .zero)
        }
        #expect(connection.sections.isEmpty)
        try connection.acceptOffer(offer, now: .zero)
        _ = try connection.createAnswer(now: .zero)
        #expect(throws: NegotiationError.sectionsChanged) {
            try connection.acceptOffer(offer.replacing("a=mid:1", with: "a=mid:2"), now: .zero)
        }
        connection.close(now: .zero)
        #expect(throws: NegotiationError.closed) { try connection.acceptOffer(offer, now: .zero) }
    }

    @Test("random datagrams neither trap nor disturb the call")
    func hostileDatagrams() throws {
        let (call, left, right) = try makeCall()
        var random = SplitMix64(seed: 99)
        for round in 0..<2000 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty { bytes[0] = [0, 1, 22, 23, 128, 129, 144, 200][round % 8] }
            bytes.withMutableBytes {
                right.connection.receive(&$0, from: left.address, on: right.address, now: call.now)
            }
        }
        left.speak(5, on: 0, now: call.now)
        call.run(for: .milliseconds(50))
        #expect(right.heard == [5])
        #expect(right.connection.statistics.packetsRejected > 100)
    }
}
