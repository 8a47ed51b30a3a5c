import Signalling
import Testing
import Wire

@testable import DevRoomServer

@Suite("Tracks and subscriptions of a room")
struct RoomTrackTests {
    @Test("a track is confirmed at once, and visible to all when its section is negotiated")
    func publishing() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        _ = fixture.takeAll()
        fixture.room.addTrack(
            ann,
            .with {
                $0.cid = "c1"
                $0.name = "mic"
                $0.source = .microphone
                $0.audioFeatures = [.preconnectBuffer]
            })
        let messages = fixture.take(ann)
        guard case .trackPublished(let published) = messages.first else {
            Issue.record("no confirmation")
            return
        }
        #expect(published.cid == "c1")
        #expect(published.track?.sid.hasPrefix("TR_AM") == true)
        #expect(published.track?.stream == "camera")
        #expect(messages.updated.isEmpty)
        let sid = fixture.room.trackNegotiated(ann, cid: "c1", mid: "4")
        #expect(sid == published.track?.sid)
        let outputs = fixture.takeAll()
        let toBob = outputs.compactMap { if case .signal(let message, bob) = $0 { message } else { nil } }
        #expect(toBob.updated.first?.tracks.first?.mid == "4")
        #expect(toBob.updated.first?.tracks.first?.audioFeatures == [.preconnectBuffer])
        #expect(outputs.contains { if case .attach(_, ann, bob) = $0 { true } else { false } })
        #expect(outputs.contains { if case .published(let info) = $0 { info.identity == "ann" } else { false } })
    }

    @Test("a section with another id takes the oldest announced track")
    func unknownCID() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        fixture.room.addTrack(ann, .with { $0.cid = "c1" })
        let first = fixture.room.trackNegotiated(ann, cid: "other", mid: "0")
        let second = fixture.room.trackNegotiated(ann, cid: "another", mid: "1")
        #expect(first != nil && second == nil)
    }

    @Test("what is not allowed, not audio or announced twice is refused with the reason")
    func refusals() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann") { $0.permission.canPublishSources = [.microphone] }
        _ = fixture.takeAll()
        fixture.room.addTrack(ann, .with { $0.source = .camera })
        let outputs = fixture.take(ann)
        #expect(outputs.requestResponses.map(\.reason) == [.notAllowed])
        fixture.room.addTrack(
            ann,
            .with {
                $0.source = .microphone
                $0.type = .video
            })
        let laterOutputs = fixture.take(ann)
        #expect(laterOutputs.requestResponses.map(\.reason) == [.unsupportedType])
        for _ in 0..<2 { fixture.room.addTrack(ann, .with { $0.source = .microphone }) }
        let lastOutputs = fixture.take(ann)
        #expect(lastOutputs.requestResponses.map(\.reason) == [.queued])
    }

    @Test("the publisher is told of its first subscriber only")
    func trackSubscribed() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let cid = try fixture.join("cid")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        fixture.room.subscriptionEstablished(track: track, subscriber: bob)
        fixture.room.subscriptionEstablished(track: track, subscriber: cid)
        fixture.room.subscriptionEstablished(track: track, subscriber: bob)
        let outputs = fixture.take(ann)
        #expect(outputs.trackSubscribed == [track])
    }

    @Test("a newcomer gets the tracks that are there, unless it does not want them")
    func latecomer() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        let bob = try fixture.join("bob", isActive: false)
        let outputs = fixture.takeAll()
        #expect(outputs.contains { if case .attach(_, ann, bob) = $0 { true } else { false } })
        let cid = try fixture.join("cid") { $0.subscribesAutomatically = false }
        let laterOutputs = fixture.takeAll()
        #expect(!laterOutputs.contains { if case .attach = $0 { true } else { false } })
        fixture.room.updateSubscription(
            cid,
            .with {
                $0.trackSids = [track]
                $0.subscribe = true
            })
        let lastOutputs = fixture.takeAll()
        #expect(lastOutputs.contains { if case .attach(_, ann, cid) = $0 { true } else { false } })
    }

    @Test("a subscriber can leave a track and come back to it")
    func unsubscribe() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        fixture.room.updateSubscription(bob, .with { $0.trackSids = [track] })
        let outputs = fixture.takeAll()
        #expect(outputs == [.detach(track: track, subscriber: bob)])
        fixture.room.updateSubscription(
            bob,
            .with {
                $0.trackSids = [track]
                $0.subscribe = true
            })
        let laterOutputs = fixture.takeAll()
        #expect(laterOutputs.contains { if case .attach = $0 { true } else { false } })
    }

    @Test("a subscription to an unknown track is answered")
    func unknownTrack() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = fixture.takeAll()
        fixture.room.updateSubscription(
            ann,
            .with {
                $0.trackSids = ["TR_none"]
                $0.subscribe = true
            })
        guard case .subscriptionResponse(let response) = fixture.take(ann).first else {
            Issue.record("no answer")
            return
        }
        #expect(response.err == .trackNotfound)
    }

    @Test("a publisher decides who gets its tracks")
    func permissions() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let cid = try fixture.join("cid")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        fixture.room.setTrackPermission(
            ann,
            .with {
                $0.trackPermissions = [
                    .with {
                        $0.participantIdentity = "bob"
                        $0.allTracks = true
                    }
                ]
            })
        let outputs = fixture.takeAll()
        #expect(outputs.contains(.detach(track: track, subscriber: cid)))
        #expect(!outputs.contains(.detach(track: track, subscriber: bob)))
        fixture.room.setTrackPermission(ann, .with { $0.allParticipants = true })
        let laterOutputs = fixture.takeAll()
        #expect(laterOutputs.contains { if case .attach(_, ann, cid) = $0 { true } else { false } })
    }

    @Test("mute is shown to all; only the server's mute is told to the publisher as an order")
    func mute() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        fixture.room.mute(ann, track: track, isMuted: true, byServer: false)
        var messages = fixture.take(ann)
        #expect(messages.updated.first?.tracks.first?.muted == true)
        #expect(messages.count == 1)
        fixture.room.mute(ann, track: track, isMuted: false, byServer: true)
        messages = fixture.take(ann)
        #expect(messages.contains { if case .mute(let order) = $0 { !order.muted } else { false } })
    }

    @Test("with its publisher a track goes for everybody")
    func publisherLeaves() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let bob = try fixture.join("bob")
        let published = fixture.publish(ann)
        let track = try #require(published)
        _ = fixture.takeAll()
        fixture.room.leave(ann, fixture.time)
        let outputs = fixture.takeAll()
        #expect(outputs.contains(.detach(track: track, subscriber: bob)))
        #expect(fixture.room.participant(bob)?.subscriptions.isEmpty == true)
    }

    @Test("a session that publishes tracks unknown here has to start afresh")
    func synchronization() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        let published = fixture.publish(ann)
        let track = try #require(published)
        func state(_ sid: String) -> SyncState {
            .with { $0.publishTracks = [.with { $0.track = .with { $0.sid = sid } }] }
        }
        let agrees = fixture.room.synchronize(ann, state(track))
        let disagrees = !fixture.room.synchronize(ann, state("TR_other"))
        #expect(agrees && disagrees)
    }

    @Test("speakers are told when they change")
    func speakers() throws {
        var fixture = RoomFixture()
        let ann = try fixture.join("ann")
        _ = fixture.takeAll()
        fixture.room.updateSpeakers([ann: 0.5])
        fixture.room.updateSpeakers([ann: 0.5])
        fixture.room.updateSpeakers([ann: 0])
        let changes = fixture.take(ann).flatMap { message -> [SpeakerInfo] in
            if case .speakersChanged(let change) = message { change.speakers } else { [] }
        }
        #expect(changes.map(\.active) == [true, false])
    }

    @Test("a meter calls steady speech active, and silence or nothing at all not")
    func levelMeter() {
        var meter = AudioLevelMeter()
        /// The level after some windows of 20 packets.
        func play(_ level: UInt8, windows: Int, packets: Int = 20) -> Float {
            var last: Float = 0
            for _ in 0..<windows {
                for _ in 0..<packets { meter.observe(level, duration: .milliseconds(20)) }
                last = meter.takeLevel()
            }
            return last
        }
        let silence = play(127, windows: 3)
        let speech = play(12, windows: 3)
        let murmur = play(50, windows: 8)
        let clicks = play(12, windows: 5, packets: 4)
        let speechAgain = play(12, windows: 3)
        let nothing = play(12, windows: 8, packets: 0)
        #expect([silence, murmur, clicks, nothing] == [0, 0, 0, 0])
        #expect(speech == 0.25 && speechAgain == speech)
    }
}
