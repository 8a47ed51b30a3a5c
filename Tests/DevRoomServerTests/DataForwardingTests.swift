import Signalling
import Testing
import Wire

@testable import DevRoomServer

@Suite("Data forwarding")
struct DataForwardingTests {
    static func forwarded(_ output: RoomOutput) -> (packet: DataPacket, to: String, isReliable: Bool)? {
        guard case .data(let bytes, let isReliable, let sid) = output, let packet = try? DataPacket(decoding: bytes)
        else { return nil }
        return (packet, sid, isReliable)
    }

    static func user(_ payload: [UInt8], _ configure: (inout DataPacket) -> Void = { _ in }) -> [UInt8] {
        var packet = DataPacket.with {
            $0.value = .user(
                .with {
                    $0.payload = payload
                    $0.topic = "t"
                    $0.participantIdentity = "somebody else"
                })
        }
        configure(&packet)
        return packet.encoded()
    }

    @Test("a packet goes to everybody but its sender, under the sender's true name")
    func broadcast() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let cid = try fixture.join("cid")
        _ = fixture.takeAll()
        fixture.room.receiveData(
            Self.user([1, 2, 3]) {
                $0.participantIdentity = "bob"
                $0.kind = .lossy
                $0.sequence = 1
            }, isReliable: true, from: ann)
        let sent = fixture.takeAll().compactMap(Self.forwarded)
        #expect(sent.map(\.to) == [bob, cid])
        let packet = try #require(sent.first?.packet)
        #expect(packet.participantIdentity == "ann" && packet.participantSid == ann)
        #expect(packet.kind == .reliable && packet.sequence == 1)
        guard case .user(let user) = packet.value else {
            Issue.record("not a user packet")
            return
        }
        #expect(user.payload == [1, 2, 3] && user.topic == "t" && user.participantIdentity == "ann")
    }

    @Test("destinations in the packet and in the user packet both count")
    func destinations() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let cid = try fixture.join("cid")
        _ = try fixture.join("dan")
        _ = fixture.takeAll()
        fixture.room.receiveData(
            DataPacket.with {
                $0.destinationIdentities = ["bob"]
                $0.value = .user(.with { $0.destinationSids = [cid] })
            }.encoded(), isReliable: false, from: ann)
        let sent = fixture.takeAll().compactMap(Self.forwarded)
        #expect(sent.map(\.to) == [bob, cid])
        #expect(sent.allSatisfy { !$0.isReliable && $0.packet.kind == .lossy })
    }

    @Test("repeated numbers and nonces are dropped")
    func duplicates() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        for sequence in [1, 2, 2, 1, 3] as [UInt32] {
            fixture.room.receiveData(Self.user([]) { $0.sequence = sequence }, isReliable: true, from: ann)
        }
        let outputs = fixture.takeAll()
        #expect(outputs.count == 3)
        let nonce = [UInt8](repeating: 7, count: 16)
        for _ in 0..<2 {
            fixture.room.receiveData(
                DataPacket.with { $0.value = .user(.with { $0.nonce = nonce }) }.encoded(), isReliable: true, from: ann)
        }
        let laterOutputs = fixture.takeAll()
        #expect(laterOutputs.count == 1)
    }

    @Test("who may not publish data is not heard")
    func permission() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann") { $0.permission.canPublishData = false }
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        fixture.room.receiveData(Self.user([1]), isReliable: true, from: ann)
        let outputs = fixture.takeAll()
        #expect(outputs.isEmpty)
    }

    @Test("an agent's text header may carry a user's name, its chunks may not")
    func agentSpeaksForUser() throws {
        var fixture = RoomFixture()
        let agent = try fixture.join("agent") { $0.kind = .agent }
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        let header = DataPacket.with {
            $0.participantIdentity = "bob"
            $0.value = .streamHeader(
                .with {
                    $0.streamId = "s"
                    $0.topic = "lk.transcription"
                    $0.attributes = ["lk.segment_id": "SG_1"]
                    $0.content = .textHeader(.with { $0.version = 3 })
                })
        }
        let chunk = DataPacket.with {
            $0.participantIdentity = "bob"
            $0.value = .streamChunk(.with { $0.streamId = "s" })
        }
        for packet in [header, chunk] { fixture.room.receiveData(packet.encoded(), isReliable: true, from: agent) }
        let sent = fixture.takeAll().compactMap(Self.forwarded).map(\.packet)
        #expect(sent.map(\.participantIdentity) == ["bob", "agent"])
        guard case .streamHeader(let received) = sent.first?.value, case .textHeader(let text) = received.content else {
            Issue.record("no text header")
            return
        }
        #expect(text.generated && text.version == 3)
        #expect(received.attributes == ["lk.segment_id": "SG_1"])
    }

    @Test("nobody else may speak under another's name")
    func impersonation() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        for value in [
            DataPacket.Value.streamHeader(.with { $0.content = .textHeader(.init()) }),
            .chatMessage(.with { $0.message = "hi" }), .streamHeader(.with { $0.content = .byteHeader(.init()) }),
        ] {
            fixture.room.receiveData(
                DataPacket.with {
                    $0.participantIdentity = "bob"
                    $0.value = value
                }.encoded(), isReliable: true, from: ann)
        }
        let sent = fixture.takeAll().compactMap(Self.forwarded).map(\.packet)
        #expect(sent.map(\.participantIdentity) == ["ann", "ann", "ann"])
    }

    @Test("transcriptions of others than agents, and metrics, are not forwarded")
    func notForwarded() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        fixture.room.receiveData(
            DataPacket.with { $0.value = .transcription(.init()) }.encoded(), isReliable: true, from: ann)
        // A metrics batch, which has no Swift type: field 8 with an empty message.
        fixture.room.receiveData([0x42, 0x00], isReliable: true, from: ann)
        let outputs = fixture.takeAll()
        #expect(outputs.isEmpty)
    }

    @Test("a kind of packet that we do not know passes unharmed")
    func unknownKind() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        // Field 99, three bytes.
        let unknown: [UInt8] = [0x9A, 0x06, 0x03, 1, 2, 3]
        fixture.room.receiveData(unknown, isReliable: true, from: ann)
        guard case .data(let bytes, true, _) = fixture.takeAll().first else {
            Issue.record("nothing was forwarded")
            return
        }
        #expect(bytes.suffix(6) == unknown[...])
    }

    @Test("reliable packets wait for who is still connecting, lossy ones do not")
    func heldForJoining() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob", isActive: false)
        _ = fixture.takeAll()
        fixture.room.receiveData(Self.user([1]), isReliable: true, from: ann)
        fixture.room.receiveData(Self.user([2]), isReliable: false, from: ann)
        let outputs = fixture.takeAll()
        #expect(outputs.isEmpty)
        fixture.room.activate(bob, fixture.time)
        let sent = fixture.takeAll().compactMap(Self.forwarded)
        #expect(sent.map(\.to) == [bob])
        #expect(sent.first?.isReliable == true)
    }

    @Test("the server's own data has no sender")
    func serverData() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        _ = fixture.takeAll()
        fixture.room.sendData(
            .with {
                $0.data = [9]
                $0.destinationIdentities = ["ann"]
                $0.topic = "x"
            })
        let sent = fixture.takeAll().compactMap(Self.forwarded)
        #expect(sent.map(\.to) == [ann])
        #expect(sent.first?.packet.participantIdentity.isEmpty == true)
    }

    @Test("every truncation of a packet is survived")
    func truncations() throws {
        let packet = Self.user([1, 2, 3]) { $0.destinationIdentities = ["bob"] }
        let header = DataPacket.with {
            $0.participantIdentity = "bob"
            $0.value = .streamHeader(.with { $0.content = .textHeader(.with { $0.attachedStreamIds = ["a"] }) })
        }.encoded()
        var fixture = RoomFixture()
        let agent = try fixture.join("agent") { $0.kind = .agent }
        for bytes in [packet, header] {
            for length in 0..<bytes.count {
                fixture.room.receiveData(Array(bytes[..<length]), isReliable: true, from: agent)
            }
        }
    }
}
