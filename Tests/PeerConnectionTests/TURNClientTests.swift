import TestSupport
import Testing
import Wire

@testable import PeerConnection

/// Gives the numbers that it was made with, and then counts.
private struct ScriptedNumbers: RandomNumberGenerator {
    var numbers: [UInt64]
    private var counter: UInt64 = 0

    init(_ numbers: [UInt64] = []) { self.numbers = numbers }

    mutating func next() -> UInt64 {
        if !numbers.isEmpty { return numbers.removeFirst() }
        counter += 1
        return counter
    }
}

/// What coturn 4.6.1 answered to the user alice with the password secret, transaction identifiers from `abcdefghijk1` on.
private enum Coturn {
    static let challenge = bytes(
        """
        011300502112a4426162636465666768696a6b310009001000000401556e617574686f72697a6564001500103932306662333435646365666665
        31320014000b6578616d706c652e6f72670080220014436f7475726e2d342e362e312027476f72737427
        """)
    static let allocated = bytes(
        """
        010300502112a4426162636465666768696a6b32001600080001e1165e12a443002000080001f2ab5e12a443000d000400000258802200144
        36f7475726e2d342e362e312027476f7273742700080014c4d8d9daed79066a4adcf89256fbd7d9017653f6
        """)
    static let bound = bytes(
        """
        010900302112a4426162636465666768696a6b3380220014436f7475726e2d342e362e312027476f7273742700080014b8314f8a647fa997d6
        521f7eaa25eef19096e4d1
        """)
    static let refreshed = bytes(
        """
        010400382112a4426162636465666768696a6b34000d00040000025880220014436f7475726e2d342e362e312027476f7273742700080014510
        c84d5d11fb5f00fd06f8ba9a13986a9abfa38
        """)
    static let mismatch = bytes(
        """
        0113004c2112a4426162636465666768696a6b3500090030000004254d69736d61746368656420616c6c6f636174696f6e3a2077726f6e672074
        72616e73616374696f6e2049440080220014436f7475726e2d342e362e312027476f72737427
        """)
    /// The numbers that make those identifiers.
    static let numbers: [UInt64] = (UInt8(ascii: "1")...UInt8(ascii: "6")).flatMap { last in
        [UInt64(0x6162_6364), 0x6566_6768_696A_6B00 | UInt64(last)]
    }
}

/// A client with a server of bare messages.
private struct Stage {
    static let peer = TransportAddress(ip: .v4(0x7F00_0001), port: 5000)
    static let relayed = TransportAddress(ip: .v4(0xC000_0207), port: 50_000)

    var client: TURNClient
    var now = Instant.zero
    var sent: [STUNMessage] = []
    var frames: [[UInt8]] = []
    var events: [TURNOutput] = []
    let key = MD5.digest(Array("alice:example.org:secret".utf8))

    init(_ random: ScriptedNumbers = ScriptedNumbers(), isReliable: Bool = false) {
        client = TURNClient(
            username: "alice", password: "secret", isV6: false, isReliable: isReliable,
            authentication: TestAuthentication.plain, random: random)
        client.start(now: now)
        drain()
    }

    mutating func drain() {
        while let output = client.poll() {
            guard case .transmit(let bytes) = output else {
                events.append(output)
                continue
            }
            if let message = try? STUNMessage.parse(bytes) { sent.append(message) } else { frames.append(bytes) }
        }
    }

    mutating func receive(_ datagram: [UInt8]) -> TURNReceived {
        defer { drain() }
        return client.receive(datagram.span.bytes, now: now)
    }

    /// Answers the request that was sent last.
    mutating func answer(_ kind: STUNMessage.Class, _ attributes: [STUNAttribute], key: [UInt8]? = nil) {
        guard let request = sent.last else { return }
        let message = STUNMessage(
            kind, method: request.method, transactionID: request.transactionID, attributes: attributes)
        _ = receive(message.serialized(integrityKey: key, authentication: TestAuthentication.plain))
    }

