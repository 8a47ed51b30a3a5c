import Signalling
import Testing
import Wire

@testable import DevRoomServer

@Suite("Room")
struct RoomTests {
    @Test("a newcomer is told everything that SDKs insist on")
    func joinResponse() throws {
        var fixture = RoomFixture()
        _ = try fixture.join("ann")
        _ = fixture.takeAll()
        let bob = try fixture.join("bob", isActive: false) { $0.transport = .twoPeerConnections }
        let outputs = fixture.take(bob)
        let join = try #require(outputs.join)
        #expect(join.room?.sid.hasPrefix("RM_") == true)
        #expect(join.room?.name == "lobby")
        #expect(join.participant?.identity == "bob")
        #expect(join.participant?.sid.hasPrefix("PA_") == true)
        #expect(join.participant?.state == .joined)
        #expect(join.participant?.version == 1)
        #expect(join.otherParticipants.map(\.identity) == ["ann"])
        #expect(join.subscriberPrimary)
        #expect(join.serverInfo?.version == "1.13.5")
        #expect(join.pingTimeout == 15)
    }

    @Test("others see a newcomer as soon as it is connected, not before")
    func activation() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = fixture.takeAll()
        let bob = try fixture.join("bob", isActive: false)
        let outputs = fixture.take(ann)
        #expect(outputs.updated.isEmpty)
        fixture.room.activate(bob, fixture.time)
        let update = fixture.take(ann).updated
        #expect(update.map(\.identity) == ["bob"])
        #expect(update.first?.state == .active)
    }

    @Test("who leaves is answered, and others see it at once with the reason")
    func leave() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        _ = fixture.takeAll()
        fixture.room.leave(bob, fixture.time)
        let outputs = fixture.takeAll()
        #expect(outputs.contains(.end(participant: bob, reason: .clientInitiated)))
        let toBob = outputs.compactMap { if case .signal(let message, bob) = $0 { message } else { nil } }
        #expect(toBob.leave?.reason == .clientInitiated)
        #expect(toBob.leave?.action == .disconnect)
        let toAnn = outputs.compactMap { if case .signal(let message, ann) = $0 { message } else { nil } }
        #expect(toAnn.updated.first?.state == .disconnected)
        #expect(toAnn.updated.first?.disconnectReason == .clientInitiated)
    }

    @Test("who leaves may say why, within what LiveKit's own server passes on")
    func leaveWithReason() throws {
        for (told, seen) in [
            (DisconnectReason.userUnavailable, DisconnectReason.userUnavailable), (.userRejected, .userRejected),
            (.roomDeleted, .clientInitiated), (.unknownReason, .clientInitiated),
        ] {
            var fixture = RoomFixture()
            let ann = try fixture.join("ann")
            let bob = try fixture.join("bob")
            _ = fixture.takeAll()
            fixture.room.leave(bob, fixture.time, told)
            let toAnn = fixture.takeAll().compactMap { if case .signal(let message, ann) = $0 { message } else { nil } }
            #expect(toAnn.updated.first?.disconnectReason == seen)
        }
    }

    @Test("a second session of an identity replaces the first without others seeing it go")
    func duplicateIdentity() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let old = try fixture.join("bob")
        _ = fixture.takeAll()
        let new = try fixture.join("bob")
        let outputs = fixture.takeAll()
        #expect(outputs.contains(.end(participant: old, reason: .duplicateIdentity)))
        let toAnn = outputs.compactMap { if case .signal(let message, ann) = $0 { message } else { nil } }
        #expect(toAnn.updated.map(\.sid) == [new])
        #expect(fixture.room.participants.map(\.sid) == [ann, new])
    }

    @Test("who never connects has to go after a minute")
    func joinTimeout() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann", isActive: false)
        #expect(fixture.room.nextDeadline == .zero + .seconds(60))
        fixture.advance(.seconds(60))
        let outputs = fixture.take(ann)
        #expect(outputs.leave?.reason == .joinFailure)
    }

    @Test("the room closes twenty seconds after the last one left, agents not counted")
    func departure() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let agent = try fixture.join("agent") { $0.kind = .agent }
        fixture.room.leave(ann, fixture.time)
        _ = fixture.takeAll()
        fixture.advance(.seconds(19))
        #expect(!fixture.room.isClosed)
        fixture.advance(.seconds(1))
        #expect(fixture.room.isClosed)
        let outputs = fixture.takeAll()
        #expect(outputs.contains(.end(participant: agent, reason: .roomClosed)))
        #expect(outputs.last == .closed)
    }

    @Test("somebody who comes back in time keeps the room open")
    func returnInTime() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        fixture.room.leave(ann, fixture.time)
        fixture.advance(.seconds(10))
        _ = try fixture.join("ann")
        fixture.advance(.seconds(3600))
        #expect(!fixture.room.isClosed)
    }

    @Test("a room that nobody joined closes after its empty timeout")
    func emptyTimeout() {
        var fixture = RoomFixture { $0.emptyTimeout = 7 }
        fixture.advance(.seconds(7))
        #expect(fixture.room.isClosed)
    }

    @Test("a full room refuses")
    func full() throws {
        var fixture = RoomFixture { $0.maxParticipants = 1 }
        _ = try fixture.join("ann")
        #expect(throws: RoomJoinError.full(maximum: 1)) { try fixture.join("bob") }
    }

    @Test("attributes are merged, deleted by empty values, told to all including their owner, and confirmed")
    func attributes() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann") { $0.attributes = ["a": "1", "b": "2"] }
        _ = fixture.takeAll()
        fixture.room.updateMetadata(
            ann,
            .with {
                $0.attributes = ["a": "", "c": "3"]
                $0.requestId = 9
            })
        let messages = fixture.take(ann)
        #expect(messages.updated.first?.attributes == ["b": "2", "c": "3"])
        #expect(messages.updated.first?.version == 3)
        #expect(messages.requestResponses.first?.requestId == 9)
        #expect(messages.requestResponses.first?.reason == .ok)
    }

    @Test("a change of metadata or permission outdates the token")
    func outdatedToken() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = fixture.takeAll()
        func outdated(_ outputs: [RoomOutput]) -> [ParticipantInfo] {
            outputs.compactMap { if case .tokenOutdated(let info) = $0 { info } else { nil } }
        }
        fixture.room.updateMetadata(ann, .with { $0.metadata = "new" })
        #expect(outdated(fixture.takeAll()).map(\.metadata) == ["new"])
        fixture.room.setPermission(ann, .with { $0.canSubscribe = true })
        #expect(outdated(fixture.takeAll()).map(\.permission?.canPublish) == [false])
    }

    @Test("who may not change its own metadata is told so")
    func metadataNotAllowed() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann") { $0.permission.canUpdateMetadata = false }
        _ = fixture.takeAll()
        fixture.room.updateMetadata(ann, .with { $0.metadata = "x" })
        let messages = fixture.take(ann)
        #expect(messages.requestResponses.first?.reason == .notAllowed)
        #expect(messages.updated.isEmpty)
    }

    @Test("a hidden participant is not shown to others")
    func hidden() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = fixture.takeAll()
        let spy = try fixture.join("spy") { $0.permission.hidden = true }
        let outputs = fixture.take(ann)
        #expect(outputs.updated.isEmpty)
        fixture.room.leave(spy, fixture.time)
        let laterOutputs = fixture.take(ann)
        #expect(laterOutputs.updated.isEmpty)
        let bob = try fixture.join("bob")
        let lastOutputs = fixture.take(bob)
        #expect(lastOutputs.join?.otherParticipants.map(\.identity) == ["ann"])
    }

    @Test("a resumed session is told the last number and everything else")
    func resume() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = try fixture.join("bob")
        fixture.room.receiveData(
            DataPacket.with {
                $0.sequence = 41
                $0.value = .user(UserPacket())
            }.encoded(), isReliable: true, from: ann)
        _ = fixture.takeAll()
        fixture.room.resume(ann)
        let messages = fixture.take(ann)
        guard case .reconnect(let response) = messages.first else {
            Issue.record("the first message is not a reconnect response")
            return
        }
        #expect(response.lastMessageSeq == 41)
        #expect(messages.updated.map(\.identity) == ["ann", "bob"])
    }

    @Test("everybody is told its own connection's quality and that of whom it hears, when any changes")
    func connectionQuality() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let cid = try fixture.join("cid") { $0.subscribesAutomatically = false }
        _ = fixture.publish(ann)
        _ = fixture.takeAll()
        fixture.room.updateQualities([ann: .excellent, bob: .good, cid: .excellent])
        fixture.room.updateQualities([ann: .excellent, bob: .good, cid: .excellent])
        let told = fixture.takeAll().compactMap { output -> (String, [String])? in
            guard case .signal(.connectionQuality(let update), let sid) = output else { return nil }
            return (sid, update.updates.map(\.participantSid))
        }
        #expect(told.map(\.0) == [ann, bob, cid])
        #expect(told.map(\.1) == [[ann], [ann, bob], [cid]])
    }

    @Test("a connection is judged by its losses, and keeps its mark while nothing is sent")
    func qualityMeter() {
        var meter = ConnectionQualityMeter()
        let marks = [(500, 0, true), (1000, 20, true), (1500, 100, true), (1500, 100, true), (1500, 100, false)].map {
            meter.update(received: $0.0, lost: $0.1, isConnected: $0.2)
        }
        #expect(marks == [.excellent, .good, .poor, .poor, .lost])
    }
}