    mutating func refuse(_ code: Int, _ more: [STUNAttribute] = []) {
        answer(.failure, [.errorCode(STUNErrorCode(code: code, reason: ""))] + more)
    }

    mutating func challenge(_ code: Int = 401, nonce: String = "n1") {
        refuse(code, [.realm("example.org"), .nonce(Array(nonce.utf8))])
    }

    mutating func allocate(lifetime: UInt32 = 600) {
        challenge()
        answer(.success, [.xorRelayedAddress(Self.relayed), .lifetime(lifetime)], key: key)
    }

    mutating func advance(by duration: Duration) {
        let end = now + duration
        while let deadline = client.nextDeadline, deadline <= end {
            now = max(now, deadline)
            client.handleTimeout(now: now)
            drain()
        }
        now = end
    }

    mutating func wrap(_ datagram: [UInt8], to peer: TransportAddress = Stage.peer) -> [UInt8]? {
        defer { drain() }
        return client.wrap(datagram.span.bytes, to: peer, now: now) ? client.frame : nil
    }
}

@Suite("TURN")
struct TURNClientTests {
    @Test("digests are those of RFC 1321")
    func md5() {
        #expect(MD5.digest([]) == bytes("d41d8cd98f00b204e9800998ecf8427e"))
        #expect(MD5.digest(Array("message digest".utf8)) == bytes("f96b697d7cb7938d525a2f31aaf161d0"))
        #expect(
            MD5.digest(Array(String(repeating: "1234567890", count: 8).utf8))
                == bytes("57edf4a22be3c955ac49da2e2107b67a"))
    }

    @Test("the request of RFC 5769, section 2.4, is signed with the long-term key")
    func longTermVector() throws {
        let request = bytes(
            """
            000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000
            0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341
            0014000b6578616d706c652e6f7267000008 0014f67024656dd64a3e02b8e0712e85c9a28ca89666
            """)
        let message = try STUNMessage.parse(request)
        let key = MD5.digest(Array("マトリックス:example.org:TheMatrIX".utf8))
        #expect(message.realm == "example.org" && message.nonce == Array("f//499k954d6OL34oL9FSTvy64sA".utf8))
        #expect(message.isAuthentic(request, key: key))
    }

    @Test("coturn's answers lead to an allocation, a channel and its renewal")
    func coturn() {
        var stage = Stage(ScriptedNumbers(Coturn.numbers))
        _ = stage.receive(Coturn.challenge)
        #expect(stage.sent.last?.realm == "example.org" && stage.sent.last?.username == "alice")
        _ = stage.receive(Coturn.allocated)
        let relayed = TransportAddress(ip: .loopbackV4, port: 0xE116 ^ 0x2112)
        #expect(stage.events == [.allocated(relayed)] && stage.client.relayed == relayed)
        #expect(stage.wrap([1, 2, 3]) == nil)
        _ = stage.receive(Coturn.bound)
        #expect(stage.frames == [[0x40, 0, 0, 3, 1, 2, 3]])
        #expect(stage.wrap([4, 5]) == [0x40, 0, 0, 2, 4, 5])
        #expect(stage.receive([0x40, 0, 0, 2, 8, 9, 0, 0]) == .data(4..<6, from: Stage.peer))
    }

    @Test("another client's allocation at the same port ends it")
    func coturnMismatch() {
        var stage = Stage(ScriptedNumbers(Array(Coturn.numbers[8...])))
        _ = stage.receive(Coturn.mismatch)
        #expect(stage.events == [.failed(.mismatch)])
    }

    @Test("an allocation is refreshed in time, its channels too, and given back at the end")
    func life() {
        var stage = Stage()
        stage.allocate()
        _ = stage.wrap([1])
        stage.answer(.success, [], key: stage.key)
        stage.sent = []
        stage.advance(by: .seconds(239))
        #expect(stage.sent.isEmpty)
        stage.advance(by: .milliseconds(1100))
        #expect(stage.sent.map(\.method) == [STUNMessage.channelBindMethod])
        stage.answer(.success, [], key: stage.key)
        stage.advance(by: .seconds(210))
        #expect(stage.sent.map(\.method) == [STUNMessage.channelBindMethod, STUNMessage.refreshMethod])
        stage.answer(.success, [.lifetime(600)], key: stage.key)
        stage.client.close(now: stage.now)
        stage.drain()
        #expect(stage.sent.last?.method == STUNMessage.refreshMethod && stage.sent.last?.lifetime == 0)
        #expect(stage.client.nextDeadline == nil && stage.events.count == 1)
    }

    @Test("a stale nonce is replaced, but not for ever")
    func staleNonce() {
        var stage = Stage()
        stage.allocate()
        _ = stage.wrap([1])
        stage.challenge(438, nonce: "n2")
        #expect(stage.sent.last?.nonce == Array("n2".utf8) && stage.sent.last?.method == STUNMessage.channelBindMethod)
        for number in 3...6 where !stage.client.isOver { stage.challenge(438, nonce: "n\(number)") }
        #expect(stage.events.last == .failed(.unusable))
    }

    @Test(
        "what a server refuses has a name",
        arguments: [
            (401, TURNFailure.unauthorized), (403, .forbidden), (437, .mismatch), (440, .family), (486, .quota),
            (508, .capacity), (300, .elsewhere), (600, .refused(code: 600)),
        ])
    func refusals(code: Int, failure: TURNFailure) {
        var stage = Stage()
        stage.challenge()
        stage.refuse(code)
        #expect(stage.events == [.failed(failure)])
        #expect(stage.client.isOver && stage.client.nextDeadline == nil)
    }

    @Test("a peer that the server does not relay to is told, and others are relayed to", arguments: [403, 486, 508])
    func refusedPeer(code: Int) {
        var stage = Stage()
        stage.allocate()
        _ = stage.wrap([1])
        stage.refuse(code)
        #expect(stage.events.last == .peerRefused(Stage.peer, TURNFailure(code: code)))
        #expect(stage.wrap([2]) == nil && !stage.client.isOver)
        let other = TransportAddress(ip: .v4(0x0A00_0001), port: 7)
        #expect(stage.wrap([3], to: other) == nil)
        stage.answer(.success, [], key: stage.key)
        #expect(stage.wrap([4], to: other) == [0x40, 1, 0, 1, 4])
    }

    @Test("a server that has started anew asks for credentials again, and then knows nothing of the allocation")
    func restarted() {
        var stage = Stage()
        stage.allocate()
        _ = stage.wrap([1])
        stage.answer(.success, [], key: stage.key)
        stage.advance(by: .seconds(241))
        stage.challenge(401, nonce: "new")
        #expect(stage.sent.last?.nonce == Array("new".utf8))
        stage.refuse(437)
        #expect(stage.events.last == .failed(.mismatch))
    }

    @Test("a server that has started anew and refuses the credentials is not asked for ever")
    func restartedWithOtherUsers() {
        var stage = Stage()
        stage.allocate()
        stage.advance(by: .seconds(451))
        let before = stage.sent.count
        while !stage.client.isOver, stage.sent.count < before + 10 { stage.challenge(401, nonce: "again") }
        #expect(stage.events.last == .failed(.unauthorized))
    }

    @Test("an allocation whose answer is under way is given back as well")
    func earlyEnd() {
        var stage = Stage()
        stage.client.close(now: stage.now)
        stage.drain()
        #expect(stage.sent.map(\.method) == [STUNMessage.allocateMethod])
        var later = Stage()
        later.challenge()
        later.client.close(now: later.now)
        later.drain()
        #expect(later.sent.last?.method == STUNMessage.refreshMethod && later.sent.last?.lifetime == 0)
    }

    @Test("checks for a peer wait for its channel, and not without bound")
    func waiting() {
        var stage = Stage()
        stage.allocate()
        for number in 0..<20 as Range<UInt8> { #expect(stage.wrap([number]) == nil) }
        stage.answer(.success, [], key: stage.key)
        #expect(stage.frames.map(\.last) == [0, 1, 2, 3])
    }

    @Test("a server that sends the peer's addresses cannot have us bind more than so many")
    func manyPeers() {
        var stage = Stage()
        stage.allocate()
        stage.sent = []
        for port in 1...100 as ClosedRange<UInt16> {
            _ = stage.wrap([1], to: TransportAddress(ip: .v4(0x0A00_0001), port: port))
        }
        #expect(stage.sent.count == TURNChannels.maximumPeers)
    }

    @Test("a server that is slow is asked again, and one that is silent is given up after 12 s")
    func silence() {
        var stage = Stage()
        stage.advance(by: .seconds(3))
        #expect(stage.sent.count == 3)
        stage.allocate()
        #expect(stage.events == [.allocated(Stage.relayed)])
        var silent = Stage()
        silent.advance(by: .seconds(12))
        #expect(silent.events == [.failed(.noAnswer)] && silent.sent.count == 7)
    }

    @Test("nothing is repeated over TCP")
    func reliable() {
        var stage = Stage(isReliable: true)
        stage.advance(by: .seconds(11))
        #expect(stage.sent.count == 1 && stage.events == [.failed(.noAnswer)])
    }

    @Test("who does not know the password makes no allocation")
    func forged() {
        var stage = Stage()
        stage.challenge()
        stage.answer(.success, [.xorRelayedAddress(Stage.relayed), .lifetime(600)], key: [1, 2, 3])
        stage.answer(.success, [.xorRelayedAddress(Stage.relayed), .lifetime(600)])
        #expect(stage.events.isEmpty && stage.client.relayed == nil)
    }

    @Test("an address that nobody can reach is none")
    func uselessAddress() {
        for address in [
            TransportAddress(ip: .anyV4, port: 5), TransportAddress(ip: .v4(0xC000_0207), port: 0),
            TransportAddress(ip: .loopbackV6, port: 5),
        ] {
            var stage = Stage()
            stage.challenge()
            stage.answer(.success, [.xorRelayedAddress(address)], key: stage.key)
            #expect(stage.events == [.failed(.unusable)])
        }
    }

    @Test("a life time that cannot be is not believed", arguments: [0, UInt32.max])
    func lifetimes(lifetime: UInt32) throws {
        var stage = Stage()
        stage.allocate(lifetime: lifetime)
        let deadline = try #require(stage.client.nextDeadline)
        #expect(deadline >= .zero + .seconds(20) && deadline <= .zero + .seconds(3600))
    }

    @Test("channel data of nobody, and of more bytes than there are, is passed over")
    func strangeData() {
        var stage = Stage()
        stage.allocate()
        _ = stage.wrap([1])
        stage.answer(.success, [], key: stage.key)
        for datagram in [
            [0x40, 1, 0, 1, 7], [0x40, 0, 0, 2, 7], [0x7F, 0xFF, 0, 0], [0x40, 0], [0x40, 0, 0xFF, 0xFF, 1],
        ]
            as [[UInt8]]
        {
            #expect(stage.receive(datagram) == .taken)
        }
    }

    @Test("URLs of servers")
    func urls() {
        func read(_ url: String) -> TURNServer? { TURNServer(url: url, username: "u", password: "p") }
        #expect(read("turn:turn.example.org")?.description == "TURN over UDP at turn.example.org:3478")
        #expect(read("turn:192.0.2.1:80?transport=tcp")?.description == "TURN over TCP at 192.0.2.1:80")
        #expect(read("turns:[2001:db8::1]?transport=tcp")?.description == "TURN over TLS at [2001:db8::1]:5349")
        for url in [
            "stun:stun.example.org", "turn:", "turn:host:0", "turn:host:x", "turns:host?transport=udp", "turn:[::1",
            "x",
        ] {
            #expect(read(url) == nil)
        }
    }
}
